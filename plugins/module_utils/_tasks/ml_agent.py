# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_agent: create, change, replace or delete an agent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping, NamedTuple

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import pick
from .._errors.exceptions import Failure
from .._kinds import agent as agents
from .._kinds.agent import Agent
from .._kinds.base import Doc, supersedes, with_notes
from .._operations.references import resolve, restore_references
from .._runtime.module import Module, typed
from .._runtime.run import Run

TOOL_SPEC = {
    "type": {"type": "str", "required": True},
    "name": {"type": "str"},
    "description": {"type": "str"},
    "parameters": {"type": "dict"},
    "attributes": {"type": "dict"},
    "config": {"type": "dict"},
    "include_output_in_agent_response": {"type": "bool", "default": False},
}

SPEC = {
    "name": {"type": "str"},
    "agent_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "type": {"type": "str", "choices": list(agents.TYPES)},
    "description": {"type": "str"},
    "llm": {"type": "dict", "options": {"model_id": {"type": "str"}, "parameters": {"type": "dict"}}},
    "tools": {"type": "list", "elements": "dict", "options": TOOL_SPEC},
    "parameters": {"type": "dict"},
    "memory": {
        "type": "dict",
        "options": {
            "type": {"type": "str", "required": True},
            "session_id": {"type": "str"},
            "window_size": {"type": "int"},
        },
    },
    "app_type": {"type": "str"},
    "update_strategy": {"type": "str", "default": "in_place", "choices": ["in_place", "recreate"]},
}

RULES = {"required_one_of": [("name", "agent_id")]}


@dataclass(frozen=True)
class Options:
    name: str | None
    agent_id: str | None
    state: str
    type: str | None
    description: str | None
    llm: Mapping[str, Any] | None
    tools: list[dict[str, Any]] | None
    parameters: Mapping[str, Any] | None
    memory: Mapping[str, Any] | None
    app_type: str | None
    update_strategy: str


class _Desired(NamedTuple):
    """The desired fields with ids, and the reference that each id comes from."""

    fields: dict[str, Any]
    references: Mapping[str, str]


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Apply the desired state of the agent. Raises Failure."""
    fields = _desired_fields(options)
    agents.check(fields)
    found = _find(options, run)
    if options.state == "absent":
        return _absent(run, found)
    desired = _Desired(*resolve(run, fields, partial(_is_in_effect, found) if found else None))
    if found is None:
        return _create(options, run, desired)
    return _reconcile(options, run, found, desired)


def _desired_fields(options: Options) -> dict[str, Any]:
    """The given fields. A plain name or id of the llm's model becomes a reference."""
    fields = agents.desired(vars(options))
    model = fields.get("llm", {}).get("model_id")
    if model and "${" not in model:
        fields["llm"] = {**fields["llm"], "model_id": f"${{model:{model}}}"}
    return fields


def _diff(fields: Mapping[str, Any], doc: Doc) -> list[str]:
    return agents.diff(agents.observed(doc.source, fields), fields)


def _is_in_effect(found: Doc, fields: Mapping[str, Any]) -> bool:
    return not _diff(fields, found)


def _find(options: Options, run: Run) -> Doc | None:
    if options.agent_id:
        return Agent.find_by_id(run.client, options.agent_id, required=options.state == "present")
    return _finish_replacement_and_find(run, str(options.name))


def _finish_replacement_and_find(run: Run, name: str) -> Doc | None:
    """The agent of this name. Finishes a replacement that was interrupted between the create and the delete."""
    named = Agent.all_named(run.client, name)
    for doc in [doc for doc in named if any(supersedes(new, doc) for new in named)]:
        _delete(run, doc)
        named.remove(doc)
    return pick(run, Agent, named, name)


def _delete(run: Run, doc: Doc) -> None:
    run.perform("delete", Agent.LABEL, doc.name, partial(agents.delete, run, doc), id=doc.id)


