# SPDX-License-Identifier: GPL-3.0-or-later
"""The reasons of failed deployments."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import deploy_errors
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.models import NEW, actions_of, add_chat_model


@pytest.fixture
def cluster(cluster: FakeCluster) -> FakeCluster:
    """A cluster with the connector 'Local chat'."""
    cluster.add_connector()
    return cluster


@pytest.mark.parametrize(
    ("error", "reasons"),
    [
        ('{"n": "r"}', {"n": "r"}),
        ("plain", {"cluster": "plain"}),
        ("[1]", {"cluster": "[1]"}),
        ("", {}),
    ],
)
def test_reasons_of_a_task(cluster: FakeCluster, error: str, reasons: dict[str, str]) -> None:
    cluster.tasks["t"] = {"model_id": "m", "task_type": "DEPLOY_MODEL", "create_time": 1, "error": error}
    run = make_run(cluster)
    assert deploy_errors.node_reasons(run.client, "m", "t") == reasons
    assert deploy_errors.node_reasons(run.client, "m") == reasons
    assert deploy_errors.node_reasons(run.client, "m", "gone") == {}


def test_another_controller_swaps_the_connector(module: Callable[..., dict[str, Any]], cluster: FakeCluster) -> None:
    """The deployment fails without the old connector. The task starts over and finds the new one."""
    model_id = add_chat_model(cluster, "UNDEPLOYED")

    def swap() -> None:
        if cluster.models[model_id]["model_state"] == "DEPLOY_FAILED" and not cluster.connectors:
            cluster.models[model_id]["connector_id"] = cluster.add_connector()

    cluster.before("POST", "/_deploy", cluster.connectors.clear)
    cluster.before("GET", model_id, swap, times=99)
    result = module("ml_model", cluster, **NEW)
    assert actions_of(result) == ["deploy", "deploy"]
    assert result["model"]["state"] == "DEPLOYED"
    assert [result["connector_id"]] == list(cluster.connectors)


def test_the_connector_did_not_exist_before(module: Callable[..., dict[str, Any]], cluster: FakeCluster) -> None:
    """No other controller has changed it, so the task does not start over."""
    add_chat_model(cluster, "UNDEPLOYED")
    cluster.connectors.clear()
    result = module("ml_model", cluster, name="Chat")
    assert result["failure"]["code"] == "deploy_failed"
    assert actions_of(result) == ["deploy"]
