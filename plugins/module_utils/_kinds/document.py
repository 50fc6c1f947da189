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

#: Maximum number of documents in one request: embeddings make them large, and each can cost a prediction.
BATCH = 100


def batches(documents: list[Any]) -> Iterator[list[Any]]:
    """The documents in lists of at most :data:`BATCH`."""
    for start in range(0, len(documents), BATCH):
        yield documents[start : start + BATCH]


def read(client: Client, index: str, ids: list[str]) -> dict[str, dict[str, Any]] | None:
    """Id -> fields of the documents that exist; None if the index does not exist. Sees writes before a refresh. Raises
    Failure."""
    found: dict[str, dict[str, Any]] = {}
    for batch in batches(ids):
        body = client.search(f"/{segment(index)}/_mget", {"ids": batch}).body
        for doc in body.get("docs") or []:
            if indexes.is_missing(doc):
                return None
            if "error" in doc:
                raise _failure(index, doc["error"])
            if doc.get("found"):
                found[str(doc["_id"])] = doc.get("_source") or {}
    return found


def has_fields(observed: Mapping[str, Any] | None, desired: Mapping[str, Any]) -> bool:
    """Whether a document exists and has all desired fields. Pipelines may have added others."""
    return observed is not None and all(
        name in observed and same_json(observed[name], value) for name, value in desired.items()
    )


def store(client: Client, index: str, documents: list[dict[str, Any]]) -> dict[str, str]:
    """Create or replace documents, each with ``id`` and ``source``. Returns id -> reason of those that the server
    refused."""
    lines = [line for doc in documents for line in ({"index": {"_id": doc["id"]}}, doc["source"])]
    return _bulk(client, index, lines)


def delete(client: Client, index: str, ids: list[str]) -> dict[str, str]:
    """Delete the documents that still exist. Returns id -> reason of those that the server refused to delete."""
    return _bulk(client, index, [{"delete": {"_id": each}} for each in ids])


def _failure(index: str, error: Any) -> Failure:
    """The failure of one document in an answer whose status is success."""
    kind, reason = server_errors.decode_error({"error": error})
    permission = server_errors.missing_permission(reason)
    if permission:
        return Failure("forbidden", f"{index}: {reason}", permission=permission)
    return Failure("api_error", f"{index}: {kind}: {reason}")


def _bulk(client: Client, index: str, lines: list[dict[str, Any]]) -> dict[str, str]:
    # Not POST: Amazon's gateway ignores parameters in the URL of a signed one (its manual).
    body = client.bulk("PUT", f"/{segment(index)}/_bulk", lines, {"refresh": "true"}).body
    refused: dict[str, str] = {}
    for item in body.get("items") or []:
        for result in item.values():
            error = result.get("error")
            if error:
                refused[str(result.get("_id"))] = str(error.get("reason") if isinstance(error, dict) else error)
    return refused
