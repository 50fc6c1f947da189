# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Predictions: the question as ML Commons wants it, and whether the answer is what was expected."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._http.client import Client, segment
from .._http.clock import Clock, ProgressCallback, no_progress
from .._kinds.model import Model
from .chat_answer import Prediction, read

#: What passes by itself while a backend loads its model, a node takes a model in, or the cluster notices that one has gone.
PASSING = frozenset(
    {"backend_loading", "backend_busy", "backend_timeout", "model_not_deployed", "circuit_breaker", "node_lost"}
)


class Expectation(NamedTuple):
    status: tuple[int, ...] = (200,)
    content: bool = True
    pattern: str | None = None


def predict(client: Client, model_id: str, parameters: Mapping[str, Any], *, timeout: float) -> Prediction:
    """Ask once. ``timeout`` is in seconds and must outlast the connector's own. Raises Failure."""
    began = client.clock.now()
    answer = client.ask(f"{Model.PATH}/{segment(model_id)}/_predict", {"parameters": dict(parameters)}, timeout=timeout)
    return read(answer.body)._replace(elapsed=round(client.clock.now() - began, 3))


def predict_with_retries(
    client: Client,
    model_id: str,
    parameters: Mapping[str, Any],
    expected: Expectation,
    *,
    timeout: float,
    patience: float,
    clock: Clock,
    tell: ProgressCallback = no_progress,
) -> Prediction:
    """Ask, and ask again for ``patience`` seconds while the failure is one that passes. Raises Failure."""
    return patiently(
        lambda: predict(client, model_id, parameters, timeout=timeout),
        expected,
        patience=patience,
        clock=clock,
        tell=tell,
    )


def patiently(
    ask: Callable[[], Prediction],
    expected: Expectation,
    *,
    patience: float,
    clock: Clock,
    tell: ProgressCallback = no_progress,
) -> Prediction:
    """The answer of ``ask``, which is called again for ``patience`` seconds while the failure is one that passes.

    Raises Failure, also where the answer is not what was expected.
    """
    end, pause = clock.now() + patience, 0.5
    while True:
        try:
            prediction = ask()
            check(prediction, expected)
            return prediction
        except Failure as failure:
            if failure.code not in PASSING or clock.now() + pause > end:
                raise
            tell(f"waiting for an answer: {failure.message}")
        clock.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def check_pattern(pattern: str | None) -> None:
    """Raises Failure where the pattern that is expected is no regular expression."""
    try:
        re.compile(pattern or "")
    except re.error as exc:
        raise Failure("invalid_pattern", f"expect_pattern: {pattern!r} does not compile: {exc}") from exc


def check(prediction: Prediction, expected: Expectation) -> None:
    """Raises Failure where the answer is not what was expected."""
    if prediction.status not in expected.status:
        wanted = " or ".join(map(str, expected.status))
        raise Failure(
            "unexpected_status", f"The backend answered {prediction.status}, expected was {wanted}.", prediction.status
        )
    text = (prediction.content or "").strip()
    if expected.content and not text:
        if prediction.reasoning:
            raise Failure(
                "reasoning_only", "The model reasoned but gave no answer.", reasoning=prediction.reasoning[:500]
            )
        raise Failure("empty_content", f"The answer has no text: {str(prediction.body)[:300]}")
    if expected.pattern and not re.search(expected.pattern, text):
        raise Failure(
            "pattern_mismatch", f"The answer does not match {expected.pattern!r}: {text[:300]!r}", content=text
        )
