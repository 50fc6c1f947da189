# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Agents: what is sent, what is stored of it, what differs, and what the server can change in place."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._errors.exceptions import Failure
from .._http.client import Client
from .._runtime import versions
from .._runtime.run import Run
from .._values.compare import canonical, contains, same_text, same_tree, text_of, without_none
from . import notes
from .base import Doc, Kind, check_name, created_after

TYPES = ("flow", "conversational", "conversational_flow", "plan_execute_and_reflect")

#: Types that think with a model of their own, and cannot be without one.
THINKING = ("conversational", "plan_execute_and_reflect")

#: The fields in which an agent is stated and compared.
FIELDS = ("name", "type", "description", "llm", "tools", "parameters", "memory", "app_type")

#: The server accepts no longer name (3.x).
MAX_NAME_LENGTH = 128

#: In which parameter the server notes the agent that carries out the steps of a plan; it makes one where none is stated.
EXECUTOR = "executor_agent_id"

#: What such an agent shares with the one that it was made for.
SHARED = ("llm", "tools", "parameters", "memory", "app_type")


class Agent(Kind):
    LABEL = "agent"
    PATH = "/_plugins/_ml/agents"
    ID_FIELD = "agent_id"
    UNKNOWN_CODE = "unknown_agent"


def desired(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options state, in the form in which the server stores them."""
    fields = {name: value for name, value in without_none(options).items() if name in FIELDS}
    if "llm" in fields:
        fields["llm"] = {
            name: _texts(value) if name == "parameters" else value
            for name, value in without_none(fields["llm"]).items()
        }
    if "tools" in fields:
        fields["tools"] = [_tool(tool) for tool in fields["tools"]]
    if "parameters" in fields:
        fields["parameters"] = _texts(fields["parameters"])
    if "memory" in fields:
        fields["memory"] = without_none(fields["memory"])
    return fields


def observed(source: Mapping[str, Any], wanted: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The same fields out of what the server answers, empty ones included, which it leaves out.

    The executor that the server made is left out as well, unless one is among the ``wanted`` parameters.
    """
    fields = {name: source[name] for name in FIELDS if source.get(name) is not None}
    hidden = {notes.PARAMETER} | ({EXECUTOR} - set((wanted or {}).get("parameters") or {}))
    parameters = {name: value for name, value in (source.get("parameters") or {}).items() if name not in hidden}
    return {
        **fields,
        "type": str(fields.get("type", "")).lower(),
        "tools": [_tool(tool) for tool in fields.get("tools") or []],
        "parameters": parameters,
    }


def is_replaced_by(old: Doc, new: Doc) -> bool:
    """Whether ``new`` was created to replace ``old``. An agent created later has only got the id of the replaced one."""
    return notes.replaces(new, old) and not created_after(old, new)


def diff(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the stated fields that the stored agent does not fulfil."""
    return [name for name in wanted if not _same(name, current.get(name), wanted[name])]


def replacement_reason(version: versions.Version, current: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """Why the server cannot change the agent in place; None where it can."""
    if not versions.supports(version, "agent_update"):
        return f"OpenSearch {version} cannot change agents, {versions.SINCE['agent_update']} and later can"
    changing = diff(current, wanted)
    if "type" in changing:
        return f"its type is {current.get('type')} and cannot be changed"
    if "tools" in changing and not wanted["tools"]:
        return "the server keeps its tools when none are sent"
    if "memory" in changing and str(wanted["memory"].get("type", "conversation_index")) != "conversation_index":
        return "the server changes no memory but of the type conversation_index"
    for name, have, want in (
        ("parameters", current.get("parameters"), wanted.get("parameters")),
        ("llm.parameters", *((side.get("llm") or {}).get("parameters") for side in (current, wanted))),
    ):
        surplus = sorted(set(have or {}) - set(want)) if want is not None else []
        if surplus:
            return f"the server takes no {name} away, and {', '.join(surplus)} are no longer stated"
    return None


def for_display(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields for results and diffs: JSON taken out of strings."""
    return {name: canonical(value) for name, value in fields.items()}


def to_result(doc: Doc) -> dict[str, Any]:
    """An agent as modules return it."""
    fields = observed(doc.source)
    times: dict[str, Any] = {
        name: doc.source[name] for name in ("created_time", "last_updated_time") if name in doc.source
    }
    executor = executor_of(doc)
    return {"agent_id": doc.id, **for_display(fields), **({"executor_agent_id": executor} if executor else {}), **times}


def executor_of(doc: Doc) -> str | None:
    """The id of the agent that carries out the steps of this one's plans."""
    found = (doc.source.get("parameters") or {}).get(EXECUTOR)
    return str(found) if found else None


def owners_of_executors(docs: Iterable[Doc]) -> dict[str, Doc]:
    """Of all agents those that the server made for another one, by its id and that one, told as by :func:`created_executor`."""
    docs = list(docs)
    owners = {executor_of(doc): doc for doc in docs}
    return {doc.id: owners[doc.id] for doc in docs if doc.id in owners and doc.name == executor_name(owners[doc.id])}


def executor_name(owner: Doc) -> str:
    return f"{owner.name} (ReAct)"


def created_executor(client: Client, doc: Doc) -> str | None:
    """As :func:`executor_of`, but only the one that the server made for this agent, by the name that it gives it."""
    executor = executor_of(doc)
    found = Agent.get(client, executor) if executor else None
    return executor if found and found.name == executor_name(doc) else None


def check(fields: Mapping[str, Any]) -> None:
    """Everything that can be known to be wrong before anything is sent. Raises Failure."""
    name = fields.get("name", "")
    if "name" in fields:
        check_name("name", name, MAX_NAME_LENGTH)
    notes.check_parameters(fields.get("parameters"))
    names = [tool.get("name") or tool["type"] for tool in fields.get("tools") or []]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise Failure("invalid_input", f"tools: more than one is named {', '.join(doubled)}; give them names.")


def check_server(client: Client, version: versions.Version, fields: Mapping[str, Any]) -> None:
    """What depends on the server: its version, and the tools that it has; the latter costs a request. Raises Failure."""
    if fields.get("type") == "plan_execute_and_reflect":
        versions.require(version, "plan_execute_and_reflect", "type: plan_execute_and_reflect")
    if "_llm_interface" in (fields.get("parameters") or {}):
        versions.require(version, "llm_interface", "parameters: _llm_interface (function calling)")
    tools = fields.get("tools") or []
    if any(tool.get("attributes") for tool in tools):
        versions.require(version, "tool_attributes", "tools: attributes")
    if not tools:
        return
    known = {str(tool.get("name")) for tool in client.get("/_plugins/_ml/tools").body}
    unknown = sorted({tool["type"] for tool in tools} - known)
    if unknown:
        raise Failure(
            "unknown_tool", f"tools: {', '.join(unknown)} is not on this cluster, which has {', '.join(sorted(known))}."
        )


def delete(run: Run, doc: Doc) -> None:
    """Delete an agent, and before it the one that the server made for it: it could not be found any more afterwards."""
    executor = created_executor(run.client, doc)
    if executor:
        Agent.delete(run, executor)
    Agent.delete(run, doc.id)


def update(run: Run, doc: Doc, fields: Mapping[str, Any]) -> None:
    """Change fields in place, before in the agent that the server made for this one: it does the work."""
    shared = {name: fields[name] for name in SHARED if name in fields}
    executor = created_executor(run.client, doc) if shared else None
    if executor:
        Agent.update(run, executor, shared)
    Agent.update(run, doc.id, fields)


def _same(field: str, have: Any, want: Any) -> bool:
    if field == "parameters":
        return _same_texts(have, want)
    if field == "llm":
        have = have or {}
        return all(
            _same_texts(have.get(name), want[name]) if name == "parameters" else same_text(have.get(name), want[name])
            for name in want
        )
    if field == "tools":
        return same_tree(have or [], want)
    if field == "memory":
        return have is not None and contains(have, want)
    return same_text(have if have is not None else "", want)


def _same_texts(have: Mapping[str, Any] | None, want: Mapping[str, Any]) -> bool:
    have = have or {}
    return have.keys() == want.keys() and all(same_text(have[name], want[name]) for name in want)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): text_of(value) for name, value in values.items()}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool without what is empty, which the server leaves out."""
    fields = {
        name: _texts(value) if isinstance(value, Mapping) else value
        for name, value in tool.items()
        if name in ("type", "name", "description", "parameters", "attributes", "config") and value
    }
    return {**fields, "include_output_in_agent_response": bool(tool.get("include_output_in_agent_response"))}
