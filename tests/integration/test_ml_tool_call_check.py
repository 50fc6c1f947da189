# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check whether a model calls tools, with doubles that call them in each way and with the stack's tiny model."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import tool_calls
from ansible_collections.searchops.opensearch_ml.tests.integration import _tiny_model
from ansible_collections.searchops.opensearch_ml.tests.integration._double import CHAT, calls_tools, chat
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import PRIVATE_IP, TRUST, TRUSTED
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models

PING = [{"role": "user", "content": "Ping"}]

only_3 = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)


@pytest.fixture
def serve(module, name):
    """Creates a deployed model of the capability agent."""

    def make(**given: Any) -> None:
        module("ml_connector", **{"name": name, "capability": "agent", **given})
        module("ml_model", name=name, connector=name, state="deployed")

    return make


@only_3
def test_doubles(cluster, module, name, serve, settings_restored):
    """All verdicts with one connector, whose double changes its ways."""
    with calls_tools() as backend:
        cluster.put_settings({TRUSTED: [*TRUST, f"^{re.escape(backend.url)}/.*$"], PRIVATE_IP: True})
        serve(provider="vllm", base_url=backend.url, model="tiny-chat")
        for kind, model in tool_models.MODELS.items():
            backend.answers[CHAT] = chat(model)
            backend.seen.clear()
            result = module("ml_tool_call_check", model=name, on_defect="warn")
            assert result["verdict"] == kind.split(":")[0], (kind, result)
            assert result["works"] is (result["verdict"] == "works")
            assert bool(result["remedy"]) is not result["works"]
            assert (result["changed"], module.recorder.writes) == (False, [])
            _path, first = backend.seen[0]
            assert first["tools"] == [tool_calls.TOOL]
        failure = module.fails("ml_tool_call_check", model=name)
        assert failure["code"] == "backend_without_tools"

        # Without tools, the field is absent: vLLM refuses an empty list.
        backend.answers[CHAT] = chat(tool_models.works)
        for parameters in ({"prompt": "Ping"}, {"messages": PING}):
            assert module("ml_predict", model=name, parameters=parameters)["content"] == "There is no tool."
            assert set(backend.seen[-1][1]) == {"model", "messages"}
        assert backend.seen[-1][1]["messages"] == PING
        assert [message["role"] for message in backend.seen[-2][1]["messages"]] == ["system", "user"]

        planned = module("ml_tool_call_check", check=True, model=name)
        assert (planned["asked"], planned["verdict"]) == (False, None)


@only_3
@pytest.mark.parametrize("provider", _tiny_model.SERVERS)
def test_the_tiny_model_calls_tools(module, name, serve, provider):
    serve(**_tiny_model.options(provider))
    result = module("ml_tool_call_check", model=name)
    assert (result["verdict"], result["works"], result["changed"]) == ("works", True, False), result
    assert module.recorder.writes == []
    call, returned, answer = result["messages"][1:]
    assert call["tool_calls"][0]["function"]["name"] == tool_calls.NAME
    assert (returned["role"], answer["content"]) == ("tool", f"The code word is {tool_calls.CODE_WORD}.")

    # Another result has another answer.
    messages = [result["messages"][0], call, {**returned, "content": "cobalt-305"}]
    other = module("ml_predict", model=name, messages=messages)
    assert other["content"] == "The code word is cobalt-305."
    # What is asked without tools is answered as by a connector for chats.
    assert module("ml_predict", model=name, parameters={"prompt": "Ping"})["content"] == "Pong."
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."


@only_3
def test_a_model_without_tools(module, name, serve):
    """Ollama refuses tools for a model whose template has none."""
    with _tiny_model.without_tools(name) as model:
        serve(**_tiny_model.options("ollama", model=model))
        result = module("ml_tool_call_check", model=name, on_defect="warn")
        assert (result["verdict"], "does not support tools" in result["evidence"]) == ("refused", True), result
        assert module.fails("ml_tool_call_check", model=name)["details"]["verdict"] == "refused"


@only_3
def test_a_chat_connector_sends_no_tools(module, name, serve):
    serve(**_tiny_model.options("ollama", capability="chat"))
    assert module.fails("ml_tool_call_check", model=name)["code"] == "connector_without_tools"


@pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)
def test_before_3(converges, module, name):
    """The connector serves agents that run their tools one after the other, and plain predictions."""
    given = {"provider": "ollama", "base_url": "http://ollama:11434", "model": "tiny-chat", "capability": "agent"}
    converges("ml_connector", ["create"], name=name, **given)
    module("ml_model", name=name, connector=name, state="deployed")
    assert module("ml_predict", model=name, parameters={"prompt": "Ping"})["content"] == "Pong."
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."
    assert module.fails("ml_tool_call_check", model=name)["code"] == "unsupported_version"
