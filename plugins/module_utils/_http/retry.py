# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The retry policy: how often a request is sent again, and after which pause."""

from __future__ import annotations

from typing import Callable, NamedTuple

from .._errors.server_errors import RECOVERING, SOON, STARTING
from .classify import NOT_SENT, Decision

#: The first pause before a retry; each further one is twice as long, up to the maximum. In seconds.
FIRST_PAUSE, MAX_PAUSE = 0.2, 5.0

#: The longest Retry-After that the client obeys, in seconds.
MAX_RETRY_AFTER = 30.0

#: The pause in seconds, and the number of retries, while a cluster starts. It opens its shards, initializes its security
#: plugin and creates its master key within some ten seconds each.
STARTING_PAUSE, STARTING_RETRIES = 2.0, 15


class Retry(NamedTuple):
    """The next attempt to send a request: after ``pause`` seconds, as retry ``number`` of at most ``limit``."""

    pause: float
    number: int
    limit: int

    def __str__(self) -> str:
        when = f"in {self.pause:.1f} s" if self.pause else "to the next host"
        return f"sending again {when} ({self.number} of {self.limit})"


class RetryPolicy:
    """Counts the retries of one request. ``limit`` is the number of retries that the user allows."""

    def __init__(self, limit: int, hosts: int, jitter: Callable[[], float]) -> None:
        self._hosts = hosts
        self._jitter = jitter
        # The client pauses only after it has tried all hosts.
        self._limits: dict[str | None, int] = {SOON: limit, NOT_SENT: limit + hosts - 1}
        self._retried = 0
        self._waited_for_start = 0

    def next(self, decision: Decision) -> Retry | None:
        """The next attempt; None if the request is not sent again."""
        starting = decision.retry in (STARTING, RECOVERING)
        if starting:
            attempt = Retry(STARTING_PAUSE, self._waited_for_start + 1, STARTING_RETRIES)
        else:
            attempt = Retry(self.pause(decision), self._retried + 1, self._limits.get(decision.retry, 0))
        if attempt.number > attempt.limit:
            return None
        self._waited_for_start += starting
        self._retried += not starting
        return attempt

    def pause(self, decision: Decision) -> float:
        """The exponential pause in seconds, or the server's Retry-After if that is longer; 0 before the next host."""
        if decision.retry == NOT_SENT:
            rounds, hosts_tried = divmod(self._retried + 1, self._hosts)
            return 0.0 if hosts_tried else self._exponential(rounds - 1)
        asked = float(decision.retry_after) if decision.retry_after.isdecimal() else 0.0
        return max(self._exponential(self._retried), min(asked, MAX_RETRY_AFTER))

    def _exponential(self, retried: int) -> float:
        return min(FIRST_PAUSE * 2.0**retried, MAX_PAUSE) * (0.5 + self._jitter() / 2)
