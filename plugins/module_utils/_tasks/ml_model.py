# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_model: find the model, register or update it, deploy or undeploy it, delete it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._coordination.duplicates import find, find_named, need, pick, unknown
from .._endpoints import blueprint
from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.base import EXTRA_FIELDS_OPTION, Doc, check_name, nested_extra_fields
from .._kinds.connector.resource import Connector
from .._kinds.definition import with_definition
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations import deploy, guardrails, register, uses
from .._operations.reconcile import Resource
from .._operations.references import check_replaced
from .._runtime.module import Module, typed
from .._runtime.run import Run
from .._values.compare import restrict_to


@dataclass(frozen=True)
class Options:
    """The module's own options."""

    name: str | None
    model_id: str | None
    state: str
    connector: str | None
    model_group: str | None
    description: str | None
    is_enabled: bool | None
    rate_limiter: Mapping[str, Any] | None
    guardrails: Mapping[str, Any] | None
    interface: Mapping[str, Any] | None
    deploy_setting: Mapping[str, Any] | None
    model_config: Mapping[str, Any] | None
    extra_fields: Mapping[str, Any] | None
    register_deploy: str
    reload: bool
    delete_empty_group: bool
    delete_in_use: bool
    wait: bool
    wait_timeout: float


_GUARDRAIL_SIDE = {
    "type": "dict",
    "options": {
        "stop_words": {
            "type": "list",
            "elements": "dict",
            "options": {
                "index_name": {"type": "str", "required": True},
                "source_fields": {"type": "list", "elements": "str", "required": True},
                **EXTRA_FIELDS_OPTION,
            },
        },
        "regex": {"type": "list", "elements": "str"},
        "model_id": {"type": "str"},
        "response_filter": {"type": "str"},
        "response_validation_regex": {"type": "str"},
        **EXTRA_FIELDS_OPTION,
    },
}

SPEC = {
    "name": {"type": "str"},
    "model_id": {"type": "str"},
    "state": {"type": "str", "default": "deployed", "choices": ["present", "deployed", "undeployed", "absent"]},
    "connector": {"type": "str"},
    "model_group": {"type": "str"},
    "description": {"type": "str"},
    "is_enabled": {"type": "bool"},
    "rate_limiter": {
        "type": "dict",
        "options": {
            "limit": {"type": "float"},
            "unit": {"type": "str", "choices": list(models.UNITS)},
            **EXTRA_FIELDS_OPTION,
        },
    },
    "guardrails": {
        "type": "dict",
        "options": {
            "type": {"type": "str", "choices": ["local_regex", "model"], "default": "local_regex"},
            "input_guardrail": _GUARDRAIL_SIDE,
            "output_guardrail": _GUARDRAIL_SIDE,
            **EXTRA_FIELDS_OPTION,
        },
    },
    "interface": {"type": "dict", "options": {"input": {"type": "dict"}, "output": {"type": "dict"}}},
    "deploy_setting": {
        "type": "dict",
        "options": {
            "is_auto_deploy_enabled": {"type": "bool"},
            "model_ttl_minutes": {"type": "int"},
            **EXTRA_FIELDS_OPTION,
        },
    },
    "model_config": {"type": "dict"},
    **EXTRA_FIELDS_OPTION,
    "definition": {"type": "dict"},
    "src": {"type": "path"},
    "register_deploy": {"type": "str", "default": "auto", "choices": ["auto", "one_step", "two_step"]},
    "reload": {"type": "bool", "default": False},
    "delete_empty_group": {"type": "bool", "default": False},
    "delete_in_use": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": deploy.DEPLOY_TIMEOUT},
}


RULES = {
    "required_one_of": [("name", "model_id", "definition", "src")],
    "mutually_exclusive": [("definition", "src")],
}

#: Fields that are merged key by key if both an option and the definition give them; any other field is replaced.
_MERGED = ("rate_limiter", "guardrails", "interface", "deploy_setting", "model_config")

#: The keys that one of these fields must have, in the option or in the definition.
_REQUIRED = {"rate_limiter": ("limit", "unit")}

#: An id that OpenSearch generates: 20 characters of base64 for URLs, of which hardly one lacks letters of both cases or digits.
_GENERATED_ID = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[\w-]{20}", re.ASCII)

#: The observed state that a desired state leads to.
_MODEL_STATES = {"deployed": models.DEPLOYED, "undeployed": models.UNDEPLOYED}

#: The actions that change the model's state.
_STATE_ACTIONS = ("register_and_deploy", "deploy", "repair", "undeploy")


