# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Nested values, such as those of JSON and YAML: reading JSON from outside with limits, and walking through values."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterator, Mapping

#: Maximum depth. OpenSearch maps 20 levels. The functions that walk through a value recurse as deep as this.
MAX_DEPTH = 200

#: Maximum number of values. Even the shortest takes some 70 bytes of memory, so a small answer could exhaust it.
MAX_VALUES = 5_000_000

#: A lone surrogate, which JSON can contain as an escape, but no UTF-8 output can.
_SURROGATE = re.compile("[\ud800-\udfff]")


class TooLarge(ValueError):
    """The JSON has more than :data:`MAX_VALUES` values or :data:`MAX_DEPTH` levels."""


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError for invalid JSON, and its subclass TooLarge."""
    openings = text.count("[") + text.count("{")
    if openings + text.count(",") > MAX_VALUES:
        raise TooLarge(f"more than {MAX_VALUES} values")
    try:
        value = json.loads(text)
    except RecursionError as exc:
        raise TooLarge(f"more than {MAX_DEPTH} levels") from exc
    if openings > MAX_DEPTH and _deeper_than(MAX_DEPTH, value):
        raise TooLarge(f"more than {MAX_DEPTH} levels")
    return _without_surrogates(value) if re.search(r"\\u[dD][89a-fA-F]", text) else value


def _deeper_than(limit: int, value: Any) -> bool:
    """Level by level, as recursion would fail at the depth that it has to detect."""
    level = [value]
    for _depth in range(limit + 1):
        level = [
            item
            for each in level
            if isinstance(each, (dict, list))
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        # In keys as well, which map_strings does not change.
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


def map_scalars(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of the value with ``change`` applied to each scalar, at any depth. Keys stay; tuples become lists."""
    if isinstance(value, Mapping):
        return {key: map_scalars(item, change) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_scalars(item, change) for item in value]
    return change(value)


def map_strings(value: Any, change: Callable[[str], Any]) -> Any:
    """A copy of the value with ``change`` applied to each string, at any depth. Keys stay; tuples become lists."""
    return map_scalars(value, lambda scalar: change(scalar) if isinstance(scalar, str) else scalar)


def scalars(value: Any) -> Iterator[Any]:
    """Each scalar of the value, at any depth, in order; without the keys."""
    if isinstance(value, Mapping):
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        yield value
        return
    for item in value:
        yield from scalars(item)


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as one mapping with dotted names. A list is one value; an empty mapping adds nothing."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat
