# SPDX-License-Identifier: GPL-3.0-or-later
"""The tools of the MCP server of the fake cluster: names are compared word by word, an update merges.

As seen on 3.6.0.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.agents import TOOLS
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import release
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.search import tokens
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State

MCP_SERVER = "plugins.ml_commons.mcp_server_enabled"
FIELDS = ("name", "type", "description", "parameters", "attributes")
FAILED = "open_search_exception"


class McpTools(State):
    def __init__(self, version: str) -> None:
        super().__init__(version)
        #: name -> tool; None until the first one is registered, which creates the index.
        self.mcp_tools: dict[str, dict[str, Any]] | None = None

    def add_mcp_tool(self, name: str = "list_house_indexes", **fields: Any) -> None:
        """Add a tool, also one that the server would refuse because of another's name."""
        tool = {"name": name, "type": "ListIndexTool", **fields}
        self.mcp_tools = {**(self.mcp_tools or {}), name: {**tool, "create_time": self._now()}}

    def _check_mcp_server(self) -> None:
        if release(self.version) < (3, 1):
            raise Refused(400, "no handler found for uri [/_plugins/_ml/mcp/tools/_list] and method [GET]")
        if str(self._effective(MCP_SERVER)).lower() != "true":
            reason = f"The MCP server is not enabled. To enable, please update the setting {MCP_SERVER}"
            raise Refused(500, reason, FAILED)

    def _mcp_get_list(self, _tools: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._check_mcp_server()
        if self.mcp_tools is None:
            reason = "Failed to search mcp tools index with error: no such index [.plugins-ml-mcp-tools]"
            raise Refused(500, reason, FAILED)
        return {"tools": list(self.mcp_tools.values())}

    def _mcp_post_register(self, _tools: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_mcp_server()
        if any(tool.get("type") not in TOOLS for tool in body["tools"]):
            raise Refused(
                400, "Validation Failed: 1: Unrecognized tool in request;", "action_request_validation_exception"
            )
        if self._alike(tool["name"] for tool in body["tools"]):
            reason = "Unable to register tool: a tool with the same name already exists."
            raise Refused(400, reason, "illegal_argument_exception")
        stored = self.mcp_tools = dict(self.mcp_tools or {})
        for tool in json.loads(json.dumps(body["tools"])):
            known = {name: tool[name] for name in (*FIELDS, *self.later_fields) if tool.get(name) not in (None, {})}
            stored[tool["name"]] = {**known, "create_time": self._now()}
            self._wrote(tool["name"])
        return {"node-1": {"created": True}}

    def _mcp_post_update(self, _tools: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_mcp_server()
        for tool in json.loads(json.dumps(body["tools"])):
            if tool["name"] not in (self.mcp_tools or {}):
                raise Refused(500, "Failed to update tools as none of them is found in index", FAILED)
            assert self.mcp_tools
            sent = {name: value for name, value in tool.items() if name in FIELDS[2:] or name in self.later_fields}
            self.mcp_tools[tool["name"]] = _merged(
                self.mcp_tools[tool["name"]], {**sent, "last_update_time": self._now()}
            )
            self._wrote(tool["name"])
        return {"node-1": {"updated": True}}

    def _mcp_post_remove(self, _tools: str, *, body: list[list[str]], query: Any) -> dict[str, Any]:
        self._check_mcp_server()
        [given] = body
        names = [name.strip() for each in given for name in each.split(",")]
        found = self._alike(names)
        if not found:
            raise Refused(500, "Unable to remove tools as no tool in the request found in system index", FAILED)
        if set(names) - set(found):
            raise Refused(500, "Unable to remove tools as these tools are not found in system index", FAILED)
        self.mcp_tools = {name: tool for name, tool in (self.mcp_tools or {}).items() if name not in found}
        return {"node-1": {"removed": True}}

    def _alike(self, names: Iterable[str]) -> list[str]:
        words = {word for name in names for word in _words(name)}
        return [name for name in self.mcp_tools or {} if words & set(_words(name))]


def _words(name: str) -> list[str]:
    # A dot between two letters is a part of a word.
    return tokens(re.sub(r"(?<=[a-z])\.(?=[a-z])", "_", name))


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = dict(old)
    for name, value in new.items():
        both[name] = _merged(old[name], value) if isinstance(value, dict) and isinstance(old.get(name), dict) else value
    return both
