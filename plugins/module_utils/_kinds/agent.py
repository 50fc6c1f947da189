# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Agents: the fields to send, the observed fields, their diff, and which changes the server makes in place."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Iterable, Mapping

from .._errors.exceptions import Failure
from .._http.client import Client
from .._runtime import versions
from .._runtime.reader import Reader
from .._runtime.run import Run
from .._values.compare import canonical, contains, same_tree, text_of, without_none
from .base import NOTES_PARAMETER, Doc, Kind, check_name, check_no_notes
from .definition import read_definition

#: The types of OpenSearch 3.6. A later server may know others, which pass.
TYPES = (
    "flow", "conversational", "conversational_flow", "plan_execute_and_reflect", "ag_ui", "conversational_v2",
)  # fmt: skip

#: Types that call a model of their own (``llm`` or ``model``) and need one.
TYPES_WITH_MODEL = ("conversational", "plan_execute_and_reflect")

#: The longest name that the server accepts (3.x), in characters.
MAX_NAME_LENGTH = 128

#: The parameter with the id of the executor: the agent that executes the steps of a plan. The server creates one for an
#: agent that is registered without this parameter.
EXECUTOR = "executor_agent_id"

#: The parameter with the format in which the agent calls its model. The server sets it for an agent with a ``model``.
LLM_INTERFACE = "_llm_interface"

#: The type of a memory that a memory container of the same cluster stores.
AGENTIC_MEMORY = "agentic_memory"

#: The fields of an agent, its llm and its tools with values that the server stores as text.
TEXT_FIELDS = ("parameters", "attributes", "config")

#: The fields that the server cannot change in place: it ignores them in an update (ml-commons, MLAgentUpdateInput).
_FIXED_FIELDS = ("model", "context_management", "context_management_name")

#: Field -> the feature that a server needs for it.
_FEATURE_OF_FIELD = {
    "model": "agent_model", "context_management": "context_management", "context_management_name": "context_management",
}  # fmt: skip

#: The fields that such an executor shares with the agent for which the server created it.
EXECUTOR_FIELDS = ("llm", "tools", "parameters", "memory", "app_type")


