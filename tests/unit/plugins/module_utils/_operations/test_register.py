# SPDX-License-Identifier: GPL-3.0-or-later
"""Registering models exactly once, in groups that stay."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
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
        # Longer than the search for duplicates takes: a write before the deployment starts would interrupt it.
        cluster.starting_reads = 6
        result = apply(cluster, **NEW, is_enabled=False)
        assert result["model"]["is_enabled"] is False
        assert actions_of(result) == ["create", "register_and_deploy"]
        assert not apply(cluster, **NEW, is_enabled=False)["changed"]


def add_group_with_race(cluster: FakeCluster, *, gone: bool, other: str | None) -> str:
    """Add a group that was created just now. Returns its id.

    After a model is registered in it, it is deleted (``gone``), or searches find an ``other`` group with its name
    that is older or younger.
    """
    group_id = cluster.add_group("Shelf")

    def race() -> None:
        if other:
            created = cluster.groups[group_id]["created_time"] + (1 if other == "younger" else -1)
            cluster.groups["other"] = {"name": "Shelf", "access": "private", "created_time": created}
        if gone:
            del cluster.groups[group_id]

    def registered() -> None:
        cluster.before("GET", f"/model_groups/{group_id}", race)

    cluster.before("POST", "/models/_register", registered)
    return group_id


@pytest.mark.parametrize("register_deploy", ["one_step", "two_step"])
@pytest.mark.parametrize(("gone", "other"), [(True, None), (True, "older"), (True, "younger"), (False, "older")])
def test_a_group_that_is_deleted_as_a_duplicate(
    cluster: FakeCluster, register_deploy: str, gone: bool, other: str | None
) -> None:
    """Other controllers register theirs in the group that stays: two models with one name would remain."""
    group_id = add_group_with_race(cluster, gone=gone, other=other)
    with pytest.raises(Failure, match=rf"Model group 'Shelf' \({group_id}\) is a duplicate") as caught:
        apply(cluster, **NEW, model_group="Shelf", register_deploy=register_deploy)
    assert caught.value.code == "concurrent_change"
    assert cluster.models == {}


def test_a_group_that_stays(cluster: FakeCluster) -> None:
    group_id = add_group_with_race(cluster, gone=False, other="younger")
    apply(cluster, **NEW, model_group="Shelf")
    assert [model["model_group_id"] for model in cluster.models.values()] == [group_id]


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
