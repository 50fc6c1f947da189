# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding, re-reading, updating and deleting objects of any kind."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import ApiError, Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import (
    NOTES_PARAMETER,
    SEARCH_LAG,
    Doc,
    Kind,
    replaced_ids,
    supersedes,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.reader import MAX_REREAD
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import delete, get, post


class TestExtraFields:
    """Fields that this version of the collection does not know."""

    EXTRA = {"quota": {"tokens": 5}, "tier": "gold"}

    def test_they_are_sent(self) -> None:
        assert ModelGroup.desired({"name": "x", "extra_fields": self.EXTRA}) == {"name": "x", **self.EXTRA}

    def test_without_any(self) -> None:
        assert ModelGroup.desired({"name": "x", "extra_fields": None}) == {"name": "x"}

    @pytest.mark.parametrize("name", ["name", "access_mode"])
    def test_a_field_with_an_option_is_refused(self, name: str) -> None:
        with pytest.raises(Failure, match=f"extra_fields: '{name}' has an option; write '{name}'"):
            ModelGroup.desired({"name": "x", "extra_fields": {name: "y"}})

    @pytest.mark.parametrize("name", ["model_group_id", "created_time"])
    def test_a_field_of_the_server_is_refused(self, name: str) -> None:
        with pytest.raises(Failure, match=f"extra_fields: remove '{name}', which only the server sets"):
            ModelGroup.desired({"name": "x", "extra_fields": {name: "y"}})

    @pytest.mark.parametrize(
        ("stored", "diff"),
        [
            (EXTRA, []),
            # As the server stores parameters: numbers as text, with defaults.
            ({"quota": {"tokens": "5", "unit": "day"}, "tier": "gold"}, []),
            ({"quota": {"tokens": 6}, "tier": "gold"}, ["quota"]),
            ({"tier": "silver"}, ["quota", "tier"]),
        ],
    )
    def test_they_are_compared(self, stored: dict[str, Any], diff: list[str]) -> None:
        source = {"name": "x", "other": 1, **stored}
        assert Kind.diff(Kind.observed(source, self.EXTRA), self.EXTRA) == diff

    def test_what_the_server_dropped(self) -> None:
        observed = Kind.observed({"name": "x", "tier": "silver"}, self.EXTRA)
        assert ModelGroup.not_stored(observed, {"name": "y", **self.EXTRA}) == ["quota"]


