# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check whether a model calls tools, with doubles that call them in each way and with the stack's tiny models, which do not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import tool_calls
from ansible_collections.searchops.opensearch_ml.tests.integration._double import CHAT, calls_tools, chat
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import PRIVATE_IP, TRUST, TRUSTED
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models

PING = [{"role": "user", "content": "Ping"}]

only_3 = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)


@pytest.fixture
def serve(module, name):
    """Creates a deployed model of the capability agent."""

    def make(provider: str, url: str, **more: Any) -> None:
        given = {"provider": provider, "base_url": url, "model": "tiny-chat", "capability": "agent", **more}
        module("ml_connector", name=name, **given)
        module("ml_model", name=name, connector=name, state="deployed")

    return make


@only_3
def test_doubles(cluster, module, name, serve, settings_restored):
    """All verdicts with one connector, whose double changes its ways."""
    with calls_tools() as backend:
        cluster.put_settings({TRUSTED: [*TRUST, f"^{re.escape(backend.url)}/.*$"], PRIVATE_IP: True})
        serve("vllm", backend.url)
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
@pytest.mark.parametrize(
    ("provider", "url", "verdicts"),
    [
        ("ollama", "http://ollama:11434", {"refused"}),
        # Its template has no tools. Whether the server refuses them depends on its version.
        ("llama_cpp", "http://llama-cpp:8080", {"no_call", "refused"}),
    ],
)
def test_tiny_models_call_no_tools(module, name, serve, provider, url, verdicts):
    serve(provider, url)
    # The template of llama.cpp has the system message, which the tiny model has not learnt.
    assert module("ml_predict", model=name, parameters={"prompt": "Ping"})["content"]
    assert module("ml_predict", model=name, messages=PING)["content"] == "Pong."
    result = module("ml_tool_call_check", model=name, on_defect="warn")
    assert result["verdict"] in verdicts, result
    failure = module.fails("ml_tool_call_check", model=name)
    assert failure["details"]["verdict"] == result["verdict"]


@only_3
def test_a_chat_connector_sends_no_tools(module, name, serve):
    serve("ollama", "http://ollama:11434", capability="chat")
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
