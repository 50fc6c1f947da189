# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_mcp_tool: register, change or remove a tool of the MCP server in OpenSearch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._kinds import agent as agents
from .._kinds import mcp_tool as mcp_tools
from .._kinds.base import EXTRA_FIELDS_OPTION, Doc
from .._kinds.mcp_tool import McpTool
from .._operations.reconcile import Resource
from .._operations.references import check_ids, check_ids_replaced
from .._runtime import versions
from .._runtime.module import Module, typed

SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "type": {"type": "str"},
    "description": {"type": "str"},
    "parameters": {"type": "dict"},
    "attributes": {"type": "dict"},
    **EXTRA_FIELDS_OPTION,
    "update_strategy": {"type": "str", "default": "in_place", "choices": ["in_place", "recreate"]},
}

#: The options in which a tool names models and other objects.
_WITH_IDS = ("parameters", "attributes")


@dataclass(frozen=True)
class Options:
    name: str
    state: str
    type: str | None
    description: str | None
    parameters: Mapping[str, Any] | None
    attributes: Mapping[str, Any] | None
    extra_fields: Mapping[str, Any] | None
    update_strategy: str


class _Resource(Resource[Options]):
    KIND = McpTool

    def find(self) -> Doc | None:
        versions.require(self.run.version, "mcp_tools", "ml_mcp_tool")
        return next((doc for doc in self._all() if doc.id == self.options.name), None)

    def _all(self) -> list[Doc]:
        return self.run.reader.fact(mcp_tools.read_all)

    def desired(self, found: Doc | None) -> dict[str, Any]:
        return self.resolved(super().desired(found), found)

    def check_create(self) -> None:
        self._check_new(self.fields)
        others = mcp_tools.alike(self.options.name, [doc.id for doc in self._all()])
        if others:
            raise Failure(
                "mcp_tool_name_taken",
                f"MCP tool {self.options.name!r} cannot be registered: its name shares a word with {', '.join(others)}.",
                names=others,
            )

    def _check_new(self, fields: Mapping[str, Any]) -> None:
        if "type" not in fields:
            raise Failure(
                "invalid_input", f"type: is required, because there is no MCP tool {self.options.name!r} yet."
            )
        agents.check_tools(self.run.reader, "type", {str(fields["type"])})
        self._check_ids(fields)

    def _check_ids(self, fields: Mapping[str, Any]) -> None:
        for name in _WITH_IDS:
            check_ids(self.run, fields.get(name), name)

    def check_change(self, found: Doc, changes: Mapping[str, Any]) -> None:
        self._check_ids(changes)

    def new(self) -> Doc:
        return Doc(self.options.name, self.fields)

    def send_create(self) -> Doc:
        mcp_tools.register(self.run, self.fields)
        return self.new()

    def change(self, found: Doc, diff: list[str]) -> Doc:
        reason = mcp_tools.replacement_reason(self.observed(found), self.fields)
        if not reason:
            return super().change(found, diff)
        if self.options.update_strategy != "recreate":
            raise Failure(
                "mcp_tool_not_changeable",
                f"MCP tool {found.id!r} differs in {', '.join(diff)}, and {reason}.",
                fields=diff,
            )
        if "type" not in self.fields:
            # A run that is interrupted between the two requests is repeated with the same options.
            raise Failure(
                "invalid_input", "type: is required to recreate the tool, which is removed and registered again."
            )
        every_field = {**dict.fromkeys(McpTool.extra_names(found.source)), **self.fields}
        fields = {**McpTool.observed(found.source, every_field), **self.fields}
        self._check_new(fields)
        self.check_delete(found)
        self.perform("replace", found, partial(self._replace, found, fields), fields=diff)
        return Doc(found.id, fields)

    def _replace(self, found: Doc, fields: Mapping[str, Any]) -> None:
        """Remove the tool, and register it again: clients do not find it meanwhile."""
        self.delete(found)
        mcp_tools.register(self.run, fields)

    def update(self, found: Doc, changes: Mapping[str, Any]) -> None:
        mcp_tools.update(self.run, found.id, changes)

    def check_delete(self, found: Doc) -> None:
        others = mcp_tools.alike(found.id, [doc.id for doc in self._all()])
        if others:
            raise Failure(
                "mcp_tool_not_removable",
                f"MCP tool {found.id!r} is not removed: the server would remove {', '.join(others)} as well.",
                names=others,
            )

    def delete(self, found: Doc) -> None:
        mcp_tools.remove(self.run, found.id)

    def result(self, found: Doc | None, after: Doc | None) -> dict[str, Any]:
        result = super().result(found, after)
        return {"mcp_tool": result.pop(McpTool.LABEL.replace(" ", "_")), **result}

    def to_result(self, after: Doc) -> dict[str, Any]:
        return McpTool.to_result(after)


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    fields = McpTool.desired(vars(options))
    mcp_tools.check(fields)
    for name in _WITH_IDS:
        check_ids_replaced(fields.get(name), name)


MODULE = Module(SPEC, _Resource.execute, typed(Options), check=check)
