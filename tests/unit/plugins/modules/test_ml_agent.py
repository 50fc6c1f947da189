# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_agent: changes in place, changes that need a new agent, and input that is refused before a write."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import LISTING

Runner = Callable[..., dict[str, Any]]
NAME = "ml_agent"
HOUSE = {"name": "House agent"}


@pytest.fixture
def house(cluster: FakeCluster) -> str:
    return cluster.add_agent(parameters={"a": "1", "b": "2"}, llm={"model_id": "m", "parameters": {"x": 1, "y": 2}})


def test_an_unchanged_agent_costs_a_search_and_a_get(module: Runner, cluster: FakeCluster, house: str) -> None:
    for check_mode in (False, True):
        cluster.exchanges.clear()
        result = module(
            NAME, cluster, **HOUSE, type="flow", tools=[LISTING], parameters={"a": 1, "b": 2}, check_mode=check_mode
        )
        assert (result["changed"], result["agent_id"]) == (False, house)
        assert result["agent"]["parameters"] == {"a": "1", "b": "2"}
        assert [(each.method, each.path.rsplit("/", 1)[1]) for each in cluster.exchanges] == [
            ("POST", "_search"),
            ("GET", house),
        ]


def test_only_changed_fields_are_sent(module: Runner, cluster: FakeCluster, house: str) -> None:
    result = module(NAME, cluster, **HOUSE, description="New", tools=[LISTING], parameters={"a": 1, "b": 3})
    assert result["agent_id"] == house
    assert [(write.method, write.body) for write in cluster.writes] == [
        ("PUT", {"description": "New", "parameters": {"a": "1", "b": "3"}})
    ]
    assert result["actions"][0]["fields"] == ["description", "parameters"]


@pytest.mark.parametrize(
    ("version", "change", "reason"),
    [
        ("3.6.0", {"type": "conversational_flow"}, "its type is flow"),
        ("3.6.0", {"parameters": {"a": 1}}, "cannot remove parameters, and b must be removed"),
        ("3.6.0", {"llm": {"parameters": {"x": 1}}}, "cannot remove llm.parameters, and y must be removed"),
        ("3.6.0", {"tools": []}, "keeps its tools"),
        ("3.6.0", {"memory": {"type": "agentic_memory"}}, "changes only memory of the type"),
        ("2.19.1", {"description": "New"}, "OpenSearch 2.19 cannot change agents, 3.1 and later can"),
        ("3.0.0", {"description": "New"}, "3.1 and later can"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_changes_that_need_a_new_agent(
    module: Runner, version: str, change: dict[str, Any], reason: str, check_mode: bool
) -> None:
    cluster = FakeCluster(version)
    old = cluster.add_agent(
        description="Old",
        app_type="chat",
        parameters={"a": "1", "b": "2"},
        llm={"model_id": "m", "parameters": {"x": 1, "y": 2}},
    )
    failure = module(NAME, cluster, **HOUSE, **change, check_mode=check_mode)["failure"]
    assert failure["code"] == "agent_not_changeable"
    assert reason in failure["message"]
    assert cluster.writes == []

    result = module(NAME, cluster, **HOUSE, **change, update_strategy="recreate", check_mode=check_mode)
    assert [(action["action"], action["replaced_id"]) for action in result["actions"]] == [("replace", old)]
    assert list(cluster.agents) == [old] if check_mode else [result["agent_id"]] == list(cluster.agents)
    if not check_mode:
        # The new agent keeps the fields that are not given.
        stored = cluster.agents[result["agent_id"]]
        assert stored["app_type"] == "chat"
        assert stored["description"] == change.get("description", "Old")
        assert stored["llm"]["model_id"] == "m"
        assert "_searchops" not in str(result)


def test_an_interrupted_replacement_is_finished(module: Runner, cluster: FakeCluster, house: str) -> None:
    new = cluster.add_agent(parameters={"_searchops": f'{{"replaces":["{house}"]}}'})
    cluster.agents[new]["created_time"] += 60_000
    for check_mode in (True, False):
        result = module(NAME, cluster, **HOUSE, parameters={}, check_mode=check_mode)
        assert [(action["action"], action["id"]) for action in result["actions"]] == [("delete", house)]
        assert result["agent_id"] == new
    assert list(cluster.agents) == [new]
    assert not module(NAME, cluster, **HOUSE, parameters={})["changed"]


def test_another_controller_registers_the_agent_first(module: Runner, cluster: FakeCluster) -> None:
    """It has no lock. Ours is deleted, and the task changes the other one."""
    cluster.before("POST", "/agents/_register", lambda: cluster.add_agent(description="Theirs"))
    result = module(NAME, cluster, **HOUSE, type="flow", tools=[LISTING], description="Ours")
    assert [action["action"] for action in result["actions"]] == ["update"]
    assert list(cluster.agents) == [result["agent_id"]]


def test_several_agents_with_one_name(module: Runner, cluster: FakeCluster, house: str) -> None:
    """Of two that controllers without the lock created at the same moment, the oldest counts."""
    other = cluster.add_agent()
    result = module(NAME, cluster, **HOUSE)
    assert (result["changed"], result["agent_id"]) == (False, house)
    assert f"{house} counts" in result["warnings"][0]
    cluster.agents[other]["created_time"] += 60_000
    failure = module(NAME, cluster, **HOUSE, state="absent")["failure"]
    assert (failure["code"], failure["details"]["ids"]) == ("ambiguous_name", [house, other])
    assert module(NAME, cluster, agent_id=other, state="absent")["changed"]
    assert list(cluster.agents) == [house]


@pytest.mark.parametrize("version", ["3.6.0"])
def test_the_executor_of_plans(module: Runner, version: str) -> None:
    cluster = FakeCluster(version)
    model = cluster.add_model("Chat", cluster.add_connector())
    args: dict[str, Any] = {
        **HOUSE,
        "type": "plan_execute_and_reflect",
        "llm": {"model_id": "Chat"},
        "tools": [LISTING],
    }
    created = module(NAME, cluster, **args)
    executor = created["agent"]["executor_agent_id"]
    assert set(cluster.agents) == {created["agent_id"], executor}
    assert "executor_agent_id" not in created["agent"]["parameters"]
    assert not module(NAME, cluster, **args, parameters={})["changed"]

    changed = module(NAME, cluster, **{**args, "tools": [{"type": "IndexMappingTool"}]}, description="New")
    assert len(changed["actions"]) == 1
    for agent_id in (created["agent_id"], executor):
        assert [tool["type"] for tool in cluster.agents[agent_id]["tools"]] == ["IndexMappingTool"]
        assert cluster.agents[agent_id]["llm"]["model_id"] == model
    assert cluster.agents[executor].get("description") != "New"

    # An executor that the user names is not deleted with the agent.
    other = cluster.add_agent("Other")
    planner = {**args, "name": "Second", "parameters": {"executor_agent_id": "${agent:Other}"}}
    assert module(NAME, cluster, **planner)["changed"]
    assert not module(NAME, cluster, **planner)["changed"]
    module(NAME, cluster, name="Second", state="absent")
    module(NAME, cluster, **HOUSE, state="absent")
    assert list(cluster.agents) == [other]


def test_models_are_found_by_name_or_id(module: Runner, cluster: FakeCluster) -> None:
    model = cluster.add_model("Chat", cluster.add_connector())
    tool = {"type": "MLModelTool", "parameters": {"model_id": "${model:Chat}"}}
    for reference in ("Chat", model, "${model:Chat}"):
        args = {**HOUSE, "type": "conversational", "llm": {"model_id": reference}, "tools": [tool]}
        result = module(NAME, cluster, **args)
        assert result["agent"]["llm"]["model_id"] == result["agent"]["tools"][0]["parameters"]["model_id"] == model
        assert result["changed"] is (reference == "Chat")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"name": "x" * 129, "type": "flow"}, "invalid_input"),
        ({"name": " ", "type": "flow"}, "invalid_input"),
        ({}, "invalid_input"),
        ({"type": "conversational"}, "invalid_input"),
        ({"type": "flow", "tools": [LISTING, LISTING]}, "invalid_input"),
        ({"type": "flow", "parameters": {"_searchops": "x"}}, "invalid_input"),
        ({"type": "flow", "tools": [{"type": "NoSuchTool"}]}, "unknown_tool"),
        ({"agent_id": "nope"}, "unknown_agent"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_input(module: Runner, cluster: FakeCluster, args: dict[str, Any], code: str, check_mode: bool) -> None:
    assert module(NAME, cluster, **{**HOUSE, **args}, check_mode=check_mode)["failure"]["code"] == code
    assert cluster.writes == []


@pytest.mark.parametrize(
    "args",
    [
        {"type": "plan_execute_and_reflect", "llm": {"model_id": "Chat"}},
        {"type": "flow", "parameters": {"_llm_interface": "openai/v1/chat/completions"}},
        {"type": "flow", "tools": [{**LISTING, "attributes": {"strict": True}}]},
    ],
)
def test_features_that_need_a_newer_server(module: Runner, args: dict[str, Any]) -> None:
    cluster = FakeCluster("2.19.1")
    cluster.add_model("Chat", cluster.add_connector())
    failure = module(NAME, cluster, **HOUSE, **args)["failure"]
    assert (failure["code"], "needs OpenSearch 3.0" in failure["message"]) == ("unsupported_version", True)
    assert cluster.writes == []


def test_a_missing_model(module: Runner, cluster: FakeCluster) -> None:
    args = {**HOUSE, "type": "conversational", "llm": {"model_id": "Chat"}}
    planned = module(NAME, cluster, **args, check_mode=True)
    assert "no model 'Chat' yet" in str(planned["warnings"])
    assert planned["diff"]["after"]["llm"] == {"model_id": "${model:Chat}"}
    assert module(NAME, cluster, **args)["failure"]["code"] == "unknown_model"


def test_a_name_or_an_id_is_required(module: Runner, cluster: FakeCluster) -> None:
    assert "one of the following is required: name, agent_id" in module(NAME, cluster, type="flow")["msg"]
