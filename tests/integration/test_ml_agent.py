# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents on real servers: created, changed in place or replaced, and deleted."""

from __future__ import annotations

import json

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, two_of_one_name

AGENT = "ml_agent"
FUNCTIONS = {"_llm_interface": "openai/v1/chat/completions"}
on_3 = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
on_2 = pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)


@pytest.fixture
def model(cluster, name):
    return cluster.make_model(name, cluster.make_connector(name), deploy=True)


def asking(name, **parameters):
    """A tool that calls the model of this name."""
    messages = '[{"role": "user", "content": "${parameters.question}"}]'
    given = {"model_id": f"${{model:{name}}}", "messages": messages, "response_field": "choices", **parameters}
    return {"type": "MLModelTool", "name": "chat", "description": "Größe", "parameters": given}


def flow(name, *tools, **fields):
    return {"name": name, "type": "flow", "tools": list(tools) or [asking(name)], **fields}


AWKWARD = {
    "n": 5,
    "t": 0.50,
    "big": 1e10,
    "yes": True,
    "none": None,
    "list": [1, "b"],
    "deep": {"z": 1, "a": {"b": 2}},
    "html": "<a> & b",
}


def test_the_life_of_a_flow_agent(cluster, converges, module, name, model):
    args = flow(
        name,
        asking(name, **AWKWARD),
        description="One",
        parameters=AWKWARD,
        memory={"type": "conversation_index"},
        app_type="chat",
    )
    made = converges(AGENT, ["create"], **args)
    stored = cluster.get("agents", made["agent_id"])
    assert stored["tools"][0]["parameters"]["model_id"] == model
    (listed,) = module("ml_agent_info", name=name)["agents"]
    assert listed == made["agent"]

    if cluster.is_3:
        changed = {**args, "description": "Two", "tools": [{"type": "IndexMappingTool"}, *args["tools"]]}
        again = converges(AGENT, ["update"], **changed)
        assert again["agent_id"] == made["agent_id"]
        converges(AGENT, ["update"], **{**changed, "parameters": {**AWKWARD, "n": 6, "new": "x"}})
        converges(
            AGENT,
            ["update"],
            agent_id=made["agent_id"],
            name=f"{name} renamed",
            memory={"type": "conversation_index", "window_size": 3},
        )
        converges(AGENT, ["delete"], agent_id=made["agent_id"], state="absent")
    else:
        converges(AGENT, ["delete"], name=name, state="absent")
    assert cluster.named("agents", name) == []


@pytest.mark.parametrize(
    ("version", "change"),
    [
        (3, {"type": "conversational_flow"}),
        (3, {"parameters": {"a": 1}}),
        (3, {"llm": {"parameters": {"x": 1}}}),
        (3, {"tools": []}),
        (2, {"description": "Two"}),
        (2, {"parameters": {"a": 1}}),
    ],
)
def test_changes_that_need_a_new_agent(cluster, module, converges, name, model, version, change):
    if cluster.is_3 is not (version == 3):
        return
    first = {"parameters": {"a": 1, "b": 2}, "llm": {"model_id": name, "parameters": {"x": 1, "y": 2}}}
    made = module(AGENT, **flow(name), description="One", app_type="chat", **first)
    module.refuses("agent_not_changeable", AGENT, name=name, **change)
    module.refuses("agent_not_changeable", AGENT, check=True, name=name, **change)

    new = converges(AGENT, ["replace"], name=name, update_strategy="recreate", **change)
    assert new["agent_id"] != made["agent_id"]
    stored = cluster.one("agents", name)
    assert stored.id == new["agent_id"]
    assert stored.source["app_type"] == "chat"
    assert stored.source["llm"]["model_id"] == model
    if "tools" not in change:
        assert stored.source["tools"][0]["parameters"]["model_id"] == model


def test_an_interrupted_replacement(cluster, module, converges, name):
    old = cluster.must("POST", f"{ML}/agents/_register", {"name": name, "type": "flow"})["agent_id"]
    note = {"_searchops": f'{{"replaces":"{old}"}}', "a": "1"}
    new = cluster.must("POST", f"{ML}/agents/_register", {"name": name, "type": "flow", "parameters": note})["agent_id"]
    assert converges(AGENT, ["delete"], name=name, parameters={"a": 1})["agent_id"] == new
    assert cluster.one("agents", name).id == new


