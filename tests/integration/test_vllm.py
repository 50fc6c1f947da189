# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provider vllm against the vLLM of the local stack."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import providers
from ansible_collections.searchops.opensearch_ml.tests.integration import _tiny_model
from ansible_collections.searchops.opensearch_ml.tests.integration._load import Load
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    VLLM,
    VLLM_GATEWAY,
    VLLM_POOLING,
    gateway_keys,
    secret,
)

PING = [{"role": "user", "content": "Ping"}]

#: vLLM from the host.
ON_HOST = "http://127.0.0.1:21437"


@pytest.fixture
def key() -> str:
    return secret("VLLM_KEY", "vllm_key")


@pytest.fixture
def desired(name, key):
    """Options of ml_connector for vLLM."""

    def state(**more: Any) -> dict[str, Any]:
        given = {"provider": "vllm", "base_url": VLLM, "model": "tiny-chat", "api_key": key}
        return {"name": name, **given, "update_credential": "when_changed", **more}

    return state


@pytest.fixture
def serve(module, name):
    def deploy() -> str:
        return module("ml_model", name=name, connector=name, state="deployed")["model_id"]

    return deploy


def test_it_answers(converges, module, name, desired, serve, key):
    converges("ml_connector", ["create"], **desired())
    serve()
    serve()
    assert module.recorder.writes == []

    answer = module("ml_predict", model=name, messages=PING, expect_pattern=r"^Pong\.$")
    assert (answer["content"], answer["reasoning"], answer["status"]) == ("Pong.", None, 200)
    assert answer["usage"]["total_tokens"] > 2
    assert key not in str(answer)


def test_free_routes(key):
    """The health route of the table answers without a key and without a body."""
    health = requests.get(providers.endpoint("vllm", providers.EndpointOptions(ON_HOST)).health_url, timeout=10)
    assert (health.status_code, health.content) == (200, b"")
    models = f"{ON_HOST}/v1/models"
    assert requests.get(models, timeout=10).status_code == 401
    listed = requests.get(models, headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert [model["id"] for model in listed.json()["data"]] == ["tiny-chat"]


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("wrong", [None, "not-the-key"])
def test_a_wrong_key(module, name, desired, serve, wrong):
    module("ml_connector", **desired(api_key=wrong, update_credential="on_create"))
    serve()
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("backend_unauthorized", 401)
    assert "not-the-key" not in str(failure)


@pytest.mark.full_on("2.19.1-tls")
def test_a_wrong_key_is_corrected(cluster, module, desired, serve, key):
    module("ml_connector", **desired(api_key="not-the-key"))
    model_id = serve()
    assert cluster.predict(model_id).status_code == 401
    module("ml_connector", **desired(api_key=key))
    assert cluster.answer(model_id) == "Pong."
    assert module("ml_connector", **desired(api_key=key))["changed"] is False
    assert module.recorder.writes == []


def test_no_prediction_fails_while_the_key_is_changed(cluster, module, desired, serve):
    """Behind the gateway, which accepts the old key and the new one. vLLM with VLLM_API_KEY accepts one key."""
    old, new = ({"base_url": VLLM_GATEWAY, "api_key": each} for each in gateway_keys())
    module("ml_connector", **desired(**old))
    model_id = serve()
    with Load(cluster, model_id) as load:
        assert module("ml_connector", **desired(**new))["changed"] is True
        load.pass_some()
    assert load.bad == []
    assert module("ml_connector", **desired(**new))["changed"] is False


def rejected(**extra_body: Any) -> dict[str, Any]:
    return {"extra_body": extra_body, "probe": {}}


#: Options of the connector, code of the failure, status, and what vLLM says.
REFUSALS: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "unknown model": ({"model": "no-such-model"}, "backend_model_missing", 404, "`no-such-model` does not exist"),
    "empty list of tools": (rejected(tools=[]), "backend_rejected", 400, "must not be an empty array"),
    "too many tokens": (rejected(max_tokens=5000), "context_too_long", 400, "max_model_len=512"),
    "wrong type": (rejected(temperature="hot"), "backend_rejected", 400, "temperature"),
    "embeddings of a chat server": ({"capability": "embedding", "probe": {}}, "backend_without_capability", 404, "Not Found"),
}  # fmt: skip


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_request(module, name, desired, serve, case):
    options, code, status, words = REFUSALS[case]
    module("ml_connector", **desired(**options))
    serve()
    question = {"parameters": {"input": ["Ping"]}} if "capability" in options else {"messages": PING}
    failure = module.fails("ml_predict", model=name, wait_timeout=0, **question)
    assert (failure["code"], failure["status"]) == (code, status)
    assert words in failure["message"]
    if code == "backend_without_capability":
        assert "--runner pooling" in failure["remedy"]


@pytest.mark.full_on("2.19.1-tls")
def test_a_too_long_prompt(module, name, desired, serve):
    module("ml_connector", **desired())
    serve()
    long = [{"role": "user", "content": "word " * 800}]
    failure = module.fails("ml_predict", model=name, messages=long, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("context_too_long", 400)
    assert "maximum context length is 512 tokens" in failure["message"]
    assert "--max-model-len" in failure["remedy"]


@pytest.mark.full_on("2.19.1-tls")
def test_embeddings(converges, module, name, desired, serve):
    """A vLLM that was started with --runner pooling, and without a key."""
    pooling = desired(base_url=VLLM_POOLING, capability="embedding", api_key=None)
    converges("ml_connector", ["create"], **pooling)
    serve()
    first, again = (
        module("ml_predict", model=name, parameters={"input": texts})["result"]
        for texts in (["Ping", "Why is the sky blue?"], ["Ping"])
    )
    assert [(each["name"], each["shape"]) for each in first["output"]] == [("sentence_embedding", [96])] * 2
    assert again["data"] == pytest.approx(first["output"][0]["data"], abs=1e-4)


#: The reasoning parser deepseek_v3 looks for reasoning only in the answers to requests with this field.
THINKS = {"chat_template_kwargs": {"thinking": True}}


@pytest.mark.full_on("2.19.1-tls")
def test_reasoning_that_used_all_tokens(module, name, desired, serve):
    module("ml_connector", **desired(extra_body={**THINKS, "max_tokens": 4}, probe={}))
    serve()
    question = [{"role": "user", "content": _tiny_model.PRIME}]
    failure = module.fails("ml_predict", model=name, messages=question, wait_timeout=0)
    assert failure["code"] == "reasoning_only"
    assert "max_tokens" in failure["remedy"]
