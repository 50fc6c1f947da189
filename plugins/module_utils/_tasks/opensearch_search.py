# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What opensearch_search does: asks an index, and reads the answer that a search pipeline may have added."""

from __future__ import annotations

import re
from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._errors.printable import describe_shape
from .._http.client import segment
from .._kinds.index import check_name
from .._operations import predict
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "index": {"type": "str", "required": True},
    "body": {"type": "dict", "default": {}},
    "pipeline": {"type": "str"},
    "expect_pattern": {"type": "str"},
    "search_timeout": {"type": "float", "default": 180.0},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Search once. Raises Failure, also where an answer is expected and another or none comes."""
    index, pattern = options["index"], options["expect_pattern"]
    check_name(index)
    predict.check_pattern(pattern)
    if run.check_mode:
        return {"hits": [], "total": None, "answer": None, "result": None}
    query = {"search_pipeline": options["pipeline"]} if options["pipeline"] else None
    result = run.client.ask(
        f"/{segment(index)}/_search", options["body"], query, timeout=options["search_timeout"]
    ).body
    try:
        hits = [
            {"id": hit["_id"], "score": hit.get("_score"), "source": hit.get("_source") or {}}
            for hit in result["hits"]["hits"]
        ]
    except (KeyError, TypeError) as exc:
        raise Failure("not_opensearch", f"A search was answered without hits: {describe_shape(result)}") from exc
    answer = ((result.get("ext") or {}).get("retrieval_augmented_generation") or {}).get("answer")
    if pattern is not None:
        if not answer:
            raise Failure("empty_content", f"An answer was expected, and the search brought none: {str(result)[:300]}")
        if not re.search(pattern, answer):
            raise Failure(
                "pattern_mismatch", f"The answer does not match {pattern!r}: {answer[:300]!r}", content=answer
            )
    total = (result["hits"].get("total") or {}).get("value")
    return {"hits": hits, "total": total, "answer": answer, "result": result}


MODULE = Module(OPTIONS, execute)
