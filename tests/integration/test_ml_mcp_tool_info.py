# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list of the tools of the MCP server of real servers."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, index_of

INFO = "ml_mcp_tool_info"


def test_the_selection(cluster, module, name, settings_restored):
    if not cluster.is_3:
        module.refuses("unsupported_version", INFO)
        return
    cluster.put_settings({"plugins.ml_commons.mcp_server_enabled": True})
    tool = index_of(name).replace("-", "_")
    body = {"tools": [{"name": tool, "type": "ListIndexTool", "parameters": {"a": 1}}]}
    cluster.must("POST", f"{ML}/mcp/tools/_register", body)
    try:
        (found,) = module(INFO, name_pattern=f"{tool}*")["mcp_tools"]
        assert (found["type"], found["parameters"]) == ("ListIndexTool", {"a": 1})
        assert module(INFO, name_pattern="none*")["mcp_tools"] == []
    finally:
        cluster.must("POST", f"{ML}/mcp/tools/_remove", [tool])
