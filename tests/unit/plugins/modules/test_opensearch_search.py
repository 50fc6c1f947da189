# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_search: the request and the parsed answer."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, post

Runner = Callable[..., dict[str, Any]]
MakeScript = Callable[..., Script]
NAME = "opensearch_search"
HIT = {"_id": "1", "_score": 0.5, "_source": {"text": "a"}}
FOUND = {"hits": {"total": {"value": 1}, "hits": [HIT]}}
ANSWERED = {**FOUND, "ext": {"retrieval_augmented_generation": {"answer": "From nine to five."}}}


def test_hits(module: Runner, script: MakeScript) -> None:
    steps = script(post("/rag/_search", {"size": 1}).answers(200, FOUND))
    result = module(NAME, steps, index="rag", definition={"size": 1})
    assert (result["changed"], result["actions"], result["total"], result["answer"]) == (False, [], 1, None)
    assert result["hits"] == [{"id": "1", "score": 0.5, "source": {"text": "a"}}]


def test_the_answer_of_a_search_pipeline(module: Runner, script: MakeScript) -> None:
    steps = script(post("/rag/_search", {"size": 1, "search_pipeline": "an answer"}).answers(200, ANSWERED))
    result = module(
        NAME, steps, index="rag", pipeline="an answer", definition={"size": 1}, expect_pattern="nine", search_timeout=7
    )
    assert result["answer"] == "From nine to five."
    assert steps.sent[0][4] == 7


def test_check_mode_sends_no_search(module: Runner, cluster: FakeCluster) -> None:
    result = module(NAME, cluster, index="rag", check_mode=True)
    assert (result["hits"], result["answer"], result["changed"]) == ([], "(not asked in check mode)", False)
    assert cluster.exchanges == []


@pytest.mark.parametrize(
    ("answer", "code"), [(FOUND, "empty_content"), (ANSWERED, "pattern_mismatch"), ({"hits": {}}, "not_opensearch")]
)
def test_an_unexpected_answer(module: Runner, script: MakeScript, answer: dict[str, Any], code: str) -> None:
    steps = script(post("/rag/_search").answers(200, answer))
    assert module(NAME, steps, index="rag", expect_pattern="six")["failure"]["code"] == code


def test_a_missing_index(module: Runner, script: MakeScript) -> None:
    steps = script(post("/rag/_search").answers(404, error(404, "index_not_found_exception", "no such index [rag]")))
    assert module(NAME, steps, index="rag")["failure"]["code"] == "unknown_index"


@pytest.mark.parametrize(
    ("args", "code"), [({"index": "a*"}, "invalid_input"), ({"expect_pattern": "("}, "invalid_pattern")]
)
def test_bad_input(module: Runner, cluster: FakeCluster, args: dict[str, Any], code: str) -> None:
    assert module(NAME, cluster, **{"index": "rag", **args})["failure"]["code"] == code
    assert cluster.exchanges == []
