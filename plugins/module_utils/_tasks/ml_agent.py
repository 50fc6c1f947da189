# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_agent does: an agent that is as stated, changed in place where the server can."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import one_or_none, resolve_name
from .._errors.exceptions import Failure
from .._kinds import agent as agents
from .._kinds import notes
from .._kinds.agent import Agent
from .._kinds.base import Doc
from .._operations import references as references_module
from .._runtime.module import Module
from .._runtime.run import Run

TOOL_OPTIONS = {
    "type": {"type": "str", "required": True},
    "name": {"type": "str"},
    "description": {"type": "str"},
    "parameters": {"type": "dict"},
    "attributes": {"type": "dict"},
    "config": {"type": "dict"},
    "include_output_in_agent_response": {"type": "bool", "default": False},
}

OPTIONS = {
    "name": {"type": "str"},
    "agent_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "type": {"type": "str", "choices": list(agents.TYPES)},
    "description": {"type": "str"},
    "llm": {"type": "dict", "options": {"model_id": {"type": "str"}, "parameters": {"type": "dict"}}},
    "tools": {"type": "list", "elements": "dict", "options": TOOL_OPTIONS},
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


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the agent to the stated state. Raises Failure."""
    wanted = agents.desired(_referring(options))
    agents.check(wanted)
    found = _locate(options, run)
    if options["state"] == "absent":
        return _absent(run, found)
    wanted, references = references_module.resolve(run, wanted, partial(_fulfilled, found) if found else None)
    if found is None:
        return _create(run, wanted, references, None, options)
    return _converge(options, run, found, wanted, references)


def _fulfilled(found: Doc, wanted: Mapping[str, Any]) -> bool:
    return not agents.diff(agents.observed(found.source, wanted), wanted)


def _referring(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with a plain name of the llm's model as a reference."""
    model = (options["llm"] or {}).get("model_id")
    if not model or "${" in model:
        return dict(options)
    return {**options, "llm": {**options["llm"], "model_id": f"${{model:{model}}}"}}


def _locate(options: Mapping[str, Any], run: Run) -> Doc | None:
    agent_id, name = options["agent_id"], options["name"]
    if agent_id:
        return Agent.find_by_id(run.client, agent_id, required=options["state"] == "present")
    return resolve_name(run.client, lambda: _only(run, name), run.actions if run.check_mode else None)


def _only(run: Run, name: str) -> Doc | None:
    named = Agent.all_named(run.client, name)
    # A replacement that was cut off half-way: the new one is there, the one that it replaces still as well.
    for doc in [doc for doc in named if any(agents.is_replaced_by(doc, new) for new in named)]:
        _delete(run, doc)
        named.remove(doc)
    return one_or_none(Agent, named, name)


def _delete(run: Run, doc: Doc) -> None:
    run.perform("delete", Agent.LABEL, doc.name, lambda: agents.delete(run, doc), id=doc.id)


def _absent(run: Run, found: Doc | None) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if found is not None:
        before = agents.for_display(agents.observed(found.source))
        _delete(run, found)
    return {"agent": None, "agent_id": found.id if found else None, "diff": {"before": before, "after": {}}}


def _create(
    run: Run, wanted: dict[str, Any], references: Mapping[str, str], replaced: Doc | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """A new agent, in the place of the ``replaced`` one if there is one."""
    before = agents.observed(replaced.source, wanted) if replaced else {}
    fields = {**before, **wanted}
    for part in ("llm", "memory"):
        if part in fields:
            fields[part] = {**(before.get(part) or {}), **fields[part]}
    if "type" not in fields:
        raise Failure("invalid_input", f"type: is needed, as there is no agent {fields['name']!r} yet.")
    if fields["type"] in agents.THINKING and not (fields.get("llm") or {}).get("model_id"):
        raise Failure("invalid_input", f"llm: an agent of the type {fields['type']} needs a model.")
    agents.check_server(run.client, run.version, fields)

    def make() -> tuple[Doc, bool]:
        # The server trips over a plan without parameters.
        body = {**fields, "parameters": dict(fields.get("parameters") or {})}
        if replaced:
            body["parameters"] = notes.with_notes(body["parameters"], {"replaces": replaced.id})

        def withdraw(agent_id: str) -> None:
            doc = Agent.get(run.client, agent_id)
            if doc is not None:
                agents.delete(run, doc)

        before_it = replaced.id if replaced else ""
        creation = Creation(
            Agent,
            body,
            f"{Agent.PATH}/_register",
            delete_own=withdraw,
            matches=lambda doc: doc.id != before_it,
            discriminator=before_it,
        )
        made = create_once(run, creation)
        if replaced:
            agents.delete(run, replaced)
        return made

    facts: dict[str, Any] = {"replaced_id": replaced.id} if replaced else {}
    done = run.perform("replace" if replaced else "create", Agent.LABEL, fields["name"], make, **facts)
    if done is None:
        return _result(run, before, wanted, Doc("", fields), references)
    doc, ours = done
    if not ours:
        # Somebody made one of this name at the same moment; whatever it holds, it has to become what was stated.
        run.journal_as("adopt")
        return _converge(options, run, doc, wanted, references)
    return _result(run, before, wanted, _read(run, doc.id, wanted), references)


def _converge(
    options: Mapping[str, Any], run: Run, found: Doc, wanted: dict[str, Any], references: Mapping[str, str]
) -> dict[str, Any]:
    current = agents.observed(found.source, wanted)
    differing = agents.diff(current, wanted)
    if not differing:
        return _result(run, current, wanted, found, references)
    obstacle = agents.replacement_reason(run.version, current, wanted)
    if obstacle:
        if options["update_strategy"] != "recreate":
            raise Failure(
                "agent_not_changeable",
                f"Agent {found.name!r} ({found.id}) differs in {', '.join(differing)}, and {obstacle}.",
                fields=differing,
            )
        return _create(run, {"name": found.name, **wanted}, references, found, options)
    agents.check_server(run.client, run.version, {name: wanted[name] for name in differing})
    changes = {name: wanted[name] for name in differing}
    run.perform(
        "update",
        Agent.LABEL,
        found.name,
        lambda: agents.update(run, found, changes),
        id=found.id,
        fields=differing,
    )
    doc = Doc(found.id, {**found.source, **changes}) if run.check_mode else _read(run, found.id, wanted)
    return _result(run, current, wanted, doc, references)


def _read(run: Run, agent_id: str, wanted: Mapping[str, Any]) -> Doc:
    """The agent after a write. Raises Failure where the server stored something else than it was sent."""
    return Agent.verified(run.client, agent_id, lambda doc: agents.diff(agents.observed(doc.source, wanted), wanted))


def _result(
    run: Run, before: Mapping[str, Any], wanted: Mapping[str, Any], doc: Doc, references: Mapping[str, str]
) -> dict[str, Any]:
    """The result and the diff, over the stated fields."""
    after = agents.observed(doc.source, wanted)

    def stated_part(name: str, value: Any) -> Any:
        # Of these only what is stated is compared.
        return {key: value[key] for key in wanted[name] if key in value} if name in ("llm", "memory") else value

    def side(fields: Mapping[str, Any]) -> Any:
        view = {name: stated_part(name, fields[name]) for name in wanted if name in fields}
        return references_module.restore_references(agents.for_display(view), references)

    return {
        "agent": agents.to_result(doc) if doc.id else agents.for_display(after),
        "agent_id": doc.id or None,
        "diff": {"before": side(before), "after": side(after)},
    }


MODULE = Module(OPTIONS, execute, RULES)
