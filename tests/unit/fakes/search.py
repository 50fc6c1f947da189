# SPDX-License-Identifier: GPL-3.0-or-later
"""The search of the fake cluster: analyzed text, and the few kinds of query that clients of ML Commons send."""

from __future__ import annotations

import re
from typing import Any, Mapping


def tokens(text: Any) -> list[str]:
    """The words of a text, as the standard analyzer splits it."""
    return [word.lower() for word in re.findall(r"\w+", str(text))]


def matches(query: Mapping[str, Any], object_id: str, source: Mapping[str, Any]) -> bool:
    """Whether a document matches a query; a kind of query that is not implemented fails the test."""
    [(kind, clause)] = query.items()
    if kind == "match_all":
        return True
    if kind == "ids":
        return object_id in clause["values"]
    if kind == "exists":
        value: Any = source
        for part in clause["field"].split("."):
            value = value.get(part) if isinstance(value, dict) else None
        return value is not None
    if kind == "bool":
        assert not set(clause) - {"must", "must_not", "should"}, clause
        should = clause.get("should", [])
        return (
            all(matches(part, object_id, source) for part in clause.get("must", []))
            and not any(matches(part, object_id, source) for part in clause.get("must_not", []))
            and (not should or any(matches(part, object_id, source) for part in should))
        )
    [(field, value)] = clause.items()
    if kind == "term":
        return _term(field, value, source)
    if kind == "terms":
        return any(_term(field, each, source) for each in value)
    if kind == "match":
        text, operator = (value["query"], value["operator"]) if isinstance(value, dict) else (value, "or")
        have = tokens(source.get(field, ""))
        return (all if operator == "and" else any)(word in have for word in tokens(text))
    if kind == "match_phrase":
        have, phrase = tokens(source.get(field) or ""), tokens(value)
        return any(have[at : at + len(phrase)] == phrase for at in range(len(have)))
    raise AssertionError(f"the fake cluster does not know the query {query}")


#: Fields that are mapped as analyzed text: a term query matches single words only.
_TEXT_FIELDS = ("name", "description", "connector_id")


def _term(field: str, value: Any, source: Mapping[str, Any]) -> bool:
    if field.endswith(".keyword"):
        have = source.get(field[: -len(".keyword")])
        return have is not None and have == value and len(str(have)) <= 256
    if field in _TEXT_FIELDS:
        return value in tokens(source.get(field, ""))
    return source.get(field) == value
