# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating exactly one object although answers get lost and other controllers create it too."""

from __future__ import annotations

from functools import partial

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.create import (
    CREATE_TRIES,
    Creation,
    create_once,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.duplicates import (
    UNIQUE_TIMEOUT,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    AnswerLost,
    ApiError,
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import Doc
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run

BODY = {
    "name": "Local chat",
    "version": "1",
    "protocol": "http",
    "credential": {"a": "b"},
    "actions": [{"action_type": "predict", "method": "POST", "url": "http://llm.test/"}],
}


#: The number of the exchange of :func:`create` that is the create: the server's version is read before.
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


class TestCreateOnce:
    def test_creates(self, cluster: FakeCluster) -> None:
        doc, created_here = create(make_run(cluster))
        assert created_here
        assert list(cluster.connectors) == [doc.id]

    @pytest.mark.parametrize("fault", ["lost_after", "gateway_after", "gateway_timeout"])
    def test_lost_answer_of_a_create_that_was_done(self, cluster: FakeCluster, fault: str) -> None:
        cluster.inject(fault, AT_CREATE)
        doc, created_here = create(make_run(cluster))
        assert created_here
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 1

    @pytest.mark.parametrize("fault", ["lost_before", "unavailable"])
    def test_lost_answer_of_a_create_that_was_not_done(self, cluster: FakeCluster, fault: str) -> None:
        cluster.inject(fault, AT_CREATE)
        doc, created_here = create(make_run(cluster))
        assert created_here
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

    def test_answer_without_an_id_deletes_nothing(self, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
        run = make_run(cluster)
        send = run.client.create
        monkeypatch.setattr(run.client, "create", lambda *args: send(*args)._replace(body={"connector_id": ""}))
        doc, created_here = create(run)
        assert (doc.name, created_here) == ("Local chat", False)
        assert [exchange for exchange in cluster.exchanges if "DELETE" in str(exchange)] == []

    def test_refusal_is_raised(self, cluster: FakeCluster) -> None:
        cluster.persistent.clear()
        with pytest.raises(ApiError) as caught:
            create(make_run(cluster))
        assert caught.value.code == "untrusted_endpoint"
        assert creates(cluster) == 1

    def test_another_controller_was_first(self, cluster: FakeCluster) -> None:
        cluster.before("POST", "/_create", lambda: cluster.add_connector("Local chat"))
        doc, created_here = create(make_run(cluster))
        assert not created_here
        assert list(cluster.connectors) == [doc.id]

    def test_another_controller_creates_before_the_search(self, cluster: FakeCluster) -> None:
        run = make_run(cluster)
        cluster.before("POST", "/connectors/_search", lambda: cluster.add_connector("Local chat"))
        doc, created_here = create(run)
        assert not created_here
        assert list(cluster.connectors) == [doc.id]
        assert pauses(run)  # backed off

    def test_oldest_stays_until_it_is_unique(self, cluster: FakeCluster) -> None:
        """Another controller creates one a moment later, and deletes it."""
        run = make_run(cluster)
        other: list[str] = []

        def other_controller() -> None:
            if not other:
                other.append(cluster.add_connector("Local chat"))
            elif len(pauses(run)) == 3:
                cluster.connectors.pop(other[0], None)

        cluster.before("POST", "/connectors/_search", other_controller, times=9)
        doc, created_here = create(run)
        assert created_here
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 1
        assert not [exchange for exchange in cluster.writes if exchange.method == "DELETE"]

    def test_oldest_is_deleted_if_the_other_one_is_used(self, cluster: FakeCluster) -> None:
        """The other controller cannot delete its object, as a task has already used it."""
        run = make_run(cluster)
        started = run.clock.now()
        other: list[str] = []

        def other_controller() -> None:
            if not other:
                other.append(cluster.add_connector("Local chat"))
                cluster.add_model("Chat", other[0])

        cluster.before("POST", "/connectors/_search", other_controller, times=99)
        doc, created_here = create(run)
        assert (doc.id, created_here) == (other[0], False)
        assert list(cluster.connectors) == other
        assert Connector.DUPLICATE_TIMEOUT <= run.clock.now() - started < UNIQUE_TIMEOUT

    def test_third_controller_waits_until_the_oldest_is_deleted(self, cluster: FakeCluster) -> None:
        run = make_run(cluster)
        started = run.clock.now()
        others: list[str] = []

        def other_controller() -> None:
            if run.clock.now() - started > Connector.DUPLICATE_TIMEOUT + 8:
                cluster.connectors.pop(others[0], None)

        cluster.before("POST", "/_create", lambda: others.extend(cluster.add_connector("Local chat") for _each in "ab"))
        cluster.before("POST", "/connectors/_search", other_controller, times=999)
        doc, created_here = create(run)
        assert (doc.id, created_here) == (others[1], False)
        assert list(cluster.connectors) == others[1:]

    @pytest.mark.parametrize("after", [1, 4])
    def test_object_that_is_used_stays(self, cluster: FakeCluster, after: int) -> None:
        """Another controller created an older one, and deletes it once ours cannot be deleted."""
        run = make_run(cluster)
        other: list[str] = []

        def other_controller() -> None:
            own = [each for each in cluster.connectors if each not in other]
            if own and not cluster.models:
                cluster.add_model("Chat", own[0])
            if len(pauses(run)) == after:
                cluster.connectors.pop(other[0], None)

        cluster.before("POST", "/_create", lambda: other.append(cluster.add_connector("Local chat")))
        cluster.before("POST", "/connectors/_search", other_controller, times=99)
        doc, created_here = create(run)
        assert created_here
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 1

    def test_two_that_are_used_fail(self, cluster: FakeCluster) -> None:
        """Neither can be deleted: the failure says so, after less than a minute."""
        run = make_run(cluster)
        started = run.clock.now()
        cluster.before("POST", "/_create", lambda: cluster.add_connector("Local chat"))
        cluster.before(
            "POST",
            "/connectors/_search",
            lambda: [cluster.add_model(f"Chat {each}", each) for each in list(cluster.connectors)],
        )
        with pytest.raises(ApiError) as caught:
            create(run)
        assert caught.value.code == "connector_in_use"
        assert run.clock.now() - started < 60

    def test_two_controllers_that_both_delete_theirs(self, cluster: FakeCluster) -> None:
        """The second attempt succeeds."""
        other: list[str] = []
        cluster.before("POST", "/_create", lambda: other.append(cluster.add_connector("Local chat")))
        cluster.before("DELETE", "", lambda: cluster.call("DELETE", f"{ML}/connectors/{other[0]}"))
        doc, created_here = create(make_run(cluster))
        assert created_here
        assert list(cluster.connectors) == [doc.id]
        assert creates(cluster) == 2

    def test_lost_answer_and_another_controller(self, cluster: FakeCluster) -> None:
        """It is unknown which of the two is ours: neither is deleted while there are several."""
        cluster.before("POST", "/_create", lambda: cluster.add_connector("Local chat"))
        cluster.inject("lost_after", AT_CREATE)
        with pytest.raises(Failure, match="2 connectors with the name 'Local chat'") as caught:
            create(make_run(cluster))
        assert caught.value.code == "concurrent_change"
        assert len(cluster.connectors) == 2

    def test_duplicates_without_an_end_fail(self, cluster: FakeCluster) -> None:
        cluster.before(
            "POST", "/_create", lambda: cluster.add_connector("Local chat") and cluster.add_connector("Local chat")
        )
        run = make_run(cluster)
        with pytest.raises(Failure) as caught:
            create(run)
        assert caught.value.code == "concurrent_change"
        assert creates(cluster) == 1
        assert len(pauses(run)) >= CREATE_TRIES
