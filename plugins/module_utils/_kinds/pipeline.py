# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Search and ingest pipelines: where they are, what differs. The server keeps a pipeline's body as it was sent."""

from __future__ import annotations

from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._errors.printable import describe_shape
from .._http.client import Client, segment

PATHS = {"search": "/_search/pipeline", "ingest": "/_ingest/pipeline"}

#: The lists of processors that a pipeline of the type may hold. A failure list of an ingest pipeline holds the same ones.
PROCESSORS = {
    "search": ("request_processors", "response_processors", "phase_results_processors"),
    "ingest": ("processors", "on_failure"),
}

#: Where a node tells which processors it knows, and under which name for which list.
NODE_INFO = {"search": "search_pipelines", "ingest": "ingest"}


def label(kind: str) -> str:
    """As people call it, for messages and actions."""
    return f"{kind} pipeline"


def read(client: Client, kind: str, name: str) -> dict[str, Any] | None:
    """The body of one pipeline; None where there is none."""
    found: dict[str, Any] | None = read_all(client, kind, name).get(name)
    return found


def read_all(client: Client, kind: str, pattern: str = "*") -> dict[str, Any]:
    """The bodies of all pipelines whose name matches, by name; ``*`` in the pattern stands for any text."""
    body = client.get(f"{PATHS[kind]}/{segment(pattern)}", accept=(404,)).body
    # Where there is none the answer is an empty object, and its status 404.
    if not isinstance(body, dict) or "error" in body:
        raise Failure(
            "not_opensearch", f"Pipelines were asked for, and the answer is no list of them: {describe_shape(body)}"
        )
    return body


def put(client: Client, kind: str, name: str, body: Mapping[str, Any]) -> None:
    """Create or replace a pipeline."""
    client.change("PUT", f"{PATHS[kind]}/{segment(name)}", body)


def delete(client: Client, kind: str, name: str) -> None:
    """Delete a pipeline. One that is gone already is no error."""
    client.change("DELETE", f"{PATHS[kind]}/{segment(name)}", accept=(404,))


def desired(options: Mapping[str, Any]) -> dict[str, Any]:
    """The body that the options state: the definition, and what is given beside it over it."""
    body = dict(options["definition"] or {})
    body.update({name: options[name] for name in ("description", "version") if options[name] is not None})
    return body


def check(options: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    """Everything that can be known to be wrong before anything is sent. Raises Failure."""
    name, kind = options["name"], options["type"]
    if not name.strip() or any(char in name for char in "*,"):
        raise Failure("invalid_input", f"name: {name!r} is empty, or holds a star or a comma.")
    other = "ingest" if kind == "search" else "search"
    misplaced = [field for field in PROCESSORS[other] if field in body]
    if misplaced:
        raise Failure(
            "invalid_input",
            f"definition: {', '.join(misplaced)} belongs into a pipeline of the type {other}; 'type' is {kind}.",
        )
    for field in PROCESSORS[kind]:
        for processor in _listed(body, field):
            if not isinstance(processor, dict) or len(processor) != 1:
                raise Failure(
                    "invalid_input",
                    f"definition: each of {field} is one type with its settings, this one is not: {str(processor)[:200]}",
                )


def check_processors(client: Client, kind: str, body: Mapping[str, Any]) -> None:
    """Whether each node knows the processors, as the server would only tell when it is sent them. One request.

    Raises Failure with the code that the server's own refusal has.
    """
    answer = client.get(f"/_nodes/{NODE_INFO[kind]}", accept=(403,)).body
    nodes = (answer.get("nodes") if isinstance(answer, dict) else None) or {}
    for node in nodes.values():
        told = node.get(NODE_INFO[kind]) or {}
        for field in PROCESSORS[kind]:
            known = {each.get("type") for each in told.get("processors" if kind == "ingest" else field) or []}
            for processor in _listed(body, field):
                if known and not known.issuperset(processor):
                    raise Failure(
                        "unknown_processor",
                        f"{field}: node {node.get('name')} knows no processor {', '.join(processor)!r}.",
                    )


def to_result(kind: str, name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline as modules return it."""
    return {"name": name, "type": kind, "definition": dict(body)}


def _listed(body: Mapping[str, Any], field: str) -> list[Any]:
    value = body.get(field) or []
    if not isinstance(value, list):
        raise Failure("invalid_input", f"definition: {field} must be a list.")
    return value
