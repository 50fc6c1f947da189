# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts from outside the collection, made safe for output."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import printable


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("Größe, 日本語 \U0001f600", "Größe, 日本語 \U0001f600"),
        ("a\nok: [b]", r"a\nok: [b]"),
        ("\x1b[31m\x07\t\x7f", r"\x1b[31m\x07\t\x7f"),
        ("\x9b1m\x85", r"\x9b1m\x85"),
        ("\u202ecba\u2066\u200b\ufeff", r"\u202ecba\u2066\u200b\ufeff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_control_characters_are_escaped(text: str, escaped: str) -> None:
    assert printable(text) == escaped


def test_a_long_text_is_cut() -> None:
    assert printable("x" * 30, 20) == "x" * 20 + "... (cut)"
    assert printable("x" * 20, 20) == "x" * 20
    assert printable("x" * 19, 20) == "x" * 19
    assert printable("x" * 2001) == "x" * 2000 + "... (cut)"
    assert printable("x" * 2000) == "x" * 2000