class _Resource(Resource[Options]):
    KIND = Model

    def __init__(self, options: Options, run: Run) -> None:
        super().__init__(options, run)
        #: The desired group, if there is one; without an id if it does not exist.
        self._group: Doc | None = None
        #: ``connector`` and ``model_group`` -> the id, and the name by which the options give it, for the diff.
        self._named: dict[str, tuple[str, str]] = {}
        self._deployment: deploy.Deployment | None = None

    def find(self) -> Doc | None:
        """The model if it exists.

        The model is re-read, as a search may return an old state. A group that the model is in already is not re-read; one
        that it is moved to, or deleted with, is. Raises Failure.
        """
        options = self.options
        if options.model_id:
            found = super().find()
            named = [found] if found else []
        else:
            named = Model.all_named(self.run.reader, str(options.name))
        if self.absent and (options.model_id or not named) and not options.delete_empty_group:
            # The group does not matter.
            return named[0] if named else None
        group = self._group = self._find_group(named[0] if len(named) == 1 and not self.absent else None)
        # A model is deleted only from the desired group, but may be moved into it if no other model has its name.
        if group is not None and not options.model_id and (len(named) > 1 or self.absent):
            named = [doc for doc in named if doc.source.get("model_group_id") == group.id]
        return pick(self.run, Model, named, str(options.name))

    def _find_group(self, model: Doc | None) -> Doc | None:
        name = self.options.model_group
        if not name:
            return None
        known_id = model.source.get("model_group_id") if model else None
        found = find(self.run, ModelGroup, name, known_id=known_id)
        if found is None and not self.absent and _GENERATED_ID.fullmatch(name):
            # A pasted body has the id of a group of another cluster. A group with that id as its name is not what is meant.
            raise unknown(ModelGroup, name)
        return found or Doc("", {"name": name})

    def desired(self, found: Doc | None) -> dict[str, Any]:
        """With the ids of the connector, of the group and of the guardrails' models. A group that the model is moved to is
        created."""
        fields = super().desired(found)
        if "guardrails" in fields:
            fields = self.resolved({**fields, "guardrails": guardrails.with_references(fields["guardrails"])}, found)
        connector = self._find_connector(found)
        if connector:
            self._refer(fields, "connector", connector.id, str(self.options.connector))
        if found and connector and found.source.get("connector") and not found.source.get("connector_id"):
            raise Failure("inline_connector", f"Model {found.name!r} ({found.id}) has an inline connector.")
        if self._group and found:
            name = str(self.options.model_group)
            group = self._group if self._group.id else register.ensure_group(self.run, name)
            self._refer(fields, "model_group", group.id, name)
        return fields

    def _find_connector(self, model: Doc | None) -> Doc | None:
        """The desired connector, or None. In check mode one that does not exist yet has an empty id. Raises Failure."""
        reference = self.options.connector
        if not reference:
            return None
        search = find if self.run.check_mode else need
        known_id = model.source.get("connector_id") if model else None
        found = search(self.run, Connector, reference, known_id=known_id)
        if found is None:
            self.run.warn_missing(Connector.LABEL, reference)
        return found or Doc("", {"name": reference})

    def _refer(self, fields: dict[str, Any], option: str, object_id: str, name: str) -> None:
        self._named[option] = (object_id, name)
        fields[f"{option}_id"] = object_id

    def create(self) -> Doc:
        options, run, fields, name = self.options, self.run, self.fields, self.options.name or ""
        if "connector_id" not in fields:
            raise Failure("invalid_input", f"connector: is required, as there is no model {name!r} yet.")
        self.check_text(self.fields)
        models.check_version(run.version, self.fields)
        models.check_new_config(run.version, self.fields.get("model_config"))
        guardrails.check_indexes(run, self.fields.get("guardrails"))
        group = self._group
        if group is None or not group.id:
            group = register.ensure_group_of_model(run, group, name)
        self._named["model_group"] = (group.id, group.name)
        if group.id or run.check_mode:
            fields["model_group_id"] = group.id
        # Amazon's gateway ignores parameters in the URL of a signed POST (its manual).
        one_step = options.register_deploy == "one_step" or (options.register_deploy == "auto" and not run.client.signs)
        at_once = options.state == "deployed" and one_step
        order = partial(register.register_model, run, fields, deploy_at_once=at_once, timeout=options.wait_timeout)
        new = Doc("", {**fields, "model_state": models.REGISTERED})
        created: Doc | None = self.perform("register_and_deploy" if at_once else "register", new, order)
        if at_once:
            self._deployment = deploy.Deployment()
        return created or new

    def check_change(self, found: Doc, changes: Mapping[str, Any]) -> None:
        if self.options.model_id and {"name", "model_group_id"} & set(changes):
            both = {**found.source, **self.fields}
            models.check_name_free(self.run.reader, found, str(both["name"]), str(both.get("model_group_id")))
        if {"name", "description"} & set(changes):
            self.check_text(self.fields)
        models.check_version(self.run.version, changes)
        guardrails.check_indexes(self.run, changes.get("guardrails"))

    def update(self, found: Doc, changes: Mapping[str, Any]) -> None:
        models.update(self.run, found, changes, timeout=self.options.wait_timeout)

    def reach_state(self, doc: Doc) -> None:
        options = self.options
        if options.reload and doc.id and models.is_live(doc):
            # With the fields that this task may just have changed.
            after = Doc(doc.id, {**doc.source, **self.fields})
            self.perform("reload", after, partial(deploy.reload, self.run, after, timeout=options.wait_timeout))
        if options.state == "deployed" and not self._deployment:
            if doc.id:
                self._deployment = deploy.start(self.run, doc, wait=options.wait, timeout=options.wait_timeout)
            else:
                # In check mode.
                self.run.journal("deploy", Model.LABEL, doc.name)
        elif options.state == "undeployed" and models.is_live(doc):
            self.perform("undeploy", doc, partial(deploy.undeploy, self.run, doc.id, timeout=options.wait_timeout))

    def awaited(self, after: Doc) -> Doc:
        """Wait for the deployment."""
        if self._deployment is None or not self.options.wait or self.run.check_mode:
            return after
        self.run.finished_writing()
        served = deploy.await_deployed(self.run, after, self._deployment, timeout=self.options.wait_timeout)
        # The fields as this task has verified them: others may have changed them since.
        fields = {name: after.source[name] for name in Model.FIELDS if name in after.source}
        return Doc(after.id, {**served.source, **fields})

    def check_delete(self, found: Doc) -> None:
        if not self.options.delete_in_use:
            uses.check_unused(self.run, Model, found)

    def delete(self, found: Doc) -> None:
        deploy.undeploy_and_delete(self.run, found.id, self.options.wait_timeout)

    def deleted(self, found: Doc | None) -> None:
        """Delete the desired group, else the one with the model's name, unless other models are in it."""
        group, run = self._group, self.run
        if not self.options.delete_empty_group:
            return
        if group is None and self.options.name:
            group = find_named(run, ModelGroup, self.options.name)
        if group is None or not group.id:
            return
        if any(not found or doc.id != found.id for doc in models.in_group(run.reader, group.id)):
            return
        # Another controller may have put a model into it: then the server refuses, and nothing is journalled.
        delete = partial(groups.delete_if_empty, run, group)
        run.perform("delete", ModelGroup.LABEL, group.name, delete, had_effect=bool, id=group.id)

    def result(self, found: Doc | None, after: Doc | None) -> dict[str, Any]:
        """In check mode ``after`` gets the desired fields."""
        if after and self.run.check_mode:
            after = Doc(after.id, {**after.source, **self.fields})
        result = super().result(found, after)
        if found is not None:
            result["diff"]["before"]["state"] = models.state_of(found)
        if after is not None:
            changes_state = any(action["action"] in _STATE_ACTIONS for action in self.run.actions)
            state = _MODEL_STATES.get(self.options.state) if changes_state else None
            result["diff"]["after"]["state"] = state or models.state_of(after)
            result.update({key: after.source.get(key) or None for key in ("model_group_id", "connector_id")})
        return result

    def to_result(self, after: Doc) -> dict[str, Any]:
        return super().to_result(after) if after.id else self.shown(after)

    def shown(self, doc: Doc) -> dict[str, Any]:
        """The connector and the group are shown by the names that the options give, as they have no id before they are
        created."""
        view = super().shown(doc)
        if self.absent:
            return {name: view[name] for name in ("name", "description") if name in view}
        view = {name: restrict_to(value, self.fields[name]) for name, value in view.items()}
        for option, (object_id, name) in self._named.items():
            observed_id = view.pop(f"{option}_id", None)
            if observed_id is not None:
                view[option] = name if observed_id == object_id else observed_id
        return view


