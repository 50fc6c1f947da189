# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Equal or not: what was stated against what the server stores of it.

The server turns most values into strings (seen on 2.19.1 and 3.6.0); each function here knows one way of doing so.
"""

from __future__ import annotations

import json
from typing import Any, Mapping

from . import json_text


def text_of(value: Any) -> str:
    """A scalar as the server writes it; an object or a list as compact JSON with sorted keys."""
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list, tuple, bool)) or value is None:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def same_text(stored: Any, stated: Any) -> bool:
    """Whether a stored string stands for the stated value: ``"5"`` for 5, ``"1.0E10"`` for 1e10, JSON in any order."""
    if text_of(stored) == text_of(stated):
        return True
    if isinstance(stated, (int, float)) and not isinstance(stated, bool):
        try:
            return float(text_of(stored)) == float(stated)
        except ValueError:
            return False
    left, right = _container(stored), _container(stated)
    return left is not None and same_json(left, right)


def same_json(left: Any, right: Any) -> bool:
    """Equality as JSON has it: Python takes 1 for True."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_json(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(same_json, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def canonical(value: Any) -> Any:
    """The value itself where it is JSON inside a string, at any depth; for comparing and for showing."""
    if isinstance(value, str):
        inner = _container(value)
        return value if inner is None else canonical(inner)
    if isinstance(value, dict):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    return value


def same_tree(stored: Any, stated: Any) -> bool:
    """Whether two structures hold the same, where scalars may have become strings and objects JSON strings."""
    left, right = canonical(stored), canonical(stated)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same_tree(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same_tree, left, right))
    return same_text(left, right)


def contains(stored: Any, stated: Any) -> bool:
    """Whether all that was stated is stored; keys that only the server knows do not count."""
    left, right = canonical(stored), canonical(stated)
    if isinstance(left, dict) and isinstance(right, dict):
        return all(key in left and contains(left[key], item) for key, item in right.items())
    return same_tree(left, right)


def restrict_to(stored: Any, stated: Any) -> Any:
    """What is stored, without the keys that only the server knows; for showing it beside what was stated."""
    if isinstance(stored, dict) and isinstance(stated, dict):
        return {key: restrict_to(stored[key], item) for key, item in stated.items() if key in stored}
    return stored


def without_none(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options that were stated: without those that are None."""
    return {name: value for name, value in (options or {}).items() if value is not None}


def _container(value: Any) -> Any:
    """The object or list that a value is, or that it spells as JSON; else None."""
    if isinstance(value, (dict, list, tuple)):
        return value
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json_text.parse(value)
        except ValueError:
            return None
    return None
