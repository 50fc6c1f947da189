# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The capability rerank: on the real servers, and on a double whose scores have all forms of a JSON number."""

from __future__ import annotations

import json
import re
from typing import Any, Iterator

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints.providers import CAPABILITIES
from ansible_collections.searchops.opensearch_ml.tests.integration._double import Double, double
from ansible_collections.searchops.opensearch_ml.tests.integration._rerankers import RERANKERS
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, PRIVATE_IP, TRUST, TRUSTED

BUILT_IN = "connector.post_process.cohere.rerank"

#: Document -> its score, as a server prints it: up to 24 characters, and of each form of a JSON number.
SCORES = {
    "one": "1.0",
    "short": "0.6805477738380432",
    "long": "0.21793821454048157",
    "negative": "-10.234567890123456789012",
    "tiny": "1.1125369292536007e-308",
    "whole": "3",
}

QUERY = 'Why is the "sky" blue?'
DOCUMENTS = [
    "Open from nine to five.",
    "Air scatters blue light most.\nThat is why the sky is blue.",
    'The office says: "Closed."',
    "The key to the cellar hangs behind the door.",
]


@pytest.mark.full_on("2.19.1-tls", but=["llama.cpp"])
@pytest.mark.parametrize("server", RERANKERS)
def test_a_real_server_scores_documents(cluster, converges, module, name, server):
    """What the cluster returns is what the server answers, each score at the place of its document."""
    reranker = RERANKERS[server]
    printed = reranker.scores(QUERY, DOCUMENTS)
    # The function of the server fails for more than 18 characters.
    assert max(map(len, printed.values())) > 18
    scores = [float(printed[number]) for number in range(len(DOCUMENTS))]
    assert len(set(scores)) == len(DOCUMENTS)
    if server == "llama.cpp":
        # Its model compares words. The embeddings of that of vLLM have no meaning.
        assert scores.index(max(scores)) == 1

    given = {"provider": reranker.provider, "base_url": reranker.base_url, "model": reranker.model}
    converges("ml_connector", ["create"], name=name, capability="rerank", **given)
    deployed = {"name": name, "connector": name, "state": "deployed"}
    model_id = module("ml_model", **deployed)["model_id"]
    assert module("ml_model", **deployed)["changed"] is False
    assert module.recorder.writes == []

    expected = [[pytest.approx(score, abs=1e-5)] for score in scores]
    asked = {"parameters": {"query": QUERY, "documents": DOCUMENTS}}
    assert [each["data"] for each in _tensors(cluster, f"{ML}/models/{model_id}/_predict", asked)] == expected
    # As the processor rerank of a search pipeline asks.
    asked = {"query_text": QUERY, "text_docs": DOCUMENTS}
    assert [each["data"] for each in _tensors(cluster, f"{ML}/_predict/text_similarity/{model_id}", asked)] == expected
    assert [each["data"] for each in module("ml_predict", model=name, **asked)["result"]["output"]] == expected

    module("ml_model", name=name, state="absent", delete_empty_group=True)
    converges("ml_connector", ["delete"], name=name, state="absent")


def _rerank(body: dict[str, Any]) -> tuple[int, str]:
    """Cohere's format, the best first. A document that has no score of its own gets a long one."""
    documents = body["documents"]
    scores = {number: SCORES.get(text, "0.12345678901234567") for number, text in enumerate(documents)}
    if documents[0] == body["query"]:
        scores[0] = "1.0"
    best = sorted(scores, key=lambda number: -float(scores[number]))
    results = ", ".join(f'{{"index": {number}, "relevance_score": {scores[number]}}}' for number in best)
    return 200, f'{{"id": "rerank-1", "model": "{body["model"]}", "results": [{results}]}}'


@pytest.fixture
def backend(cluster, settings_restored) -> Iterator[Double]:
    with double({"/v1/rerank": _rerank}) as server:
        cluster.put_settings({TRUSTED: [*TRUST, f"^{re.escape(server.url)}/.*$"], PRIVATE_IP: True})
        yield server