def completed(params: Mapping[str, Any]) -> dict[str, Any]:
    """The validated parameters with the fields of ``definition`` or ``src``, which an option overrides. Raises Failure."""
    params = nested_extra_fields(blueprint.with_body(params, "models"), SPEC)
    definition = models.definition_fields(params["definition"] or {})
    referred: dict[str, Any] = {
        name: definition.pop(name) for name in ("connector", "model_group") if name in definition
    }
    complete = with_definition(Model, params, definition, _MERGED, _REQUIRED)
    referred = {name: value for name, value in referred.items() if complete[name] is None}
    for option, given in referred.items():
        meant = f"an id. Write '{option}: NAME' next to the definition instead"
        check_replaced({f"definition.{option}_id": given}, meant)
    complete.update(referred)
    if not complete["name"] and not complete["model_id"]:
        raise Failure("invalid_input", "name: neither the options nor the definition give the model a name.")
    return {**complete, "definition": None}


def parse(params: Mapping[str, Any]) -> Options:
    """The typed options of validated parameters. Raises Failure."""
    return typed(Options)(completed(params))


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    if options.state != "absent":
        if options.name is not None:
            check_name("name", options.name)
        guardrails.check_replaced_in(Model.desired(vars(options)).get("guardrails"))
    if options.reload and options.state != "deployed":
        raise Failure("invalid_input", "reload: only valid with 'state: deployed'.")


MODULE = Module(SPEC, _Resource.execute, parse, RULES, check=check, objects="models")
