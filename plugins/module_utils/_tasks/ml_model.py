# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_model: find the model, register or update it, deploy or undeploy it, delete it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, Mapping

from .._coordination.duplicates import find, find_named, need, pick
from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.base import Doc, check_name
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations import deploy, model_group, register
from .._runtime import versions
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
    register_deploy: str
    delete_empty_group: bool
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
            },
        },
        "regex": {"type": "list", "elements": "str"},
        "model_id": {"type": "str"},
        "response_filter": {"type": "str"},
        "response_validation_regex": {"type": "str"},
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
            "limit": {"type": "float", "required": True},
            "unit": {
                "type": "str",
                "required": True,
                "choices": list(models.UNITS),
            },
        },
    },
    "guardrails": {
        "type": "dict",
        "options": {
            "type": {"type": "str", "choices": ["local_regex", "model"], "default": "local_regex"},
            "input_guardrail": _GUARDRAIL_SIDE,
            "output_guardrail": _GUARDRAIL_SIDE,
        },
    },
    "interface": {"type": "dict", "options": {"input": {"type": "dict"}, "output": {"type": "dict"}}},
    "deploy_setting": {
        "type": "dict",
        "options": {"is_auto_deploy_enabled": {"type": "bool"}, "model_ttl_minutes": {"type": "int"}},
    },
    "register_deploy": {"type": "str", "default": "one_step", "choices": ["one_step", "two_step"]},
    "delete_empty_group": {"type": "bool", "default": False},
    "wait": {"type": "bool", "default": True},
    "wait_timeout": {"type": "float", "default": deploy.DEPLOY_TIMEOUT},
}


RULES = {"required_one_of": [("name", "model_id")]}


#: The observed state that a desired state leads to.
_MODEL_STATES = {"deployed": models.DEPLOYED, "undeployed": models.UNDEPLOYED}

#: The actions that change the model's state.
_STATE_ACTIONS = ("register_and_deploy", "deploy", "repair", "undeploy")


