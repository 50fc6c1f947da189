# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding the object that a name means, and creating exactly one object of a name."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.create import (
    CREATE_TRIES,
    Creation,
    create_once,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.duplicates import (
    DELETE_RETRY,
    RACE_EXPIRY,
    RACE_WINDOW,
    UNIQUE_TIMEOUT,
    find,
    need,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    AnswerLost,
    ApiError,
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import paging
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import Doc
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import post

BODY = {
    "name": "Local chat",
    "version": "1",
    "protocol": "http",
    "credential": {"a": "b"},
    "actions": [{"action_type": "predict", "method": "POST", "url": "http://llm.test/"}],
}


#: Which exchange of :func:`create` is the create: the server's version is read before.
AT_CREATE = 1


def create(run: Run) -> tuple[Doc, bool]:
    delete_own = partial(Connector.delete, run)
    return create_once(run, Creation(Connector, BODY, f"{ML}/connectors/_create", delete_own=delete_own))


def pauses(run: Run) -> list[float]:
    clock = run.clock
    assert isinstance(clock, FakeClock)
    return clock.slept


def creates(cluster: FakeCluster) -> int:
    return sum(exchange.path.endswith("/_create") for exchange in cluster.exchanges)


class TestPages:
    """A page is made small, so that a few objects fill it."""

    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paging, "PAGE_SIZE", 3)

    @pytest.mark.parametrize(("count", "requests"), [(0, 1), (2, 1), (3, 2), (7, 3)])
    def test_all_are_found(self, cluster: FakeCluster, count: int, requests: int) -> None:
        ids = [cluster.add_connector(f"Chat {number}") for number in range(count)]
        run = make_run(cluster)
        assert [doc.id for doc in Connector.search(run.client, {"match_all": {}})] == ids
        assert run.client.reads == requests

    def test_only_those_that_match(self, cluster: FakeCluster) -> None:
        for number in range(8):
            cluster.add_connector("Even" if number % 2 == 0 else "Odd")
        found = Connector.search(make_run(cluster).client, {"term": {"name.keyword": "Odd"}})
        assert [doc.name for doc in found] == ["Odd"] * 4

    def test_one_that_is_changed_meanwhile_counts_once_as_it_is_now(self, script: Callable[..., Any]) -> None:
        first = hits(*[(f"c{number}", {"name": "old"}) for number in range(3)])
        for number, hit in enumerate(first["hits"]["hits"]):
            hit["sort"] = [number]
        sent = script(
            post(f"{ML}/connectors/_search").answers(200, first),
            post(f"{ML}/connectors/_search").answers(200, hits(("c0", {"name": "new"}))),
        )
        found = Connector.search(make_run(sent).client, {"match_all": {}})
        assert [(doc.id, doc.name) for doc in found] == [("c0", "new"), ("c1", "old"), ("c2", "old")]
        assert [json.loads(content).get("search_after") for _m, _u, _h, content, _t in sent.sent] == [None, [2]]

    @pytest.mark.parametrize(("again", "requests"), [(True, 2), (False, 4)])
    def test_one_that_comes_to_no_end(
        self, script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, again: bool, requests: int
    ) -> None:
        """A server that always answers a whole page: the same one, or always another one."""
        monkeypatch.setattr(paging, "MAX_OBJECTS", 10)
        pages = [[(f"c{number}", {}) for number in range(3 * page, 3 * page + 3)] for page in range(requests)]
        sent = script(
            *[
                post(f"{ML}/connectors/_search").answers(200, hits(*pages[0 if again else page]))
                for page in range(requests)
            ]
        )
        with pytest.raises(Failure, match="comes to no end"):
            Connector.search(make_run(sent).client, {"match_all": {}})


