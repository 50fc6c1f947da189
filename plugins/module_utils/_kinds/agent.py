# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Agents: the fields to send, the observed fields, their diff, and which changes the server makes in place."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._errors.exceptions import Failure
from .._http.client import Client
from .._runtime import versions
from .._runtime.reader import Reader
from .._runtime.run import Run
from .._values.compare import canonical, contains, same_tree, text_of, without_none
from .base import NOTES_PARAMETER, Doc, Kind, check_name, check_no_notes

TYPES = ("flow", "conversational", "conversational_flow", "plan_execute_and_reflect")

#: Types that call a model of their own (``llm``) and need one.
TYPES_WITH_MODEL = ("conversational", "plan_execute_and_reflect")

#: The longest name that the server accepts (3.x), in characters.
MAX_NAME_LENGTH = 128

#: The parameter with the id of the executor: the agent that executes the steps of a plan. The server creates one for an
#: agent that is registered without this parameter.
EXECUTOR = "executor_agent_id"

#: The fields that such an executor shares with the agent for which the server created it.
EXECUTOR_FIELDS = ("llm", "tools", "parameters", "memory", "app_type")


class Agent(Kind):
    LABEL = "agent"
    PATH = "/_plugins/_ml/agents"
    ID_FIELD = "agent_id"
    UNKNOWN_CODE = "unknown_agent"
    FIELDS = ("name", "type", "description", "llm", "tools", "parameters", "memory", "app_type")

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        fields = super().desired(options)
        if "llm" in fields:
            fields["llm"] = {
                name: _as_strings(value) if name == "parameters" else value
                for name, value in without_none(fields["llm"]).items()
            }
        if "tools" in fields:
            fields["tools"] = [_tool(tool) for tool in fields["tools"]]
        if "parameters" in fields:
            fields["parameters"] = _as_strings(fields["parameters"])
        if "memory" in fields:
            fields["memory"] = without_none(fields["memory"])
        return fields

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """``tools`` and ``parameters`` are there even if they are empty. The parameter with the id of the executor is
        omitted, unless ``desired`` has it too."""
        fields = super().observed(source)
        hidden = {NOTES_PARAMETER} | ({EXECUTOR} - set((desired or {}).get("parameters") or {}))
        parameters = {name: value for name, value in (source.get("parameters") or {}).items() if name not in hidden}
        return {
            **fields,
            "type": str(fields.get("type", "")).lower(),
            "tools": [_tool(tool) for tool in fields.get("tools") or []],
            "parameters": parameters,
        }

    @classmethod
    def same(cls, name: str, observed: Any, desired: Any) -> bool:
        if name == "llm":
            return all(cls.same(key, (observed or {}).get(key), value) for key, value in desired.items())
        if name == "tools":
            return same_tree(observed or [], desired)
        if name == "memory":
            return observed is not None and contains(observed, desired)
        return super().same(name, observed, desired)

    @classmethod
    def for_display(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """With JSON in strings decoded."""
        return {name: canonical(value) for name, value in fields.items()}

    @classmethod
    def to_result(cls, doc: Doc) -> dict[str, Any]:
        executor = executor_of(doc)
        return {**super().to_result(doc), **({"executor_agent_id": executor} if executor else {})}


def merged(observed_fields: Mapping[str, Any], desired_fields: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of a new agent: the desired ones, and the observed ones of the agent that it replaces."""
    fields = {**observed_fields, **desired_fields}
    for part in ("llm", "memory"):
        if part in fields:
            fields[part] = {**(observed_fields.get(part) or {}), **fields[part]}
    return fields


def replacement_reason(
    version: versions.Version, observed_fields: Mapping[str, Any], desired_fields: Mapping[str, Any]
) -> str | None:
    """Why the server cannot change the agent in place, so that only a new agent helps. None if the server can."""
    if not versions.supports(version, "agent_update"):
        return f"OpenSearch {version} cannot change agents, {versions.SINCE['agent_update']} and later can"
    changes = Agent.diff(observed_fields, desired_fields)
    if "type" in changes:
        return f"its type is {observed_fields.get('type')} and cannot be changed"
    if "tools" in changes and not desired_fields["tools"]:
        return "the server keeps its tools when none are sent"
    if "memory" in changes and str(desired_fields["memory"].get("type", "conversation_index")) != "conversation_index":
        return "the server changes only memory of the type conversation_index"
    for name, have, want in (
        ("parameters", observed_fields.get("parameters"), desired_fields.get("parameters")),
        ("llm.parameters", *((side.get("llm") or {}).get("parameters") for side in (observed_fields, desired_fields))),
    ):
        surplus = sorted(set(have or {}) - set(want)) if want is not None else []
        if surplus:
            return f"the server cannot remove {name}, and {', '.join(surplus)} must be removed"
    return None


def executor_of(doc: Doc) -> str | None:
    """The id of the agent that executes the steps of this agent's plans."""
    executor = (doc.source.get("parameters") or {}).get(EXECUTOR)
    return str(executor) if executor else None


def owners_of_executors(docs: Iterable[Doc]) -> dict[str, Doc]:
    """The id of each executor among all agents that the server created -> the agent for which the server created it."""
    docs = list(docs)
    owners = {executor_of(doc): doc for doc in docs}
    return {doc.id: owners[doc.id] for doc in docs if doc.id in owners and doc.name == executor_name(owners[doc.id])}


def without_executors(docs: list[Doc]) -> list[Doc]:
    """The agents without the executors that the server created for others of them, and deletes with these."""
    executors = owners_of_executors(docs)
    return [doc for doc in docs if doc.id not in executors]


def executor_name(owner: Doc) -> str:
    """The name that the server gives to the executor that it creates for an agent."""
    return f"{owner.name} (ReAct)"


def created_executor(client: Client, doc: Doc) -> str | None:
    """The id of the agent's executor if the server created it for this agent, which its name shows; else None."""
    executor = executor_of(doc)
    found = Agent.get(client, executor) if executor else None
    return executor if found and found.name == executor_name(doc) else None


def check(fields: Mapping[str, Any]) -> None:
    """Raises Failure for desired fields that are invalid on every server."""
    if "name" in fields:
        check_name("name", fields["name"], MAX_NAME_LENGTH)
    check_no_notes(fields.get("parameters"))
    names = [tool.get("name") or tool["type"] for tool in fields.get("tools") or []]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise Failure(
            "invalid_input", f"tools: several have the name {', '.join(duplicates)}; give each a 'name' of its own."
        )


def check_complete(fields: Mapping[str, Any]) -> None:
    """Raises Failure if the fields are not enough to create an agent."""
    if "type" not in fields:
        raise Failure("invalid_input", f"type: is required, because no agent has the name {fields['name']!r} yet.")
    if fields["type"] in TYPES_WITH_MODEL and not (fields.get("llm") or {}).get("model_id"):
        raise Failure("invalid_input", f"llm: an agent of the type {fields['type']} needs a model.")


def check_server(reader: Reader, version: versions.Version, fields: Mapping[str, Any]) -> None:
    """Raises Failure for fields that this server does not support: by its version, and by its tools (one request)."""
    if fields.get("type") == "plan_execute_and_reflect":
        versions.require(version, "plan_execute_and_reflect", "type: plan_execute_and_reflect")
    if "_llm_interface" in (fields.get("parameters") or {}):
        versions.require(version, "llm_interface", "parameters: _llm_interface (function calling)")
    tools = fields.get("tools") or []
    if any(tool.get("attributes") for tool in tools):
        versions.require(version, "tool_attributes", "tools: attributes")
    if not tools:
        return
    known = reader.fact(read_tools)
    unknown = sorted({tool["type"] for tool in tools} - known)
    if unknown:
        raise Failure(
            "unknown_tool",
            f"tools: this cluster has no {', '.join(unknown)}. Its tools are {', '.join(sorted(known))}.",
        )


def read_tools(client: Client) -> set[str]:
    """The types of tools that the cluster has."""
    return {str(tool.get("name")) for tool in client.get("/_plugins/_ml/tools").body}


def delete(run: Run, doc: Doc) -> None:
    """Delete an agent. Its created executor is deleted first, as only the agent has the executor's id."""
    executor = created_executor(run.client, doc)
    if executor:
        Agent.delete(run, executor)
    Agent.delete(run, doc.id)


def update(run: Run, doc: Doc, fields: Mapping[str, Any]) -> None:
    """Change fields in place. The created executor gets its shared fields first, as it does the agent's work."""
    shared = {name: fields[name] for name in EXECUTOR_FIELDS if name in fields}
    executor = created_executor(run.client, doc) if shared else None
    if executor:
        Agent.update(run, executor, shared)
    Agent.update(run, doc.id, fields)


def _as_strings(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): text_of(value) for name, value in values.items()}


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool without empty fields, which the server omits."""
    fields = {
        name: _as_strings(value) if isinstance(value, Mapping) else value
        for name, value in tool.items()
        if name in ("type", "name", "description", "parameters", "attributes", "config") and value
    }
    return {**fields, "include_output_in_agent_response": bool(tool.get("include_output_in_agent_response"))}
