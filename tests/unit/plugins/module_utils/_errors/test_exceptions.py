# SPDX-License-Identifier: GPL-3.0-or-later
"""The net below all that reads answers, and texts that are safe to show."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    Failure,
    reraise_malformed_answer,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.printable import printable


@pytest.mark.parametrize(
    "misfit",
    [lambda: {}.get("a")["b"], lambda: [].get("a"), lambda: {}["s3cret"], lambda: int("s3cret"), lambda: int(1e999),],  # type: ignore[index,attr-defined]
)  # fmt: skip
def test_a_misfit(misfit: Callable[[], Any]) -> None:
    with pytest.raises(Failure) as caught, reraise_malformed_answer():
        misfit()
    told = json.dumps(caught.value.as_dict())
    assert caught.value.code == "unexpected_answer"
    assert "at test_exceptions.py:" in caught.value.message
    # It may be half of a secret.
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "other", [Failure("api_error", "x"), AssertionError("x"), OSError("x"), KeyboardInterrupt(), ZeroDivisionError()]
)
def test_what_is_none(other: BaseException) -> None:
    with pytest.raises(type(other)) as caught, reraise_malformed_answer():
        raise other
    assert caught.value is other


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Größe, 日本語 \U0001f600", "Größe, 日本語 \U0001f600"),
        ("a\nok: [b]", r"a\nok: [b]"),
        ("\x1b[31m\x07\t\x7f", r"\x1b[31m\x07\t\x7f"),
        ("\x9b1m\x85", r"\x9b1m\x85"),
        ("\u202ecba\u2066\u200b\ufeff", r"\u202ecba\u2066\u200b\ufeff"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_a_terminal_would_act_upon(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_long_text_is_cut() -> None:
    assert printable("x" * 30, 20) == "x" * 20 + "... (cut)"
    assert printable("x" * 20, 20) == "x" * 20
    assert printable("x" * 19, 20) == "x" * 19
    assert printable("x" * 2001) == "x" * 2000 + "... (cut)"
    assert printable("x" * 2000) == "x" * 2000
