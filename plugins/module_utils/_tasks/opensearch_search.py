# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_search: search an index, and check the answer that a search pipeline may have added."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from .._errors.exceptions import Failure, describe_shape
from .._http.client import segment
from .._kinds.index import check_name
from .._operations import predict
from .._runtime.module import Module, no_secrets, typed
from .._runtime.run import Run

SPEC = {
    "index": {"type": "str", "required": True},
    "definition": {"type": "dict", "default": {}},
    "pipeline": {"type": "str"},
    "expect_pattern": {"type": "str"},
    "search_timeout": {"type": "float", "default": 180.0},
}


@dataclass(frozen=True)
class Options:
    index: str
    definition: Mapping[str, Any]
    pipeline: str | None
    expect_pattern: str | None
    search_timeout: float


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Search once. Raises Failure, also if the search does not return the expected answer."""
    if run.check_mode:
        return {"asked": False, "hits": [], "total": None, "answer": predict.NOT_ASKED, "result": None}
    # Not in the URL: Amazon's gateway ignores the parameters of a signed POST (its manual).
    body = {**options.definition, **({"search_pipeline": options.pipeline} if options.pipeline else {})}
    result = run.client.ask(f"/{segment(options.index)}/_search", body, timeout=options.search_timeout).body
    hits = _hits(result)
    answer = ((result.get("ext") or {}).get("retrieval_augmented_generation") or {}).get("answer")
    if options.expect_pattern is not None:
        _check_answer(options.expect_pattern, answer, result)
    total = (result["hits"].get("total") or {}).get("value")
    return {"asked": True, "hits": hits, "total": total, "answer": answer, "result": result}


def _hits(result: Any) -> list[dict[str, Any]]:
    try:
        return [
            {"id": hit["_id"], "score": hit.get("_score"), "source": hit.get("_source") or {}}
            for hit in result["hits"]["hits"]
        ]
    except (KeyError, TypeError) as exc:
        raise Failure("not_opensearch", f"The server answered a search without hits: {describe_shape(result)}") from exc


def _check_answer(pattern: str, answer: Any, result: Any) -> None:
    if not answer:
        raise Failure(
            "empty_content", f"The search returned no answer, but expect_pattern needs one: {str(result)[:300]}"
        )
    if not re.search(pattern, answer):
        raise Failure("pattern_mismatch", f"The answer does not match {pattern!r}: {answer[:300]!r}", content=answer)


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    check_name(options.index)
    predict.check_pattern(options.expect_pattern)


MODULE = Module(SPEC, execute, typed(Options), secrets=no_secrets, check=check)
