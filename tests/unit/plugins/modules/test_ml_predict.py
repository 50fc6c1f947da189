# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_predict from its arguments to its result. Details are in module_utils/_operations/test_predict.py."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import QUESTION

Runner = Callable[..., dict[str, Any]]


@pytest.fixture
def served(cluster: FakeCluster) -> FakeCluster:
    cluster.add_model("Chat", cluster.add_connector())
    return cluster


def test_an_answer(module: Runner, served: FakeCluster) -> None:
    result = module("ml_predict", served, model="Chat", **QUESTION, expect_pattern="[Ss]catter")
    assert result["content"] == "Light is scattered."
    assert (result["changed"], result["actions"], result["status"]) == (False, [], 200)


def test_check_mode_sends_no_prediction(module: Runner, served: FakeCluster) -> None:
    result = module("ml_predict", served, check_mode=True, model="Chat", **QUESTION)
    assert (result["content"], result["request"]) == ("(not asked in check mode)", {"parameters": QUESTION})
    assert served.predictions == []


def test_a_failure(module: Runner, served: FakeCluster) -> None:
    def backend(*sent: Any) -> Any:
        raise Refused(404, "Error from remote service: model 'tiny' not found, try pulling it first")

    served.backend = backend
    result = module("ml_predict", served, model="Chat", **QUESTION)
    assert result["failed"]
    assert result["failure"]["code"] == "backend_model_missing"
    assert result["changed"] is False


TEXTS = ["Open from nine to five.", "Air scatters blue light."]


@pytest.mark.parametrize(
    ("given", "algorithm"),
    [
        ({"text_docs": TEXTS}, "text_embedding"),
        ({"text_docs": TEXTS, "parameters": {"sparse_embedding_format": "TOKEN_ID"}}, "text_embedding"),
        ({"text_docs": TEXTS, "query_text": "When?"}, "text_similarity"),
    ],
)
def test_texts_are_given_as_pipelines_give_them(
    module: Runner, cluster: FakeCluster, given: dict[str, Any], algorithm: str
) -> None:
    vectors = [{"name": "x", "data_type": "FLOAT32", "shape": [2], "data": [0.5, number]} for number in (0, 1)]
    cluster.add_model("Texts", cluster.add_connector())
    cluster.answer_texts = lambda name, body: vectors if (name, body) == (algorithm, given) else []
    result = module("ml_predict", cluster, model="Texts", **given)
    assert result["request"] == given
    assert result["result"] == {"output": vectors}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "messages, parameters or text_docs: one of them is required"),
        ({"text_docs": []}, "messages, parameters or text_docs: one of them is required"),
        ({"text_docs": TEXTS, **QUESTION}, "text_docs: not with 'messages', which the server would not read"),
        ({"text_docs": TEXTS, "parameters": {"input": "x"}}, "text_docs: not with parameters.input"),
        (
            {"text_docs": TEXTS, "query_text": "When?", "parameters": {"content_type": "query"}},
            "text_docs: not with parameters.content_type",
        ),
        ({"query_text": "When?"}, "query_text: needs 'text_docs'"),
        ({"query_text": "When?", **QUESTION}, "query_text: needs 'text_docs'"),
    ],
)
def test_a_question_that_the_server_would_not_read(
    module: Runner, cluster: FakeCluster, given: dict[str, Any], words: str
) -> None:
    result = module("ml_predict", cluster, model="Texts", **given)
    assert result["failure"]["code"] == "invalid_input"
    assert words in result["failure"]["message"]
    assert cluster.exchanges == []
