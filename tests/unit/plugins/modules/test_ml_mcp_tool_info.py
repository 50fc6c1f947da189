# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_mcp_tool_info: lists the tools, also before the first one exists."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.mcp_tools import MCP_SERVER

Runner = Callable[..., dict[str, Any]]


def test_the_selection(module: Runner, cluster: FakeCluster) -> None:
    cluster.persistent[MCP_SERVER] = "true"
    assert module("ml_mcp_tool_info", cluster)["mcp_tools"] == []
    for name in ("list_indexes", "ask"):
        cluster.add_mcp_tool(name, parameters={"json": '{"a": 1}'})
    found = module("ml_mcp_tool_info", cluster)["mcp_tools"]
    assert [(each["name"], each["parameters"]) for each in found] == [
        ("ask", {"json": {"a": 1}}),
        ("list_indexes", {"json": {"a": 1}}),
    ]
    assert [each["name"] for each in module("ml_mcp_tool_info", cluster, name_pattern="l*")["mcp_tools"]] == [
        "list_indexes"
    ]
