# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The tools of the MCP server in OpenSearch, which its clients call by JSON-RPC.

Of the server (ml-commons 3.1 to 3.8, TransportMcpToolsRegisterAction and its kin):

- A tool's name is its id. One request lists all tools; there is no other read.
- Before it registers or removes a tool the server searches for its name in an analysed field, and takes what shares a word
  with the name for the same: it refuses the register, and removes the others as well. Seen on 3.6.0.
- A removal splits a name at commas.
- An update merges parameters and attributes, and ignores the type.
"""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

from .._errors.exceptions import ApiError, ConcurrentChange, Failure
from .._http.client import Client
from .._runtime.run import Run
from .._values.compare import canonical, same_tree
from .base import Doc, Kind, check_name

#: A word, as the standard analyser of OpenSearch splits a name: punctuation between two letters or two digits is a part of one.
_WORD = re.compile(r"\w(?:\w|(?<=[^\W\d_])[.'\u2019:](?=[^\W\d_])|(?<=\d)[.';](?=\d))*")


class McpTool(Kind):
    LABEL = "MCP tool"
    PATH = "/_plugins/_ml/mcp/tools"
    UNKNOWN_CODE = "unknown_tool"
    FIELDS = ("name", "type", "description", "parameters", "attributes")
    READ_ONLY_FIELDS = ("create_time", "last_update_time")
    SERVER_FIELDS = ("version", "tenant_id")

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The server omits mappings that are empty; if they are desired, they are there."""
        empty: dict[str, Any] = {name: {} for name in ("parameters", "attributes") if name in (desired or {})}
        return {**empty, **super().observed(source, desired)}

    @classmethod
    def same(cls, name: str, observed: Any, desired: Any) -> bool:
        if name in ("parameters", "attributes"):
            return same_tree(observed or {}, desired)
        return super().same(name, observed, desired)

    @classmethod
    def get(cls, client: Client, object_id: str) -> Doc | None:
        """The tool of this name; None if it does not exist."""
        return next((doc for doc in read_all(client) if doc.id == object_id), None)

    @classmethod
    def for_display(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """With JSON in strings decoded."""
        return super().for_display({name: canonical(value) for name, value in fields.items()})

    @classmethod
    def to_result(cls, doc: Doc) -> dict[str, Any]:
        read_only = {name: doc.source[name] for name in cls.READ_ONLY_FIELDS if name in doc.source}
        return {**cls.for_display(cls.observed(doc.source)), **read_only}


def read_all(client: Client) -> list[Doc]:
    """All tools, sorted by name. Raises Failure if the MCP server is disabled."""
    try:
        body = client.get(f"{McpTool.PATH}/_list").body
    except ApiError as error:
        # Seen on 3.6.0, until the first tool is registered.
        if "no such index" not in error.reason:
            raise
        return []
    tools = body.get("tools") if isinstance(body, dict) else None
    if not isinstance(tools, list):
        raise Failure("not_opensearch", "The answer to a list of the MCP tools has no tools.")
    return sorted((Doc(str(tool["name"]), dict(tool)) for tool in tools), key=lambda doc: doc.id)


def register(run: Run, fields: Mapping[str, Any]) -> None:
    """Register a tool. Raises ConcurrentChange if another controller has registered one of this name."""
    body = {"tools": [dict(fields)]}
    try:
        run.client.change("POST", f"{McpTool.PATH}/_register", body)
    except ApiError as error:
        found = McpTool.get(run.client, str(fields["name"])) if error.code == "mcp_tool_name_taken" else None
        if found is None:
            raise
        # The answer to an earlier attempt may have been lost.
        if McpTool.diff(McpTool.observed(found.source), fields):
            raise ConcurrentChange(f"Another controller has registered MCP tool {found.id!r}.", error.status) from error


def update(run: Run, name: str, changes: Mapping[str, Any]) -> None:
    """Change fields of a tool in place."""
    run.client.change("POST", f"{McpTool.PATH}/_update", {"tools": [{"name": name, **changes}]})


def remove(run: Run, name: str) -> None:
    """Remove a tool, if it still exists."""
    try:
        # One document, which is an array.
        run.client.bulk("POST", f"{McpTool.PATH}/_remove", [[name]])
    except ApiError:
        if McpTool.get(run.client, name) is not None:
            raise


def alike(name: str, others: Iterable[str]) -> list[str]:
    """Those of the names that the server takes for this one, as they share a word."""
    words = _words(name)
    return sorted(other for other in others if other != name and words & _words(other))


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}


def replacement_reason(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why the server cannot change the tool in place, so that it must be registered again; None if the server can."""
    if "type" in desired and not McpTool.same("type", observed.get("type"), desired["type"]):
        return f"its type is {observed.get('type')} and cannot be changed"
    for name in ("parameters", "attributes"):
        surplus = _surplus(canonical(observed.get(name) or {}), canonical(desired.get(name, observed.get(name) or {})))
        if surplus:
            return f"the server cannot remove {name}, and {', '.join(surplus)} must be removed"
    return None


def _surplus(observed: Any, desired: Any, place: str = "") -> list[str]:
    """The keys, at any depth, that only the observed mapping has."""
    if not isinstance(observed, dict) or not isinstance(desired, dict):
        return []
    found = [f"{place}{name}" for name in sorted(observed.keys() - desired.keys())]
    for name in sorted(observed.keys() & desired.keys()):
        found += _surplus(observed[name], desired[name], f"{place}{name}.")
    return found


def check(fields: Mapping[str, Any]) -> None:
    """Raises Failure for desired fields that are invalid on every server."""
    name = fields["name"]
    check_name("name", name)
    if "," in name or name != name.strip() or not _words(name):
        raise Failure(
            "invalid_input",
            f"name: {name!r} must have a letter or a digit, no comma, and no space at its ends, or the server could not remove "
            "the tool.",
        )
