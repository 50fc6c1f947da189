# SPDX-License-Identifier: GPL-3.0-or-later
"""Agents of the fake cluster: values become text, empty ones are dropped, a PUT is merged into the stored agent."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State

TOOLS = ("AgentTool", "IndexMappingTool", "ListIndexTool", "MLModelTool", "SearchIndexTool")


class Agents(State):
    """``agent_answer`` is what a run of an agent answers; ``agent_runs`` records (agent id, parameters) of each."""

    def __init__(self, version: str) -> None:
        super().__init__(version)
        self.agent_answer: Any = {"response": "Because of scattering."}
        self.agent_runs: list[tuple[str, dict[str, Any]]] = []

    def add_agent(self, name: str = "House agent", **fields: Any) -> str:
        body = {"name": name, "type": "flow", "tools": [{"type": "ListIndexTool"}], **fields}
        return str(self._agents_post_register(body=body, query={})["agent_id"])

    def _tools_get_one(self, *, body: Any, query: Any) -> list[dict[str, str]]:
        return [{"name": name, "type": name} for name in TOOLS]

    def _agents_post_register(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        stored = _stored(body)
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

    def _agent(self, object_id: str) -> dict[str, Any]:
        if object_id not in self.agents:
            raise Refused(404, f"Failed to find agent with the provided agent id: {object_id}")
        return self.agents[object_id]

    def _agents_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        return self._agent(object_id)

    def _agents_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        if self.version.startswith("2."):
            raise Refused(405, "Incorrect HTTP method")
        sent = _stored(body)
        sent.pop("type", None)
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


def _stored(body: dict[str, Any]) -> dict[str, Any]:
    stored = {name: value for name, value in body.items() if value not in ({}, [], None) and name != "agent_id"}
    for holder in (stored, stored.get("llm") or {}):
        if "parameters" in holder:
            holder["parameters"] = _texts(holder["parameters"])
    if "tools" in stored:
        stored["tools"] = [
            {
                **{
                    name: _texts(value) if isinstance(value, dict) else value
                    for name, value in tool.items()
                    if value not in ("", {})
                },
                "include_output_in_agent_response": tool.get("include_output_in_agent_response", False),
            }
            for tool in stored["tools"]
        ]
    return json.loads(json.dumps(stored))  # type: ignore[no-any-return] # a copy of the same form


def _texts(values: dict[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in values.items()
    }


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for name, value in new.items():
        both[name] = _merged(old[name], value) if isinstance(value, dict) and isinstance(old.get(name), dict) else value
    return both
