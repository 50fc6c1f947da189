# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the role rag chooses between the plugin neural-search and the processors of ML Commons.

The clusters are fakes, as all servers of the stack have the plugin.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.pipelines import KNOWN, WITH_NEURAL_SEARCH

#: The nodes of a cluster on which the plugin is being installed.
MIXED = [WITH_NEURAL_SEARCH, KNOWN]
RERANK = {"rag_rerank_model": "reranker", "rag_rerank_provider": "llama_cpp"}

Play = Callable[..., tuple[str, int]]


@pytest.fixture
def double() -> FakeCluster:
    double = FakeCluster(trusted=())
    double.pipelines.nodes = [WITH_NEURAL_SEARCH, WITH_NEURAL_SEARCH]
    return double


@pytest.fixture
def play(double: FakeCluster, tmp_path: Path) -> Iterator[Play]:
    """Runs the playbook on the fake; returns its output on one line, and the number of changes."""
    with serving(double) as url:

        def run(*arguments: str, **more: Any) -> tuple[str, int]:
            given = {
                "opensearch_connection": {"hosts": [url]},
                "rag_base_url": "http://llm.test",
                "rag_model": "tiny",
                "rag_embedding_model": "tiny",
                "rag_dimension": 96,
                "rag_documents": [{"id": "hours", "text": "Open from nine to five."}],
                **more,
            }
            text, changes = run_playbook(tmp_path, "rag", *arguments, **given)
            return re.sub(r"\s+", " ", text), sum(changes)

        yield run


def types(double: FakeCluster) -> list[str]:
    """The processors of the role's pipelines."""
    search, ingest = (double.pipelines.bodies[kind]["rag"] for kind in ("search", "ingest"))
    fields = ("request_processors", "phase_results_processors", "response_processors")
    lists = [ingest["processors"], *(search.get(field, []) for field in fields)]
    return [type_ for processors in lists for processor in processors for type_ in processor]


PLUGIN = ["text_embedding", "neural_query_enricher", "normalization-processor", "retrieval_augmented_generation"]
ML_COMMONS = ["ml_inference", "retrieval_augmented_generation"]


def test_the_plugin_on_all_nodes(double: FakeCluster, play: Play) -> None:
    _text, planned = play("--check")
    assert double.writes == []
    text, changed = play()
    assert changed == planned
    assert "The query hybrid finds the documents" in text
    assert "because all nodes have the plugin" in text
    assert types(double) == PLUGIN
    index, documents = double.indices.observed["rag"], double.indices.documents["rag"]
    sent = len(double.writes)
    assert play("--check")[1] == play()[1] == 0
    assert len(double.writes) == sent

    # The other way has the same index and the same embeddings.
    double.pipelines.nodes = MIXED
    text, changed = play()
    assert (changed, types(double)) == (2, ML_COMMONS)
    assert "The query knn finds the documents" in text
    assert "because not all nodes have the plugin" in text
    assert (double.indices.observed["rag"], double.indices.documents["rag"]) == (index, documents)


@pytest.mark.full
def test_a_user_who_may_not_read_the_nodes(double: FakeCluster, play: Play) -> None:
    double.pipelines.nodes = None
    text, _changed = play()
    assert "lack of the permission cluster:monitor/nodes/info" in text
    assert types(double) == ML_COMMONS
    # The user may know better.
    text, changed = play(rag_search="neural")
    assert "because rag_search is 'neural'" in text
    assert (changed, types(double)) == (2, PLUGIN)


def test_a_rerank_model(double: FakeCluster, play: Play) -> None:
    given = {**RERANK, "rag_rerank_base_url": "http://rerank.test"}
    _text, planned = play("--check", **given)
    assert double.writes == []
    assert play(**given)[1] == planned
    assert types(double) == [*PLUGIN[:3], "rerank", PLUGIN[3]]
    names = ["RAG", "RAG embeddings", "RAG rerank"]
    assert sorted(model["name"] for model in double.models.values()) == names
    sent = len(double.writes)
    assert play(**given)[1] == 0
    assert len(double.writes) == sent

    # It needs only the names, not what was given for the rerank model.
    text, planned = play("--check", rag_state="absent")
    assert "Would remove: model RAG rerank" in text
    assert play(rag_state="absent")[1] == planned
    assert (double.connectors, double.models, double.groups) == ({}, {}, {})
    assert (double.pipelines.bodies, double.indices.observed) == ({"search": {}, "ingest": {}}, {})
    assert double.persistent == {}


