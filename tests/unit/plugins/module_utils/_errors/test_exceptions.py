# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns errors by values of an unexpected type into failures."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    Failure,
    reraise_malformed_answer,
)


@pytest.mark.parametrize(
    "unexpected",
    [lambda: {}.get("a")["b"], lambda: [].get("a"), lambda: {}["s3cret"], lambda: int("s3cret"), lambda: int(1e999),],  # type: ignore[index,attr-defined]
)  # fmt: skip
def test_an_error_by_an_unexpected_type_becomes_a_failure(unexpected: Callable[[], Any]) -> None:
    with pytest.raises(Failure) as caught, reraise_malformed_answer():
        unexpected()
    text = json.dumps(caught.value.as_dict())
    assert caught.value.code == "unexpected_answer"
    assert "at test_exceptions.py:" in caught.value.message
    # The text of the exception may be a part of a secret.
    assert "s3cret" not in text


@pytest.mark.parametrize(
    "other", [Failure("api_error", "x"), AssertionError("x"), OSError("x"), KeyboardInterrupt(), ZeroDivisionError()]
)
def test_other_exceptions_are_raised_unchanged(other: BaseException) -> None:
    with pytest.raises(type(other)) as caught, reraise_malformed_answer():
        raise other
    assert caught.value is other


@pytest.mark.parametrize(
    ("message", "sentence"),
    [("It failed", "It failed."), ("It failed.", "It failed."), ("Did you mean 'http'?", "Did you mean 'http'?")],
)
def test_a_message_ends_with_one_mark(message: str, sentence: str) -> None:
    failure = Failure("invalid_input", message)
    assert failure.sentence == sentence
    failure.append("Correct it.")
    assert failure.message == f"{sentence} Correct it."
