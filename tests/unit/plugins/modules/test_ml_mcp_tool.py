# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_mcp_tool: registered once, changed in place as far as the server can, and never removed together with others."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.mcp_tools import MCP_SERVER

Runner = Callable[..., dict[str, Any]]
NAME = "ml_mcp_tool"
TOOL: dict[str, Any] = {"name": "list_house_indexes", "type": "ListIndexTool"}


@pytest.fixture
def cluster(cluster: FakeCluster) -> FakeCluster:
    cluster.persistent[MCP_SERVER] = "true"
    return cluster


def stored(cluster: FakeCluster) -> dict[str, Any]:
    assert cluster.mcp_tools
    return cluster.mcp_tools["list_house_indexes"]


def succeeds(module: Runner, cluster: FakeCluster, action: str, **args: Any) -> dict[str, Any]:
    planned = module(NAME, cluster, check_mode=True, **args)
    done = module(NAME, cluster, **args)
    for result in (planned, done):
        assert not result.get("failed"), result
        assert [each["action"] for each in result["actions"]] == [action]
    assert planned["diff"] == done["diff"]
    sent = len(cluster.writes)
    again = module(NAME, cluster, **args)
    assert (again["changed"], len(cluster.writes)) == (False, sent)
    return done


def test_the_life_of_a_tool(module: Runner, cluster: FakeCluster) -> None:
    schema = {"input_schema": {"type": "object", "properties": {"indices": {"type": "array"}}}}
    made = succeeds(module, cluster, "create", **TOOL, description="Lists", attributes=schema, parameters={"n": 1})
    assert made["mcp_tool"]["attributes"] == schema
    assert module("ml_mcp_tool_info", cluster)["mcp_tools"] == [made["mcp_tool"]]
    succeeds(module, cluster, "update", **TOOL, description="Lists the indexes", parameters={"n": 1, "m": {"a": 1}})
    assert (stored(cluster)["description"], stored(cluster)["parameters"]) == (
        "Lists the indexes",
        {"n": 1, "m": {"a": 1}},
    )
    gone = succeeds(module, cluster, "delete", name=TOOL["name"], state="absent")
    assert (gone["mcp_tool"], gone["diff"]["after"], cluster.mcp_tools) == (None, {}, {})


