# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The provider vllm through real servers, against a double that follows vLLM's documentation."""

from __future__ import annotations

import re
from typing import Any, Iterator

import pytest
import requests

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import providers
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import TRUST, TRUSTED
from ansible_collections.searchops.opensearch_ml.tests.integration._vllm import CONTENT, MODEL, REASONING, Vllm, vllm

KEY = "key-of-the-vllm-double"
PING = [{"role": "user", "content": "Ping"}]


@pytest.fixture
def backend(cluster, settings_restored) -> Iterator[Vllm]:
    """A double that requires a key, and that the cluster trusts."""
    with vllm(KEY) as server:
        cluster.put_settings({TRUSTED: [*TRUST, f"^{re.escape(server.url)}/.*$"]})
        yield server


@pytest.fixture
def desired(backend, name):
    """Options of ml_connector for the double."""

    def state(**more: Any) -> dict[str, Any]:
        given = {"provider": "vllm", "base_url": backend.url, "model": MODEL, "api_key": KEY}
        return {"name": name, **given, "update_credential": "when_changed", **more}

    return state


@pytest.fixture
def serve(module, name):
    def deploy() -> str:
        return module("ml_model", name=name, connector=name, state="deployed")["model_id"]

    return deploy


def test_it_answers_with_content_and_reasoning(converges, module, name, desired, serve, backend):
    converges("ml_connector", ["create"], **desired())
    model_id = serve()
    assert serve() == model_id
    assert module.recorder.writes == []

    answer = module("ml_predict", model=name, messages=PING, expect_pattern="^Pong")
    assert (answer["content"], answer["reasoning"], answer["status"]) == (CONTENT, REASONING, 200)
    assert answer["usage"]["total_tokens"] == 23
    ((headers, body),) = backend.seen
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {"model": MODEL, "messages": PING}


@pytest.mark.full_on("2.19.1-tls")
def test_free_routes(backend):
    """The health route of the table answers without a key and without a body."""
    health = requests.get(providers.endpoint("vllm", providers.EndpointOptions(backend.url)).health_url, timeout=10)
    assert (health.status_code, health.content) == (200, b"")
    models = f"{backend.url}/v1/models"
    assert requests.get(models, timeout=10).status_code == 401
    listed = requests.get(models, headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
    assert [model["id"] for model in listed.json()["data"]] == [MODEL]


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize("key", [None, "not-the-key"])
def test_a_wrong_key(module, name, desired, serve, backend, key):
    module("ml_connector", **desired(api_key=key, update_credential="on_create"))
    serve()
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("backend_unauthorized", 401)
    assert "not-the-key" not in str(failure)
    assert backend.seen == []


@pytest.mark.full_on("2.19.1-tls")
def test_the_key_is_changed_while_the_model_answers(cluster, module, name, desired, serve, backend):
    module("ml_connector", **desired(api_key="not-the-key"))
    model_id = serve()
    assert cluster.predict(model_id).status_code == 401
    module("ml_connector", **desired(api_key=KEY))
    assert cluster.answer(model_id) == CONTENT
    assert module("ml_connector", **desired(api_key=KEY))["changed"] is False
    assert module.recorder.writes == []


@pytest.mark.full_on("2.19.1-tls")
def test_unknown_model(module, name, desired, serve):
    module("ml_connector", **desired(model="no-such-model"))
    serve()
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("backend_model_missing", 404)
    assert "no-such-model" in failure["message"]


@pytest.mark.full_on("2.19.1-tls")
def test_an_empty_list_of_tools_is_refused(module, name, desired, serve, backend):
    module("ml_connector", **desired(extra_body={"tools": []}, probe={}))
    serve()
    failure = module.fails("ml_predict", model=name, messages=PING, wait_timeout=0)
    assert (failure["code"], failure["status"]) == ("backend_rejected", 400)
    assert "must not be an empty array" in failure["message"]
    assert backend.seen == []
