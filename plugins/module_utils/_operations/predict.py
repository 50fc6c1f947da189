# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Predictions: one question to a model, retried after transient failures, and the check of the answer."""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Callable, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._http.client import Client, segment
from .._kinds.model import Model
from .._runtime.run import Run
from .chat_answer import Prediction, answer_shape, numbers_in, parse_prediction

#: Codes of failures that end by themselves: a backend is loading its model, a node is deploying the model, all connections
#: are in use, or the cluster has not noticed yet that a node is down.
TRANSIENT = frozenset(
    {
        "backend_loading", "backend_busy", "backend_timeout", "connection_pool_full", "model_not_deployed",
        "circuit_breaker", "node_lost",
    }
)  # fmt: skip

#: The first and the longest pause between two tries, in seconds.
_FIRST_PAUSE, _MAX_PAUSE = 0.5, 5.0

#: What a result has in place of an answer in check mode, which asks nothing.
NOT_ASKED = "(not asked in check mode)"


class Expectation(NamedTuple):
    """What an answer must have: one of these HTTP statuses of the backend, text, and a match of the pattern in it."""

    status: tuple[int, ...] = (200,)
    content: bool = True
    pattern: str | None = None


class Question(NamedTuple):
    """A model and the body of the request: ``parameters``, or ``text_docs`` as pipelines and queries give texts to models.

    ``timeout``: seconds to wait for one answer; it must be longer than the read timeout of the connector.
    """

    model_id: str
    body: Mapping[str, Any]
    timeout: float

    @property
    def path(self) -> str:
        """The path of the request. Only the one with the name of an algorithm reads ``text_docs``; it has the name in the path
        because Amazon's gateway ignores parameters in the URL of a signed POST (its manual)."""
        if "text_docs" not in self.body:
            return f"{Model.PATH}/{segment(self.model_id)}/_predict"
        algorithm = "text_similarity" if "query_text" in self.body else "text_embedding"
        return f"/_plugins/_ml/_predict/{algorithm}/{segment(self.model_id)}"


def predict(client: Client, question: Question) -> Prediction:
    """Ask once. Raises Failure."""
    began = client.clock.now()
    answer = client.ask(question.path, question.body, timeout=question.timeout)
    return parse_prediction(answer.body)._replace(elapsed=round(client.clock.now() - began, 3))


def predict_with_retries(run: Run, question: Question, expected: Expectation, *, retry_for: float) -> Prediction:
    """Ask, and ask again for ``retry_for`` seconds while the failure is transient. Raises Failure."""
    return retry_transient(run, partial(predict, run.client, question), expected, retry_for=retry_for)


def retry_transient(run: Run, ask: Callable[[], Prediction], expected: Expectation, *, retry_for: float) -> Prediction:
    """The answer of ``ask``, which is called again for ``retry_for`` seconds while the failure is transient.

    Raises Failure, also if the answer is not the expected one.
    """
    end, pause = run.clock.now() + retry_for, _FIRST_PAUSE
    while True:
        try:
            prediction = ask()
            check_prediction(prediction, expected)
            return prediction
        except Failure as failure:
            if failure.code not in TRANSIENT or run.clock.now() + pause > end:
                raise
            run.report_waiting(f"waiting for an answer: {failure.message}")
        run.clock.sleep(pause)
        run.client.retries += 1
        pause = min(pause * 1.5, _MAX_PAUSE)


def check_pattern(pattern: str | None) -> None:
    """Raises Failure if the expected pattern is not a regular expression."""
    try:
        re.compile(pattern or "")
    except re.error as exc:
        raise Failure("invalid_pattern", f"expect_pattern: {pattern!r} does not compile: {exc}") from exc


def check_prediction(prediction: Prediction, expected: Expectation) -> None:
    """Raises Failure if the answer is not the expected one."""
    if prediction.status not in expected.status:
        statuses = " or ".join(map(str, expected.status))
        raise Failure(
            "unexpected_status",
            f"The backend answered {prediction.status}, expected was {statuses}.",
            prediction.status,
        )
    text = (prediction.content or "").strip()
    if expected.content and not text:
        _check_without_text(prediction)
    if expected.pattern and not re.search(expected.pattern, text):
        raise Failure(
            "pattern_mismatch", f"The answer does not match {expected.pattern!r}: {text[:300]!r}", content=text
        )


def _check_without_text(prediction: Prediction) -> None:
    """Raises Failure unless the answer is of a kind that has no text, and has what is expected of that kind."""
    if prediction.reasoning:
        raise Failure("reasoning_only", "The model reasoned but gave no answer.", reasoning=prediction.reasoning[:500])
    shown, shape = str(prediction.body)[:300], answer_shape(prediction.body)
    if shape is None:
        raise Failure("unknown_shape", f"The answer is neither text nor an embedding nor a rerank result: {shown}")
    if shape == "text":
        raise Failure("empty_content", f"The answer has no text: {shown}")
    if not numbers_in(prediction.body):
        raise Failure("empty_numbers", f"The answer has the structure of {shape}, but no number: {shown}")
