# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profiles of real servers: before, during and after the deployment of a model."""

from __future__ import annotations

import pytest

INFO = "ml_profile_info"


@pytest.mark.parametrize("subset", ["all", "models"])
def test_a_model(cluster, module, name, subset):
    def listed(reference=name):
        result = module(INFO, subset=subset, model=reference)
        assert (result["changed"], module.recorder.writes, result["tasks"]) == (False, [], [])
        return result["models"]

    model_id = cluster.make_model(name, cluster.make_connector(name))
    assert listed() == []
    cluster.deploy(model_id)
    (entry,) = listed()
    assert (entry["model_id"], entry["state"], entry["loaded"]) == (model_id, "DEPLOYED", True)
    assert entry["worker_nodes"] == entry["target_worker_nodes"] == [entry["node_id"]]
    assert (entry["predict_request_stats"], entry["model_inference_stats"]) == (None, None)
    for _ in range(2):
        cluster.answer(model_id)
    (asked,) = listed(model_id)
    for name_ in ("predict_request_stats", "model_inference_stats"):
        stats = asked[name_]
        assert stats["count"] == 2
        assert 0 < stats["min"] <= stats["p50"] <= stats["p99"] <= stats["max"]
    everything = module(INFO, subset=subset)["models"]
    assert [one for one in everything if one["model_id"] == model_id] == [asked]
    cluster.undeploy(model_id)
    assert listed() == []


def test_tasks_only(cluster, module, name):
    """No task runs for long enough to be listed reliably."""
    model_id = cluster.make_model(name, cluster.make_connector(name), deploy=True)
    result = module(INFO, subset="tasks", check=True)
    assert result["models"] == []
    assert [task for task in result["tasks"] if task["model_id"] == model_id] == []
    assert module(INFO, model="no-such-model")["models"] == []
