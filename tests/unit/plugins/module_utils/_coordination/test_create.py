# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating exactly one object although answers get lost and controllers without the lease create it too."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any, Callable, cast

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.create import (
    CREATE_TRIES,
    LOOKS_FOR_LOST,
    Creation,
    create_once,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    AnswerLost,
    ApiError,
    ConcurrentChange,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.client import Client
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import Doc
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.reader import Reader
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, post

BODY = {
    "name": "Local chat",
    "version": "1",
    "protocol": "http",
    "credential": {"a": "b"},
    "actions": [{"action_type": "predict", "method": "POST", "url": "http://llm.test/"}],
}

#: The number of the exchange of :func:`create` that is the create: the server's version is read before.
AT_CREATE = 1


class Noting(Reader):
    """Records which objects the run has created."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.created: list[Doc] = []

    def note_created(self, kind: Any, doc: Doc) -> None:
        assert kind is Connector
        self.created.append(doc)


def noted(run: Run) -> list[Doc]:
    assert isinstance(run.reader, Noting)
    return run.reader.created


def run_on(transport: Any, *, leased: bool = True) -> Run:
    run = make_run(transport)
    run.reader = Noting(run.client)
    run.lease = cast(Any, SimpleNamespace(held=True, excludes_others=leased))
    return run


def create(run: Run) -> Doc:
    doc = create_once(
        run, Creation(Connector, BODY, f"{ML}/connectors/_create", delete_own=partial(Connector.delete, run))
    )
    assert noted(run) == [doc]
    return doc


def sent(cluster: FakeCluster, method: str, ending: str = "") -> int:
    return sum(each.method == method and each.path.endswith(ending) for each in cluster.exchanges)


def at_nth(number: int, act: Callable[[], Any]) -> Callable[[], None]:
    """A hook that acts at its call with this number, from 1 on."""
    calls: list[None] = []

    def hook() -> None:
        calls.append(None)
        if len(calls) == number:
            act()

    return hook


class TestAlone:
    def test_one_create_and_one_search(self, cluster: FakeCluster) -> None:
        doc = create(run_on(cluster))
        assert list(cluster.connectors) == [doc.id]
        assert [str(each) for each in cluster.exchanges] == [
            "GET / 200",
            f"POST {ML}/connectors/_create 200",
            f"POST {ML}/connectors/_search 200",
            f"GET {ML}/connectors/{doc.id} 200",
        ]

    def test_a_stack_searches_for_all_objects_later(self, cluster: FakeCluster) -> None:
        run = run_on(cluster)
        run.in_bulk = True
        doc = create(run)
        assert doc.source == {name: value for name, value in BODY.items() if name != "credential"}
        assert len(cluster.exchanges) == 2

    def test_an_object_that_no_search_finds_yet(self, script: Callable[..., Any]) -> None:
        run = run_on(
            script(
                get("/").answers(200, {"version": {"number": "3.6.0"}}),
                post(f"{ML}/connectors/_create", BODY).answers(200, {"connector_id": "own"}),
                post(f"{ML}/connectors/_search").answers(200, hits()),
                get(f"{ML}/connectors/own").answers(200, {"name": "Local chat"}),
            )
        )
        assert create(run).id == "own"

    def test_a_refusal(self, cluster: FakeCluster) -> None:
        cluster.persistent.clear()
        with pytest.raises(ApiError) as caught:
            create(run_on(cluster))
        assert caught.value.code == "untrusted_endpoint"
        assert sent(cluster, "POST", "/_create") == 1

    def test_an_object_that_is_deleted_at_once(self, cluster: FakeCluster) -> None:
        cluster.before("POST", "/_search", cluster.connectors.clear)
        with pytest.raises(ConcurrentChange, match="Connector 'Local chat' was deleted right after its creation"):
            create(run_on(cluster))

    def test_an_answer_without_an_id_deletes_nothing(
        self, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = run_on(cluster)
        send = run.client.create
        monkeypatch.setattr(run.client, "create", lambda *args: send(*args)._replace(body={"connector_id": ""}))
        with pytest.raises(ConcurrentChange):
            create(run)
        assert (len(cluster.connectors), sent(cluster, "DELETE")) == (1, 0)


class TestLostAnswer:
    @pytest.mark.parametrize("in_bulk", [False, True])
    @pytest.mark.parametrize(
        ("fault", "creates"),
        [("lost_after", 1), ("gateway_after", 1), ("gateway_timeout", 1), ("lost_before", 2), ("unavailable", 2)],
    )
    def test_the_create_is_repeated_only_if_it_was_not_done(
        self, cluster: FakeCluster, fault: str, creates: int, in_bulk: bool
    ) -> None:
        cluster.inject(fault, AT_CREATE)
        run = run_on(cluster)
        run.in_bulk = in_bulk
        doc = create(run)
        assert list(cluster.connectors) == [doc.id]
        assert sent(cluster, "POST", "/_create") == creates

    @pytest.mark.parametrize("look", range(1, len(LOOKS_FOR_LOST) + 1))
    def test_the_server_is_still_creating_it(self, cluster: FakeCluster, look: int) -> None:
        cluster.inject("lost_before", AT_CREATE)
        cluster.before("POST", "/_search", at_nth(look, cluster.add_connector), times=9)
        doc = create(run_on(cluster))
        assert list(cluster.connectors) == [doc.id]
        assert sent(cluster, "POST", "/_create") == 1

    def test_no_answer_at_all(self, cluster: FakeCluster) -> None:
        cluster.before("POST", "/_create", lambda: cluster.inject("lost_before"), times=99)
        with pytest.raises(AnswerLost):
            create(run_on(cluster))
        assert (cluster.connectors, sent(cluster, "POST", "/_create")) == ({}, CREATE_TRIES)

    @pytest.mark.parametrize(
        ("ending", "call", "leased", "own_counts", "remaining"),
        [
            # The first create is done just before the second one, ...
            ("/_create", 2, True, False, 1),
            ("/_create", 2, False, False, 1),
            # ... or just after it. Without the lease it may be the object of another controller.
            ("/_search", len(LOOKS_FOR_LOST) + 1, True, True, 1),
            ("/_search", len(LOOKS_FOR_LOST) + 1, False, True, 2),
        ],
    )
    def test_both_creates_are_done(
        self, cluster: FakeCluster, ending: str, call: int, leased: bool, own_counts: bool, remaining: int
    ) -> None:
        late: list[str] = []
        cluster.inject("lost_before", AT_CREATE)
        cluster.before("POST", ending, at_nth(call, lambda: late.append(cluster.add_connector())), times=9)
        doc = create(run_on(cluster, leased=leased))
        assert doc.id in cluster.connectors
        assert (doc.id not in late, len(cluster.connectors)) == (own_counts, remaining)


class TestOtherController:
    """It does not take the lease, and creates an object of the same name at the same moment."""

    @pytest.mark.parametrize("leased", [True, False])
    @pytest.mark.parametrize(
        ("ending", "used", "own_counts"),
        [("/_create", False, False), ("/_search", True, False), ("/_search", False, True)],
        ids=["theirs is older", "theirs is used", "ours is older"],
    )
    def test_one_of_two_counts(
        self, cluster: FakeCluster, ending: str, used: bool, own_counts: bool, leased: bool
    ) -> None:
        theirs: list[str] = []

        def create_theirs() -> None:
            theirs.append(cluster.add_connector())
            if used:
                cluster.add_model("Chat", theirs[0])

        cluster.before("POST", f"/connectors{ending}", create_theirs)
        run = run_on(cluster, leased=leased)
        if own_counts:
            own = create(run).id
            assert list(cluster.connectors) == [own, *theirs]
            assert f"{own} counts; the module ml_dedupe deletes {theirs[0]}" in run.warnings[0]
            return
        with pytest.raises(ConcurrentChange, match=r"Another controller has created connector 'Local chat' \(K"):
            create(run)
        assert list(cluster.connectors) == theirs
        assert noted(run) == []

    def test_ours_cannot_be_deleted(self, cluster: FakeCluster) -> None:
        """It remains, and the module ml_dedupe deletes it."""
        cluster.before("POST", "/_create", cluster.add_connector)
        cluster.before("DELETE", "", lambda: cluster.add_model("Chat", list(cluster.connectors)[1]))
        with pytest.raises(ConcurrentChange):
            create(run_on(cluster))
        assert len(cluster.connectors) == 2

    def test_an_object_that_does_not_match_is_another_one(self, cluster: FakeCluster) -> None:
        other = cluster.add_connector()
        run = run_on(cluster)
        delete = partial(Connector.delete, run)
        creation = Creation(Connector, BODY, f"{ML}/connectors/_create", delete, matches=lambda doc: doc.id != other)
        assert [other, create_once(run, creation).id] == list(cluster.connectors)
        assert run.warnings == []
