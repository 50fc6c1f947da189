# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_model_info: which models it lists, their connectors and groups, and how many requests it sends."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_model_info"


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    """Five models: two on one connector, one without its connector, one without its group, one with its own."""
    cluster.state_lag = 0
    first = cluster.add_connector("First")
    gone = cluster.add_connector("Gone")
    shelf = cluster.add_group("Shelf")
    cluster.add_model("chat one", first, model_group_id=shelf)
    cluster.add_model("chat two", first, state="UNDEPLOYED", model_group_id=shelf)
    cluster.add_model("No connector", gone)
    no_group = cluster.add_model("No group", first, state="PARTIALLY_DEPLOYED")
    inline = cluster.add_model("Inline", first)
    del cluster.connectors[gone]
    del cluster.groups[cluster.models[no_group]["model_group_id"]]
    del cluster.models[inline]["connector_id"]
    cluster.models[inline]["connector"] = {"name": "Inside", "protocol": "http", "version": "1"}
    return cluster


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed"),
    [
        ({}, ["chat one", "chat two", "No connector", "No group", "Inline"]),
        ({"name": "chat two"}, ["chat two"]),
        ({"name": "nope"}, []),
        ({"model_id": "nope"}, []),
        ({"name_pattern": "chat*"}, ["chat one", "chat two"]),
        ({"name_pattern": "[!c]*"}, ["No connector", "No group", "Inline"]),
        ({"states": ["UNDEPLOYED", "PARTIALLY_DEPLOYED"]}, ["chat two", "No group"]),
        ({"model_group": "Shelf"}, ["chat one", "chat two"]),
        ({"model_group": "nope"}, []),
        ({"connector": "First"}, ["chat one", "chat two", "No group"]),
        ({"connector": "First", "model_group": "Shelf", "states": ["DEPLOYED"]}, ["chat one"]),
        ({"orphans": True}, ["No connector", "No group"]),
        ({"orphans": True, "connector": "First"}, ["No group"]),
    ],
)
def test_what_is_listed(
    module: Runner, filled: FakeCluster, args: dict[str, Any], listed: list[str], check_mode: bool
) -> None:
    result = module(MODULE, filled, check_mode=check_mode, **args)
    assert [model["name"] for model in result["models"]] == listed
    assert (result["changed"], result["actions"]) == (False, [])
    # Three searches, and one read of each model that is not deployed.
    assert len(filled.exchanges) <= (4 if "name" in args else 3 if "model_id" in args else 5)
    assert filled.writes == []


def test_by_ids(module: Runner, filled: FakeCluster) -> None:
    model_id, model = next(iter(filled.models.items()))
    for args in (
        {"model_id": model_id},
        {"name": "chat one"},
        {"connector": model["connector_id"], "name": "chat one"},
        {"model_group": model["model_group_id"], "name_pattern": "*one"},
    ):
        assert [entry["model_id"] for entry in module(MODULE, filled, **args)["models"]] == [model_id]


def test_entries(module: Runner, filled: FakeCluster) -> None:
    entries = {entry["name"]: entry for entry in module(MODULE, filled)["models"]}
    assert {name: entry["missing"] for name, entry in entries.items() if entry["missing"]} == {
        "No connector": ["connector"],
        "No group": ["model_group"],
    }
    one, inline = entries["chat one"], entries["Inline"]
    assert (one["connector_name"], one["model_group_name"], one["inline_connector"]) == ("First", "Shelf", False)
    assert (inline["connector_id"], inline["connector_name"], inline["inline_connector"]) == (None, None, True)
    assert (entries["No group"]["model_group_name"], entries["No connector"]["connector_name"]) == (None, None)


def test_an_entry_equals_the_result_of_ml_model(module: Runner, filled: FakeCluster) -> None:
    model = module("ml_model", filled, name="chat one", state="present")["model"]
    (entry,) = module(MODULE, filled, name="chat one")["models"]
    assert {name: entry[name] for name in model} == model


def test_requests_do_not_grow_with_the_models(module: Runner, cluster: FakeCluster) -> None:
    for number in range(30):
        cluster.add_model(f"Chat {number}", cluster.add_connector(f"Connector {number}"))
    assert len(module(MODULE, cluster)["models"]) == 30
    assert len(cluster.exchanges) == 3


def test_an_empty_cluster(module: Runner, cluster: FakeCluster) -> None:
    cluster.index_missing = True
    assert module(MODULE, cluster)["models"] == []
    assert len(cluster.exchanges) == 1


def test_options_that_exclude_each_other(module: Runner, cluster: FakeCluster) -> None:
    assert "mutually exclusive" in module(MODULE, cluster, name="x", model_id="y")["msg"]


@pytest.mark.parametrize("args", [{}, {"name_pattern": "chat*"}, {"states": ["DEPLOYED"]}])
def test_a_model_that_was_just_deployed(module: Runner, cluster: FakeCluster, args: dict[str, Any]) -> None:
    """Searches still return that it is not deployed."""
    cluster.state_lag = 1000
    model_id = cluster.add_model("chat", cluster.add_connector("First"), state="REGISTERED")
    cluster.call("POST", f"/_plugins/_ml/models/{model_id}/_deploy")
    while cluster.call("GET", f"/_plugins/_ml/models/{model_id}")["model_state"] != "DEPLOYED":
        pass
    assert [model["state"] for model in module(MODULE, cluster, **args)["models"]] == ["DEPLOYED"]


def test_a_model_that_is_deleted_meanwhile(module: Runner, cluster: FakeCluster) -> None:
    model_id = cluster.add_model("chat", cluster.add_connector("First"), state="UNDEPLOYED")
    cluster.before("GET", model_id, lambda: cluster.models.pop(model_id))
    assert module(MODULE, cluster)["models"] == []
