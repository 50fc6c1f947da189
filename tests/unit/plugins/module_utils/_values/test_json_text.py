# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads JSON from outside the collection, with limits."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import json_text

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values, st.booleans())
def test_a_written_value_is_read_back(value: Any, ascii_only: bool) -> None:
    assert json_text.parse(json.dumps(value, ensure_ascii=ascii_only)) == value


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_depth(opening: str, closing: str) -> None:
    def nested(depth: int) -> str:
        return opening * depth + "1" + closing * depth

    json_text.parse(nested(json_text.MAX_DEPTH))
    for depth in (json_text.MAX_DEPTH + 1, 900, 100_000):
        with pytest.raises(json_text.TooLarge, match="200 levels"):
            json_text.parse(nested(depth))
    # The number of containers does not matter, only their depth.
    assert len(json_text.parse(f"[{nested(100)}, {nested(100)}, {nested(100)}]")) == 3


def test_number_of_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "MAX_VALUES", 100)
    json_text.parse("[" + "1," * 99 + "1]")
    for text in ("[" + "1," * 100 + "1]", "[" * 101, '{"a": {' * 60):
        with pytest.raises(json_text.TooLarge, match="100 values"):
            json_text.parse(text)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "nul", "\ufeff{}"])
def test_invalid_json(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any message
        json_text.parse(text)


def test_lone_surrogates_are_replaced() -> None:
    value = json_text.parse(r'{"a\ud800": ["\udfff", "\ud83d\ude00", "\\ud800"]}')
    assert value == {"a\ufffd": ["\ufffd", "\U0001f600", r"\ud800"]}
    json.dumps(value, ensure_ascii=False).encode()