@pytest.mark.parametrize(
    ("embedding", "rerank", "keys"),
    [
        ({}, {}, ["sk-chat-0815"] * 3),
        ({"rag_embedding_base_url": "http://llm.test:8081/v1"}, {}, ["sk-chat-0815"] * 3),
        (
            {"rag_embedding_base_url": "http://other.test"},
            {"rag_rerank_base_url": "http://llm.test"},
            ["sk-chat-0815", None, None],
        ),
        (
            {"rag_embedding_base_url": "http://other.test", "rag_embedding_api_key": "sk-other-0816"},
            {},
            ["sk-chat-0815", "sk-other-0816", "sk-other-0816"],
        ),
    ],
)
def test_a_key_goes_only_to_the_server_that_it_was_given_for(
    double: FakeCluster, play: Play, embedding: dict[str, str], rerank: dict[str, str], keys: list[str | None]
) -> None:
    play(rag_api_key="sk-chat-0815", rag_provider="llama_cpp", **{**RERANK, **embedding, **rerank})
    stored = {body["name"]: double.credentials[connector_id] for connector_id, body in double.connectors.items()}
    names = ["RAG", "RAG embeddings", "RAG rerank"]
    assert [stored[name].get("api_key") for name in names] == keys


def test_any_certificate_is_accepted_on_demand(double: FakeCluster, play: Play) -> None:
    play(**RERANK, rag_skip_ssl_verification=True)
    assert [body["client_config"]["skip_ssl_verification"] for body in double.connectors.values()] == [True] * 3


def test_extra_variables_of_the_included_role_are_refused(double: FakeCluster, tmp_path: Path) -> None:
    with serving(double) as url:
        given = {
            "opensearch_connection": {"hosts": [url]},
            "ollama_chat_base_url": "http://llm.test",
            "ollama_chat_model": "tiny",
            "openai_chat_name": "Other",
        }
        text, _changes = run_playbook(tmp_path, "ollama_chat", fails=True, **given)
    assert "The extra variable 'openai_chat_name' is an input of the role openai_chat" in re.sub(r"\s+", " ", text)
    assert double.exchanges == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rag_search": "hybrid"}, "'rag_search: hybrid' needs the plugin neural-search, which not all nodes have."),
        (RERANK, "rag_rerank_model needs the plugin neural-search, which not all nodes have."),
    ],
)
def test_what_needs_the_plugin_fails_before_a_write(
    double: FakeCluster, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    double.pipelines.nodes = MIXED
    assert message in fails(double, tmp_path, given)
    assert double.writes == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rag_search": "words"}, "value of rag_search must be one of: auto, hybrid, neural, knn, got: words"),
        ({**RERANK, "rag_search": "knn"}, "which 'rag_search: knn' does not use"),
        ({**RERANK, "rag_candidates": 2}, "rag_candidates must be at least rag_k, which is 3."),
        pytest.param({"rag_rerank_model": "x", "rag_provider": "ollama"}, "Ollama does not support rerank", marks=pytest.mark.full),
    ],
)  # fmt: skip
def test_bad_input_fails_before_anything_is_sent(
    double: FakeCluster, tmp_path: Path, given: dict[str, Any], message: str
) -> None:
    assert message in fails(double, tmp_path, given)
    assert double.exchanges == []


def fails(double: FakeCluster, folder: Path, given: dict[str, Any]) -> str:
    with serving(double) as url:
        models = {"rag_model": "tiny", "rag_embedding_model": "tiny", "rag_base_url": "http://llm.test"}
        variables = {"opensearch_connection": {"hosts": [url]}, **models, **given}
        text, _changes = run_playbook(folder, "rag", fails=True, **variables)
    return re.sub(r"\s+", " ", text)