class Agent(Kind):
    LABEL = "agent"
    PATH = "/_plugins/_ml/agents"
    ID_FIELD = "agent_id"
    UNKNOWN_CODE = "unknown_agent"
    IN_USE_CODE = "agent_in_use"
    FIELDS = (
        "name", "type", "description", "llm", "model", "tools", "parameters", "memory", "app_type",
        "context_management", "context_management_name",
    )  # fmt: skip
    SERVER_FIELDS = ("is_hidden", "tenant_id")
    NESTED = {
        "llm": ("model_id", "parameters"),
        "model": ("model_id", "model_provider", "credential", "model_parameters"),
        "memory": ("type", "session_id", "window_size", "memory_container_id"),
        "tools": (
            "type", "name", "description", "parameters", "attributes", "config", "include_output_in_agent_response",
        ),
    }  # fmt: skip
    STORED_SINCE = {"provisioned_by": "provisioned_by", "tools.runtime_resources": "runtime_resources"}
    HAS_NOTES = True

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        fields = super().desired(options)
        if "type" in fields:
            fields["type"] = str(fields["type"]).lower()
        if "model" in fields:
            fields["model"] = {
                name: _as_strings(value) if isinstance(value, Mapping) else value
                for name, value in without_none(fields["model"]).items()
            }
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
        omitted, unless ``desired`` has it too. So is the one that the server sets for an agent with a ``model``, if
        ``desired`` has others."""
        fields = super().observed(source, desired)
        given = (desired or {}).get("parameters")
        set_by_server = {EXECUTOR}
        if fields.get("model"):
            if given is not None:
                set_by_server.add(LLM_INTERFACE)
            # The server returns the parameters of the model as those of the llm that it creates.
            parameters = (fields.get("llm") or {}).get("parameters")
            fields["model"] = {**fields["model"], **({"model_parameters": parameters} if parameters else {})}
        hidden = {NOTES_PARAMETER, *set_by_server.difference(given or {})}
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
        if name == "model":
            # The server does not return the credential.
            visible = {key: value for key, value in desired.items() if key != "credential"}
            return observed is not None and contains(observed, visible)
        if name in ("memory", "context_management"):
            return observed is not None and contains(observed, desired)
        return super().same(name, observed, desired)

    @classmethod
    def for_display(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """With JSON in strings decoded."""
        return super().for_display({name: canonical(value) for name, value in fields.items()})

    @classmethod
    def to_result(cls, doc: Doc) -> dict[str, Any]:
        executor = executor_of(doc)
        return {**super().to_result(doc), **({"executor_agent_id": executor} if executor else {})}


def named_container(memory: Mapping[str, Any] | None) -> str | None:
    """The name or id of the memory container of this cluster that a memory names plainly; None if it names none so.

    A memory of the type remote_agentic_memory has a container of another cluster.
    """
    container = (memory or {}).get("memory_container_id")
    is_local = str((memory or {}).get("type")).lower() == AGENTIC_MEMORY
    return str(container) if container and is_local and "${" not in container else None


def merged(observed_fields: Mapping[str, Any], desired_fields: Mapping[str, Any]) -> dict[str, Any]:
    """All fields of a new agent: the desired ones, and the observed ones of the agent that it replaces."""
    fields = {**observed_fields, **desired_fields}
    for part in ("llm", "memory"):
        if part in fields:
            fields[part] = {**(observed_fields.get(part) or {}), **fields[part]}
    if "model" in desired_fields:
        # The server creates the llm from it.
        fields.pop("llm", None)
    else:
        # Its credential cannot be read; the new agent uses the model that the server created for the old one.
        fields.pop("model", None)
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
    fixed = [name for name in _FIXED_FIELDS if name in changes]
    if fixed:
        return f"the server ignores changes of {', '.join(fixed)}"
    if "tools" in changes and not desired_fields["tools"]:
        return "the server keeps its tools when none are sent"
    if "memory" in changes and str(desired_fields["memory"].get("type", "conversation_index")) != "conversation_index":
        return "the server changes only memory of the type conversation_index"
    containers = [(side.get("memory") or {}).get("memory_container_id") for side in (observed_fields, desired_fields)]
    if containers[1] not in (None, containers[0]):
        return "the server ignores changes of memory.memory_container_id"
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


def with_unknown_fields(tools: list[dict[str, Any]], observed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The desired tools with those fields of the observed tools in the same places that no option sets, which stay."""
    kept: list[dict[str, Any]] = [{} for _tool in tools]
    for number, (tool, old) in enumerate(zip(tools, observed)):
        if (tool.get("type"), tool.get("name")) == (old.get("type"), old.get("name")):
            kept[number] = {name: old[name] for name in old if name not in (*Agent.NESTED["tools"], "tenant_id")}
    return [{**old, **tool} for tool, old in zip(tools, kept)]


def definition_fields(definition: Any) -> dict[str, Any]:
    """The fields of a pasted body, without those that only the server sets. Raises Failure for a value of a wrong type."""
    types: dict[str, type] = {
        **dict.fromkeys(("llm", "model", "memory", "parameters", "context_management"), dict),
        "tools": list,
        **dict.fromkeys(("name", "type", "description", "app_type", "context_management_name"), str),
    }
    fields = read_definition(Agent, _unfolded(definition), types)
    for number, tool in enumerate(fields.get("tools") or []):
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            raise Failure("invalid_input", f"definition: tools[{number}] must be a mapping with a 'type'.")
    if "model" in fields and "llm" in fields:
        # The server registers a model for the agent's 'model', and returns the id as that of the llm.
        llm = {name: value for name, value in fields.pop("llm").items() if name != "model_id"}
        fields.update({"llm": llm} if llm else {})
    return fields


def _unfolded(definition: Any) -> Any:
    """The body with the keys of ``llm`` that templates of the Flow Framework plugin write as ``llm.model_id`` and the like."""
    folded = {name: value for name, value in definition.items() if str(name).startswith("llm.")}
    if not folded or not isinstance(definition.get("llm", {}), Mapping):
        return definition
    llm = {str(name).partition(".")[2]: value for name, value in folded.items()}
    rest = {name: value for name, value in definition.items() if name not in folded}
    return {**rest, "llm": {**llm, **definition.get("llm", {})}}


