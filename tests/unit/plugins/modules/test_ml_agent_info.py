# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_agent_info: the agents that it lists; it never writes."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import generated_id

Runner = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed"),
    [
        ({}, ["House agent", "Planner (ReAct)", "Planner"]),
        ({"name": "Planner"}, ["Planner"]),
        ({"name": "nope"}, []),
        ({"agent_id": generated_id(1, "agent")}, ["House agent"]),
        ({"agent_id": "nope"}, []),
        ({"type": "conversational"}, ["Planner (ReAct)"]),
    ],
)
def test_listed_agents(
    module: Runner, cluster: FakeCluster, args: dict[str, Any], listed: list[str], check_mode: bool
) -> None:
    cluster.add_agent(parameters={"_searchops": '{"replaces":"x"}', "a": "[1]"})
    cluster.add_agent("Planner", type="plan_execute_and_reflect", llm={"model_id": "m"}, parameters={})
    result = module("ml_agent_info", cluster, check_mode=check_mode, **args)
    assert [agent["name"] for agent in result["agents"]] == listed
    assert (result["changed"], result["actions"], cluster.writes) == (False, [], [])
    if listed and listed[0] == "House agent":
        assert result["agents"][0]["parameters"] == {"a": [1]}


def test_without_an_index(module: Runner, cluster: FakeCluster) -> None:
    cluster.index_missing = True
    assert module("ml_agent_info", cluster)["agents"] == []
