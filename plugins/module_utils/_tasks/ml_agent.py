# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_agent: create, change, replace or delete an agent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import pick
from .._endpoints import blueprint
from .._endpoints.connector_checks import warnings_of_secrets
from .._errors.exceptions import ApiError, Failure
from .._kinds import agent as agents
from .._kinds.agent import Agent
from .._kinds.base import EXTRA_FIELDS_OPTION, Doc, nested_extra_fields, read_notes, supersedes, with_notes
from .._kinds.definition import with_definition
from .._kinds.model import Model
from .._operations import uses
from .._operations.agent_connector import lacks_messages
from .._operations.reconcile import Resource
from .._operations.references import check_ids, check_ids_replaced, check_replaced
from .._runtime import versions
from .._runtime.module import Module, secrets_in_options, typed
from .._values.masking import find_secrets

TOOL_SPEC = {
    "type": {"type": "str", "required": True},
    "name": {"type": "str"},
    "description": {"type": "str"},
    "parameters": {"type": "dict"},
    "attributes": {"type": "dict"},
    "config": {"type": "dict"},
    "include_output_in_agent_response": {"type": "bool", "default": False},
    **EXTRA_FIELDS_OPTION,
}

SPEC = {
    "name": {"type": "str"},
    "agent_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "type": {"type": "str"},
    "description": {"type": "str"},
    "llm": {
        "type": "dict",
        "options": {"model_id": {"type": "str"}, "parameters": {"type": "dict"}, **EXTRA_FIELDS_OPTION},
    },
    "model": {
        "type": "dict",
        "options": {
            "model_id": {"type": "str"},
            "model_provider": {"type": "str"},
            "credential": {"type": "dict", "no_log": True},
            "model_parameters": {"type": "dict"},
            **EXTRA_FIELDS_OPTION,
        },
    },
    "tools": {"type": "list", "elements": "dict", "options": TOOL_SPEC},
    "parameters": {"type": "dict"},
    "memory": {
        "type": "dict",
        "options": {
            "type": {"type": "str"},
            "session_id": {"type": "str"},
            "window_size": {"type": "int"},
            "memory_container_id": {"type": "str"},
            **EXTRA_FIELDS_OPTION,
        },
    },
    "app_type": {"type": "str"},
    "context_management": {"type": "dict"},
    "context_management_name": {"type": "str"},
    **EXTRA_FIELDS_OPTION,
    "definition": {"type": "dict"},
    "src": {"type": "path"},
    "update_strategy": {"type": "str", "default": "in_place", "choices": ["in_place", "recreate"]},
    "delete_in_use": {"type": "bool", "default": False},
}

RULES = {
    "required_one_of": [("name", "agent_id", "definition", "src")],
    "mutually_exclusive": [("definition", "src"), ("context_management", "context_management_name")],
}

#: Fields that are merged key by key if both an option and the definition give them; any other field is replaced.
_MERGED = ("llm", "model", "parameters", "memory", "context_management")

#: The keys that one of these fields must have, in the option or in the definition.
_REQUIRED = {"model": ("model_id", "model_provider"), "memory": ("type",)}


@dataclass(frozen=True)
class Options:
    name: str | None
    agent_id: str | None
    state: str
    type: str | None
    description: str | None
    llm: Mapping[str, Any] | None
    model: Mapping[str, Any] | None
    tools: list[dict[str, Any]] | None
    parameters: Mapping[str, Any] | None
    memory: Mapping[str, Any] | None
    app_type: str | None
    context_management: Mapping[str, Any] | None
    context_management_name: str | None
    extra_fields: Mapping[str, Any] | None
    update_strategy: str
    delete_in_use: bool


def parse(params: Mapping[str, Any]) -> Options:
    """The typed options of validated parameters: an option overrides what ``definition`` or ``src`` give for it. Raises
    Failure."""
    params = nested_extra_fields(blueprint.with_body(params, "agents"), SPEC)
    definition = agents.definition_fields(params["definition"] or {})
    params = with_definition(Agent, params, definition, _MERGED, _REQUIRED)
    if not params["name"] and not params["agent_id"]:
        raise Failure("invalid_input", "name: neither the options nor the definition give the agent a name.")
    return typed(Options)(params)


def secrets(params: Mapping[str, Any], options: Options | None) -> list[str]:
    """Also those in the file of the definition."""
    return [*secrets_in_options(params, options), *find_secrets(vars(options) if options else {})]


