# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_model from its arguments to its result. Its task is tested in module_utils/_tasks/test_ml_model.py."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]


def test_create_undeploy_and_delete(module: Runner, cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    args = {"name": "Chat", "connector": "Local chat"}
    check = module("ml_model", cluster, check_mode=True, **args)
    created = module("ml_model", cluster, **args)
    assert created["diff"] == check["diff"]
    assert (created["model"]["state"], created["connector_id"]) == ("DEPLOYED", connector_id)
    assert (created["model_id"], created["model_group_id"]) == (next(iter(cluster.models)), next(iter(cluster.groups)))
    assert not module("ml_model", cluster, **args)["changed"]
    assert module("ml_model", cluster, **args, state="undeployed")["model"]["state"] == "UNDEPLOYED"
    deleted = module("ml_model", cluster, name="Chat", state="absent", delete_empty_group=True)
    assert (deleted["model"], deleted["model_id"]) == (None, created["model_id"])
    assert (cluster.models, cluster.groups) == ({}, {})


def test_a_failed_deployment(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector()
    cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "no disk"})]
    result = module("ml_model", cluster, name="Chat", connector="Local chat")
    assert result["failed"]
    assert result["changed"]
    assert [action["action"] for action in result["actions"]] == ["create", "register_and_deploy"]
    assert result["failure"]["details"]["nodes"] == {"node-1": "no disk"}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({}, "one of the following is required: name, model_id"),
        ({"name": "x", "rate_limiter": {"limit": 5}}, "missing required arguments: unit found in rate_limiter"),
        ({"name": "x", "state": "started"}, "value of state must be one of"),
        ({"name": "x", "register_deploy": "three_step"}, "value of register_deploy must be one of"),
    ],
)
def test_refused_arguments(module: Runner, cluster: FakeCluster, args: dict[str, Any], text: str) -> None:
    result = module("ml_model", cluster, **args)
    assert result["failed"]
    assert text in result["msg"]
    assert cluster.exchanges == []
