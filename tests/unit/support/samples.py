# SPDX-License-Identifier: GPL-3.0-or-later
"""A published blueprint, sample options of each module, and a double on which they succeed."""

from __future__ import annotations

from typing import Any

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.mcp_tools import MCP_SERVER
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import FakeOllama, definition
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import PRIVATE_IP, QUESTION

#: A blueprint as published, with its placeholders.
BLUEPRINT: dict[str, Any] = {
    "name": "<YOUR CONNECTOR NAME>",
    "description": "Chat",
    "version": 1,
    "protocol": "http",
    "parameters": {"model": "qwen3:4b", "temperature": 0.5, "stop": None, "deep": {"a": [1, True, "ü"]}},
    "credential": {"openAI_key": "<YOUR API KEY HERE IF NEEDED>"},
    "actions": [
        {
            "action_type": "PREDICT",
            "method": "POST",
            "url": "http://llm.example.internal:8080/v1/chat/completions",
            "headers": {"Authorization": "Bearer ${credential.openAI_key}", "X-Number": 1},
            "request_body": '{ "model": "${parameters.model}", "messages": ${parameters.messages} }',
        },
    ],
}

SAMPLES: dict[str, dict[str, Any]] = {
    "opensearch_cluster_setting": {"settings": {PRIVATE_IP: True}},
    "opensearch_cluster_setting_info": {},
    "ml_agent": {"name": "a", "type": "flow"},
    "ml_agent_execute": {"agent": "House agent", "question": "Why is the sky blue?"},
    "ml_agent_info": {},
    "ml_connector": {"name": "Local chat"},
    "ml_connector_info": {},
    "ml_controller": {"model": "Chat", "user_rate_limiter": {"alice": {"limit": 5, "unit": "HOURS"}}},
    "ml_controller_info": {},
    "ml_dedupe": {},
    "ml_mcp_tool": {"name": "list_house_indexes", "type": "ListIndexTool"},
    "ml_mcp_tool_info": {},
    "ml_memory_container": {"name": "House memory", "configuration": {"index_prefix": "house"}},
    "ml_memory_container_info": {},
    "ml_model": {"name": "Chat"},
    "ml_model_group": {"name": "Chat"},
    "ml_model_group_info": {},
    "ml_model_info": {},
    "ml_predict": {"model": "Chat", **QUESTION},
    "ml_profile_info": {},
    "ml_stack": {"name": "s", "model_groups": [{"name": "Chat"}], "agents": [{"name": "a", "type": "flow"}]},
    "ml_stack_info": {},
    "ml_task_info": {},
    "ml_tool_call_check": {"model": "Agent model"},
    "opensearch_document": {"index": "rag", "documents": [{"id": "1", "source": {"text": "a"}}]},
    "opensearch_index": {"name": "new"},
    "opensearch_pipeline": {"name": "p", "type": "search", "definition": {}},
    "opensearch_pipeline_info": {},
    "opensearch_search": {"index": "rag"},
    "ollama_model": {"name": "tiny", "state": "loaded"},
    "ollama_model_info": {},
}


def server_for(module: str) -> Any:
    """A double with the objects that the module's sample needs."""
    if module.startswith("ollama_"):
        ollama = FakeOllama()
        ollama.registry["tiny:latest"] = definition()
        return ollama
    cluster = FakeCluster()
    cluster.add_model("Chat", cluster.add_connector())
    cluster.add_agent()
    cluster.indices.add("rag")
    cluster.persistent[MCP_SERVER] = "true"
    if module == "ml_tool_call_check":
        tool_models.serve(cluster, tool_models.works)
    return cluster
