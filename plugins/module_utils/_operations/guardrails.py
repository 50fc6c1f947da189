# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The models and indexes that guardrails of a model name.

The server takes any text for the id of a model or the name of an index. Before 3.8, a guardrail whose model or index does not
exist lets every text pass. Guardrails and their parts can be of any type, as those of a definition are sent as they are.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from .._errors.exceptions import Failure
from .._kinds import index as indexes
from .._kinds.model import GUARDRAIL_SIDES
from .._runtime.run import Run
from .references import check_replaced


def _sides(guardrails: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in GUARDRAIL_SIDES if isinstance(guardrails, Mapping) else ():
        if isinstance(guardrails.get(name), Mapping):
            yield name, guardrails[name]


def with_references(guardrails: Any) -> Any:
    """The guardrails with a reference in place of a plain name or id of a model."""
    changed = {
        name: {**side, "model_id": f"${{model:{side['model_id']}}}"}
        for name, side in _sides(guardrails)
        if side.get("model_id") and "${" not in str(side["model_id"])
    }
    return {**guardrails, **changed} if changed else guardrails


def check_replaced_in(guardrails: Any) -> None:
    """Raises Failure for a placeholder of documentation in the place of a model or of an index."""
    models = {f"guardrails.{name}.model_id": side.get("model_id") for name, side in _sides(guardrails)}
    check_replaced(models, "the name or the id of a model")
    check_replaced(dict(_indexes(guardrails)), "the name of an index")


def check_indexes(run: Run, guardrails: Any) -> None:
    """Warn of an index of stop words that does not exist."""
    for place, name in _indexes(guardrails):
        try:
            missing = run.reader.fact(indexes.read, name) is None
        except Failure:
            # An alias, or an index that the user may not see.
            continue
        if missing:
            run.warn(f"{place}: the cluster has no index {name!r}, so this guardrail finds no stop words.")


def _indexes(guardrails: Any) -> Iterator[tuple[str, str]]:
    """The indexes of stop words, each with its place in the options."""
    for name, side in _sides(guardrails):
        words = side.get("stop_words")
        for number, each in enumerate(words if isinstance(words, list) else []):
            if isinstance(each, Mapping) and each.get("index_name"):
                yield f"guardrails.{name}.stop_words[{number}].index_name", str(each["index_name"])
