# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents of the fake cluster: values become text, empty ones are dropped, a PUT is merged into the stored agent."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.java import java_text
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import (
    FIXED_FIELDS_OF_AGENT,
    release,
    stored_fields_of_agent,
    stored_fields_of_memory,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State

#: Type -> the first version that has it.
TYPES = {
    "flow": (2, 0), "conversational": (2, 0), "conversational_flow": (2, 0), "plan_execute_and_reflect": (3, 0),
    "ag_ui": (3, 5), "conversational_v2": (3, 6),
}  # fmt: skip

TOOL_FIELDS = {
    "type", "name", "description", "parameters", "attributes", "config", "include_output_in_agent_response",
}  # fmt: skip

TOOLS = ("AgentTool", "IndexMappingTool", "ListIndexTool", "MLModelTool", "SearchIndexTool")


class Agents(State):
    """``agent_answer`` is what a run of an agent answers; ``agent_runs`` records (agent id, parameters) of each."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.agent_answer: Any = {"response": "Because of scattering."}
        #: The types of agents that a later version would know, too.
        self.later_types: set[str] = set()
        self.agent_runs: list[tuple[str, dict[str, Any]]] = []

    def add_agent(self, name: str = "House agent", **fields: Any) -> str:
        body = {"name": name, "type": "flow", "tools": [{"type": "ListIndexTool"}], **fields}
        return str(self._agents_post_register(body=body, query={})["agent_id"])

    def _tools_get_one(self, *, body: Any, query: Any) -> list[dict[str, str]]:
        return [{"name": name, "type": name} for name in TOOLS]

    def _agents_post_register(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_type(body["type"])
        stored = self._stored(body)
        if "model" in stored:
            self._register_model(stored)
        executor_id = None
        if body["type"] == "plan_execute_and_reflect" and "executor_agent_id" not in body["parameters"]:
            executor = {**body, "name": body["name"] + " (ReAct)", "type": "CONVERSATIONAL"}
            executor.pop("agent_id", None)
            executor_id = self._agents_post_register(body=executor, query=query)["agent_id"]
            stored.setdefault("parameters", {})["executor_agent_id"] = executor_id
        try:
            object_id = self._id_for("agent", body, self.agents)
        except Exception:
            # The server deletes the executor that it has just created.
            self.agents.pop(executor_id, None)
            raise
        stored["created_time"] = stored["last_updated_time"] = self._now()
        self.agents[object_id] = stored
        self._wrote(object_id)
        return {"agent_id": object_id}

    def _stored(self, body: dict[str, Any]) -> dict[str, Any]:
        known_in = {
            "llm": {"model_id", "parameters"} | self.later_fields,
            "memory": stored_fields_of_memory(self.version) | self.later_fields,
            "tools": TOOL_FIELDS.difference({"attributes"} if self.version.startswith("2.") else ())
            | self.later_fields,
        }
        return _stored(body, stored_fields_of_agent(self.version) | self.later_fields, known_in)

    def _check_type(self, type_: str) -> None:
        known = {name for name, since in TYPES.items() if release(self.version) >= since}
        if type_.lower() not in known | self.later_types:
            raise Refused(400, "Invalid Agent Type", "illegal_argument_exception")

    def _register_model(self, stored: dict[str, Any]) -> None:
        """As for the unified agent API: the server registers a model, with its connector inside it, which the agent uses."""
        model = stored["model"]
        parameters = {"parameters": model["model_parameters"]} if model.get("model_parameters") else {}
        model_id = self._model_of_provider(model)
        stored["llm"] = {"model_id": model_id, **_stored(parameters, {"parameters"}, {})}
        stored["model"] = {name: model[name] for name in ("model_id", "model_provider")}
        stored.setdefault("parameters", {})["_llm_interface"] = f"{model['model_provider']}/interface"

    def _model_of_provider(self, model: dict[str, Any]) -> str:
        """Register the model of a unified agent. Returns its id. The server does not return the credential."""
        key = next(iter(model.get("credential") or {"key": ""}))
        action = {"action_type": "PREDICT", "method": "POST", "url": "https://llm.test/v1", "request_body": "{}"}
        headers = {"Authorization": f"Bearer ${{credential.{key}}}"}
        body = {
            "name": f"Auto-generated model for {model['model_id']}",
            "description": "Auto-generated model for agent",
            "function_name": "remote",
            "connector": {
                "name": "Auto-generated connector for Agent",
                "protocol": "http",
                "parameters": {"model": model["model_id"]},
                "actions": [{**action, "headers": headers}],
            },
        }
        return str(self._models_post_register(body=body, query={})["model_id"])

    def _models_post_register(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        """Of the models of the cluster."""
        raise NotImplementedError

    def _agent(self, object_id: str) -> dict[str, Any]:
        if object_id not in self.agents:
            raise Refused(404, f"Failed to find agent with the provided agent id: {object_id}")
        return self.agents[object_id]

    def _agents_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        return self._agent(object_id)

    def _agents_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        if self.version.startswith("2."):
            raise Refused(405, "Incorrect HTTP method")
        sent = {name: value for name, value in self._stored(body).items() if name not in FIXED_FIELDS_OF_AGENT}
        self.agents[object_id] = _merged(self._agent(object_id), {**sent, "last_updated_time": self._now()})
        self._wrote(object_id)
        return {"_id": object_id, "result": "updated"}

    def _agents_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._agent(object_id)
        del self.agents[object_id]
        return {"_id": object_id, "result": "deleted"}

    def _agents_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        return self._search(self.agents, body)

    def _agents_post_execute(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._agent(object_id)
        self.agent_runs.append((object_id, body["parameters"]))
        output = [
            {"name": "memory_id", "result": "mem-1"},
            {"name": "parent_interaction_id", "result": "int-1"},
            {"name": "response", "dataAsMap": self.agent_answer}
            if isinstance(self.agent_answer, dict)
            else {"name": "response", "result": self.agent_answer},
        ]
        return {"inference_results": [{"output": output}]}


def _stored(body: dict[str, Any], known: set[str], known_in: dict[str, set[str]]) -> dict[str, Any]:
    """The known fields, and those that are ``known_in`` other fields, without empty ones."""
    stored = {name: value for name, value in body.items() if value not in ({}, [], None) and name in known}
    for name in {"llm", "memory"} & set(stored):
        stored[name] = {key: value for key, value in stored[name].items() if key in known_in[name]}
    for holder in (stored, stored.get("llm") or {}):
        if "parameters" in holder:
            holder["parameters"] = _texts(holder["parameters"])
    if "tools" in stored:
        stored["tools"] = [
            {
                **{
                    name: _texts(value) if name in ("parameters", "attributes", "config") else value
                    for name, value in tool.items()
                    if value not in ("", {}) and name in known_in["tools"]
                },
                "include_output_in_agent_response": tool.get("include_output_in_agent_response", False),
            }
            for tool in stored["tools"]
        ]
    return json.loads(json.dumps(stored))  # type: ignore[no-any-return] # a copy of the same form


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {name: java_text(value) for name, value in values.items()}


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for name, value in new.items():
        both[name] = _merged(old[name], value) if isinstance(value, dict) and isinstance(old.get(name), dict) else value
    return both
