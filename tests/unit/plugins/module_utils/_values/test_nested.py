# SPDX-License-Identifier: GPL-3.0-or-later
"""Walks over nested mappings and lists."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import nested

NESTED = {"a": [1, ("b", None)], "c": {"d": "e", "f": {}}, "g": []}


def test_map_scalars_changes_each_scalar_and_no_key() -> None:
    assert nested.map_scalars(NESTED, repr) == {"a": ["1", ["'b'", "None"]], "c": {"d": "'e'", "f": {}}, "g": []}
    assert nested.map_scalars(5, repr) == "5"


def test_map_strings_leaves_other_scalars_alone() -> None:
    assert nested.map_strings(NESTED, str.upper) == {"a": [1, ["B", None]], "c": {"d": "E", "f": {}}, "g": []}


def test_map_strings_leaves_the_original_alone() -> None:
    original = {"a": ["b"]}
    assert nested.map_strings(original, str.upper) == {"a": ["B"]}
    assert original == {"a": ["b"]}


def test_scalars() -> None:
    assert list(nested.scalars(NESTED)) == [1, "b", None, "e"]
    assert list(nested.scalars("text")) == ["text"]


def test_flatten() -> None:
    assert nested.flatten({"a": {"b": 1, "c.d": {"e": [{"f": 2}]}}, "g": None, "h": {}}) == {
        "a.b": 1,
        "a.c.d.e": [{"f": 2}],
        "g": None,
    }
