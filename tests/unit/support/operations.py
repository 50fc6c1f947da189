# SPDX-License-Identifier: GPL-3.0-or-later
"""The main operations of the modules: for each the initial state of the cluster, and options that change it."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import with_notes
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import fingerprint
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.mcp_tools import MCP_SERVER
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import generated_id

URL = "http://llm.test:8080/v1/chat/completions"
BODY = '{"model": "${parameters.model}", "messages": ${parameters.messages}}'
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
PRIVATE_IP = "plugins.ml_commons.connector.private_ip_enabled"
HEADERS = {"Authorization": "Bearer ${credential.key}"}

#: Options that describe the connector of FakeCluster.add_connector completely.
CHAT: dict[str, Any] = {
    "name": "Local chat",
    "parameters": {"model": "tiny"},
    "actions": [{"url": URL, "request_body": BODY}],
}
KEYED: dict[str, Any] = {
    **CHAT,
    "credential": {"key": "first-key-of-all"},
    "actions": [{"url": URL, "request_body": BODY, "headers": HEADERS}],
}
QUESTION = {"messages": [{"role": "user", "content": "Why is the sky blue?"}]}


class Operation(NamedTuple):
    name: str
    module: str
    options: dict[str, Any]
    arrange: Callable[[FakeCluster], Any] = lambda cluster: None
    #: Whether a second run changes nothing.
    repeatable: bool = True

    def __str__(self) -> str:
        return self.name


def _chat(cluster: FakeCluster, **fields: Any) -> str:
    return cluster.add_connector(client_config={"read_timeout": 180, "connection_timeout": 10}, **fields)


def _keyed(cluster: FakeCluster) -> str:
    """A connector with a key, and with the fingerprint of that key, as the module creates it."""
    action = {"action_type": "predict", "method": "POST", "url": URL, "request_body": BODY, "headers": HEADERS}
    credential = {"key": "first-key-of-all"}
    notes = {"credential": fingerprint.shared_fingerprint(credential)}
    return _chat(cluster, actions=[action], credential=credential, parameters=with_notes({"model": "tiny"}, notes))


def _served(cluster: FakeCluster, state: str = "DEPLOYED", **fields: Any) -> str:
    return cluster.add_model("Chat", _chat(cluster, **fields), state=state)


def _served_keyed(cluster: FakeCluster) -> None:
    cluster.add_model("Chat", _keyed(cluster))


def _two_served(cluster: FakeCluster) -> None:
    connector_id = _chat(cluster)
    cluster.add_model("Chat", connector_id)
    cluster.add_model("Other", connector_id, state="UNDEPLOYED")


def _second_connector(cluster: FakeCluster) -> None:
    _served(cluster)
    cluster.add_connector("Better chat")


def _shared_group(cluster: FakeCluster) -> None:
    _served(cluster)
    cluster.add_group("Chats")


def _transient(cluster: FakeCluster) -> None:
    cluster.transient[PRIVATE_IP] = "true"


def _private(cluster: FakeCluster) -> None:
    cluster.persistent[PRIVATE_IP] = "true"


CONNECTOR = [
    Operation("connector: create", "ml_connector", CHAT),
    Operation("connector: create with a key", "ml_connector", KEYED),
    Operation("connector: create, key compared", "ml_connector", {**KEYED, "update_credential": "when_changed"}),
    Operation(
        "connector: create with awkward values",
        "ml_connector",
        {
            **CHAT,
            "description": "Größe, 日本語",
            "version": "1.10",
            "parameters": {
                "model": "tiny", "n": 5, "t": 0.50, "big": 1e10, "yes": True, "nothing": None, "stop": ["a", {"b": 1, "a": 2}],
                "nested": {"z": {"y": [1, 2.5]}, "a": "x"}, "text": '{"b": 1, "a": 2}', "umlaut": {"ü": "ß"},
            },
            "client_config": {"read_timeout": 60, "retry_backoff_policy": "exponential_full_jitter"},
        },
    ),
    Operation("connector: description", "ml_connector", {**CHAT, "description": "New"}, _chat),
    Operation("connector: version", "ml_connector", {**CHAT, "version": "2"}, _chat),
    Operation("connector: parameter", "ml_connector", {**CHAT, "parameters": {"model": "big", "n": 1}}, _chat),
    Operation("connector: action", "ml_connector", {**CHAT, "actions": [{"url": URL + "/x", "request_body": BODY}]}, _chat),
    Operation("connector: timeout", "ml_connector", {**CHAT, "client_config": {"read_timeout": 9}}, _chat),
    Operation("connector: rename", "ml_connector", {"connector_id": generated_id(1, "connector"), "name": "New name"}, _chat),
    Operation("connector: parameter removed", "ml_connector", {**CHAT, "parameters": {}}, _chat),
    Operation("connector: swap", "ml_connector", {**CHAT, "description": "New"}, _served),
    Operation("connector: swap, probed", "ml_connector", {**CHAT, "description": "New", "probe": QUESTION}, _served),
    Operation("connector: swap, used by two models", "ml_connector", {**CHAT, "description": "New"}, _two_served),
    Operation("connector: swap with a new name", "ml_connector",
              {**CHAT, "connector_id": generated_id(1, "connector"), "name": "New name"}, _served, repeatable=False),
    Operation("connector: redeploy", "ml_connector", {**CHAT, "description": "New", "update_strategy": "redeploy"}, _served),
    Operation("connector: parameter removed, used by a model", "ml_connector",
              {**CHAT, "parameters": {}, "update_strategy": "redeploy"}, _served),
    Operation("connector: key always sent", "ml_connector", {**KEYED, "update_credential": "always"}, _keyed, repeatable=False),
    Operation("connector: key changed", "ml_connector",
              {**KEYED, "credential": {"key": "another-key"}, "update_credential": "when_changed"}, _keyed),
    Operation("connector: key changed, used by a model", "ml_connector",
              {**KEYED, "credential": {"key": "another-key"}, "update_credential": "when_changed"}, _served_keyed),
    Operation("connector: key changed by redeploying", "ml_connector",
              {**KEYED, "credential": {"key": "another-key"}, "update_credential": "when_changed",
               "update_strategy": "redeploy"}, _served_keyed),
    Operation("connector: mcp", "ml_connector", {"name": "Tools", "protocol": "mcp_sse", "url": "https://mcp.test/",
                                                 "mcp_headers": {"X-Team": 1}}),
    Operation("connector: absent", "ml_connector", {"name": "Local chat", "state": "absent"}, _chat),
    Operation("connector: absent by id", "ml_connector", {"connector_id": generated_id(1, "connector"), "state": "absent"}, _chat),
]  # fmt: skip

MODEL = [
    Operation("model: one step", "ml_model", {"name": "Chat", "connector": "Local chat"}, _chat),
    Operation("model: two steps", "ml_model",
              {"name": "Chat", "connector": "Local chat", "register_deploy": "two_step"}, _chat),
    Operation("model: into a new group", "ml_model",
              {"name": "Chat", "connector": "Local chat", "model_group": "Chats"}, _chat),
    Operation("model: all options", "ml_model", {
        "name": "Chat", "connector": "Local chat", "description": "Größe", "is_enabled": True,
        "rate_limiter": {"limit": 60, "unit": "MINUTES"},
        "guardrails": {"type": "local_regex", "input_guardrail": {"regex": ["(?i)secret"]}},
        "interface": {"input": {"type": "object", "required": ["b", "a"]}},
        "deploy_setting": {"is_auto_deploy_enabled": False},
    }, _chat),
    Operation("model: registered only", "ml_model", {"name": "Chat", "connector": "Local chat", "state": "present"}, _chat),
    Operation("model: undeployed from the start", "ml_model",
              {"name": "Chat", "connector": "Local chat", "state": "undeployed"}, _chat),
    Operation("model: deploy", "ml_model", {"name": "Chat"}, lambda c: _served(c, "REGISTERED")),
    Operation("model: deploy after drift", "ml_model", {"name": "Chat"}, lambda c: _served(c, "UNDEPLOYED")),
    Operation("model: deploy after failure", "ml_model", {"name": "Chat"}, lambda c: _served(c, "DEPLOY_FAILED")),
    Operation("model: repair", "ml_model", {"name": "Chat"}, lambda c: _served(c, "PARTIALLY_DEPLOYED")),
    Operation("model: undeploy", "ml_model", {"name": "Chat", "state": "undeployed"}, _served),
    Operation("model: description", "ml_model", {"name": "Chat", "description": "New"}, _served),
    Operation("model: disable", "ml_model", {"name": "Chat", "is_enabled": False}, _served),
    Operation("model: limit", "ml_model", {"name": "Chat", "rate_limiter": {"limit": 2.5, "unit": "SECONDS"}}, _served),
    Operation("model: interface", "ml_model", {"name": "Chat", "interface": {"output": {"type": "object"}}}, _served),
    Operation("model: ttl", "ml_model", {"name": "Chat", "deploy_setting": {"model_ttl_minutes": 5}}, _served),
    Operation("model: guardrails", "ml_model",
              {"name": "Chat", "guardrails": {"output_guardrail": {"regex": ["x"]}}}, _served),
    Operation("model: other connector", "ml_model", {"name": "Chat", "connector": "Better chat"}, _second_connector),
    Operation("model: other group", "ml_model", {"name": "Chat", "model_group": "Chats"}, _shared_group),
    Operation("model: group that does not exist yet", "ml_model", {"name": "Chat", "model_group": "Chats"}, _served),
    Operation("model: rename", "ml_model", {"model_id": generated_id(3, "model"), "name": "New name"}, _served),
    Operation("model: absent", "ml_model", {"name": "Chat", "state": "absent"}, _served),
    Operation("model: absent with group", "ml_model",
              {"name": "Chat", "state": "absent", "delete_empty_group": True}, _served),
    Operation("model: absent by id", "ml_model", {"model_id": generated_id(3, "model"), "state": "absent"}, _served),
]  # fmt: skip

GROUP = [
    Operation("group: create", "ml_model_group", {"name": "Chats", "description": "Größe"}),
    Operation("group: description", "ml_model_group", {"name": "Chats", "description": "New"}, lambda c: c.add_group("Chats")),
    Operation("group: rename", "ml_model_group", {"model_group_id": generated_id(1, "group"), "name": "Talks"},
              lambda c: c.add_group("Chats")),
    Operation("group: absent", "ml_model_group", {"name": "Chats", "state": "absent"}, lambda c: c.add_group("Chats")),
]  # fmt: skip

SETTING = [
    Operation("setting: list", "opensearch_cluster_setting", {"settings": {TRUSTED: ["^http://x$"]}}),
    Operation("setting: append", "opensearch_cluster_setting",
              {"settings": {TRUSTED: ["^http://x$"]}, "list_mode": "append"}),
    Operation("setting: remove", "opensearch_cluster_setting", {"settings": {TRUSTED: [".*"]}, "list_mode": "remove"}),
    Operation("setting: scalar", "opensearch_cluster_setting", {"settings": {PRIVATE_IP: True}}),
    Operation("setting: nested", "opensearch_cluster_setting",
              {"settings": {"plugins": {"ml_commons": {"native_memory_threshold": 95, "connector": {"private_ip_enabled": "true"}}}}}),
    Operation("setting: transient", "opensearch_cluster_setting", {"settings": {PRIVATE_IP: True}, "scope": "transient"}),
    Operation("setting: persistent below a transient", "opensearch_cluster_setting", {"settings": {PRIVATE_IP: False}}, _private),
    Operation("setting: reset", "opensearch_cluster_setting", {"settings": {PRIVATE_IP: None}}, _private),
    Operation("setting: absent", "opensearch_cluster_setting", {"settings": {PRIVATE_IP: None}, "state": "absent"}, _private),
    Operation("setting: transient reset", "opensearch_cluster_setting",
              {"settings": {PRIVATE_IP: None}, "scope": "transient"}, _transient),
]  # fmt: skip


def _piped(cluster: FakeCluster) -> None:
    cluster.pipelines.bodies["search"]["answer"] = {
        "version": 1,
        "response_processors": [{"rename_field": {"field": "a"}}],
    }
    _served(cluster)


RAG = {
    "retrieval_augmented_generation": {"model_id": "${model:Chat}", "context_field_list": ["text"], "n": 5, "t": True}
}
PIPELINE = [
    Operation("pipeline: create", "opensearch_pipeline",
              {"name": "answer", "type": "search", "description": "Größe", "version": 3,
               "definition": {"response_processors": [RAG]}}, _served),
    Operation("pipeline: ingest", "opensearch_pipeline",
              {"name": "a b/c", "type": "ingest", "definition": {"processors": [{"set": {"field": "a", "value": 1.50}}]}}),
    Operation("pipeline: replace", "opensearch_pipeline",
              {"name": "answer", "type": "search", "definition": {"response_processors": [RAG]}}, _piped),
    Operation("pipeline: version removed", "opensearch_pipeline",
              {"name": "answer", "type": "search",
               "definition": {"response_processors": [{"rename_field": {"field": "a"}}]}}, _piped),
    Operation("pipeline: absent", "opensearch_pipeline", {"name": "answer", "type": "search", "state": "absent"}, _piped),
]  # fmt: skip


def _agent(cluster: FakeCluster, **fields: Any) -> None:
    cluster.add_agent(parameters={"a": 1, "b": "x"}, **fields)
    _served(cluster)


def _planner(cluster: FakeCluster) -> None:
    _served(cluster)
    cluster.add_agent(type="plan_execute_and_reflect", llm={"model_id": generated_id(3, "model")}, parameters={"a": 1})


HOUSE: dict[str, Any] = {"name": "House agent"}
LISTING = {"type": "ListIndexTool"}
ASKING = {
    "type": "MLModelTool",
    "name": "chat",
    "parameters": {"model_id": "${model:Chat}", "n": 5, "stop": ["a"], "deep": {"b": 0.5}},
}
AGENT = [
    Operation("agent: create", "ml_agent",
              {**HOUSE, "type": "flow", "description": "Größe", "tools": [ASKING], "parameters": {"n": 1, "t": True},
               "memory": {"type": "conversation_index"}, "app_type": "rag"}, _served),
    Operation("agent: create a conversational one", "ml_agent",
              {**HOUSE, "type": "conversational", "llm": {"model_id": "Chat", "parameters": {"max_iteration": 5}},
               "tools": [LISTING]}, _served),
    Operation("agent: 3: description", "ml_agent", {**HOUSE, "description": "New"}, _agent),
    Operation("agent: 3: tools", "ml_agent", {**HOUSE, "tools": [ASKING, LISTING]}, _agent),
    Operation("agent: 3: parameter", "ml_agent", {**HOUSE, "parameters": {"a": 1, "b": "y", "c": None}}, _agent),
    Operation("agent: 3: rename", "ml_agent", {"agent_id": generated_id(1, "agent"), "name": "New name"}, _agent),
    Operation("agent: parameter removed", "ml_agent",
              {**HOUSE, "parameters": {"a": 1}, "update_strategy": "recreate"}, _agent),
    Operation("agent: other type", "ml_agent", {**HOUSE, "type": "conversational_flow", "update_strategy": "recreate"}, _agent),
    Operation("agent: no tools", "ml_agent", {**HOUSE, "tools": [], "update_strategy": "recreate"}, _agent),
    Operation("agent: 3: create a planner", "ml_agent",
              {**HOUSE, "type": "plan_execute_and_reflect", "llm": {"model_id": "Chat"}}, _served),
    Operation("agent: 3: planner's tools", "ml_agent", {**HOUSE, "tools": [ASKING]}, _planner),
    Operation("agent: 3: planner absent", "ml_agent", {**HOUSE, "state": "absent"}, _planner),
    Operation("agent: absent", "ml_agent", {**HOUSE, "state": "absent"}, _agent),
    Operation("agent: absent by id", "ml_agent", {"agent_id": generated_id(1, "agent"), "state": "absent"}, _agent),
]  # fmt: skip


def _remembering(cluster: FakeCluster) -> None:
    _served(cluster)
    cluster.add_memory_container(configuration=CONFIGURATION)


def _model_context(cluster: FakeCluster) -> None:
    cluster.persistent[MCP_SERVER] = "true"


def _offered(cluster: FakeCluster) -> None:
    _model_context(cluster)
    cluster.add_mcp_tool(parameters={"a": 1, "b": {"c": 2}})


#: The configuration of a container, with the ids of the model that :func:`_served` adds.
CONFIGURATION: dict[str, Any] = {
    "llm_id": generated_id(3, "model"),
    "embedding_model_id": generated_id(3, "model"),
    "embedding_model_type": "TEXT_EMBEDDING",
    "embedding_dimension": 8,
    "strategies": [{"type": "SEMANTIC", "namespace": ["user_id"]}],
}
MEMORY: dict[str, Any] = {"name": "House memory"}
FACTS = {"type": "semantic", "namespace": ["user_id"]}
CONTAINER = [
    Operation("container: 3: create", "ml_memory_container",
              {**MEMORY, "description": "Größe", "configuration": {"index_prefix": "house"}}),
    Operation("container: 3: create with strategies", "ml_memory_container",
              {**MEMORY, "configuration": {**CONFIGURATION, "llm_id": "Chat", "strategies": [FACTS]}}, _served),
    Operation("container: 3: description", "ml_memory_container", {**MEMORY, "description": "New"}, _remembering),
    Operation("container: 3: size", "ml_memory_container", {**MEMORY, "configuration": {"max_infer_size": 3}}, _remembering),
    Operation("container: 3: more strategies", "ml_memory_container",
              {**MEMORY, "configuration": {"strategies": [{"type": "SUMMARY", "namespace": ["session_id"]}, FACTS]}}, _remembering),
    Operation("container: 3: other strategies", "ml_memory_container",
              {**MEMORY, "configuration": {"strategies": [{"type": "SUMMARY", "namespace": ["session_id"]}]}}, _remembering),
    Operation("container: 3: strategy changed", "ml_memory_container",
              {**MEMORY, "configuration": {"strategies": [{**FACTS, "namespace": ["agent_id"], "configuration": {"n": 1}}]}},
              _remembering),
    Operation("container: 3: rename", "ml_memory_container",
              {"memory_container_id": generated_id(1, "container"), "name": "New name"}, lambda c: c.add_memory_container()),
    Operation("container: 3: absent", "ml_memory_container",
              {**MEMORY, "state": "absent", "delete_all_memories": True}, _remembering),
]  # fmt: skip

TOOL = {"name": "list_house_indexes"}
MCP = [
    Operation("tool: 3: create", "ml_mcp_tool",
              {**TOOL, "type": "ListIndexTool", "description": "Größe", "parameters": {"n": 0.5, "deep": {"a": [1, None]}},
               "attributes": {"input_schema": {"type": "object"}}}, _model_context),
    Operation("tool: 3: description", "ml_mcp_tool", {**TOOL, "description": "New"}, _offered),
    Operation("tool: 3: parameter", "ml_mcp_tool", {**TOOL, "parameters": {"a": 2, "b": {"c": 2, "d": 1}}}, _offered),
    Operation("tool: 3: parameter removed", "ml_mcp_tool",
              {**TOOL, "type": "ListIndexTool", "parameters": {"a": 1}, "update_strategy": "recreate"}, _offered),
    Operation("tool: 3: other type", "ml_mcp_tool", {**TOOL, "type": "IndexMappingTool", "update_strategy": "recreate"}, _offered),
    Operation("tool: 3: absent", "ml_mcp_tool", {**TOOL, "state": "absent"}, _offered),
]  # fmt: skip

OPERATIONS = [*CONNECTOR, *MODEL, *GROUP, *SETTING, *PIPELINE, *AGENT, *CONTAINER, *MCP]