def test_ids_of_a_tool(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_model("Chat", cluster.add_connector())

    def run(model_id: str) -> dict[str, Any]:
        return module(NAME, cluster, **TOOL, parameters={"model_id": model_id})

    failure = run("${your_model_id}")["failure"]
    assert (failure["code"], failure["details"]["places"]) == ("placeholder_left_in", ["parameters.model_id"])
    assert "Write ${model:Chat}." in run("Chat")["failure"]["message"]
    assert "no model with the id 'other'" in str(run("other")["warnings"])
    assert "no model with the id 'another'" in str(run("another")["warnings"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": "IndexMappingTool"}, "its type is ListIndexTool and cannot be changed"),
        ({"parameters": {"n": 1}}, "cannot remove parameters, and m must be removed"),
        ({"parameters": {"n": 1, "m": {}}}, "cannot remove parameters, and m.a must be removed"),
    ],
)
def test_what_the_server_cannot_change(
    module: Runner, cluster: FakeCluster, change: dict[str, Any], reason: str
) -> None:
    cluster.add_mcp_tool(description="Lists", parameters={"n": 1, "m": {"a": 1}}, attributes={"x": "y"})
    refused = module(NAME, cluster, **{**TOOL, **change})["failure"]
    assert (refused["code"], reason in refused["message"]) == ("mcp_tool_not_changeable", True), refused
    without_type = {name: value for name, value in {**TOOL, **change}.items() if name != "type"}
    if "type" not in change:
        refused = module(NAME, cluster, **without_type, update_strategy="recreate")["failure"]
        assert (refused["code"], "type: is required" in refused["message"]) == ("invalid_input", True)
    assert cluster.writes == []
    succeeds(module, cluster, "replace", **{**TOOL, **change}, update_strategy="recreate")
    # What is not given stays.
    assert (stored(cluster)["description"], stored(cluster)["attributes"]) == ("Lists", {"x": "y"})


@pytest.mark.parametrize(
    ("name", "other", "is_alike"),
    [
        ("list-house", "drop-house", True),
        ("List House", "list_house house", True),
        ("list_house", "drop_house", False),
        ("a.b", "a.c", False),
    ],
)
def test_a_name_that_shares_a_word(module: Runner, cluster: FakeCluster, name: str, other: str, is_alike: bool) -> None:
    cluster.add_mcp_tool(other)
    for check_mode in (True, False):
        result = module(NAME, cluster, check_mode=check_mode, name=name, type="ListIndexTool")
        assert result.get("failure", {}).get("code") == ("mcp_tool_name_taken" if is_alike else None), result
    cluster.add_mcp_tool(name)
    removed = module(NAME, cluster, name=name, state="absent")
    assert removed.get("failure", {}).get("code") == ("mcp_tool_not_removable" if is_alike else None)
    assert other in (cluster.mcp_tools or {})


@pytest.mark.parametrize("name", ["a,b", " a", "-", ""])
def test_an_invalid_name(module: Runner, cluster: FakeCluster, name: str) -> None:
    assert module(NAME, cluster, name=name, type="ListIndexTool")["failure"]["code"] == "invalid_input"
    assert cluster.exchanges == []


def test_a_new_tool_needs_a_known_type(module: Runner, cluster: FakeCluster) -> None:
    for check_mode in (True, False):
        missing = module(NAME, cluster, check_mode=check_mode, name="a")["failure"]
        assert (missing["code"], "type: is required" in missing["message"]) == ("invalid_input", True)
        unknown = module(NAME, cluster, check_mode=check_mode, name="a", type="NoSuchTool")["failure"]
        assert (unknown["code"], "ListIndexTool" in unknown["message"]) == ("unknown_tool", True)
    assert cluster.writes == []


@pytest.mark.parametrize("version", ["2.19.1", "3.0.0"])
@pytest.mark.parametrize("state", ["present", "absent"])
def test_an_older_server(module: Runner, version: str, state: str) -> None:
    cluster = FakeCluster(version)
    for name, args in ((NAME, {**TOOL, "state": state}), ("ml_mcp_tool_info", {})):
        refused = module(name, cluster, **args)["failure"]
        assert (refused["code"], "3.1" in refused["message"]) == ("unsupported_version", True)
    assert cluster.writes == []


def test_a_disabled_server(module: Runner, cluster: FakeCluster) -> None:
    cluster.persistent[MCP_SERVER] = "false"
    for name, args in ((NAME, TOOL), ("ml_mcp_tool_info", {})):
        refused = module(name, cluster, **args)["failure"]
        assert (refused["code"], MCP_SERVER in refused["remedy"]) == ("feature_disabled", True)


def test_another_controller_registers_it_first(module: Runner, cluster: FakeCluster) -> None:
    cluster.before("POST", "/_register", lambda: cluster.add_mcp_tool(description="Theirs"))
    done = module(NAME, cluster, **TOOL, description="Ours")
    assert (done.get("failed"), stored(cluster)["description"]) == (None, "Ours")


def test_fields_of_a_later_version(module: Runner, cluster: FakeCluster) -> None:
    dropped = module(NAME, cluster, **TOOL, extra_fields={"tier": 1})
    assert "OpenSearch 3.6 does not store tier" in dropped["warnings"][0]
    cluster.version, cluster.later_fields = "3.10.0", {"tier"}
    assert module(NAME, cluster, **TOOL, extra_fields={"tier": 1})["changed"]
    assert stored(cluster)["tier"] == 1
    assert not module(NAME, cluster, **TOOL, extra_fields={"tier": 1})["changed"]
    refused = module(NAME, cluster, **TOOL, extra_fields={"create_time": 1})["failure"]
    assert "only the server sets" in refused["message"]
    module(NAME, cluster, **{**TOOL, "type": "IndexMappingTool"}, update_strategy="recreate")
    assert stored(cluster)["tier"] == 1


def test_parameters_refer_to_objects_by_name(module: Runner, cluster: FakeCluster) -> None:
    model = cluster.add_model("Chat", cluster.add_connector())
    ask = {"name": "ask", "type": "MLModelTool", "parameters": {"model_id": "${model:Chat}"}}
    done = module(NAME, cluster, **ask)
    assert done["mcp_tool"]["parameters"] == {"model_id": model}
    assert done["diff"]["after"]["parameters"] == {"model_id": "${model:Chat}"}
    assert not module(NAME, cluster, **ask)["changed"]


def test_secrets_in_parameters_are_masked(module: Runner, cluster: FakeCluster) -> None:
    for _run in range(2):
        result = module(NAME, cluster, **{**TOOL, "parameters": {"api_key": "sk-in-the-open"}})
        assert "sk-in-the-open" not in str(result)
    assert "sk-in-the-open" not in str(module(f"{NAME}_info", cluster))
