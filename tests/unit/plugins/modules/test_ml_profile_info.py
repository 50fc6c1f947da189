# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_profile_info: what it returns of each node, for one model or for all."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, get, post

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_profile_info"
PATH = "/_plugins/_ml/profile"

STATS = {"count": 2, "max": 8.2, "min": 4.5, "average": 6.4, "p50": 6.4, "p90": 7.8, "p99": 8.2}
NODES = {
    "nodes": {
        "n2": {"models": {"m1": {"target_worker_nodes": ["n1"], "worker_nodes": ["n1"]}}},
        "n1": {
            "models": {
                "m2": {"model_state": "DEPLOYING"},
                "m1": {
                    "model_state": "DEPLOYED",
                    "predictor": "org.opensearch.ml.engine.algorithms.remote.RemoteModel@2df131e2",
                    "target_worker_nodes": ["n1"],
                    "worker_nodes": ["n1"],
                    "predict_request_stats": STATS,
                },
            },
            "tasks": {
                "t1": {
                    "model_id": "m2",
                    "task_type": "DEPLOY_MODEL",
                    "state": "RUNNING",
                    "create_time": 1700000990000,
                    "last_update_time": 1700000995000,
                    "worker_node": ["n1"],
                }
            },
        },
    }
}


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "path"), [({}, ""), ({"subset": "models"}, "/models"), ({"subset": "tasks"}, "/tasks")]
)
def test_all(module: Runner, script: Callable[..., Script], args: dict[str, Any], path: str, check_mode: bool) -> None:
    result = module(MODULE, script(get(PATH + path).answers(200, NODES)), check_mode=check_mode, **args)
    assert [(model["node_id"], model["model_id"], model["state"], model["loaded"]) for model in result["models"]] == [
        ("n1", "m1", "DEPLOYED", True),
        ("n1", "m2", "DEPLOYING", False),
        ("n2", "m1", None, False),
    ]
    first, second, _third = result["models"]
    assert (first["predict_request_stats"], first["model_inference_stats"]) == (STATS, None)
    assert (first["worker_nodes"], second["worker_nodes"]) == (["n1"], [])
    (task,) = result["tasks"]
    assert (task["task_id"], task["node_id"], task["state"], task["errors"]) == ("t1", "n1", "RUNNING", {})
    assert (task["age_seconds"], task["idle_seconds"]) == (10, 5)
    assert (result["changed"], result["actions"]) == (False, [])


@pytest.mark.parametrize(("model", "nodes", "running"), [("Chat", ["n1", "n2"], []), ("m2", ["n1"], ["t1"])])
def test_one_model(
    module: Runner, script: Callable[..., Script], model: str, nodes: list[str], running: list[str]
) -> None:
    found = [("m1", {"name": "Chat"})] if model == "Chat" else []
    result = module(
        MODULE,
        script(
            post("/_plugins/_ml/models/_search").answers(200, hits(*found)),
            *(get(f"/_plugins/_ml/models/{object_id}").answers(200, source) for object_id, source in found),
            get(PATH).answers(200, NODES),
        ),
        model=model,
    )
    assert [entry["node_id"] for entry in result["models"]] == nodes
    assert [entry["task_id"] for entry in result["tasks"]] == running


def test_an_empty_profile(module: Runner, cluster: FakeCluster) -> None:
    result = module(MODULE, cluster)
    assert (result["models"], result["tasks"]) == ([], [])


@pytest.mark.parametrize("answer", [[], {"nodes": []}, {"nodes": {"n1": 5}}])
def test_an_answer_of_another_server(module: Runner, script: Callable[..., Script], answer: Any) -> None:
    assert module(MODULE, script(get(PATH).answers(200, answer)))["failure"]["code"] == "not_opensearch"


def test_two_models_with_one_name(module: Runner, cluster: FakeCluster) -> None:
    for created in (1, 20_000):
        cluster.models[cluster.add_model("Chat", cluster.add_connector())]["created_time"] = created
    assert module(MODULE, cluster, model="Chat")["failure"]["code"] == "ambiguous_name"
