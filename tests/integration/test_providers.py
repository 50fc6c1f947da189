# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connectors that only name a provider, against the real backends of the local stack."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration import _tiny_model
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    LLAMA_CPP_KEY,
    gateway_keys,
    llama_cpp_keys,
)

PING = [{"role": "user", "content": "Ping"}]

#: Backend -> (the provider, its address as seen by the nodes, the file with its key if it requires one).
SERVERS: dict[str, tuple[str, str, Callable[[], str] | None]] = {
    "Ollama": ("ollama", "http://ollama:11434", None),
    "llama.cpp": ("llama_cpp", "http://llama-cpp:8080", None),
    "llama.cpp with a key": ("llama_cpp", f"{LLAMA_CPP_KEY}/v1", lambda: llama_cpp_keys()[0]),
    "a gateway with a key and TLS": ("openai_compatible", "https://gateway:8443", lambda: gateway_keys()[0]),
}


@pytest.fixture
def desired(name):
    """Options of ml_connector for a backend of the table."""

    def state(server: str, **more: Any) -> dict[str, Any]:
        provider, base_url, key = SERVERS[server]
        keyed = {"api_key": key(), "update_credential": "when_changed"} if key else {}
        return {"name": name, "provider": provider, "base_url": base_url, "model": "tiny-chat", **keyed, **more}

    return state


@pytest.mark.full_on("2.19.1-tls", but=("Ollama", "a gateway with a key and TLS"))
@pytest.mark.parametrize("server", SERVERS)
def test_each_server_answers(cluster, converges, module, name, desired, real_connector, server):
    made = converges("ml_connector", ["create"], **desired(server))
    real_connector(made["connector_id"], made["diff"]["after"])
    deployed = {"name": name, "connector": name, "state": "deployed"}
    module("ml_model", **deployed)
    assert module("ml_model", **deployed)["changed"] is False
    assert module.recorder.writes == []

    answer = module("ml_predict", model=name, messages=PING)
    assert (answer["content"], answer["status"]) == ("Pong.", 200)
    assert answer["usage"]["total_tokens"] > 1
    assert cluster.answer(answer["model_id"]) == "Pong."
    # Only llama.cpp returns how long it took.
    assert bool(answer.get("timings")) is (SERVERS[server][0] == "llama_cpp")


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("server", [server for server, (_provider, _url, key) in SERVERS.items() if key])
@pytest.mark.parametrize("key", [None, "not-the-key"])
def test_a_wrong_key(module, name, desired, server, key):
    module("ml_connector", **{**desired(server), "api_key": key, "update_credential": "on_create"})
    module("ml_model", name=name, connector=name, state="deployed")
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("backend_unauthorized", 401)
    assert "not-the-key" not in str(failure)


@pytest.mark.full_on("2.19.1-tls")
def test_extra_fields_of_the_body_are_sent(module, name, desired):
    module("ml_connector", **desired("llama.cpp", extra_body={"max_tokens": 1}))
    module("ml_model", name=name, connector=name, state="deployed")
    answer = module("ml_predict", model=name, messages=PING, expect_content=False)
    assert answer["usage"]["completion_tokens"] == 1


#: Provider -> additional fields of the request. vLLM's parser of this model looks for reasoning only if the request asks for it.
THINKS: dict[str, dict[str, Any]] = {
    "ollama": {},
    "llama_cpp": {},
    "vllm": {"extra_body": {"chat_template_kwargs": {"thinking": True}}, "probe": {}},
}


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("provider", THINKS)
def test_an_answer_with_reasoning(module, name, provider):
    """The field is named ``reasoning`` on Ollama and vLLM, and ``reasoning_content`` on llama.cpp."""
    module("ml_connector", name=name, **_tiny_model.options(provider, **THINKS[provider]))
    module("ml_model", name=name, connector=name, state="deployed")
    answer = module("ml_predict", model=name, messages=[{"role": "user", "content": _tiny_model.PRIME}])
    assert (answer["reasoning"], answer["content"]) == (_tiny_model.REASONING, _tiny_model.PRIME_ANSWER)


def test_embeddings(converges, module, name, desired):
    """A vector for each text, the same one for the same text."""
    converges("ml_connector", ["create"], **desired("Ollama", capability="embedding"))
    module("ml_model", name=name, connector=name, state="deployed")
    assert module("ml_model", name=name, connector=name, state="deployed")["changed"] is False
    assert module.recorder.writes == []
    two, again, as_a_pipeline = (
        module("ml_predict", model=name, **given)["result"]
        for given in (
            {"parameters": {"input": ["Ping", "Why is the sky blue?"]}},
            {"parameters": {"input": ["Ping"]}},
            {"text_docs": ["Ping", "Why is the sky blue?"]},
        )
    )
    first, second = two["output"]
    assert first["name"] == "sentence_embedding"
    assert first["shape"] == [len(first["data"])]
    assert len(first["data"]) > 8
    assert any(first["data"])
    assert again["data"] == pytest.approx(first["data"], abs=1e-4)
    assert second["data"] != pytest.approx(first["data"], abs=1e-4)
    assert [each["data"] for each in as_a_pipeline["output"]] == [
        pytest.approx(each["data"], abs=1e-4) for each in (first, second)
    ]


@pytest.mark.full_on("2.19.1-tls")
def test_a_swap_is_probed_with_the_providers_question(cluster, module, name, desired):
    """The probe of the capability tests the new connector before the old one is deleted."""
    before = module("ml_connector", **desired("llama.cpp"))["connector_id"]
    model_id = module("ml_model", name=name, connector=name, state="deployed")["model_id"]
    after = module("ml_connector", **desired("Ollama"))["connector_id"]
    assert after != before
    assert [request.path for request in module.recorder.requests if request.path.endswith("/_predict")]
    assert cluster.one("connectors", name).id == after
    assert cluster.answer(model_id) == "Pong."

    failure = module.fails("ml_connector", **{**desired("llama.cpp with a key"), "api_key": "not-the-key"})
    assert failure["code"] == "backend_unauthorized"
    assert cluster.one("connectors", name).id == after
    assert cluster.answer(model_id) == "Pong."
