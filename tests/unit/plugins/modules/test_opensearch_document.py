# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_document: the requests, what counts as a difference, and input that is refused."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, post, put

Runner = Callable[..., dict[str, Any]]
MakeScript = Callable[..., Script]
NAME = "opensearch_document"
MGET, BULK = "/rag/_mget", "/rag/_bulk?refresh=true"
DOCS = [{"id": "1", "source": {"text": "a", "n": 1}}, {"id": "2", "source": {"text": "b"}}]
NO_INDEX = error(404, "index_not_found_exception", "no such index [rag]")["error"]


def mget(**sources: Any) -> dict[str, Any]:
    found = {name.strip("_"): source for name, source in sources.items()}
    return {"docs": [{"_id": each, "found": each in found, "_source": found.get(each)} for each in ("1", "2")]}


def test_store_and_delete(module: Runner, cluster: FakeCluster) -> None:
    cluster.indices.add("rag")
    args = {"index": "rag", "documents": DOCS}
    planned = module(NAME, cluster, check_mode=True, **args)
    assert cluster.indices.documents["rag"] == {}
    stored = module(NAME, cluster, **args)
    assert stored["actions"] == planned["actions"]
    assert stored["actions"] == [{"action": "index", "kind": "document", "name": "rag", "ids": ["1", "2"]}]
    assert stored["diff"] == planned["diff"] == {"before": {}, "after": {doc["id"]: doc["source"] for doc in DOCS}}
    assert cluster.indices.documents["rag"] == stored["diff"]["after"]
    for check_mode in (False, True):
        again = module(NAME, cluster, check_mode=check_mode, **args)
        assert (again["changed"], again["documents"], again["diff"]) == (False, [], {"before": {}, "after": {}})
    absent = {**args, "state": "absent"}
    assert module(NAME, cluster, check_mode=True, **absent)["changed"]
    assert module(NAME, cluster, **absent)["documents"] == ["1", "2"]
    assert cluster.indices.documents["rag"] == {}
    assert not module(NAME, cluster, **absent)["changed"]


def test_unchanged_documents_cost_one_request(module: Runner, script: MakeScript) -> None:
    steps = script(
        post(MGET, {"ids": ["1", "2"]}).answers(200, mget(_1={**DOCS[0]["source"], "v": [1]}, _2={"text": "b"}))
    )
    assert not module(NAME, steps, index="rag", documents=DOCS)["changed"]


@pytest.mark.parametrize(
    "stored", [{"text": "b", "n": 1}, {"text": "a", "n": "1"}, {"text": "a", "n": True}, {"text": "a"}]
)
def test_only_changed_documents_are_sent(module: Runner, script: MakeScript, stored: dict[str, Any]) -> None:
    steps = script(
        post(MGET).answers(200, mget(_1=stored, _2={"text": "b"})),
        put(BULK, [{"index": {"_id": "1"}}, DOCS[0]["source"]]).answers(200, {"items": [{"index": {"_id": "1"}}]}),
        post(MGET, {"ids": ["1"]}).answers(200, mget(_1=DOCS[0]["source"])),
    )
    result = module(NAME, steps, index="rag", documents=DOCS)
    assert result["diff"] == {"before": {"1": stored}, "after": {"1": DOCS[0]["source"]}}


def test_many_are_sent_in_batches(module: Runner, cluster: FakeCluster) -> None:
    cluster.indices.add("rag")
    documents = [{"id": str(number), "source": {"n": number}} for number in range(201)]
    result = module(NAME, cluster, index="rag", documents=documents)
    assert [len(action["ids"]) for action in result["actions"]] == [100, 100, 1]
    assert len(cluster.indices.documents["rag"]) == 201


def test_refused_documents(module: Runner, script: MakeScript) -> None:
    bad = {"index": {"_id": "2", "status": 400, "error": {"type": "x", "reason": "Vector dimension mismatch"}}}
    for items, done in (
        ([{"index": {"_id": "1", "status": 201}}, bad], 1),
        ([bad, {"index": {**bad["index"], "_id": "1"}}], 0),
    ):
        steps = script(post(MGET).answers(200, mget()), put(BULK).answers(200, {"errors": True, "items": items}))
        result = module(NAME, steps, index="rag", documents=DOCS)
        assert result["failure"]["code"] == "document_refused"
        assert result["failure"]["details"]["documents"]["2"] == "Vector dimension mismatch"
        assert (len(result["actions"]), result["changed"]) == (done, bool(done))


def test_a_missing_permission(module: Runner, script: MakeScript) -> None:
    denied = "no permissions for [indices:data/write/bulk[s], indices:data/write/index] and User [name=a]"
    items = [{"index": {"_id": each, "error": {"type": "security_exception", "reason": denied}}} for each in "12"]
    steps = script(post(MGET).answers(200, mget()), put(BULK).answers(200, {"errors": True, "items": items}))
    failure = module(NAME, steps, index="rag", documents=DOCS)["failure"]
    assert (failure["code"], failure["details"]["permission"]) == ("forbidden", "indices:data/write/bulk[s]")
    assert "indices:data/write/bulk[s]" in failure["remedy"]


def test_a_missing_index(module: Runner, script: MakeScript) -> None:
    answer = {"docs": [{"_id": "1", "error": NO_INDEX}, {"_id": "2", "error": NO_INDEX}]}
    args = {"index": "rag", "documents": DOCS}
    assert module(NAME, script(post(MGET).answers(200, answer)), **args)["failure"]["code"] == "unknown_index"
    planned = module(NAME, script(post(MGET).answers(200, answer)), **args, check_mode=True)
    assert planned["changed"]
    assert "no index 'rag' yet" in str(planned["warnings"])
    assert not module(NAME, script(post(MGET).answers(200, answer)), **args, state="absent")["changed"]


def test_a_document_that_cannot_be_read(module: Runner, script: MakeScript) -> None:
    denied = "no permissions for [indices:data/read/mget[shard]] and User [name=a]"
    for kind, reason, code in (("x", "no shard", "api_error"), ("security_exception", denied, "forbidden")):
        steps = script(post(MGET).answers(200, {"docs": [{"_id": "1", "error": {"type": kind, "reason": reason}}]}))
        assert module(NAME, steps, index="rag", documents=DOCS)["failure"]["code"] == code


def test_a_pipeline_that_changes_the_given_fields(module: Runner, script: MakeScript) -> None:
    steps = script(
        post(MGET).answers(200, mget(_2={"text": "b"})),
        put(BULK).answers(200, {"items": []}),
        post(MGET).answers(200, mget(_1={"text": "A", "n": 1})),
    )
    assert module(NAME, steps, index="rag", documents=DOCS)["failure"]["code"] == "not_converged"


@pytest.mark.parametrize(
    "args",
    [
        {"documents": [{"id": "1"}]},
        {"documents": [{"id": "", "source": {}}]},
        {"documents": [DOCS[0], DOCS[0]]},
        {"index": "rag*"},
    ],
)
def test_bad_input(module: Runner, cluster: FakeCluster, args: dict[str, Any]) -> None:
    result = module(NAME, cluster, **{"index": "rag", "documents": DOCS, **args})
    assert result["failure"]["code"] == "invalid_input"
    assert cluster.exchanges == []


def test_no_documents(module: Runner, cluster: FakeCluster) -> None:
    assert not module(NAME, cluster, index="rag", documents=[])["changed"]
    assert cluster.exchanges == []
