# SPDX-License-Identifier: GPL-3.0-or-later
"""Look-ups in a snapshot: what it has, what it reads, and what the writes of a run change in it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds import pipeline as pipelines
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.base import Doc
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model, using_connectors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.snapshot import Snapshot, Unread
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run


def ids(docs: list[Doc]) -> list[str]:
    return [doc.id for doc in docs]


def test_what_it_does_not_have_is_unread(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector("A")
    snapshot, key = Snapshot(), ("name", "A")
    with pytest.raises(Unread) as unread:
        Connector.all_named(snapshot, "A")
    assert unread.value.keys == [(Connector, key)]
    snapshot.load(make_run(cluster).client, [unread.value])
    assert ids(Connector.all_named(snapshot, "A")) == [connector_id]
    assert snapshot.take_used() == {(Connector, connector_id)}
    with pytest.raises(Unread) as unread:
        snapshot.fact(pipelines.read, "search", "p")
    snapshot.load(make_run(cluster).client, [unread.value])
    assert snapshot.fact(pipelines.read, "search", "p") is None


def test_with_a_client_it_reads_each_thing_once(cluster: FakeCluster) -> None:
    model_id = cluster.add_model("Chat", cluster.add_connector("A"))
    snapshot = Snapshot(make_run(cluster).client)
    for _each in range(2):
        assert ids(Model.all_named(snapshot, "Chat")) == [model_id]
        assert ids(Model.all_named(snapshot, "Other")) == []
    # The second request reads the model by its id, as a search may lag behind.
    assert [each.method for each in cluster.exchanges] == ["POST", "GET", "POST"]


def test_a_whole_cluster_has_all_keys(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector("A")
    model_id = cluster.add_model("Chat", connector_id)
    snapshot = Snapshot.of_cluster(make_run(cluster).client).copy()
    assert ids(using_connectors(snapshot, [connector_id])) == [model_id]
    assert (using_connectors(snapshot, ["other"]), snapshot.get(Model, "other")) == ([], None)
    assert ids(snapshot.visible(Connector)) == [connector_id]


def test_writes_of_the_run(cluster: FakeCluster) -> None:
    old, new = cluster.add_connector("A"), cluster.add_connector("B")
    model_id = cluster.add_model("Chat", old)
    run = make_run(cluster)
    run.reader = snapshot = Snapshot.of_cluster(run.client).copy(run.client)
    Model.update(run, model_id, {"connector_id": new, "description": "moved"})
    assert (ids(using_connectors(snapshot, [old])), ids(using_connectors(snapshot, [new]))) == ([], [model_id])
    # The server may store more than was sent.
    found: Any = snapshot.get(Model, model_id)
    assert found.source == cluster.models[model_id]
    Connector.delete(run, old)
    assert (Connector.all_named(snapshot, "A"), snapshot.get(Connector, old)) == ([], None)


def test_a_created_object_that_shares_its_name_is_read(cluster: FakeCluster) -> None:
    """Its time of creation decides which of them the name means."""
    cluster.add_connector("A")
    snapshot = Snapshot.of_cluster(make_run(cluster).client)
    created = {cluster.add_connector(name): name for name in ("A", "B")}
    for connector_id, name in created.items():
        snapshot.note_created(Connector, Doc(connector_id, {"name": name}))
    found = [snapshot.get(Connector, connector_id) for connector_id in created]
    assert [bool(doc and doc.created) for doc in found] == [True, False]


def test_a_copy_is_independent(cluster: FakeCluster) -> None:
    cluster.add_connector("A")
    snapshot = Snapshot.of_cluster(make_run(cluster).client)
    copy = snapshot.copy()
    assert copy.is_same(snapshot)
    copy.put_planned(Connector, Doc("(new B)", {"name": "B"}))
    assert not copy.is_same(snapshot)
    assert ids(Connector.all_named(copy, "B")) == ["(new B)"]
    assert copy.take_used() == set()
    assert Connector.all_named(snapshot, "B") == []
