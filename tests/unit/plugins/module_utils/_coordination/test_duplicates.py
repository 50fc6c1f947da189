# SPDX-License-Identifier: GPL-3.0-or-later
"""Which object a name means if several objects have it."""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.duplicates import (
    SAME_MOMENT,
    find,
    find_id,
    find_named,
    need,
    pick,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.agent import Agent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run

#: Seconds between objects that no two controllers create at the same moment.
LATER = SAME_MOMENT + 1


def arrange(cluster: FakeCluster, created: Mapping[str, float | None], replaces: Mapping[str, Any], used: str) -> Run:
    """Add connectors with one name. ``created``: id -> seconds. ``replaces``: id -> notes. ``used``: ids that a model uses."""
    cluster.next_ids["connector"] = list(created)
    for connector_id, seconds in created.items():
        notes = {"_searchops": json.dumps({"replaces": replaces.get(connector_id)})}
        cluster.add_connector(parameters={"model": "tiny", **notes})
        cluster.connectors[connector_id]["created_time"] = seconds and int(seconds * 1000)
    for connector_id in used:
        cluster.add_model(f"Uses {connector_id}", connector_id)
    return make_run(cluster)


@pytest.mark.parametrize(
    ("created", "replaces", "used", "counts", "surplus"),
    [
        ({"a": 1}, {}, "", "a", ""),
        # Created at the same moment: the used one, else the oldest, else the one with the first id.
        ({"b": 1, "a": 2}, {}, "", "b", "a"),
        ({"b": 1, "a": 1 + SAME_MOMENT}, {}, "", "b", "a"),
        ({"b": 1, "a": 1}, {}, "", "a", "b"),
        ({"a": 1, "b": 2, "c": 3}, {}, "c", "c", "a, b"),
        ({"a": 1, "b": 2, "c": 3}, {}, "cb", "b", "a, c"),
        # A superseded one never counts unless it alone is used, whenever it was created.
        ({"a": 1, "b": LATER}, {"b": ["a"]}, "", "b", ""),
        ({"a": 1, "b": LATER}, {"b": ["a"]}, "b", "b", ""),
        ({"a": 1, "b": LATER}, {"b": ["a"]}, "ab", "b", ""),
        ({"a": 1, "b": LATER}, {"b": ["a"]}, "a", "a", ""),
        ({"a": 1, "b": LATER, "c": 2 * LATER}, {"b": ["a"], "c": ["b", "a"]}, "", "c", ""),
        ({"a": 1, "b": LATER, "c": 2 * LATER}, {"b": ["a"], "c": ["b", "a"]}, "b", "b", ""),
        ({"a": 1, "b": LATER}, {"b": "a"}, "", "b", ""),
        ({"a": None, "b": None}, {"b": ["a"]}, "", "b", ""),
        # Two replacements of one connector, which may be gone.
        ({"a": 1, "b": LATER, "c": LATER + 1}, {"b": ["a"], "c": ["a"]}, "", "b", "c"),
        ({"b": LATER, "c": LATER + 1}, {"b": ["a"], "c": ["a"]}, "c", "c", "b"),
        # An older connector does not supersede a younger one that has got the id of a deleted one.
        ({"b": 1, "a": 2}, {"b": ["a"]}, "", "b", "a"),
    ],
)
def test_one_counts(
    cluster: FakeCluster, created: dict[str, float], replaces: dict[str, Any], used: str, counts: str, surplus: str
) -> None:
    run = arrange(cluster, created, replaces, used)
    doc = find_named(run, Connector, "Local chat")
    assert doc is not None
    assert doc.id == counts
    number = surplus.count(",") + 2
    assert run.warnings == (
        [
            f"{number} connectors have the name 'Local chat', created at the same moment by controllers without the lock. "
            f"{counts} counts; the module ml_dedupe deletes {surplus}."
        ]
        if surplus
        else []
    )


@pytest.mark.parametrize(
    ("created", "replaces", "used", "ids"),
    [
        ({"a": 1, "b": 1 + LATER}, {}, "", ["a", "b"]),
        ({"a": 1, "b": 1 + LATER}, {}, "a", ["a", "b"]),
        ({"a": 1, "b": 2, "c": 2 * LATER}, {}, "", ["a", "b", "c"]),
        ({"a": None, "b": None}, {}, "", ["a", "b"]),
        ({"b": 1, "a": 1 + LATER}, {"b": ["a"]}, "", ["b", "a"]),
        # Without the superseded one.
        ({"a": 1, "b": LATER, "c": 3 * LATER}, {"b": ["a"]}, "", ["b", "c"]),
    ],
)
def test_objects_that_may_be_meant_to_differ_are_refused(
    cluster: FakeCluster, created: dict[str, float], replaces: dict[str, Any], used: str, ids: list[str]
) -> None:
    run = arrange(cluster, created, replaces, used)
    for search in (find, find_named, find_id, need):
        with pytest.raises(Failure, match=f"{len(ids)} connectors have the name 'Local chat': ") as caught:
            search(run, Connector, "Local chat")
        assert caught.value.code == "ambiguous_name"
        assert sorted(caught.value.details["ids"]) == sorted(ids)
    assert run.warnings == []


@pytest.mark.parametrize(
    ("kind", "add", "counts"),
    [
        (ModelGroup, lambda cluster: cluster.add_model("Chat", cluster.add_connector()), 1),
        (ModelGroup, lambda cluster: None, 0),
        (Model, lambda cluster: None, 0),
        (Agent, lambda cluster: None, 0),
    ],
)
def test_other_kinds(cluster: FakeCluster, kind: Any, add: Callable[[FakeCluster], Any], counts: int) -> None:
    """A group with models counts before an older one; of models and agents the oldest counts."""
    ids = []
    for _each in range(2):
        if kind is ModelGroup:
            ids.append(cluster.add_group("Chat"))
            cluster.groups[ids[-1]]["name"] = f"Chat {len(ids)}"
        else:
            ids.append(
                cluster.add_agent("Chat") if kind is Agent else cluster.add_model("Chat", cluster.add_connector())
            )
    for group in cluster.groups.values():
        group["name"] = "Chat"
    if kind is ModelGroup:
        model_id = add(cluster)
        if model_id:
            cluster.models[model_id]["model_group_id"] = ids[1]
    run = make_run(cluster)
    doc = pick(run, kind, kind.all_named(run.reader, "Chat"), "Chat")
    assert doc is not None
    assert doc.id == ids[counts]
    assert len(run.warnings) == 1


def test_models_of_different_groups_are_refused(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    ids = [cluster.add_model("Chat", connector_id, model_group_id=cluster.add_group(group)) for group in "AB"]
    with pytest.raises(Failure) as caught:
        find_named(make_run(cluster), Model, "Chat")
    assert (caught.value.code, caught.value.details) == ("ambiguous_name", {"ids": ids})


def test_nothing_to_pick(cluster: FakeCluster) -> None:
    assert pick(make_run(cluster), Connector, [], "x") is None
    assert cluster.exchanges == []


class TestFind:
    def test_by_name_or_id(self, cluster: FakeCluster) -> None:
        mine = cluster.add_connector("Local chat")
        run = make_run(cluster)
        for reference in ("Local chat", mine):
            for search in (find, need):
                found = search(run, Connector, reference)
                assert found is not None
                assert found.id == find_id(run, Connector, reference) == mine

    def test_a_name_takes_precedence_over_an_id(self, cluster: FakeCluster) -> None:
        first = cluster.add_connector("Local chat")
        second = cluster.add_connector(first)
        assert find_id(make_run(cluster), Connector, first) == second

    @pytest.mark.parametrize("kind", [Connector, Model, ModelGroup])
    def test_a_missing_object(self, cluster: FakeCluster, kind: Any) -> None:
        run = make_run(cluster)
        assert find(run, kind, "nope") is find_named(run, kind, "nope") is None
        assert find_id(run, kind, "nope") == "nope"
        with pytest.raises(Failure) as caught:
            need(run, kind, "nope")
        assert caught.value.code == kind.UNKNOWN_CODE

    def test_the_known_object_is_not_read_again(self, cluster: FakeCluster) -> None:
        known = cluster.add_connector()
        run = make_run(cluster)
        for known_id, reads in ((known, 0), ("another", 1)):
            cluster.exchanges.clear()
            found = find(run, Connector, "Local chat", known_id=known_id)
            assert found is not None
            assert [each.path for each in cluster.exchanges[1:]] == [f"{ML}/connectors/{known}"] * reads
