# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of tasks on real servers, including failed ones and those of a deleted model."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import until

INFO = "ml_task_info"


def test_tasks_of_a_model(cluster, module, name):
    model_id = cluster.make_model(name, cluster.make_connector(name), deploy=True)

    def listed(**args):
        result = module(INFO, **args)
        assert (result["changed"], module.recorder.writes) == (False, [])
        return result["tasks"]

    until(lambda: len(listed(model=name, state="COMPLETED")) == 2, "both tasks to be seen")
    deployed, registered = listed(model=name)
    assert (deployed["task_type"], registered["task_type"]) == ("DEPLOY_MODEL", "REGISTER_MODEL")
    for task in (deployed, registered):
        assert (task["model_id"], task["state"], task["function_name"]) == (model_id, "COMPLETED", "REMOTE")
        assert (task["errors"], len(task["worker_nodes"])) == ({}, 1)
        assert 0 <= task["idle_seconds"] <= task["age_seconds"] < 120
        (same,) = listed(task_id=task["task_id"], check=True)
        ages = {"age_seconds": 0, "idle_seconds": 0}
        assert {**same, **ages} == {**task, **ages}
    ids = [task["task_id"] for task in listed(model=model_id, task_type="DEPLOY_MODEL")]
    assert ids == [deployed["task_id"]]
    assert listed(model=name, state="FAILED") == []
    # The tasks remain when the model is deleted.
    module("ml_model", name=name, state="absent")
    assert {task["task_id"] for task in listed(model=model_id)} >= {deployed["task_id"], registered["task_id"]}
    assert listed(model=name) == []


def test_errors_of_each_node(cluster, module, name):
    model_id = cluster.make_model(name, cluster.make_connector(name))
    cluster.must("PUT", f"/_plugins/_ml/models/{model_id}", {"connector_id": "no-such-connector"})
    cluster.send("POST", f"/_plugins/_ml/models/{model_id}/_deploy")
    until(lambda: module(INFO, model=name, state="FAILED")["tasks"], "the failed task to be seen")
    (task,) = module(INFO, model=name, state="FAILED")["tasks"]
    assert list(task["errors"]) == task["worker_nodes"]
    assert "no-such-connector" in str(task["errors"])


@pytest.mark.full_on("2.19.1-tls")
def test_no_tasks(module):
    assert module(INFO, task_id="no-such-task")["tasks"] == []
    assert module(INFO, model="no-such-model")["tasks"] == []
    assert module(INFO, task_type="NO_SUCH_TYPE")["tasks"] == []
