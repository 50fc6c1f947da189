# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_mcp_tool_info: list the tools of the MCP server in OpenSearch."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .._kinds import mcp_tool as mcp_tools
from .._kinds.mcp_tool import McpTool
from .._runtime import versions
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {"name_pattern": {"type": "str"}}


@dataclass(frozen=True)
class Options:
    name_pattern: str | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The tools that the options select. Raises Failure."""
    versions.require(run.version, "mcp_tools", "ml_mcp_tool_info")
    docs = run.reader.fact(mcp_tools.read_all)
    pattern = options.name_pattern
    return {"mcp_tools": [McpTool.to_result(doc) for doc in docs if pattern is None or fnmatchcase(doc.id, pattern)]}


MODULE = Module(SPEC, execute, typed(Options))
