# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Documents of an index, many at once."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from .._errors import server_errors
from .._errors.exceptions import Failure
from .._http.client import Client, segment
from .._values.compare import same_json
from . import index as indexes

#: How many documents one request holds: embeddings make them large, and each may cost a prediction.
BATCH = 100


def batches(documents: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(documents), BATCH):
        yield documents[start : start + BATCH]


def read(client: Client, index: str, ids: list[str]) -> dict[str, dict[str, Any]] | None:
    """What is stored under these ids, by id, at once and not only after a refresh; None where there is no such index."""
    found: dict[str, dict[str, Any]] = {}
    for batch in batches(ids):
        body = client.search(f"/{segment(index)}/_mget", {"ids": batch}).body
        for doc in body.get("docs") or []:
            if indexes.missing(doc):
                return None
            if "error" in doc:
                _raise(index, doc["error"])
            if doc.get("found"):
                found[str(doc["_id"])] = doc.get("_source") or {}
    return found


def holds(stored: Mapping[str, Any] | None, source: Mapping[str, Any]) -> bool:
    """Whether a document is there with all fields that are stated. Pipelines may have added others."""
    return stored is not None and all(
        name in stored and same_json(stored[name], value) for name, value in source.items()
    )


def store(client: Client, index: str, documents: list[dict[str, Any]]) -> dict[str, str]:
    """Store documents whole; the reasons of those that were refused, by id."""
    lines = [line for doc in documents for line in ({"index": {"_id": doc["id"]}}, doc["source"])]
    return _bulk(client, index, lines)


def delete(client: Client, index: str, ids: list[str]) -> dict[str, str]:
    """Delete documents; the reasons of those that stay, by id. One that is gone already is no error."""
    return _bulk(client, index, [{"delete": {"_id": each}} for each in ids])


def _raise(index: str, error: Any) -> None:
    """The failure of one document among many, whose answer as a whole is a success."""
    kind, reason = server_errors.decode_error({"error": error})
    permission = server_errors.missing_permission(reason)
    if permission:
        raise Failure("forbidden", f"{index}: {reason}", permission=permission)
    raise Failure("api_error", f"{index}: {kind}: {reason}")


def _bulk(client: Client, index: str, lines: list[dict[str, Any]]) -> dict[str, str]:
    body = client.bulk(f"/{segment(index)}/_bulk", lines, {"refresh": "true"}).body
    refused: dict[str, str] = {}
    for item in body.get("items") or []:
        for result in item.values():
            error = result.get("error")
            if error:
                refused[str(result.get("_id"))] = str(error.get("reason") if isinstance(error, dict) else error)
    return refused