def _absent(run: Run, found: Doc | None) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if found is not None:
        before = agents.for_display(agents.observed(found.source))
        _delete(run, found)
    return {"agent": None, "agent_id": found.id if found else None, "diff": {"before": before, "after": {}}}


def _create(options: Options, run: Run, desired: _Desired, old: Doc | None = None) -> dict[str, Any]:
    """Create the agent, as a replacement of ``old`` if that is given."""
    before = agents.observed(old.source, desired.fields) if old else {}
    fields = agents.merged(before, desired.fields)
    agents.check_complete(fields)
    agents.check_server(run.client, run.version, fields)
    facts: dict[str, Any] = {"replaced_id": old.id} if old else {}
    created = run.perform(
        "replace" if old else "create", Agent.LABEL, fields["name"], partial(_register, run, fields, old), **facts
    )
    if created is None:
        return _result(before, desired, Doc("", fields))
    return _result(before, desired, _verify(run, created.id, desired.fields))


def _register(run: Run, fields: Mapping[str, Any], old: Doc | None) -> Doc:
    """Register the agent, then delete ``old``. Returns the new agent."""
    # The server fails on a plan without parameters.
    body = {**fields, "parameters": dict(fields.get("parameters") or {})}
    if old:
        body["parameters"] = with_notes(body["parameters"], {"replaces": [old.id]})
    old_id = old.id if old else ""
    creation = Creation(
        Agent,
        body,
        f"{Agent.PATH}/_register",
        delete_own=partial(_delete_by_id, run),
        matches=lambda doc: doc.id != old_id,
        discriminator=old_id,
    )
    created = create_once(run, creation)
    if old:
        agents.delete(run, old)
    return created


def _delete_by_id(run: Run, agent_id: str) -> None:
    doc = Agent.get(run.client, agent_id)
    if doc is not None:
        agents.delete(run, doc)


def _reconcile(options: Options, run: Run, found: Doc, desired: _Desired) -> dict[str, Any]:
    """Change the fields that differ, in place if the server can."""
    observed = agents.observed(found.source, desired.fields)
    diff = agents.diff(observed, desired.fields)
    if not diff:
        return _result(observed, desired, found)
    reason = agents.replacement_reason(run.version, observed, desired.fields)
    if reason:
        if options.update_strategy != "recreate":
            raise Failure(
                "agent_not_changeable",
                f"Agent {found.name!r} ({found.id}) differs in {', '.join(diff)}, and {reason}.",
                fields=diff,
            )
        return _create(options, run, desired._replace(fields={"name": found.name, **desired.fields}), found)
    changes = {name: desired.fields[name] for name in diff}
    agents.check_server(run.client, run.version, changes)
    run.perform(
        "update", Agent.LABEL, found.name, partial(agents.update, run, found, changes), id=found.id, fields=diff
    )
    doc = Doc(found.id, {**found.source, **changes}) if run.check_mode else _verify(run, found.id, desired.fields)
    return _result(observed, desired, doc)


def _verify(run: Run, agent_id: str, fields: Mapping[str, Any]) -> Doc:
    """Read the agent back after a write. Raises Failure."""
    return Agent.verified(run.client, agent_id, partial(_diff, fields))


def _result(before: Mapping[str, Any], desired: _Desired, doc: Doc) -> dict[str, Any]:
    """The module's result. Its diff has only the desired fields."""
    after = agents.observed(doc.source, desired.fields)
    return {
        "agent": agents.to_result(doc) if doc.id else agents.for_display(after),
        "agent_id": doc.id or None,
        "diff": {"before": _diff_side(before, desired), "after": _diff_side(after, desired)},
    }


def _diff_side(fields: Mapping[str, Any], desired: _Desired) -> Any:
    view = {name: fields[name] for name in desired.fields if name in fields}
    for name in ("llm", "memory"):
        if name in view:
            # Of these, only the given keys are compared.
            view[name] = {key: view[name][key] for key in desired.fields[name] if key in view[name]}
    return restore_references(agents.for_display(view), desired.references)


MODULE = Module(SPEC, execute, typed(Options), RULES)
