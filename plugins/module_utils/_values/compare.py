# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Comparisons of desired values with observed ones.

The server turns most values into strings (seen on 2.19.1 and 3.6.0). Each function here undoes one of its conversions.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Mapping

from .nested import map_strings, parse_json

#: A number as JSON writes it. "01", "1_000" and "NaN" are texts.
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")

#: A number as Java, and no person, writes it: below 0.001 and from 10,000,000 on.
_JAVA_EXPONENT = re.compile(r"-?[1-9]\.[0-9]+E-?[0-9]+")


def text_of(value: Any) -> str:
    """A scalar as the server writes it; a mapping or a list as compact JSON with sorted keys."""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list, tuple, bool)) or value is None:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def as_list(value: Any) -> list[str]:
    """The items of a list, or a single value as a list of one, as text. Empty for None."""
    if value is None:
        return []
    return [text_of(item) for item in value] if isinstance(value, (list, tuple)) else [text_of(value)]


def same_text(observed: Any, desired: Any) -> bool:
    """Whether an observed string is the desired value: ``"5"`` is 5, ``"1.0E-4"`` is 0.0001; the key order of JSON does not
    matter.

    Two strings are compared as numbers only if one of them is in Java's notation with an exponent, in which the server
    stores a number that another client sent. Any other difference counts: ``"1.0"`` and ``"1"`` are different versions,
    ``"01"`` and ``"1"`` different ids, and a number that is inserted into text reads differently.
    """
    have, want = text_of(observed), text_of(desired)
    if have == want:
        return True
    if _is_number(observed) or _is_number(desired) or _JAVA_EXPONENT.fullmatch(have) or _JAVA_EXPONENT.fullmatch(want):
        return _same_number(have, want)
    left, right = _container(observed), _container(desired)
    return left is not None and same_json(left, right)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _same_number(one: str, other: str) -> bool:
    """Whether two texts are the same number. Integers are compared exactly, as a float has 53 bits."""
    matches = [_NUMBER.fullmatch(text) for text in (one, other)]
    if not all(matches):
        return False
    if all(match and match[2] is None and match[3] is None for match in matches):
        return int(one) == int(other)
    return float(one) == float(other) and math.isfinite(float(one))


def same_json(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON: 1 is neither true nor "1", while Python's 1 equals True."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same_json, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def canonical(value: Any) -> Any:
    """The value with every string that contains a JSON object or list decoded, at any depth. Keys become strings."""
    if isinstance(value, str):
        container = _container(value)
        return value if container is None else canonical(container)
    if isinstance(value, dict):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    return value


def decoded(value: Any) -> Any:
    """The value with every string that contains a JSON object or list decoded. Strings in what was decoded stay as they are,
    so that encoding gives the same JSON again."""

    def decode(text: str) -> Any:
        container = _container(text)
        return text if container is None else container

    return map_strings(value, decode)


def same_tree(observed: Any, desired: Any) -> bool:
    """Whether two nested values are the same, if scalars may have become strings and mappings JSON strings."""
    left, right = canonical(observed), canonical(desired)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_tree(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_tree, left, right))
    return same_text(left, right)


def contains(observed: Any, desired: Any) -> bool:
    """Whether the observed value has all desired keys, with the desired values. Further keys do not matter."""
    left, right = canonical(observed), canonical(desired)
    if isinstance(left, dict) and isinstance(right, dict):
        return all(key in left and contains(left[key], item) for key, item in right.items())
    return same_tree(left, right)


def restrict_to(observed: Any, desired: Any) -> Any:
    """The observed value without the keys that the desired one does not have, for a diff of the two."""
    if isinstance(observed, dict) and isinstance(desired, dict):
        return {key: restrict_to(observed[key], item) for key, item in desired.items() if key in observed}
    return observed


def without_none(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options that the user has set: those that are not None."""
    return {name: value for name, value in (options or {}).items() if value is not None}


def _container(value: Any) -> Any:
    """The mapping or list that the value is, or that it contains as JSON; else None."""
    if isinstance(value, (dict, list, tuple)):
        return value
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return parse_json(value)
        except ValueError:
            return None
    return None
