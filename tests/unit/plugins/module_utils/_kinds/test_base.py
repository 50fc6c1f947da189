# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding, re-reading, updating and deleting objects of any kind."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import ApiError, Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import MAX_REREAD, SEARCH_LAG
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, post


class TestFind:
    def test_by_exact_name_only(self, cluster: FakeCluster) -> None:
        cluster.add_connector("Local chat 2")
        cluster.add_connector("local chat")
        mine = cluster.add_connector("Local chat")
        client = make_run(cluster).client
        assert [doc.id for doc in Connector.all_named(client, "Local chat")] == [mine]

    def test_the_oldest_first(self, cluster: FakeCluster) -> None:
        ids = [cluster.add_connector("Local chat") for _count in range(3)]
        assert [doc.id for doc in Connector.all_named(make_run(cluster).client, "Local chat")] == ids

    def test_by_age_and_not_by_id(self, cluster: FakeCluster) -> None:
        ids = [cluster.add_connector("Local chat") for _count in range(2)]
        cluster.connectors[ids[1]]["created_time"] = 1
        assert [doc.id for doc in Connector.all_named(make_run(cluster).client, "Local chat")] == ids[::-1]

    def test_before_the_index_exists(self, cluster: FakeCluster) -> None:
        cluster.index_missing = True
        assert Connector.all_named(make_run(cluster).client, "x") == []

    def test_another_404_is_not_an_empty_result(self, script: Callable[..., Any]) -> None:
        run = make_run(script(post(f"{ML}/connectors/_search").answers(404, error(404, "x", "strange"))))
        with pytest.raises(ApiError):
            Connector.all_named(run.client, "x")

    def test_another_404_is_not_absence(self, script: Callable[..., Any]) -> None:
        reason = "no handler found for uri [/_plugins/_ml/connectors/x]"
        run = make_run(script(*[get(f"{ML}/connectors/x").answers(404, {"error": reason})] * 6))
        with pytest.raises(ApiError) as caught:
            Connector.get(run.client, "x")
        assert caught.value.code == "no_ml_plugin"

    @pytest.mark.parametrize("answer", [{}, {"hits": {}}, {"hits": {"hits": [{"_id": "x"}]}}, []])
    def test_an_answer_without_hits(self, script: Callable[..., Any], answer: Any) -> None:
        run = make_run(script(post(f"{ML}/connectors/_search").answers(200, answer)))
        with pytest.raises(Failure, match="without hits") as caught:
            Connector.all_named(run.client, "x")
        assert caught.value.code == "not_opensearch"

    def test_an_id_cannot_reach_another_path(self, script: Callable[..., Any]) -> None:
        missing = error(404, "status_exception", "Failed to find connector with the provided connector id: x")
        run = make_run(script(get(f"{ML}/connectors/..%2F..%2F_all").answers(404, missing)))
        assert Connector.get(run.client, "../../_all") is None

    def test_many_objects_with_one_name_are_not_re_read(self, cluster: FakeCluster) -> None:
        for _count in range(MAX_REREAD + 1):
            cluster.add_connector("Local chat")
        assert len(Connector.all_named(make_run(cluster).client, "Local chat")) == MAX_REREAD + 1
        assert len(cluster.exchanges) == 1

    def test_a_search_that_lags_behind_a_change(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector("Local chat")
        cluster.change_lag = 3
        cluster.call("PUT", f"{ML}/connectors/{connector_id}", {"description": "New"})
        [doc] = Connector.all_named(make_run(cluster).client, "Local chat")
        assert doc.source["description"] == "New"


class TestUpdate:
    def test_a_change_that_no_search_finds(self, cluster: FakeCluster) -> None:
        """The change is done, so the wait ends without a failure."""
        connector_id = cluster.add_connector("Local chat")
        cluster.change_lag = 10**6
        run = make_run(cluster)
        Connector.update(run, connector_id, {"description": "New"})
        assert sum(run.clock.slept) == pytest.approx(SEARCH_LAG)  # type: ignore[attr-defined] # it is the fake one
        assert cluster.connectors[connector_id]["description"] == "New"


class TestDelete:
    def test_until_it_does_not_exist(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector()
        Connector.delete(make_run(cluster), connector_id)
        assert cluster.connectors == {}

    @pytest.mark.parametrize("kind", [Connector, Model, ModelGroup])
    def test_an_object_that_does_not_exist(self, cluster: FakeCluster, kind: Any) -> None:
        kind.delete(make_run(cluster), "nope")

    def test_a_lost_answer(self, cluster: FakeCluster) -> None:
        model_id = cluster.add_model("Chat", cluster.add_connector(), state="UNDEPLOYED")
        cluster.inject("lost_after")
        Model.delete(make_run(cluster), model_id)
        assert cluster.models == {}

    def test_an_object_that_stays(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector()
        kept = cluster.connectors[connector_id]
        cluster.before("GET", connector_id, lambda: cluster.connectors.update({connector_id: kept}), times=99)
        with pytest.raises(Failure, match="to be deleted: not reached within 30 s; last seen: it still exists"):
            Connector.delete(make_run(cluster), connector_id)
