# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The one wait loop: read a state until a predicate holds."""

from __future__ import annotations

from typing import Callable, TypeVar

from .._errors.exceptions import Failure
from .._http.clock import Clock, Tell, silent

State = TypeVar("State")


class WaitTimeout(Failure):
    """The time ran out; ``last`` is what was read last."""

    def __init__(self, what: str, timeout: float, last: object, described: str) -> None:
        super().__init__(
            "wait_timeout", f"{what}: not reached within {timeout:g} s; last seen: {described}", last_state=described
        )
        self.last = last


def wait_until(
    read: Callable[[], State],
    done: Callable[[State], bool],
    *,
    what: str,
    describe: Callable[[State], str],
    timeout: float,
    clock: Clock,
    tell: Tell = silent,
    first: float = 0.1,
    longest: float = 2.0,
) -> State:
    """Read until ``done`` holds, with pauses that grow from ``first`` to ``longest`` seconds.

    Returns the state that satisfied ``done``. Raises :class:`WaitTimeout` with the last state after ``timeout``
    seconds, or whatever ``read`` and ``done`` raise. Reads at least once. ``tell`` is told each state that was not it.
    """
    end = clock.now() + timeout
    pause = first
    while True:
        state = read()
        if done(state):
            return state
        left = end - clock.now()
        if left <= 0:
            raise WaitTimeout(what, timeout, state, describe(state))
        tell(f"waiting for {what}: {describe(state)}")
        clock.sleep(min(pause, left))
        pause = min(pause * 1.5, longest)
