# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A search to its end, page by page."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .._errors.exceptions import Failure
from .._errors.printable import describe_shape

#: How many objects one request asks for. The server allows 10,000, which large objects could swell beyond what is read.
PAGE_SIZE = 2000

#: More objects than that are believed of no cluster.
MAX_OBJECTS = 100_000


def search(ask: Callable[[Mapping[str, Any]], Any], query: Mapping[str, Any], what: str) -> dict[str, dict[str, Any]]:
    """All objects that match, by id; ``ask`` takes the body of a search to the body of its answer. Raises Failure.

    The pages follow the numbers of the objects' last writes: unique, as these indexes have one shard, and higher
    with each write. So what is written meanwhile moves to a later page, and can come twice but never be missed.
    """
    body: dict[str, Any] = {"query": query, "size": PAGE_SIZE, "sort": [{"_seq_no": "asc"}]}
    found: dict[str, dict[str, Any]] = {}
    while True:
        known, hits = len(found), _hits(ask(body))
        found.update((object_id, source) for object_id, source, _position in hits)
        if len(hits) < PAGE_SIZE:
            return found
        if len(found) == known or len(found) > MAX_OBJECTS:
            raise Failure("not_opensearch", f"A search for {what}s comes to no end.")
        body["search_after"] = hits[-1][2]


def _hits(body: Any) -> list[tuple[str, dict[str, Any], Any]]:
    """Id and source of what a search found, each with its position in the order that was asked for."""
    try:
        return [(str(hit["_id"]), dict(hit["_source"]), hit.get("sort")) for hit in body["hits"]["hits"]]
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Failure("not_opensearch", f"A search was answered without hits: {describe_shape(body)}") from exc
