# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_memory_container: create, change or delete a memory container."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping, Sequence

from .._coordination.create import Creation, create_once
from .._endpoints import blueprint
from .._errors.exceptions import ApiError, Failure
from .._kinds import memory_container as containers
from .._kinds.base import EXTRA_FIELDS_OPTION, Doc, nested_extra_fields
from .._kinds.definition import with_definition
from .._kinds.memory_container import MemoryContainer
from .._operations.reconcile import Resource
from .._operations.references import restore_references
from .._runtime import versions
from .._runtime.module import Module, typed

_STRATEGY_SPEC = {
    "id": {"type": "str"},
    "type": {"type": "str", "required": True},
    "namespace": {"type": "list", "elements": "str"},
    "enabled": {"type": "bool"},
    "configuration": {"type": "dict"},
    **EXTRA_FIELDS_OPTION,
}

SPEC = {
    "name": {"type": "str"},
    "memory_container_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "description": {"type": "str"},
    "backend_roles": {"type": "list", "elements": "str"},
    "configuration": {
        "type": "dict",
        "options": {
            "index_prefix": {"type": "str"},
            "llm_id": {"type": "str"},
            "max_infer_size": {"type": "int"},
            "embedding_model_id": {"type": "str"},
            "embedding_model_type": {"type": "str"},
            "embedding_dimension": {"type": "int"},
            "strategies": {"type": "list", "elements": "dict", "options": _STRATEGY_SPEC},
            "index_settings": {"type": "dict"},
            "parameters": {"type": "dict"},
            "disable_history": {"type": "bool"},
            "disable_session": {"type": "bool"},
            "use_system_index": {"type": "bool"},
            **EXTRA_FIELDS_OPTION,
        },
    },
    **EXTRA_FIELDS_OPTION,
    "definition": {"type": "dict"},
    "src": {"type": "path"},
    "delete_memories": {"type": "list", "elements": "str", "choices": list(containers.MEMORY_TYPES)},
    "delete_all_memories": {"type": "bool", "default": False},
}

RULES = {
    "required_one_of": [("name", "memory_container_id", "definition", "src")],
    "mutually_exclusive": [("definition", "src")],
}


@dataclass(frozen=True)
class Options:
    name: str | None
    memory_container_id: str | None
    state: str
    description: str | None
    backend_roles: Sequence[str] | None
    configuration: Mapping[str, Any] | None
    extra_fields: Mapping[str, Any] | None
    delete_memories: Sequence[str] | None
    delete_all_memories: bool


def parse(params: Mapping[str, Any]) -> Options:
    """The typed options of validated parameters: an option overrides what ``definition`` or ``src`` give for it. Raises
    Failure."""
    params = nested_extra_fields(blueprint.with_body(params, "memory_containers"), SPEC)
    definition = containers.definition_fields(params["definition"] or {})
    params = with_definition(MemoryContainer, params, definition, ("configuration",), {})
    if not params["name"] and not params["memory_container_id"]:
        raise Failure("invalid_input", "name: neither the options nor the definition give the container a name.")
    return typed(Options)(params)


class _Resource(Resource[Options]):
    KIND = MemoryContainer

    def find(self) -> Doc | None:
        versions.require(self.run.version, "memory_containers", "ml_memory_container")
        return super().find()

    def desired(self, found: Doc | None) -> dict[str, Any]:
        """A plain name or id of a model becomes a reference."""
        fields = super().desired(found)
        models = {
            name: f"${{model:{model}}}"
            for name, model in fields.get("configuration", {}).items()
            if name in containers.MODEL_FIELDS and "${" not in model
        }
        if models:
            fields["configuration"] = {**fields["configuration"], **models}
        return self.resolved(fields, found)

    def check_create(self) -> None:
        containers.check_whole(self.fields.get("configuration") or {})

    def send_create(self) -> Doc:
        creation = Creation(
            MemoryContainer,
            self.fields,
            f"{MemoryContainer.PATH}/_create",
            delete_own=partial(MemoryContainer.delete, self.run),
        )
        try:
            return create_once(self.run, creation)
        except ApiError as error:
            if (error.status or 0) < 500:
                raise
            # Seen on 3.6.0: the server stores the container, then creates its indexes, and keeps it if that fails.
            left = creation.find(self.run)
            if not left:
                raise
            for doc in left:
                with suppress(Failure):
                    MemoryContainer.delete(self.run, doc.id)
            raise Failure(
                "memory_container_incomplete",
                f"{error.message.rstrip('.')}: the indexes of memory container {creation.name!r} could not be created.",
                error.status,
            ) from error

    def change(self, found: Doc, diff: list[str]) -> Doc:
        after = super().change(found, diff)
        if "configuration" in diff:
            body = containers.update_body(self.observed(found), {"configuration": self.fields["configuration"]})
            after.source["configuration"] = _after_update(self.observed(found)["configuration"], body["configuration"])
        return after

    def check_change(self, found: Doc, changes: Mapping[str, Any]) -> None:
        observed, desired = self.observed(found)["configuration"], changes.get("configuration") or {}
        reason = containers.obstacle(observed, desired)
        if reason:
            raise Failure(
                "memory_container_not_changeable",
                f"Memory container {found.name!r} ({found.id}) differs in {', '.join(changes)}, and {reason}.",
                fields=list(changes),
            )
        body = containers.update_body({"configuration": observed}, {"configuration": desired})
        containers.check_whole(_after_update(observed, body["configuration"]))

    def update(self, found: Doc, changes: Mapping[str, Any]) -> None:
        super().update(found, containers.update_body(self.observed(found), changes))

    def delete(self, found: Doc) -> None:
        options = self.options
        memories = containers.MEMORY_TYPES if options.delete_all_memories else options.delete_memories
        body = {"delete_memories": list(memories)} if memories else None
        MemoryContainer.delete(self.run, found.id, body=body)

    def shown(self, doc: Doc) -> dict[str, Any]:
        """Of the configuration only the given keys are compared."""
        view = super().shown(doc)
        wanted = self.fields.get("configuration")
        if wanted is None or "configuration" not in view:
            return view
        fields = self.observed(doc)["configuration"]
        shown = {name: fields[name] for name in wanted if name in fields}
        if "strategies" in wanted:
            shown["strategies"] = containers.strategies_for_display(
                fields.get("strategies") or [], wanted["strategies"]
            )
        return {**view, "configuration": restore_references(shown, self.references)}


def _after_update(observed: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration after an update with these fields."""
    after = {**observed, **sent}
    if "strategies" in sent:
        after["strategies"] = containers.after_update(observed.get("strategies") or [], sent["strategies"])
    return after


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    containers.check(MemoryContainer.desired(vars(options)))
    if options.state != "absent" and (options.delete_memories or options.delete_all_memories):
        raise Failure("invalid_input", "delete_memories and delete_all_memories: only with 'state: absent'.")


MODULE = Module(SPEC, _Resource.execute, parse, RULES, check=check)
