# SPDX-License-Identifier: GPL-3.0-or-later
"""The reasons of failed deployments."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import deploy_errors
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.models import (
    NEW,
    add_chat_model,
    apply,
)


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


@pytest.mark.parametrize("register_deploy", ["one_step", "two_step"])
@pytest.mark.parametrize("moment", ["/models/_register", "/_deploy"])
def test_another_controller_deletes_the_connector(cluster: FakeCluster, register_deploy: str, moment: str) -> None:
    """It existed when the task searched for it."""
    if moment == "/_deploy" and register_deploy == "one_step":
        add_chat_model(cluster, "UNDEPLOYED")
    cluster.before("POST", moment, cluster.connectors.clear)
    with pytest.raises(Failure, match=r"Another controller deleted connector .* Failed to find connector") as caught:
        apply(cluster, **NEW, register_deploy=register_deploy)
    assert caught.value.code == "concurrent_change"


def test_another_controller_deletes_the_group_before_the_registration(cluster: FakeCluster) -> None:
    """It existed when the task searched for it (seen on three nodes with eight controllers)."""
    cluster.add_group("Shelf")
    cluster.before("POST", "/models/_register", cluster.groups.clear)
    with pytest.raises(Failure, match=r"Another controller deleted model group .* Response is empty") as caught:
        apply(cluster, **NEW, model_group="Shelf")
    assert caught.value.code == "concurrent_change"