class _Resource(Resource[Options]):
    KIND = Agent
    _extra_note: Mapping[str, Any] = {}

    def find_named(self, name: str) -> Doc | None:
        """The agent of this name. Finishes a replacement that was interrupted between the create and the delete."""
        named = Agent.all_named(self.run.reader, name)
        for doc in [doc for doc in named if any(supersedes(new, doc) for new in named)]:
            self.perform("delete", doc, partial(self.delete, doc))
            named.remove(doc)
        return pick(self.run, Agent, named, name)

    def desired(self, found: Doc | None) -> dict[str, Any]:
        """A plain name or id of the llm's model, or of the memory's container, becomes a reference."""
        fields = super().desired(found)
        model = fields.get("llm", {}).get("model_id")
        if model and "${" not in model:
            fields["llm"] = {**fields["llm"], "model_id": f"${{model:{model}}}"}
        container = agents.named_container(fields.get("memory"))
        if container:
            versions.require(self.run.version, "memory_container", "memory: memory_container_id")
            fields["memory"] = {**fields["memory"], "memory_container_id": f"${{memory_container:{container}}}"}
        if found and "tools" in fields:
            fields["tools"] = agents.with_unknown_fields(fields["tools"], found.source.get("tools") or [])
        self._extra_note = self.note_of_extra(fields, found)
        return self.resolved(fields, found)

    def diff(self, doc: Doc) -> list[str]:
        fields = super().diff(doc)
        if "model" not in fields and (self.fields.get("model") or {}).get("credential"):
            self.run.warn(
                f"Agent {doc.name!r} ({doc.id}): model.credential was not compared with the stored one, which the server does not "
                "return. A changed key is not noticed. To send it, delete the agent first, with 'state: absent'."
            )
        return fields

    def check_create(self) -> None:
        self._check_new(self.fields)
        self._check_ids(self.fields)
        self._warn_of_connector(self.fields)
        for warning in warnings_of_secrets(
            (self.fields.get("model") or {}).get("credential") or {}, "model.credential"
        ):
            self.run.warn(warning)

    def _warn_of_connector(self, fields: Mapping[str, Any]) -> None:
        """Warn of an agent whose every run fails: the server accepts it."""
        run, llm = self.run, fields.get("llm") or {}
        model_id = str(llm.get("model_id") or "")
        if str(fields.get("type")).lower() not in agents.TYPES_WITH_MODEL or not model_id or "${" in model_id:
            return
        try:
            model = run.reader.get(Model, model_id)
            warned = model and lacks_messages(run.reader, model, llm.get("parameters"), fields.get("parameters"))
        except ApiError:
            # The user may not read them.
            return
        if model and warned:
            run.warn(
                f"llm: the connector of model {model.name!r} needs the parameter 'messages', which an agent does not give. Set "
                "'capability: agent' and 'provider' for the connector in ml_connector, or give 'messages' in llm.parameters."
            )

    def _check_ids(self, fields: Mapping[str, Any]) -> None:
        for name in ("tools", "parameters"):
            check_ids(self.run, fields.get(name), name)

    def _check_new(self, fields: Mapping[str, Any]) -> None:
        agents.check_complete(fields)
        agents.check_server(self.run.reader, self.run.version, fields)

    def send_create(self) -> Doc:
        return self._register(self.fields)

    def _register(self, fields: Mapping[str, Any], old: Doc | None = None) -> Doc:
        """Register an agent, then delete ``old``, which it replaces. Returns the new agent."""
        # The server fails on a plan without parameters.
        body = {**fields, "parameters": dict(fields.get("parameters") or {})}
        notes = {**self._extra_note, **({"replaces": [old.id]} if old else {})}
        if notes:
            body["parameters"] = with_notes(body["parameters"], notes)
        old_id = old.id if old else ""
        creation = Creation(
            Agent,
            body,
            f"{Agent.PATH}/_register",
            delete_own=self._delete_by_id,
            matches=lambda doc: doc.id != old_id,
            discriminator=old_id,
        )
        created = create_once(self.run, creation)
        if old:
            self.delete(old)
        return created

    def _delete_by_id(self, agent_id: str) -> None:
        doc = Agent.get(self.run.client, agent_id)
        if doc is not None:
            self.delete(doc)

    def change(self, found: Doc, diff: list[str]) -> Doc:
        self._check_ids({name: self.fields[name] for name in diff})
        if {"llm", "parameters"} & set(diff):
            self._warn_of_connector(agents.merged(found.source, self.fields))
        reason = agents.replacement_reason(self.run.version, self.observed(found), self.fields)
        if not reason:
            return super().change(found, diff)
        if self.options.update_strategy != "recreate":
            raise Failure(
                "agent_not_changeable",
                f"Agent {found.name!r} ({found.id}) differs in {', '.join(diff)}, and {reason}.",
                fields=diff,
            )
        self.fields = {"name": found.name, **self.fields}
        # With the fields that this version of the collection does not know.
        every_field = {**dict.fromkeys(Agent.extra_names(found.source)), **self.fields}
        fields = agents.merged(Agent.observed(found.source, every_field), self.fields)
        self._check_new(fields)
        new = Doc("", fields)
        return self.perform("replace", new, partial(self._register, fields, found), replaced_id=found.id) or new

    def check_change(self, found: Doc, changes: Mapping[str, Any]) -> None:
        agents.check_server(self.run.reader, self.run.version, changes)

    def update(self, found: Doc, changes: Mapping[str, Any]) -> None:
        if self._extra_note:
            notes = {**read_notes(found.source), **self._extra_note}
            # The server merges parameters.
            changes = {**changes, "parameters": with_notes(changes.get("parameters") or {}, notes)}
        agents.update(self.run, found, changes)

    def check_delete(self, found: Doc) -> None:
        if not self.options.delete_in_use:
            uses.check_unused(self.run, Agent, found)

    def delete(self, found: Doc) -> None:
        agents.delete(self.run, found)

    def shown(self, doc: Doc) -> dict[str, Any]:
        """Of the llm and the memory, only the given keys are compared."""
        view = super().shown(doc)
        for name in {"llm", "model", "memory", "context_management"} & set(self.fields) & set(view):
            view[name] = {key: view[name][key] for key in self.fields[name] if key in view[name]}
        return view


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    fields = Agent.desired(vars(options))
    agents.check(fields)
    for name in ("llm", "tools", "parameters"):
        check_ids_replaced(fields.get(name), name)
    model_id = (fields.get("model") or {}).get("model_id")
    check_replaced({"model.model_id": model_id}, "the provider's name of the model")
    container = agents.named_container(fields.get("memory"))
    check_replaced({"memory.memory_container_id": container}, "the name or the id of a memory container")


MODULE = Module(SPEC, _Resource.execute, parse, RULES, secrets=secrets, check=check, objects="agents")