def check(fields: Mapping[str, Any]) -> None:
    """Raises Failure for desired fields that are invalid on every server."""
    if "name" in fields:
        check_name("name", fields["name"], MAX_NAME_LENGTH)
    check_no_notes(fields.get("parameters"))
    _check_type(fields.get("type"))
    names = [tool.get("name") or tool["type"] for tool in fields.get("tools") or []]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise Failure(
            "invalid_input", f"tools: several have the name {', '.join(duplicates)}; give each a 'name' of its own."
        )


def _check_type(type_: str | None) -> None:
    """Raises Failure for a type that is a known one misspelt: neither a later version of one nor another word."""
    if (
        type_ is None
        or type_ in TYPES
        or re.search(r"\d", type_)
        or any(type_.startswith(f"{each}_") for each in TYPES)
    ):
        return
    near = get_close_matches(re.sub(r"\W", "_", type_), TYPES, 1, 0.8)
    if near:
        raise Failure("invalid_input", f"type: there is no {type_!r}; did you mean '{near[0]}'?")


def check_complete(fields: Mapping[str, Any]) -> None:
    """Raises Failure if the fields are not enough to create an agent."""
    if "type" not in fields:
        raise Failure("invalid_input", f"type: is required, because no agent has the name {fields['name']!r} yet.")
    has_model = (fields.get("llm") or {}).get("model_id") or fields.get("model")
    if fields["type"] in TYPES_WITH_MODEL and not has_model:
        raise Failure("invalid_input", f"llm: an agent of the type {fields['type']} needs a model.")


def check_server(reader: Reader, version: versions.Version, fields: Mapping[str, Any]) -> None:
    """Raises Failure for fields that this server does not support: by its version, and by its tools (one request)."""
    if f"agent_{fields.get('type')}" in versions.SINCE:
        versions.require(version, f"agent_{fields['type']}", f"type: {fields['type']}")
    for name, feature in _FEATURE_OF_FIELD.items():
        if fields.get(name):
            versions.require(version, feature, name)
    if (fields.get("memory") or {}).get("memory_container_id"):
        versions.require(version, "memory_container", "memory: memory_container_id")
    if LLM_INTERFACE in (fields.get("parameters") or {}):
        versions.require(version, "llm_interface", "parameters: _llm_interface (function calling)")
    tools = fields.get("tools") or []
    if any(tool.get("attributes") for tool in tools):
        versions.require(version, "tool_attributes", "tools: attributes")
    check_tools(reader, "tools", {tool["type"] for tool in tools})


def check_tools(reader: Reader, option: str, types: set[str]) -> None:
    """Raises Failure if the cluster does not have these types of tools, which an option names. One request at most."""
    if not types:
        return
    known = reader.fact(read_tools)
    unknown = sorted(types - known)
    if unknown:
        named = ", ".join(f"{name}{_meant_tool(name, known)}" for name in unknown)
        raise Failure(
            "unknown_tool", f"{option}: this cluster has no {named}. Its tools are {', '.join(sorted(known))}."
        )


def _meant_tool(name: str, known: Iterable[str]) -> str:
    """The tool of the cluster that an unknown one probably means, as a question in brackets; empty if none is similar."""
    # All names end with the same word.
    shortened = {_without_suffix(each): each for each in sorted(known)}
    near = get_close_matches(_without_suffix(name), shortened, 1)
    return f" (did you mean {shortened[near[0]]!r}?)" if near else ""


def _without_suffix(tool: str) -> str:
    return re.sub(r"[\W_]|tool$", "", tool.lower())


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
    """A tool without those fields that the server omits if they are empty."""
    fields = {
        name: _as_strings(value) if name in TEXT_FIELDS and isinstance(value, Mapping) else value
        for name, value in tool.items()
        if value is not None and name != "tenant_id" and not (name in Agent.NESTED["tools"] and value in ("", {}, []))
    }
    return {**fields, "include_output_in_agent_response": bool(tool.get("include_output_in_agent_response"))}
