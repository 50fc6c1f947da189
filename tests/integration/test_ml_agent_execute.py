# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of agents on real servers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import providers
from ansible_collections.searchops.opensearch_ml.tests.integration import _tiny_model
from ansible_collections.searchops.opensearch_ml.tests.integration._double import calls_tools, chat
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import PRIVATE_IP, TRUST, TRUSTED
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models

RUN = "ml_agent_execute"
QUESTION = "Why is the sky blue?"

#: The fields that the server fills in for a model that calls functions, without the functions.
CHAT_BODY = (
    '{"model": "${parameters.model}", "messages": [${parameters._chat_history:-}'
    '{"role": "user", "content": "${parameters.prompt}"}${parameters._interactions:-}]TOOLS}'
)

only_3 = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)


@pytest.fixture
def model(cluster, name):
    return cluster.make_model(name, cluster.make_connector(name), deploy=True)


def asking(name, **parameters):
    messages = '[{"role": "user", "content": "${parameters.question}"}]'
    given = {"model_id": f"${{model:{name}}}", "messages": messages, "response_filter": "$.choices[0].message.content"}
    return {"type": "MLModelTool", "name": "chat", "parameters": {**given, **parameters}}


def calling(name: str, tool: dict[str, Any]) -> dict[str, Any]:
    """Options of an agent whose model, of the same name, chooses the tools."""
    return {
        "name": name,
        "type": "conversational",
        "llm": {"model_id": name, "parameters": {"max_iteration": 3, "prompt": "${parameters.question}"}},
        "parameters": {"_llm_interface": "openai/v1/chat/completions"},
        "memory": {"type": "conversation_index"},
        "tools": [tool],
    }


def test_a_flow_agent_answers(module, name, model):
    made = module("ml_agent", name=name, type="flow", tools=[asking(name)])
    for check in (True, False):
        result = module(RUN, check=check, agent=name, question=QUESTION, expect_pattern="Rayleigh")
        assert (result["changed"], result["agent_id"]) == (False, made["agent_id"])
        assert (result["content"] == "(not asked in check mode)") is check
        assert any("_execute" in request.path for request in module.recorder.requests) is not check
    assert "Rayleigh scattering" in result["content"]
    assert module.fails(RUN, agent=name, question="Ping", expect_pattern="Rayleigh")["code"] == "pattern_mismatch"


def test_an_agent_with_a_memory(module, name, model):
    tools = [asking(name)]
    module(
        "ml_agent",
        name=name,
        type="conversational_flow",
        tools=tools,
        app_type="rag",
        memory={"type": "conversation_index"},
    )
    first = module(RUN, agent=name, question="Ping", expect_pattern="Pong")
    again = module(RUN, agent=name, parameters={"question": "Hello", "memory_id": first["memory"]["memory_id"]})
    assert again["memory"]["memory_id"] == first["memory"]["memory_id"]


@only_3
@pytest.mark.parametrize("provider", _tiny_model.SERVERS)
def test_a_model_that_calls_a_tool(cluster, converges, module, name, provider):
    """The model calls a tool of the server, and what it answers depends on the tool's result."""
    index = _tiny_model.Index(cluster, name)
    module("ml_connector", name=name, **_tiny_model.options(provider, capability="agent"))
    module("ml_model", name=name, connector=name, state="deployed")
    converges("ml_agent", ["create"], **calling(name, index.tool))
    for state, answer in _tiny_model.HEALTH.items():
        index.become(state)
        result = module(RUN, agent=name, question=_tiny_model.HEALTHY, expect_pattern=state)
        assert (result["content"], result["changed"]) == (answer, False)
    # Without a tool for the question, the model answers by itself.
    assert module(RUN, agent=name, question="Ping")["content"] == "Pong."
    converges("ml_agent", ["delete"], name=name, state="absent")


@only_3
@pytest.mark.full_on("3.6.0", but=["azure_openai", "openai_compatible"])
@pytest.mark.parametrize(
    "provider", [key for key, entry in providers.PROVIDERS.items() if "agent" in entry.capabilities]
)
def test_the_requests_to_each_provider(cluster, module, name, settings_restored, provider):
    """A double at the route of each provider with agents: what the connector's body makes of an agent's conversation."""
    with calls_tools() as backend:
        at = providers.endpoint(provider, providers.EndpointOptions(backend.url, "a-model", "agent"))
        backend.answers = {at.url.removeprefix(backend.url): chat(tool_models.works)}
        cluster.put_settings({TRUSTED: [*TRUST, f"^{re.escape(backend.url)}/.*$"], PRIVATE_IP: True})
        server = {"provider": provider, "base_url": backend.url, "model": "a-model", "api_key": "a-key"}
        module("ml_connector", name=name, capability="agent", update_credential="on_create", **server)
        module("ml_model", name=name, connector=name, state="deployed")
        module("ml_agent", **calling(name, {"type": "ListIndexTool"}))
        module(RUN, agent=name, question='Which "indexes"?', expect_pattern="The tool says: .*health")
        first, second = (body for _path, body in backend.seen)
    for body in (first, second):
        assert set(body) == {"model", "messages", "tools", "parallel_tool_calls"}
        assert [tool["function"]["name"] for tool in body["tools"]] == ["ListIndexTool"]
        assert [message["role"] for message in body["messages"][:2]] == ["system", "user"]
        assert body["messages"][1]["content"] == 'Which "indexes"?'
    call, result = second["messages"][2:]
    assert (call["role"], result["role"]) == ("assistant", "tool")
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]


@only_3
def test_a_model_without_tools(cluster, module, name):
    """A body without tools serves it; Ollama refuses the body that has them."""
    with _tiny_model.without_tools(name) as model:
        for label, tools in (("plain", ""), ("with tools", "${parameters.tool_configs:-}")):
            named = f"{name} {label}"
            body = CHAT_BODY.replace("TOOLS", tools)
            connector = cluster.make_connector(named, request_body=body, parameters={"model": model})
            cluster.make_model(named, connector, deploy=True)
            module("ml_agent", **calling(named, {"type": "ListIndexTool"}))
        answer = module(RUN, agent=f"{name} plain", question="Ping", expect_pattern="Pong")
        assert answer["memory"]["memory_id"]
        failure = module.fails(RUN, agent=f"{name} with tools", question="Ping", wait_timeout=0)
        assert (failure["code"], "does not support tools" in failure["message"]) == ("backend_without_tools", True)


def test_failures(module, name, model):
    module.refuses("unknown_agent", RUN, agent=f"{name} none", question="Ping")
    module("ml_agent", name=name, type="flow", tools=[asking(name, messages="no json")])
    assert module.fails(RUN, agent=name, question="Ping", wait_timeout=0)["code"] == "invalid_payload"
