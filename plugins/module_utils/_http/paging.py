# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Searches that read all pages."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .._errors.exceptions import Failure
from .._errors.printable import describe_shape

#: Number of objects per request. The server allows 10,000, but large objects could then exceed the limit for one
#: answer.
PAGE_SIZE = 2000

#: No cluster has more objects; a server that returns more is not OpenSearch.
MAX_OBJECTS = 100_000


def search(ask: Callable[[Mapping[str, Any]], Any], query: Mapping[str, Any], what: str) -> dict[str, dict[str, Any]]:
    """All objects that match, by id. Raises Failure if the answers are not those of a search.

    ``ask`` sends the body of a search and returns the body of the answer. ``what`` is the kind of the objects, in the
    singular. The pages are sorted by the sequence number of each object's last write, which is unique because these
    indexes have one shard. An object that is written during the search moves to a later page, so it may be found twice
    but is never missed.
    """
    body: dict[str, Any] = {"query": query, "size": PAGE_SIZE, "sort": [{"_seq_no": "asc"}]}
    found: dict[str, dict[str, Any]] = {}
    while True:
        previously, hits = len(found), _hits(ask(body))
        found.update((object_id, source) for object_id, source, _position in hits)
        if len(hits) < PAGE_SIZE:
            return found
        if len(found) == previously or len(found) > MAX_OBJECTS:
            raise Failure("not_opensearch", f"A search for {what}s does not end.")
        body["search_after"] = hits[-1][2]


def _hits(body: Any) -> list[tuple[str, dict[str, Any], Any]]:
    """The id, source and sort values of each hit. Raises Failure if the answer has no hits."""
    try:
        return [(str(hit["_id"]), dict(hit["_source"]), hit.get("sort")) for hit in body["hits"]["hits"]]
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Failure("not_opensearch", f"A search was answered without hits: {describe_shape(body)}") from exc
