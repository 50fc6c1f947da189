# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applying a plan: the order of its steps, failed steps, and deployments."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import wait
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import apply as apply_module
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import (
    actions_of,
    apply_stack,
    chat_stack,
    connector,
    stack_with_untrusted_connector,
)


@pytest.mark.parametrize("parallel", [1, 4])
def test_model_moves_away_from_a_connector_that_is_swapped(cluster: FakeCluster, parallel: int) -> None:
    apply_stack(cluster, **chat_stack())
    moved = chat_stack(
        connectors=[connector("A", parameters={"model": "other"}), connector("B")],
        models=[{"name": "Chat A", "connector": "B"}, {"name": "Chat B", "connector": "B"}],
        parallel=parallel,
    )
    assert actions_of(apply_stack(cluster, **moved)) == [("swap", "connector", "A"), ("update", "model", "Chat A")]


def test_absent_items_are_deleted_users_first(cluster: FakeCluster) -> None:
    apply_stack(cluster, **chat_stack())
    gone = {
        "connectors": [{"name": "A", "state": "absent"}, {"name": "B", "state": "absent"}],
        "models": [{"name": name, "state": "absent", "delete_empty_group": True} for name in ("Chat A", "Chat B")],
        "agents": [{"name": "Flow", "state": "absent"}],
        "pipelines": [{"name": "answers", "type": "search", "state": "absent"}],
        "model_groups": [{"name": "Group", "state": "absent"}],
    }
    planned = apply_stack(cluster, check_mode=True, **gone)
    result = apply_stack(cluster, **gone)
    assert actions_of(result) == actions_of(planned)
    assert (cluster.connectors, cluster.models, cluster.groups, cluster.agents) == ({}, {}, {}, {})
    assert actions_of(apply_stack(cluster, **gone)) == []


def test_connector_is_deleted_after_another_replaces_it(cluster: FakeCluster) -> None:
    apply_stack(cluster, **chat_stack())
    moved = chat_stack(connectors=[connector("B"), {"name": "A", "state": "absent"}, connector("C")])
    moved["models"][0]["connector"] = "C"
    result = apply_stack(cluster, **moved)
    assert ("delete", "connector", "A") in actions_of(result)
    assert actions_of(apply_stack(cluster, **moved)) == []


def test_dependents_of_a_failed_item_are_skipped(cluster: FakeCluster) -> None:
    broken = stack_with_untrusted_connector(cluster)
    with pytest.raises(Failure) as raised:
        apply_stack(cluster, **broken)
    assert raised.value.code == "stack_failed"
    assert [each["place"] for each in raised.value.details["failed"]] == ["connectors[0]"]
    assert raised.value.details["left_out"] == ["models[0] 'Chat A'", "controllers[0] 'Chat A'", "agents[0] 'Flow'"]
    assert [body["name"] for body in cluster.models.values()] == ["Chat B"]
    apply_stack(cluster, **chat_stack())
    assert actions_of(apply_stack(cluster, **chat_stack())) == []


def test_deployment_that_never_starts_is_requested_again(cluster: FakeCluster) -> None:
    """The node that should start the deployment has left the cluster (seen on 3.6.0). The other models are deployed."""

    def stop_deployment() -> None:
        for model_id, body in cluster.models.items():
            if body["name"] == "Chat B" and model_id in cluster._starting:
                cluster._starting[model_id] = 10**6

    cluster.before("POST", "/models/_search", stop_deployment, times=99)
    result = apply_stack(cluster, **chat_stack())
    assert [each for each in actions_of(result) if each[0] == "repair"] == [("repair", "model", "Chat B")]
    assert {body["model_state"] for body in cluster.models.values()} == {"DEPLOYED"}
    assert actions_of(apply_stack(cluster, **chat_stack())) == []


def test_slow_deployment_is_requested_once(cluster: FakeCluster) -> None:
    """A deployment that has not started within the timeout may still start."""
    cluster.starting_reads = 14
    with contextlib.suppress(Failure):
        apply_stack(
            cluster,
            name="s",
            connectors=[connector("A")],
            models=[{"name": "Chat", "connector": "A", "wait_timeout": 5}],
        )
    assert len(cluster.models) == 1
    assert not [each for each in cluster.exchanges if each.path.endswith("/_deploy")]


def test_no_step_starts_after_a_task_timeout(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ansible's timeout of a task raises an exception at any point, here while the module waits for its workers."""
    waits = iter(range(10))

    def wait_until_timeout(*args: Any, **options: Any) -> Any:
        if next(waits) == 9:
            raise TimeoutError
        return wait(*args, **options)

    many = {"connectors": [connector(f"C{n}") for n in range(50)]}
    pauses = [0.02]
    cluster.before("POST", "/connectors/_create", lambda: time.sleep(pauses[-1]), times=50)
    with monkeypatch.context() as patch:
        patch.setattr(apply_module, "wait", wait_until_timeout)
        with pytest.raises(TimeoutError):
            apply_stack(cluster, **many)
    assert 0 < len(cluster.connectors) < 40
    pauses.append(0.0)
    apply_stack(cluster, **many)
    assert len(cluster.connectors) == 50


def test_failed_deployments_do_not_block_others(cluster: FakeCluster) -> None:
    cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "out of order"})] * 50
    many = {
        "connectors": [connector("C")],
        "models": [{"name": f"M{n}", "connector": "C", "wait_timeout": 30} for n in range(60)],
        "parallel": 1,
    }
    with pytest.raises(Failure) as raised:
        apply_stack(cluster, **many)
    assert raised.value.code == "stack_failed"
    assert len(raised.value.details["failed"]) == 50
    assert len([model for model in cluster.models.values() if model["model_state"] == "DEPLOYED"]) == 10