@dataclass
class _Desired:
    """The desired fields, and the names by which the options give the connector and the group."""

    fields: dict[str, Any]
    #: ``connector`` and ``model_group`` -> the id, and the name for the diff.
    references: dict[str, tuple[str, str]] = field(default_factory=dict)

    def refer(self, option: str, object_id: str, name: str) -> None:
        self.references[option] = (object_id, name)
        self.fields[f"{option}_id"] = object_id


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Reconcile the model with the options. Raises Failure."""
    found, group = _find(options, run)
    if options.state == "absent":
        return _absent(options, run, found, group)
    desired = _Desired(models.desired(vars(options)))
    connector = _find_connector(options, run, found)
    if connector:
        desired.refer("connector", connector.id, str(options.connector))
    if found is None:
        return _create(options, run, desired, group)
    if group is not None:
        desired.refer("model_group", group.id, str(options.model_group))
    return _reconcile(options, run, found, desired)


def _find(options: Options, run: Run) -> tuple[Doc | None, Doc | None]:
    """The model if it exists, and the desired group if there is one; a group that does not exist has an empty id.

    The model is re-read, as a search may return an old state. A group that the model is in already is not re-read; one
    that it is moved to, or deleted with, is. Raises Failure.
    """
    absent = options.state == "absent"
    if options.model_id:
        found = Model.find_by_id(run.client, options.model_id, required=not absent)
        named = [found] if found else []
    else:
        named = Model.all_named(run.client, str(options.name))
    if absent and (options.model_id or not named) and not options.delete_empty_group:
        # The group does not matter.
        return named[0] if named else None, None
    group = _find_group(options, run, named[0] if len(named) == 1 and not absent else None)
    # A model is deleted only from the desired group, but may be moved into it if no other model has its name.
    if group is not None and not options.model_id and (len(named) > 1 or absent):
        named = [doc for doc in named if doc.source.get("model_group_id") == group.id]
    return pick(run, Model, named, str(options.name)), group


def _find_group(options: Options, run: Run, model: Doc | None) -> Doc | None:
    name = options.model_group
    if not name:
        return None
    known_id = model.source.get("model_group_id") if model else None
    return find(run, ModelGroup, name, known_id=known_id) or Doc("", {"name": name})


def _find_connector(options: Options, run: Run, model: Doc | None) -> Doc | None:
    """The desired connector, or None. In check mode one that does not exist yet has an empty id. Raises Failure."""
    reference = options.connector
    if not reference:
        return None
    search = find if run.check_mode else need
    known_id = model.source.get("connector_id") if model else None
    found = search(run, Connector, reference, known_id=known_id)
    if found is None:
        run.warn_missing(f"connector {reference!r}")
    return found or Doc("", {"name": reference})


def _create(options: Options, run: Run, desired: _Desired, group: Doc | None) -> dict[str, Any]:
    name, fields = options.name or "", desired.fields
    check_name("name", name)
    if "connector_id" not in fields:
        raise Failure("invalid_input", f"connector: is required, as there is no model {name!r} yet.")
    _check_text(run, fields)
    if group is None or not group.id:
        group = register.ensure_group(run, group, name)
    desired.references["model_group"] = (group.id, group.name)
    if group.id or run.check_mode:
        fields["model_group_id"] = group.id
    deploy_at_once = options.state == "deployed" and options.register_deploy == "one_step"
    created = run.perform(
        "register_and_deploy" if deploy_at_once else "register",
        Model.LABEL,
        name,
        partial(register.register_model, run, fields, deploy_at_once=deploy_at_once, timeout=options.wait_timeout),
    )
    if created is None:
        if options.state == "deployed" and not deploy_at_once:
            run.journal("deploy", Model.LABEL, name)
        return _result(options, run, None, Doc("", {**fields, "model_state": models.REGISTERED}), desired)
    deployment = deploy.Deployment() if deploy_at_once else None
    return _result(options, run, None, _finish(options, run, created, desired, deployment), desired)


def _reconcile(options: Options, run: Run, found: Doc, desired: _Desired) -> dict[str, Any]:
    fields = desired.fields
    inline = found.source.get("connector") and not found.source.get("connector_id")
    if inline and fields.get("connector_id") is not None:
        raise Failure("inline_connector", f"Model {found.name!r} ({found.id}) has an inline connector.")
    if "model_group_id" in fields and not fields["model_group_id"]:
        group = model_group.ensure(run, str(options.model_group))
        desired.refer("model_group", group.id, group.name)
    diff = models.diff(found.source, fields)
    if diff:
        if options.model_id and {"name", "model_group_id"} & set(diff):
            both = {**found.source, **fields}
            models.check_name_free(run.client, found, str(both["name"]), str(both.get("model_group_id")))
        if {"name", "description"} & set(diff):
            _check_text(run, fields)
        changes = {name: fields[name] for name in diff}
        run.perform(
            "update",
            Model.LABEL,
            found.name,
            partial(models.update, run, found, changes, timeout=options.wait_timeout),
            id=found.id,
            fields=diff,
        )
    return _result(options, run, found, _finish(options, run, found, desired), desired)


def _check_text(run: Run, fields: Mapping[str, Any]) -> None:
    for name in ("name", "description"):
        versions.check_text(run.version, name, fields.get(name))


def _finish(
    options: Options, run: Run, doc: Doc, desired: _Desired, deployment: deploy.Deployment | None = None
) -> Doc:
    """Bring the model to the desired state and read it back. ``deployment``: its registration has started one."""
    if options.state == "deployed" and deployment is None:
        deployment = deploy.start(run, doc, wait=options.wait, timeout=options.wait_timeout)
    elif options.state == "undeployed" and models.is_live(doc):
        undeploy = partial(deploy.undeploy, run, doc.id, timeout=options.wait_timeout)
        run.perform("undeploy", Model.LABEL, doc.name, undeploy, id=doc.id)
    # A stack verifies all its objects at the end.
    if run.changed and not run.check_mode and not run.in_bulk:
        doc = Model.verified(run.client, doc.id, lambda written: models.diff(written.source, desired.fields))
    if deployment is None or not options.wait or run.check_mode:
        return doc
    run.finished_writing()
    served = deploy.await_deployed(run, doc, deployment, timeout=options.wait_timeout)
    # The fields as this task has verified them: others may have changed them since.
    fields = {name: doc.source[name] for name in models.FIELDS if name in doc.source}
    return Doc(doc.id, {**served.source, **fields})


def _absent(options: Options, run: Run, found: Doc | None, group: Doc | None) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if found is not None:
        before = {**models.for_display(found.source, ("name", "description")), "state": models.state_of(found)}
        delete = partial(deploy.undeploy_and_delete, run, found.id, options.wait_timeout)
        run.perform("delete", Model.LABEL, found.name, delete, id=found.id)
    if options.delete_empty_group:
        _delete_group(options, run, found, group)
    return {"model": None, "model_id": found.id if found else None, "diff": {"before": before, "after": {}}}


def _delete_group(options: Options, run: Run, found: Doc | None, group: Doc | None) -> None:
    """Delete the desired group, else the one with the model's name, unless other models are in it."""
    if group is None and options.name:
        group = find_named(run, ModelGroup, options.name)
    if group is None or not group.id:
        return
    if any(not found or doc.id != found.id for doc in models.in_group(run.client, group.id)):
        return
    # Another controller may have put a model into it: then the server refuses, and nothing is journalled.
    delete = partial(groups.delete_if_empty, run, group)
    run.perform("delete", ModelGroup.LABEL, group.name, delete, had_effect=bool, id=group.id)


def _result(options: Options, run: Run, before: Doc | None, after: Doc, desired: _Desired) -> dict[str, Any]:
    """The result and the diff. In check mode ``after`` gets the desired fields."""
    source = {**after.source, **desired.fields} if run.check_mode else after.source
    changes_state = any(action["action"] in _STATE_ACTIONS for action in run.actions)
    state = _MODEL_STATES.get(options.state) if changes_state else None
    diff = {
        "before": _diff_side(before.source if before else {}, desired),
        "after": {**_diff_side(source, desired), "state": state or models.state_of(after)},
    }
    if before is not None:
        diff["before"]["state"] = models.state_of(before)
    return {
        "model": models.to_result(Doc(after.id, {**source})) if after.id else _diff_side(source, desired),
        "model_id": after.id or None,
        "model_group_id": source.get("model_group_id") or None,
        "connector_id": source.get("connector_id") or None,
        "diff": diff,
    }


def _diff_side(source: Mapping[str, Any], desired: _Desired) -> dict[str, Any]:
    """The desired fields of the model. The connector and the group are shown by the names that the options give, as
    they have no id before they are created."""
    observed = models.for_display(source, desired.fields)
    side = {name: restrict_to(value, desired.fields[name]) for name, value in observed.items()}
    for option, (object_id, name) in desired.references.items():
        observed_id = side.pop(f"{option}_id", None)
        if observed_id is not None:
            side[option] = name if observed_id == object_id else observed_id
    return side


MODULE = Module(SPEC, execute, typed(Options), RULES)
