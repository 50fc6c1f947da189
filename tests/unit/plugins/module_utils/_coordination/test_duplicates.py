# SPDX-License-Identifier: GPL-3.0-or-later
"""Which object a name means, also while other controllers create and delete duplicates."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.duplicates import (
    DELETE_RETRY,
    RACE_EXPIRY,
    RACE_WINDOW,
    UNIQUE_TIMEOUT,
    find,
    need,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run


def pauses(run: Run) -> list[float]:
    clock = run.clock
    assert isinstance(clock, FakeClock)
    return clock.slept


class TestFind:
    def test_by_name_or_id(self, cluster: FakeCluster) -> None:
        mine = cluster.add_connector("Local chat")
        client = make_run(cluster).client
        for reference in ("Local chat", mine):
            found = find(Connector, client, reference)
            assert found is not None
            assert found.id == mine
        assert find(Connector, client, "other") is None

    def test_name_takes_precedence_over_id(self, cluster: FakeCluster) -> None:
        first = cluster.add_connector("Local chat")
        second = cluster.add_connector(first)
        found = find(Connector, make_run(cluster).client, first)
        assert found is not None
        assert found.id == second

    def test_ambiguous_name_fails(self, cluster: FakeCluster) -> None:
        ids = [cluster.add_connector("Local chat") for _count in range(2)]
        with pytest.raises(Failure, match="2 connectors have the name 'Local chat'") as caught:
            find(Connector, make_run(cluster).client, "Local chat")
        assert caught.value.code == "ambiguous_name"
        assert caught.value.details == {"ids": ids}

    @pytest.mark.parametrize("kind", [Connector, Model, ModelGroup])
    def test_missing_object(self, cluster: FakeCluster, kind: Any) -> None:
        client = make_run(cluster).client
        assert kind.get(client, "nope") is None
        assert find(kind, client, "nope") is None
        with pytest.raises(Failure) as caught:
            need(kind, client, "nope")
        assert caught.value.code == kind.UNKNOWN_CODE

    def test_needed_object_is_found(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector("Local chat")
        assert need(Connector, make_run(cluster).client, "Local chat").id == connector_id


class TestRace:
    """Another controller creates duplicates at the same time."""

    def two(self, cluster: FakeCluster, seconds_between: float) -> list[str]:
        ids = [cluster.add_connector("Local chat") for _each in range(2)]
        cluster.connectors[ids[1]]["created_time"] = cluster.connectors[ids[0]]["created_time"] + int(
            seconds_between * 1000
        )
        return ids

    def test_waits_until_one_remains(self, cluster: FakeCluster) -> None:
        first, second = self.two(cluster, 1)
        run = make_run(cluster)

        def other_controller() -> None:
            if len(pauses(run)) == 3:
                cluster.connectors.pop(second, None)

        cluster.before("POST", "/_search", other_controller, times=9)
        found = find(Connector, run.client, "Local chat")
        assert found is not None
        assert found.id == first
        assert len(pauses(run)) == 3

    def test_duplicates_that_stay_fail(self, cluster: FakeCluster) -> None:
        self.two(cluster, 1)
        run = make_run(cluster)
        started = run.clock.now()
        with pytest.raises(Failure, match="2 connectors have the name") as caught:
            find(Connector, run.client, "Local chat")
        assert caught.value.code == "ambiguous_name"
        assert UNIQUE_TIMEOUT <= run.clock.now() - started < UNIQUE_TIMEOUT + 1

    def test_duplicates_that_change_until_the_end_fail(self, cluster: FakeCluster) -> None:
        self.two(cluster, 1)
        run = make_run(cluster)

        def other_controller() -> None:
            cluster.connectors.pop(next(iter(cluster.connectors)))
            cluster.add_connector("Local chat")

        cluster.before("POST", "/_search", other_controller, times=99)
        with pytest.raises(Failure, match="2 connectors have the name") as caught:
            find(Connector, run.client, "Local chat")
        assert caught.value.code == "concurrent_change"

    def test_duplicates_of_different_age_are_no_race(self, cluster: FakeCluster) -> None:
        self.two(cluster, RACE_WINDOW + 1)
        run = make_run(cluster)
        with pytest.raises(Failure, match="2 connectors have the name"):
            find(Connector, run.client, "Local chat")
        assert pauses(run) == []

    @pytest.mark.parametrize(("ago", "waited"), [(RACE_EXPIRY - UNIQUE_TIMEOUT - 1, True), (RACE_EXPIRY + 1, False)])
    def test_old_duplicates_are_no_race(self, cluster: FakeCluster, ago: float, waited: bool) -> None:
        run = make_run(cluster)
        for connector_id in self.two(cluster, 1):
            cluster.connectors[connector_id]["created_time"] = int((run.clock.epoch() - ago) * 1000)
        with pytest.raises(Failure, match="2 connectors have the name"):
            find(Connector, run.client, "Local chat")
        assert bool(pauses(run)) is waited

    def test_server_clock_ahead(self, cluster: FakeCluster) -> None:
        run = make_run(cluster)
        first, second = self.two(cluster, 1)
        for connector_id in (first, second):
            cluster.connectors[connector_id]["created_time"] = int((run.clock.epoch() + 3600) * 1000)
        cluster.before("POST", "/_search", lambda: pauses(run) and cluster.connectors.pop(second, None), times=9)
        found = find(Connector, run.client, "Local chat")
        assert found is not None
        assert found.id == first

    @pytest.mark.parametrize("kind", [Connector, Model, ModelGroup])
    def test_wait_is_longer_than_any_controller_needs_to_delete_its_own(self, kind: Any) -> None:
        """Otherwise a reader would fail while the oldest object is the one that is deleted."""
        assert kind.DUPLICATE_TIMEOUT + DELETE_RETRY < UNIQUE_TIMEOUT