@pytest.fixture
def desired(backend, name):
    """Options of ml_connector for the double."""

    def state(**more: Any) -> dict[str, Any]:
        given = {"provider": "llama_cpp", "base_url": backend.url, "model": "reranker", "capability": "rerank"}
        return {"name": name, **given, **more}

    return state


def _built_in(backend: Double, name: str) -> dict[str, Any]:
    """Options of ml_connector for a connector with the function of the server."""
    action = {
        "url": f"{backend.url}/v1/rerank",
        "headers": {"Content-Type": "application/json"},
        "request_body": (
            '{"model": "${parameters.model}", "query": "${parameters.query}", "documents": ${parameters.documents}}'
        ),
        "pre_process_function": "connector.pre_process.cohere.rerank",
        "post_process_function": BUILT_IN,
    }
    return {"name": name, "parameters": {"model": "reranker"}, "actions": [action]}


def _tensors(cluster: Any, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = cluster.send("POST", path, body)
    assert answer.status_code == 200, answer.text
    tensors: list[dict[str, Any]] = answer.json()["inference_results"][0]["output"]
    return tensors


def test_scores_of_any_length(cluster, converges, module, name, desired):
    converges("ml_connector", ["create"], **desired())
    deployed = {"name": name, "connector": name, "state": "deployed"}
    model_id = module("ml_model", **deployed)["model_id"]
    assert module("ml_model", **deployed)["changed"] is False
    assert module.recorder.writes == []

    documents = list(SCORES)
    given = {"parameters": {"query": "which?", "documents": documents}}
    tensors = _tensors(cluster, f"{ML}/models/{model_id}/_predict", given)
    assert [tensor["data"] for tensor in tensors] == [pytest.approx([float(SCORES[text])]) for text in documents]
    assert all((tensor["name"], tensor["shape"]) == ("similarity", [1]) for tensor in tensors)

    # As the processor rerank of a search pipeline asks.
    as_processor = {"query_text": 'which "one"?', "text_docs": ["whole", "long"]}
    tensors = _tensors(cluster, f"{ML}/_predict/text_similarity/{model_id}", as_processor)
    assert [tensor["data"] for tensor in tensors] == [[3.0], pytest.approx([0.21793821454048157])]

    answer = module("ml_predict", model=name, parameters={"query": "which?", "documents": documents})
    assert [each["name"] for each in answer["result"]["output"]] == ["similarity"] * len(SCORES)
    assert answer["status"] == 200


@pytest.mark.full_on("2.19.1-tls")
def test_a_connector_with_the_built_in_function_is_replaced_while_it_serves(cluster, module, name, desired, backend):
    module("ml_connector", **_built_in(backend, name))
    model_id = module("ml_model", name=name, connector=name, state="deployed")["model_id"]
    path = f"{ML}/models/{model_id}/_predict"
    given = {"parameters": {"query": "which?", "documents": ["one", "long"]}}
    refused = cluster.send("POST", path, given)
    assert "BigDecimal" in refused.text, "The server's function takes long scores; use it again."

    assert module("ml_connector", **desired())["actions"][0]["action"] == "swap"
    assert [tensor["data"] for tensor in _tensors(cluster, path, given)] == [
        [1.0],
        pytest.approx([0.21793821454048157]),
    ]
    assert module("ml_connector", **desired())["changed"] is False
    assert module.recorder.writes == []


@pytest.mark.full_on("2.19.1-tls")
def test_the_probe_shows_a_function_that_fails(cluster, module, name, desired, backend):
    """A single document that is the query would get 1.0, with which every function works."""
    first = module("ml_connector", **desired())["connector_id"]
    module("ml_model", name=name, connector=name, state="deployed")
    given = _built_in(backend, name)
    del given["parameters"]
    failure = module.fails(
        "ml_connector", **desired(actions=given["actions"], probe=dict(CAPABILITIES["rerank"].probe))
    )
    assert "BigDecimal" in json.dumps(failure)
    assert cluster.one("connectors", name).id == first
