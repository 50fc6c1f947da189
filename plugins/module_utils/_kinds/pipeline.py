# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Search and ingest pipelines. The server stores the body of a pipeline as it was sent."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._errors.exceptions import Failure, describe_shape
from .._http.client import Client, segment
from .._runtime.reader import Reader
from .._values.compare import same_json
from .._values.masking import hidden
from .base import Kind

#: The types of pipelines -> their paths.
PATHS = {"search": "/_search/pipeline", "ingest": "/_ingest/pipeline"}

#: The fields with lists of processors, by type. All lists of an ingest pipeline take the same processors.
PROCESSORS = {
    "search": ("request_processors", "response_processors", "phase_results_processors"),
    "ingest": ("processors", "on_failure"),
}

#: The section of a node's info with the processors that the node knows, by type.
NODE_INFO = {"search": "search_pipelines", "ingest": "ingest"}


class Pipeline(Kind):
    LABEL = "pipeline"

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return dict(source)

    @classmethod
    def extra_names(cls, fields: Iterable[str]) -> list[str]:
        """None: the body is compared as a whole, so no field needs to be known."""
        return []

    @classmethod
    def diff(cls, observed: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
        """The names of the fields that differ, or that only one of the bodies has: a write replaces the whole body."""
        same = [name for name in observed if name in desired and same_json(observed[name], desired[name])]
        return sorted({*observed, *desired} - set(same))


def label(kind: str) -> str:
    """The name of the type in messages and actions."""
    return f"{kind} pipeline"


def read(client: Client, kind: str, name: str) -> dict[str, Any] | None:
    """The body of one pipeline; None if it does not exist."""
    body: dict[str, Any] | None = read_all(client, kind, name).get(name)
    return body


def read_all(client: Client, kind: str, pattern: str = "*") -> dict[str, Any]:
    """Name -> body of all pipelines whose names match; ``*`` in the pattern matches any text."""
    body = client.get(f"{PATHS[kind]}/{segment(pattern)}", accept=(404,)).body
    # If none matches, the answer is an empty object with the status 404.
    if not isinstance(body, dict) or "error" in body:
        raise Failure("not_opensearch", f"The server answered the {label(kind)}s as {describe_shape(body)}")
    return body


def put(client: Client, kind: str, name: str, body: Mapping[str, Any]) -> None:
    """Create or replace a pipeline."""
    client.change("PUT", f"{PATHS[kind]}/{segment(name)}", body)


def delete(client: Client, kind: str, name: str) -> None:
    """Delete a pipeline, if it still exists."""
    client.change("DELETE", f"{PATHS[kind]}/{segment(name)}", accept=(404,))


def desired(definition: Mapping[str, Any] | None, description: str | None, version: int | None) -> dict[str, Any]:
    """The desired body: the definition, with the description and version in it replaced by those that are given."""
    body = dict(definition or {})
    if description is not None:
        body["description"] = description
    if version is not None:
        body["version"] = version
    return body


def check(kind: str, name: str, body: Mapping[str, Any]) -> None:
    """Raises Failure for a name or a body that is invalid on every server."""
    if not name.strip() or any(char in name for char in "*,"):
        raise Failure("invalid_input", f"name: {name!r} is empty, or has a star or a comma.")
    other = "ingest" if kind == "search" else "search"
    misplaced = [field for field in PROCESSORS[other] if field in body]
    if misplaced:
        raise Failure(
            "invalid_input",
            f"definition: only a pipeline of the type {other} can have {', '.join(misplaced)}; 'type' is {kind}.",
        )
    for field in PROCESSORS[kind]:
        for processor in _processors(body, field):
            if not isinstance(processor, dict) or len(processor) != 1:
                raise Failure(
                    "invalid_input",
                    f"definition: each of {field} must be one processor type with its settings, not "
                    f"{str(processor)[:200]}",
                )


def read_nodes(client: Client, kind: str) -> list[tuple[str, dict[str, set[str]]]]:
    """The name of each node, and the types of processors that it knows, by the fields of a pipeline. One request. Empty
    for a user without the right to read the nodes."""
    answer = client.get(f"/_nodes/{NODE_INFO[kind]}", accept=(403,)).body
    nodes = (answer.get("nodes") if isinstance(answer, dict) else None) or {}
    found = []
    for node in nodes.values():
        info = node.get(NODE_INFO[kind]) or {}
        lists = {field: info.get("processors" if kind == "ingest" else field) for field in PROCESSORS[kind]}
        known = {
            field: {each.get("type") for each in processors}
            for field, processors in lists.items()
            if isinstance(processors, list)
        }
        found.append((str(node.get("name")), known))
    return found


def common_processors(client: Client, kind: str) -> dict[str, list[str]] | None:
    """The types of processors that all nodes know, by the fields of a pipeline. None if the user may not read the nodes."""
    nodes = [known for _node, known in read_nodes(client, kind)]
    if not nodes:
        return None
    return {
        field: sorted(set.intersection(*(known.get(field, set()) for known in nodes))) for field in PROCESSORS[kind]
    }


def check_processors(reader: Reader, kind: str, body: Mapping[str, Any]) -> None:
    """Raises Failure if a node does not know a processor, with the code of the server's own refusal, which check mode
    cannot get."""
    for node, known in reader.fact(read_nodes, kind):
        for field in PROCESSORS[kind]:
            for processor in _processors(body, field):
                if not known.get(field, set(processor)).issuperset(processor):
                    raise Failure(
                        "unknown_processor", f"{field}: node {node} knows no processor {', '.join(processor)!r}."
                    )


def to_result(kind: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline as modules return it."""
    return {"name": name, "type": kind, "definition": hidden(dict(body))}


def _processors(body: Mapping[str, Any], field: str) -> list[Any]:
    processors = body.get(field) or []
    if not isinstance(processors, list):
        raise Failure("invalid_input", f"definition: {field} must be a list.")
    return processors
