# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_connector_info lists the selected connectors and never writes."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import generated_id

Runner = Callable[..., dict[str, Any]]
ACTION = {"action_type": "PREDICT", "method": "POST", "url": "http://${parameters.host}/v1"}


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    first = cluster.add_connector()
    cluster.add_connector("Other", actions=[ACTION], parameters={"host": "llm.test", "_searchops": '{"replaces":"x"}'})
    model_id = cluster.add_model("Chat", first)
    cluster.add_model("Chat too", first)
    del cluster.models[model_id]["connector_id"]
    cluster.models[model_id]["connector"] = {"name": "Inside", "protocol": "http", "version": "1", "actions": [ACTION]}
    return cluster


def names(result: dict[str, Any]) -> list[str]:
    return [connector["name"] for connector in result["connectors"]]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed"),
    [
        ({}, ["Local chat", "Other"]),
        ({"include_inline": True}, ["Local chat", "Other", "Inside"]),
        ({"name": "Other"}, ["Other"]),
        ({"name": "Inside", "include_inline": True}, ["Inside"]),
        ({"name": "nope"}, []),
        ({"connector_id": generated_id(1, "connector")}, ["Local chat"]),
        ({"connector_id": "nope"}, []),
        ({"connector_id": generated_id(1, "connector"), "include_inline": True}, ["Local chat"]),
        ({"name_pattern": "*o*t*"}, ["Local chat"]),
        ({"name_pattern": "I*", "include_inline": True}, ["Inside"]),
        ({"protocol": "http", "name_pattern": "O*"}, ["Other"]),
        ({"protocol": "aws_sigv4"}, []),
        ({"unused": True}, ["Other"]),
        ({"unused": True, "include_inline": True}, ["Other"]),
        ({"unused": True, "name": "Local chat"}, []),
    ],
)
def test_selection(
    module: Runner, filled: FakeCluster, args: dict[str, Any], listed: list[str], check_mode: bool
) -> None:
    result = module("ml_connector_info", filled, check_mode=check_mode, **args)
    assert names(result) == listed
    assert (result["changed"], result["actions"]) == (False, [])
    assert filled.writes == []


def test_entry(module: Runner, filled: FakeCluster) -> None:
    result = module("ml_connector_info", filled, include_inline=True)
    _first, other, inside = result["connectors"]
    assert (other["connector_id"], other["model_id"]) == (generated_id(2, "connector"), None)
    assert other["urls"] == ["http://llm.test/v1"]
    assert other["parameters"] == {"host": "llm.test"}
    assert (inside["connector_id"], inside["model_id"]) == (None, next(iter(filled.models)))


def test_used_by(module: Runner, filled: FakeCluster) -> None:
    inline, user = filled.models
    filled.exchanges.clear()
    listed = module("ml_connector_info", filled, include_inline=True, include_used_by=True)["connectors"]
    assert [connector["used_by"] for connector in listed] == [[user], [], [inline]]
    assert len(filled.exchanges) == 3
    assert "used_by" not in module("ml_connector_info", filled)["connectors"][0]


def test_name_and_id_are_mutually_exclusive(module: Runner, cluster: FakeCluster) -> None:
    result = module("ml_connector_info", cluster, name="x", connector_id="y")
    assert "mutually exclusive" in result["msg"]
