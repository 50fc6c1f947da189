# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The retry policy: how often a failed attempt is repeated, and after which pause.

Which errors of the server are worth a retry is in the ``retry`` column of the rules in ``_errors/server_errors.py``;
which failures of the connection are, ``client.py`` decides.
"""

from __future__ import annotations

from typing import Callable, NamedTuple

from .._errors.exceptions import AnswerLost, ApiError, Failure
from .._errors.server_errors import RECOVERING, SOON, STARTING
from .transport import RawAnswer

#: A gateway answers with these statuses. They do not show whether the server has executed the request.
GATEWAY = (502, 503, 504)

#: The first pause before a retry; each further one is twice as long, up to the maximum. In seconds.
FIRST_PAUSE, MAX_PAUSE = 0.2, 5.0

#: The longest Retry-After that the client obeys, in seconds.
MAX_RETRY_AFTER = 30.0

#: The pause in seconds, and the number of retries, while a cluster starts. It opens its shards, initializes its security
#: plugin and creates its master key within some ten seconds each.
STARTING_PAUSE, STARTING_RETRIES = 2.0, 15

#: The retry kind of a request that was not sent: the next host is tried without a pause.
NOT_SENT = "not sent"


class Problem(NamedTuple):
    """Why an attempt brought no usable answer.

    ``retry`` is the retry kind, or None if the request must not be repeated. ``failure`` is raised when the request is
    not repeated, after one more pause if ``pause_before_failure``. ``retry_after`` is the server's header of this name.
    """

    failure: Failure
    retry: str | None = None
    status: int | None = None
    retry_after: str = ""
    cause: Exception | None = None
    pause_before_failure: bool = False

    @classmethod
    def of_answer(cls, raw: RawAnswer, failure: Failure, retry: str | None = None) -> Problem:
        return cls(failure, retry, raw.status, raw.headers.get("Retry-After", ""))

    def if_not_repeatable(self, *, write: bool) -> Problem:
        """The problem of a request that must not be executed twice: no retry where the server may have executed it."""
        rejected = (
            self.status == 429
            and self.retry is not None
            and isinstance(self.failure, ApiError)
            and self.failure.kind != ""
        )
        server_error = self.status is not None and self.status >= 500 and self.retry is not None
        unknown = self.status in GATEWAY or server_error or rejected
        if write and unknown and self.retry != STARTING:
            lost = AnswerLost(self.failure.code, self.failure.message, self.status)
            # A 429 does not show that the request was rejected: ML Commons also answers so when it has stored a model
            # and has no capacity for the step after that (3.6.0).
            return self._replace(failure=lost, retry=None, pause_before_failure=rejected)
        if self.status == 504 or self.retry == RECOVERING:
            return self._replace(retry=None)
        return self


class Retries:
    """Counts the attempts of one request. ``limit`` is the number of retries that the user allows."""

    def __init__(self, limit: int, hosts: int, jitter: Callable[[], float]) -> None:
        self._limit = limit
        self._hosts = hosts
        self._jitter = jitter
        self._retried = 0
        self._waited_for_start = 0

    def next_pause(self, problem: Problem) -> float | None:
        """Seconds until the next attempt; None if the request is not repeated."""
        if problem.retry == NOT_SENT:
            return self._next_pause_if_not_sent()
        if problem.retry in (STARTING, RECOVERING) and self._waited_for_start < STARTING_RETRIES:
            self._waited_for_start += 1
            return STARTING_PAUSE
        if problem.retry == SOON and self._retried < self._limit:
            pause = self.backoff(problem)
            self._retried += 1
            return pause
        return None

    def _next_pause_if_not_sent(self) -> float | None:
        """The other hosts are tried without a pause, one after the other; the client pauses only after it has tried all."""
        if self._retried >= self._limit + self._hosts - 1:
            return None
        self._retried += 1
        rounds, hosts_tried = divmod(self._retried, self._hosts)
        return 0.0 if hosts_tried else self._exponential(rounds - 1)

    def backoff(self, problem: Problem) -> float:
        """The exponential pause in seconds, or the server's Retry-After if that is longer."""
        pause = self._exponential(self._retried)
        if problem.retry_after.isdecimal():
            pause = max(pause, min(float(problem.retry_after), MAX_RETRY_AFTER))
        return pause

    def _exponential(self, retried: int) -> float:
        return min(FIRST_PAUSE * 2.0**retried, MAX_PAUSE) * (0.5 + self._jitter() / 2)
