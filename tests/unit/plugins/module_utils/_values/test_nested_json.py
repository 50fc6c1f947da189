# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads JSON from outside the collection, with limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import nested

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.no_cover
@given(values, st.booleans())
def test_a_written_value_is_read_back(value: Any, ascii_only: bool) -> None:
    assert nested.parse_json(json.dumps(value, ensure_ascii=ascii_only)) == value


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth(opening: str, closing: str) -> None:
    def text(depth: int) -> str:
        return opening * depth + "1" + closing * depth

    nested.parse_json(text(nested.MAX_DEPTH))
    for depth in (nested.MAX_DEPTH + 1, 900, 100_000):
        with pytest.raises(nested.TooLarge, match="200 levels"):
            nested.parse_json(text(depth))
    # The number of containers does not matter, only their depth.
    assert len(nested.parse_json(f"[{text(100)}, {text(100)}, {text(100)}]")) == 3


def test_number_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nested, "MAX_VALUES", 100)
    nested.parse_json("[" + "1," * 99 + "1]")
    for text in ("[" + "1," * 100 + "1]", "[" * 101, '{"a": {' * 60):
        with pytest.raises(nested.TooLarge, match="100 values"):
            nested.parse_json(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "nul", "\ufeff{}"])
def test_invalid_json(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any message
        nested.parse_json(text)


def test_lone_surrogates_are_replaced() -> None:
    value = nested.parse_json(r'{"a\ud800": ["\udfff", "\ud83d\ude00", "\\ud800"]}')
    assert value == {"a\ufffd": ["\ufffd", "\U0001f600", r"\ud800"]}
    json.dumps(value, ensure_ascii=False).encode()
