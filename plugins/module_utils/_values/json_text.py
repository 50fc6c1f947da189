# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""JSON from outside: a bounded number of values, a bounded depth, and texts that can be written again."""

from __future__ import annotations

import json
import re
from typing import Any

#: The deepest nesting. OpenSearch maps 20 levels; what walks through a value here may recurse as deep as this.
MAX_DEPTH = 200

#: The most values. One takes some 70 bytes of memory however short it is, so that a small answer could fill it.
MAX_VALUES = 5_000_000

#: Half of a surrogate pair, as JSON can spell it. No UTF-8 holds one, so nothing could print it.
_SURROGATE = re.compile("[\ud800-\udfff]")


class TooLarge(ValueError):
    """More values, or a deeper nesting, than anybody needs."""


def parse(text: str) -> Any:
    """The value that a JSON text spells. Raises ValueError, also where it is too deep or has too many values."""
    openings = text.count("[") + text.count("{")
    if openings + text.count(",") > MAX_VALUES:
        raise TooLarge(f"more than {MAX_VALUES} values")
    try:
        value = json.loads(text)
    except RecursionError as exc:
        raise TooLarge(f"more than {MAX_DEPTH} levels") from exc
    if openings > MAX_DEPTH and _deeper_than(MAX_DEPTH, value):
        raise TooLarge(f"more than {MAX_DEPTH} levels")
    return _writable(value) if re.search(r"\\u[dD][89a-fA-F]", text) else value


def _deeper_than(limit: int, value: Any) -> bool:
    """Level by level, as what is too deep cannot be walked through by recursion."""
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


def _writable(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        # Keys as well, which the shared walker leaves alone.
        return {_writable(key): _writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value