@on_3
def test_function_calling_and_a_separate_executor(cluster, module, converges, name, model):
    thinking = {"llm": {"model_id": name, "parameters": {"max_iteration": 2}}, "parameters": FUNCTIONS}
    tool = {
        "type": "ListIndexTool",
        "attributes": {"input_schema": {"type": "object", "properties": {}}, "strict": False},
    }
    converges(
        AGENT,
        ["create"],
        name=name,
        type="conversational",
        memory={"type": "conversation_index"},
        tools=[tool],
        **thinking,
    )

    planner = {"name": f"{name} planner", "type": "plan_execute_and_reflect", "tools": [tool], **thinking}
    made = converges(AGENT, ["create"], **planner)
    executor = made["agent"]["executor_agent_id"]
    assert cluster.get("agents", executor)["name"] == f"{name} planner (ReAct)"
    converges(AGENT, ["update"], **{**planner, "tools": [{"type": "IndexMappingTool"}], "description": "New"})
    for agent_id in (made["agent_id"], executor):
        assert [tool["type"] for tool in cluster.get("agents", agent_id)["tools"]] == ["IndexMappingTool"]
    converges(AGENT, ["delete"], name=f"{name} planner", state="absent")
    assert cluster.send("GET", f"{ML}/agents/{executor}").status_code == 404


@on_2
def test_what_an_old_server_cannot_do(module, name, model):
    for more in (
        {"type": "plan_execute_and_reflect", "llm": {"model_id": name}},
        {"type": "flow", "parameters": FUNCTIONS},
        {"type": "flow", "tools": [{"type": "CatIndexTool", "attributes": {"strict": False}}]},
    ):
        module.refuses("unsupported_version", AGENT, name=name, **more)


def test_what_is_refused(module, name):
    for code, args in (
        ("unknown_tool", flow(name, {"type": "NoSuchTool"})),
        ("unknown_model", flow(name)),
        ("unknown_agent", flow(name, {"type": "AgentTool", "parameters": {"agent_id": "${agent:no such}"}})),
        ("unknown_agent", {"agent_id": "no-such-agent"}),
        ("invalid_input", {"name": name}),
        ("invalid_input", {"name": name, "type": "conversational"}),
        ("invalid_input", flow(name * 12, {"type": "IndexMappingTool"})),
    ):
        module.refuses(code, AGENT, **args)


@pytest.mark.full_on("2.19.1-tls")
def test_two_agents_of_one_name(cluster, module, name):
    ids = two_of_one_name(
        cluster,
        "agents",
        lambda: cluster.must("POST", f"{ML}/agents/_register", {"name": name, "type": "flow"})["agent_id"],
    )
    assert module.refuses("ambiguous_name", AGENT, name=name, state="absent")["details"]["ids"] == ids


def test_a_model_that_an_earlier_task_creates(module, name):
    result = module(AGENT, check=True, **flow(name))
    assert f"no model {name!r} yet" in str(result["warnings"])
    assert result["changed"]


@on_3
def test_an_agent_names_its_mcp_connectors(cluster, converges, module, name, model, settings_restored):
    """The ids of the connectors are in a list in JSON, as the server reads it."""
    cluster.put_settings({"plugins.ml_commons.mcp_connector_enabled": True})
    connector = {"name": f"{name} tools", "protocol": "mcp_streamable_http", "url": "http://gateway:8080/"}
    module("ml_connector", **connector)
    args = {
        "name": name,
        "type": "conversational",
        "llm": {"model_id": name},
        "parameters": {**FUNCTIONS, "mcp_connectors": [{"mcp_connector_id": f"${{connector:{name} tools}}"}]},
    }
    made = converges(AGENT, ["create"], **args)
    stored = json.loads(cluster.get("agents", made["agent_id"])["parameters"]["mcp_connectors"])
    assert stored == [{"mcp_connector_id": cluster.one("connectors", f"{name} tools").id}]
    other = {"mcp_connectors": [{"mcp_connector_id": f"${{connector:{name} none}}"}]}
    module.refuses("unknown_connector", AGENT, **{**args, "name": f"{name} 2", "parameters": other})
