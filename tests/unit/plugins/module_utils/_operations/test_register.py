# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering models exactly once, and deleting them again."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import register
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.models import (
    NEW,
    actions_of,
    apply,
)


@pytest.fixture
def cluster(cluster: FakeCluster) -> FakeCluster:
    """A cluster with the connector 'Local chat'."""
    cluster.add_connector()
    return cluster


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "gateway_after", "unavailable"])
def test_a_lost_answer(cluster: FakeCluster, fault: str) -> None:
    cluster.fail_next("POST", "models/_register", fault)
    apply(cluster, **NEW)
    assert [model["model_state"] for model in cluster.models.values()] == ["DEPLOYED"]
    assert next(iter(cluster.groups.values()))["latest_version"] == 1


def test_is_enabled_is_written_after_a_registration_that_ignores_it() -> None:
    """2.19 ignores it in a registration."""
    for version in ("2.19.1", "3.6.0"):
        cluster = FakeCluster(version)
        cluster.add_connector()
        # A write before the deployment starts would interrupt it.
        cluster.starting_reads = 6
        result = apply(cluster, **NEW, is_enabled=False)
        assert result["model"]["is_enabled"] is False
        assert actions_of(result) == ["create", "register_and_deploy"]
        assert not apply(cluster, **NEW, is_enabled=False)["changed"]


@pytest.mark.parametrize("own_group", [True, False])
def test_delete_with_the_group_that_the_server_created(own_group: bool) -> None:
    """Two models with one name that are registered at once may get a group each (seen on 3.6.0), or share one."""
    cluster = FakeCluster()
    connector = cluster.add_connector("C")
    theirs = cluster.add_group("Chat")
    ours = cluster.add_group("Chat too") if own_group else theirs
    cluster.groups[ours]["name"] = "Chat"
    kept = cluster.add_model("Chat", connector, model_group_id=theirs)
    deleted = cluster.add_model("Chat", connector, model_group_id=ours)
    register.delete_with_group(make_run(cluster), deleted, {}, 30.0)
    assert (list(cluster.models), list(cluster.groups)) == ([kept], [theirs])


def test_delete_without_a_group_of_the_options() -> None:
    cluster = FakeCluster()
    group = cluster.add_group("Shelf")
    deleted = cluster.add_model("Chat", cluster.add_connector("C"), model_group_id=group)
    register.delete_with_group(make_run(cluster), deleted, {"model_group_id": group}, 30.0)
    assert (list(cluster.models), list(cluster.groups)) == ([], [group])