class TestFinding:
    def test_by_name_or_id(self, cluster: FakeCluster) -> None:
        mine = cluster.add_connector("Local chat")
        client = make_run(cluster).client
        for reference in ("Local chat", mine):
            found = find(Connector, client, reference)
            assert found is not None
            assert found.id == mine
        assert find(Connector, client, "other") is None

    def test_a_name_goes_before_an_id(self, cluster: FakeCluster) -> None:
        first = cluster.add_connector("Local chat")
        second = cluster.add_connector(first)
        found = find(Connector, make_run(cluster).client, first)
        assert found is not None
        assert found.id == second

    def test_an_ambiguous_name(self, cluster: FakeCluster) -> None:
        ids = [cluster.add_connector("Local chat") for _count in range(2)]
        with pytest.raises(Failure, match="2 connectors have the name 'Local chat'") as caught:
            find(Connector, make_run(cluster).client, "Local chat")
        assert caught.value.code == "ambiguous_name"
        assert caught.value.details == {"ids": ids}

    @pytest.mark.parametrize("kind", [Connector, Model, ModelGroup])
    def test_none(self, cluster: FakeCluster, kind: Any) -> None:
        client = make_run(cluster).client
        assert kind.get(client, "nope") is None
        assert find(kind, client, "nope") is None
        with pytest.raises(Failure) as caught:
            need(kind, client, "nope")
        assert caught.value.code == kind.UNKNOWN_CODE

    def test_what_is_needed_is_found(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector("Local chat")
        assert need(Connector, make_run(cluster).client, "Local chat").id == connector_id


class TestCreatingOne:
    def test_alone(self, cluster: FakeCluster) -> None:
        doc, ours = create(make_run(cluster))
        assert ours
        assert list(cluster.connectors) == [doc.id]

    @pytest.mark.parametrize("fault", ["lost_after", "gateway_after", "gateway_timeout"])
    def test_a_lost_answer_of_a_create_that_was_done(self, cluster: FakeCluster, fault: str) -> None:
        cluster.inject(fault, AT_CREATE)
        doc, ours = create(make_run(cluster))
        assert ours
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 1

    @pytest.mark.parametrize("fault", ["lost_before", "unavailable"])
    def test_a_lost_answer_of_a_create_that_was_not_done(self, cluster: FakeCluster, fault: str) -> None:
        cluster.inject(fault, AT_CREATE)
        doc, ours = create(make_run(cluster))
        assert ours
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 2

    def test_no_answer_at_all(self, cluster: FakeCluster) -> None:
        for _count in range(CREATE_TRIES):
            cluster.before("POST", "/_create", lambda: cluster.inject("lost_before"))
        cluster._hooks[0][2][0] = CREATE_TRIES
        with pytest.raises(AnswerLost):
            create(make_run(cluster))
        assert cluster.connectors == {}
        assert creates(cluster) == CREATE_TRIES

    def test_a_refusal_is_told(self, cluster: FakeCluster) -> None:
        cluster.persistent.clear()
        with pytest.raises(ApiError) as caught:
            create(make_run(cluster))
        assert caught.value.code == "untrusted_endpoint"
        assert creates(cluster) == 1

    def test_somebody_else_was_quicker(self, cluster: FakeCluster) -> None:
        cluster.before("POST", "/_create", lambda: cluster.add_connector("Local chat"))
        doc, ours = create(make_run(cluster))
        assert not ours
        assert list(cluster.connectors) == [doc.id]

    def test_somebody_else_comes_before_the_look(self, cluster: FakeCluster) -> None:
        run = make_run(cluster)
        cluster.before("POST", "/connectors/_search", lambda: cluster.add_connector("Local chat"))
        doc, ours = create(run)
        assert not ours
        assert list(cluster.connectors) == [doc.id]
        assert pauses(run)  # stepped aside

    def test_the_oldest_outlasts_the_others(self, cluster: FakeCluster) -> None:
        """Somebody else made another one a moment later, and takes it back."""
        run = make_run(cluster)
        other: list[str] = []

        def they() -> None:
            if not other:
                other.append(cluster.add_connector("Local chat"))
            elif len(pauses(run)) == 3:
                cluster.connectors.pop(other[0], None)

        cluster.before("POST", "/connectors/_search", they, times=9)
        doc, ours = create(run)
        assert ours
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 1
        assert not [exchange for exchange in cluster.writes if exchange.method == "DELETE"]

    def test_the_oldest_gives_way_to_one_that_is_used(self, cluster: FakeCluster) -> None:
        """Whoever made the other one cannot take it back, as somebody has found it first."""
        run = make_run(cluster)
        begun = run.clock.now()
        other: list[str] = []

        def they() -> None:
            if not other:
                other.append(cluster.add_connector("Local chat"))
                cluster.add_model("Chat", other[0])

        cluster.before("POST", "/connectors/_search", they, times=99)
        doc, ours = create(run)
        assert (doc.id, ours) == (other[0], False)
        assert list(cluster.connectors) == other
        assert Connector.DUPLICATE_TIMEOUT <= run.clock.now() - begun < UNIQUE_TIMEOUT

    def test_a_third_one_waits_for_the_oldest_to_give_way(self, cluster: FakeCluster) -> None:
        run = make_run(cluster)
        begun = run.clock.now()
        others: list[str] = []

        def they() -> None:
            if run.clock.now() - begun > Connector.DUPLICATE_TIMEOUT + 8:
                cluster.connectors.pop(others[0], None)

        cluster.before("POST", "/_create", lambda: others.extend(cluster.add_connector("Local chat") for _each in "ab"))
        cluster.before("POST", "/connectors/_search", they, times=999)
        doc, ours = create(run)
        assert (doc.id, ours) == (others[1], False)
        assert list(cluster.connectors) == others[1:]

    @pytest.mark.parametrize("after", [1, 4])
    def test_one_that_is_used_stays(self, cluster: FakeCluster, after: int) -> None:
        """Somebody made an older one, and gives way as soon as it is clear that this one is not taken back."""
        run = make_run(cluster)
        other: list[str] = []

        def they() -> None:
            own = [each for each in cluster.connectors if each not in other]
            if own and not cluster.models:
                cluster.add_model("Chat", own[0])
            if len(pauses(run)) == after:
                cluster.connectors.pop(other[0], None)

        cluster.before("POST", "/_create", lambda: other.append(cluster.add_connector("Local chat")))
        cluster.before("POST", "/connectors/_search", they, times=99)
        doc, ours = create(run)
        assert ours
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 1

    def test_two_that_are_used(self, cluster: FakeCluster) -> None:
        """Nobody can take one back: that is told, and the longest that anybody waits for it is less than a minute."""
        run = make_run(cluster)
        begun = run.clock.now()
        cluster.before("POST", "/_create", lambda: cluster.add_connector("Local chat"))
        cluster.before(
            "POST",
            "/connectors/_search",
            lambda: [cluster.add_model(f"Chat {each}", each) for each in list(cluster.connectors)],
        )
        with pytest.raises(ApiError) as caught:
            create(run)
        assert caught.value.code == "connector_in_use"
        assert run.clock.now() - begun < 60

    def test_two_that_step_aside_from_each_other(self, cluster: FakeCluster) -> None:
        """Both withdraw their own; the second round succeeds."""
        other: list[str] = []
        cluster.before("POST", "/_create", lambda: other.append(cluster.add_connector("Local chat")))
        cluster.before("DELETE", "", lambda: cluster.call("DELETE", f"{ML}/connectors/{other[0]}"))
        doc, ours = create(make_run(cluster))
        assert ours
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 2

    def test_a_lost_answer_and_somebody_else(self, cluster: FakeCluster) -> None:
        """Which of the two is the own one cannot be known: neither is touched until one is left."""
        cluster.before("POST", "/_create", lambda: cluster.add_connector("Local chat"))
        cluster.inject("lost_after", AT_CREATE)
        with pytest.raises(Failure, match="2 connectors with the name 'Local chat'") as caught:
            create(make_run(cluster))
        assert caught.value.code == "concurrent_change"
        assert len(cluster.connectors) == 2

    def test_it_never_ends(self, cluster: FakeCluster) -> None:
        cluster.before(
            "POST", "/_create", lambda: cluster.add_connector("Local chat") and cluster.add_connector("Local chat")
        )
        run = make_run(cluster)
        with pytest.raises(Failure) as caught:
            create(run)
        assert caught.value.code == "concurrent_change"
        assert creates(cluster) == 1
        assert len(pauses(run)) >= CREATE_TRIES


class TestLookingOn:
    """Others are at several objects of one name."""

    def two(self, cluster: FakeCluster, apart: float) -> list[str]:
        ids = [cluster.add_connector("Local chat") for _each in range(2)]
        cluster.connectors[ids[1]]["created_time"] = cluster.connectors[ids[0]]["created_time"] + int(apart * 1000)
        return ids

    def test_they_take_back_all_but_one(self, cluster: FakeCluster) -> None:
        first, second = self.two(cluster, 1)
        run = make_run(cluster)

        def they() -> None:
            if len(pauses(run)) == 3:
                cluster.connectors.pop(second, None)

        cluster.before("POST", "/_search", they, times=9)
        found = find(Connector, run.client, "Local chat")
        assert found is not None
        assert found.id == first
        assert len(pauses(run)) == 3

    def test_they_do_not(self, cluster: FakeCluster) -> None:
        self.two(cluster, 1)
        run = make_run(cluster)
        begun = run.clock.now()
        with pytest.raises(Failure, match="2 connectors have the name") as caught:
            find(Connector, run.client, "Local chat")
        assert caught.value.code == "ambiguous_name"
        assert UNIQUE_TIMEOUT <= run.clock.now() - begun < UNIQUE_TIMEOUT + 1

    def test_they_go_on_making_and_taking_back(self, cluster: FakeCluster) -> None:
        self.two(cluster, 1)
        run = make_run(cluster)

        def they() -> None:
            cluster.connectors.pop(next(iter(cluster.connectors)))
            cluster.add_connector("Local chat")

        cluster.before("POST", "/_search", they, times=99)
        with pytest.raises(Failure, match="2 connectors have the name") as caught:
            find(Connector, run.client, "Local chat")
        assert caught.value.code == "concurrent_change"

    def test_what_was_made_long_after_the_other_is_not_waited_for(self, cluster: FakeCluster) -> None:
        self.two(cluster, RACE_WINDOW + 1)
        run = make_run(cluster)
        with pytest.raises(Failure, match="2 connectors have the name"):
            find(Connector, run.client, "Local chat")
        assert pauses(run) == []

    @pytest.mark.parametrize(("ago", "waited"), [(RACE_EXPIRY - UNIQUE_TIMEOUT - 1, True), (RACE_EXPIRY + 1, False)])
    def test_what_was_made_long_ago_is_not_waited_for(self, cluster: FakeCluster, ago: float, waited: bool) -> None:
        run = make_run(cluster)
        for connector_id in self.two(cluster, 1):
            cluster.connectors[connector_id]["created_time"] = int((run.clock.epoch() - ago) * 1000)
        with pytest.raises(Failure, match="2 connectors have the name"):
            find(Connector, run.client, "Local chat")
        assert bool(pauses(run)) is waited

    def test_a_server_whose_clock_is_ahead(self, cluster: FakeCluster) -> None:
        run = make_run(cluster)
        first, second = self.two(cluster, 1)
        for connector_id in (first, second):
            cluster.connectors[connector_id]["created_time"] = int((run.clock.epoch() + 3600) * 1000)
        cluster.before("POST", "/_search", lambda: pauses(run) and cluster.connectors.pop(second, None), times=9)
        found = find(Connector, run.client, "Local chat")
        assert found is not None
        assert found.id == first

    @pytest.mark.parametrize("kind", [Connector, Model, ModelGroup])
    def test_they_wait_for_longer_than_anybody_gives_way(self, kind: Any) -> None:
        """Else those who look on would fail where the oldest is the one that goes."""
        assert kind.DUPLICATE_TIMEOUT + DELETE_RETRY < UNIQUE_TIMEOUT