class TestFind:
    def test_by_exact_name_only(self, cluster: FakeCluster) -> None:
        cluster.add_connector("Local chat 2")
        cluster.add_connector("local chat")
        mine = cluster.add_connector("Local chat")
        assert [doc.id for doc in Connector.all_named(make_run(cluster).reader, "Local chat")] == [mine]

    def test_the_oldest_first(self, cluster: FakeCluster) -> None:
        ids = [cluster.add_connector("Local chat") for _count in range(3)]
        assert [doc.id for doc in Connector.all_named(make_run(cluster).reader, "Local chat")] == ids

    def test_by_age_and_not_by_id(self, cluster: FakeCluster) -> None:
        ids = [cluster.add_connector("Local chat") for _count in range(2)]
        cluster.connectors[ids[1]]["created_time"] = 1
        assert [doc.id for doc in Connector.all_named(make_run(cluster).reader, "Local chat")] == ids[::-1]

    def test_before_the_index_exists(self, cluster: FakeCluster) -> None:
        cluster.index_missing = True
        assert Connector.all_named(make_run(cluster).reader, "x") == []

    def test_another_404_is_not_an_empty_result(self, script: Callable[..., Any]) -> None:
        run = make_run(script(post(f"{ML}/connectors/_search").answers(404, error(404, "x", "strange"))))
        with pytest.raises(ApiError):
            Connector.all_named(run.reader, "x")

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
            Connector.all_named(run.reader, "x")
        assert caught.value.code == "not_opensearch"

    def test_an_id_cannot_reach_another_path(self, script: Callable[..., Any]) -> None:
        missing = error(404, "status_exception", "Failed to find connector with the provided connector id: x")
        run = make_run(script(get(f"{ML}/connectors/..%2F..%2F_all").answers(404, missing)))
        assert Connector.get(run.client, "../../_all") is None

    def test_many_objects_with_one_name_are_not_re_read(self, cluster: FakeCluster) -> None:
        for _count in range(MAX_REREAD + 1):
            cluster.add_connector("Local chat")
        assert len(Connector.all_named(make_run(cluster).reader, "Local chat")) == MAX_REREAD + 1
        assert len(cluster.exchanges) == 1

    def test_a_search_that_lags_behind_a_change(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector("Local chat")
        cluster.change_lag = 3
        cluster.call("PUT", f"{ML}/connectors/{connector_id}", {"description": "New"})
        [doc] = Connector.all_named(make_run(cluster).reader, "Local chat")
        assert doc.source["description"] == "New"


class TestUpdate:
    @pytest.mark.parametrize(("version", "waited"), [("2.19.1", SEARCH_LAG), ("3.6.0", 0.0)])
    def test_a_change_that_no_search_finds(self, version: str, waited: float) -> None:
        """The change is done, so the wait ends without a failure. From 3.0 on the server refreshes the index itself."""
        cluster = FakeCluster(version)
        connector_id = cluster.add_connector("Local chat")
        cluster.change_lag = 10**6
        run = make_run(cluster)
        Connector.update(run, connector_id, {"description": "New"})
        assert sum(run.clock.slept) == pytest.approx(waited)  # type: ignore[attr-defined] # it is the fake one
        assert cluster.connectors[connector_id]["description"] == "New"


class TestDelete:
    @pytest.mark.parametrize("kind", [Connector, Model, ModelGroup])
    def test_an_object_that_does_not_exist(self, cluster: FakeCluster, kind: Any) -> None:
        kind.delete(make_run(cluster), "nope")

    def test_a_lost_answer(self, cluster: FakeCluster) -> None:
        model_id = cluster.add_model("Chat", cluster.add_connector(), state="UNDEPLOYED")
        cluster.inject("lost_after")
        Model.delete(make_run(cluster), model_id)
        assert cluster.models == {}

    def test_an_answer_that_leaves_open_whether_it_is_deleted(self, script: Callable[..., Any]) -> None:
        reads = [get(f"{ML}/connectors/x").answers(200, {"name": "x"})] * 40
        transport = script(delete(f"{ML}/connectors/x").answers(200, {}), *reads)
        with pytest.raises(Failure, match="to be deleted: not reached within 30 s; last seen: it still exists"):
            Connector.delete(make_run(transport), "x")
        transport.expected.clear()


@pytest.mark.parametrize(
    ("notes", "ids"),
    [
        ({"replaces": ["a", "b"]}, ["a", "b"]),
        ({"replaces": []}, []),
        ({"fingerprint": "x"}, []),
        ("not JSON", []),
        ("[1]", []),
        # Before 1.0.0.
        ({"replaces": "a"}, ["a"]),
        ({"replaces": "a", "before": ["b", "c"]}, ["b", "c", "a"]),
    ],
)
def test_what_an_object_replaces(notes: Any, ids: list[str]) -> None:
    text = notes if isinstance(notes, str) else json.dumps(notes)
    new = Doc("new", {"created_time": 2, "parameters": {NOTES_PARAMETER: text}})
    assert replaced_ids(new.source) == ids
    for old_id in ("a", "b", "c", "d", "new"):
        older, younger = (Doc(old_id, {"created_time": created}) for created in (1, 3))
        assert supersedes(new, older) is (old_id in ids)
        assert not supersedes(new, younger)


def test_no_object_supersedes_itself() -> None:
    doc = Doc("a", {"parameters": {NOTES_PARAMETER: '{"replaces": ["a"]}'}})
    assert not supersedes(doc, doc)
