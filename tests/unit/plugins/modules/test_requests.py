# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A task without changes sends at most three requests, however many options are given. A comment explains each exception."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import MODULES, execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, KEYED, PRIVATE_IP, QUESTION
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import server_for

MODEL = {
    "name": "Chat",
    "description": "For all",
    "rate_limiter": {"limit": 5, "unit": "MINUTES"},
    "deploy_setting": {"is_auto_deploy_enabled": True},
}
ASKING = {"type": "MLModelTool", "parameters": {"model_id": "${model:Chat}", "response_field": "choices"}}
AGENT = {
    "name": "Assistant",
    "type": "conversational",
    "llm": {"model_id": "Chat", "parameters": {"max_iteration": 5}},
    "memory": {"type": "conversation_index"},
    "tools": [{"type": "ListIndexTool"}, ASKING],
}
WITH_AN_AGENT = {"type": "AgentTool", "parameters": {"agent_id": "${agent:House agent}"}}
PROCESSORS = {
    "response_processors": [
        {"ml_inference": {"model_id": "${model:Chat}"}},
        {"ml_inference": {"model_id": "${model:Other}", "about": "${agent:House agent}"}},
    ]
}
REMEMBERING = {
    "name": "House memory",
    "configuration": {
        "llm_id": "Chat",
        "embedding_model_id": "Other",
        "embedding_model_type": "TEXT_EMBEDDING",
        "embedding_dimension": 8,
        "strategies": [{"type": "SEMANTIC", "namespace": ["user_id"]}],
    },
}
LIMITS = {"ann": {"limit": 5, "unit": "HOURS"}}


class Case(NamedTuple):
    """A task that changes nothing in its second run; ``most`` is the permitted number of requests."""

    module: str
    options: dict[str, Any]
    most: int = 3


CASES = {
    "connector": Case("ml_connector", {**CHAT, "description": "Local"}),
    "connector, key compared": Case("ml_connector", {**KEYED, "update_credential": "when_changed"}),
    "connector, gone": Case("ml_connector", {"name": "Missing", "state": "absent"}),
    "group": Case("ml_model_group", {"name": "Chats", "description": "All"}),
    "group, gone": Case("ml_model_group", {"name": "Missing", "state": "absent"}),
    "model": Case("ml_model", MODEL),
    "model, connector": Case("ml_model", {**MODEL, "connector": "Local chat"}),
    "model, group": Case("ml_model", {**MODEL, "model_group": "Chats"}),
    # A search in each of three indexes, and a GET of the model: a search may show an old state.
    "model, connector and group": Case("ml_model", {**MODEL, "connector": "Local chat", "model_group": "Chats"}, 4),
    "model, gone": Case("ml_model", {"name": "Missing", "model_group": "Chats", "state": "absent"}),
    "model and group, gone": Case(
        "ml_model", {"name": "Missing", "model_group": "None", "state": "absent", "delete_empty_group": True}
    ),
    "controller": Case("ml_controller", {"model": "Chat", "user_rate_limiter": LIMITS}),
    "agent": Case("ml_agent", AGENT),
    # A GET of the agent as well, and a search of its references among the models and among the agents.
    "agent, of agents": Case("ml_agent", {**AGENT, "tools": [ASKING, WITH_AN_AGENT]}, 4),
    "pipeline": Case("opensearch_pipeline", {"name": "p", "type": "search", "definition": PROCESSORS}),
    "index": Case("opensearch_index", {"name": "new", "definition": {"settings": {"number_of_replicas": 0}}}),
    "documents": Case(
        "opensearch_document",
        {"index": "rag", "documents": [{"id": "1", "source": {"text": "a"}}, {"id": "2", "source": {"text": "b"}}]},
    ),
    "settings": Case("opensearch_cluster_setting", {"settings": {PRIVATE_IP: True}, "list_mode": "append"}),
    "pulled": Case("ollama_model", {"name": "tiny", "state": "loaded"}),
    "created from a model": Case("ollama_model", {"name": "mine", "from_model": "tiny", "system": "Be short."}),
    # Both models are shown, and all models as well as all models in memory are listed.
    "created from a model, loaded": Case("ollama_model", {"name": "mine", "from_model": "tiny", "state": "loaded"}, 4),
    "agents": Case("ml_agent_info", {"name": "House agent"}),
    "agent at work": Case("ml_agent_execute", {"agent": "House agent", "question": "Why is the sky blue?"}),
    "connectors": Case("ml_connector_info", {"name": "Local chat", "include_used_by": True}),
    "memory container": Case(
        "ml_memory_container", {"name": "House memory", "configuration": {"index_prefix": "house"}}
    ),
    # The server's version, and a search of the models and a GET of each in a first run; here one search of both.
    "memory container of models": Case("ml_memory_container", REMEMBERING, 4),
    "memory container, gone": Case("ml_memory_container", {"name": "Missing", "state": "absent"}),
    "memory containers": Case("ml_memory_container_info", {"name": "House memory"}),
    "MCP tool": Case("ml_mcp_tool", {"name": "list_house_indexes", "type": "ListIndexTool"}),
    "MCP tool, gone": Case("ml_mcp_tool", {"name": "missing", "state": "absent"}),
    "MCP tools": Case("ml_mcp_tool_info", {}),
    # The memory container as well.
    "agent with a memory": Case(
        "ml_agent", {**AGENT, "memory": {"type": "agentic_memory", "memory_container_id": "Memory"}}, 5
    ),
    "controllers": Case("ml_controller_info", {"model": "Chat"}),
    "groups": Case("ml_model_group_info", {"name": "Chat", "include_used_by": True}),
    "models": Case("ml_model_info", {}),
    # A GET of the model as well, and a search in each of the other two indexes for a name.
    "model by name": Case("ml_model_info", {"name": "Chat"}, 4),
    "prediction": Case("ml_predict", {"model": "Chat", **QUESTION}),
    # A GET of the connector as well, the version, and two predictions.
    "calls of tools": Case("ml_tool_call_check", {"model": "Agent model"}, 6),
    "profile": Case("ml_profile_info", {"model": "Chat"}),
    "tasks": Case("ml_task_info", {"model": "Chat"}),
    "pipelines": Case("opensearch_pipeline_info", {}),
    "search": Case("opensearch_search", {"index": "rag"}),
    "setting values": Case("opensearch_cluster_setting_info", {}),
    "stored": Case("ollama_model_info", {"name": "tiny"}),
    # These read the whole cluster: one request for each kind of object, however many objects exist. Only a server of 2.x, as
    # the double, does not name its version in each answer, so that they ask for it.
    "duplicates": Case("ml_dedupe", {}, 8),
    "stack": Case("ml_stack", {"model_groups": [{"name": "Chats"}], "models": [MODEL], "agents": [AGENT]}),
    "stack from the cluster": Case("ml_stack_info", {}, 9),
}


@pytest.mark.parametrize("case", CASES)
def test_a_task_without_changes(case: str) -> None:
    module, options, most = CASES[case]
    server = server_for(module)
    if module.startswith("ollama_"):
        execute(server, "ollama_model", name="tiny")
    else:
        server.add_model("Other", next(iter(server.connectors)))
        server.add_group("Chats")
        server.add_memory_container("Memory")
    execute(server, module, **options)
    for check_mode in (False, True):
        server.exchanges.clear()
        result = execute(server, module, check_mode=check_mode, **options)
        assert not result["changed"]
        assert len(server.exchanges) <= most, server.exchanges


def test_every_module_is_counted() -> None:
    assert {case.module for case in CASES.values()} == set(MODULES)
