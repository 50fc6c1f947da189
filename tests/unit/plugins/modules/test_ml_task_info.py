# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_task_info: the tasks that it lists, their decoded errors and ages, and the number of requests."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_task_info"


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    """A model with its registration and a failed deployment, and a task of a deleted model."""
    model_id = cluster.add_model("Chat", cluster.add_connector())
    cluster.tasks.clear()
    cluster.tasks["t1"] = {
        "model_id": model_id, "task_type": "REGISTER_MODEL", "state": "COMPLETED", "function_name": "REMOTE",
        "create_time": 1700000900000, "last_update_time": 1700000940500, "worker_node": ["n1"],
    }  # fmt: skip
    cluster.tasks["t2"] = {
        "model_id": model_id, "task_type": "DEPLOY_MODEL", "state": "FAILED", "function_name": "REMOTE",
        "create_time": 1700000950000, "last_update_time": 1700000960000, "worker_node": ["n1", "n2"],
        "error": '{"n1": "no memory", "n2": "no connector"}',
    }  # fmt: skip
    cluster.tasks["t3"] = {
        "model_id": "gone", "task_type": "DEPLOY_MODEL", "state": "COMPLETED", "create_time": 1700000920000,
    }  # fmt: skip
    return cluster


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed", "requests"),
    [
        ({}, ["t2", "t3", "t1"], 1),
        ({"task_id": "t1"}, ["t1"], 1),
        ({"task_id": "nope"}, [], 1),
        ({"model": "Chat"}, ["t2", "t1"], 3),
        ({"model": "gone"}, ["t3"], 2),
        ({"model": "nope"}, [], 2),
        ({"task_type": "DEPLOY_MODEL"}, ["t2", "t3"], 1),
        ({"state": "COMPLETED"}, ["t3", "t1"], 1),
        ({"model": "Chat", "task_type": "DEPLOY_MODEL", "state": "FAILED"}, ["t2"], 3),
        ({"model": "gone", "state": "FAILED"}, [], 2),
    ],
)
def test_listed_tasks(
    module: Runner, filled: FakeCluster, args: dict[str, Any], listed: list[str], requests: int, check_mode: bool
) -> None:
    result = module(MODULE, filled, check_mode=check_mode, **args)
    assert [task["task_id"] for task in result["tasks"]] == listed
    assert (result["changed"], result["actions"]) == (False, [])
    assert (len(filled.exchanges), filled.writes) == (requests, [])


def test_entries(module: Runner, filled: FakeCluster) -> None:
    failed, bare, done = module(MODULE, filled)["tasks"]
    assert failed["errors"] == {"n1": "no memory", "n2": "no connector"}
    assert (failed["worker_nodes"], failed["age_seconds"], failed["idle_seconds"]) == (["n1", "n2"], 50, 40)
    assert (done["errors"], done["age_seconds"], done["idle_seconds"]) == ({}, 100, 59)
    assert (bare["worker_nodes"], bare["last_update_time"], bare["idle_seconds"]) == ([], None, None)
    assert bare["function_name"] is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"error": "plain"}, {"errors": {"cluster": "plain"}}),
        ({"error": "[1]"}, {"errors": {"cluster": "[1]"}}),
        ({"error": {"n": "r"}}, {"errors": {"cluster": "{'n': 'r'}"}}),
        ({"error": ""}, {"errors": {}}),
        ({"worker_node": "n1,n2"}, {"worker_nodes": ["n1", "n2"]}),
        # A server whose clock is ahead.
        ({"create_time": 1700009999000}, {"age_seconds": 0}),
    ],
)
def test_forms_of_fields(module: Runner, filled: FakeCluster, fields: dict[str, Any], expected: dict[str, Any]) -> None:
    filled.tasks["t1"].update(fields)
    (task,) = module(MODULE, filled, task_id="t1")["tasks"]
    assert {name: task[name] for name in expected} == expected


def test_an_empty_cluster(module: Runner, cluster: FakeCluster) -> None:
    cluster.index_missing = True
    assert module(MODULE, cluster)["tasks"] == []


def test_an_id_excludes_the_other_options(module: Runner, cluster: FakeCluster) -> None:
    for args in ({"model": "x"}, {"task_type": "x"}, {"state": "FAILED"}):
        assert "mutually exclusive" in module(MODULE, cluster, task_id="t1", **args)["msg"]


def test_two_models_with_one_name(module: Runner, filled: FakeCluster) -> None:
    filled.models[filled.add_model("Chat", filled.add_connector())]["created_time"] = 1
    assert module(MODULE, filled, model="Chat")["failure"]["code"] == "ambiguous_name"
