# SPDX-License-Identifier: GPL-3.0-or-later
"""Time that passes only when the code under test sleeps."""

from __future__ import annotations

from typing import Callable

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.clock import Clock


class FakeClock(Clock):
    """``slept`` lists the pauses in seconds; ``share`` is what each jitter returns.

    It starts at 1000 s, in the same year as the timestamps of a FakeCluster.
    """

    def __init__(self, share: float = 1.0) -> None:
        self.time = 1000.0
        self.slept: list[float] = []
        self.share = share

    def now(self) -> float:
        return self.time

    def epoch(self) -> float:
        return 1700000000.0 + self.time

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, f"a pause of {seconds} s"
        self.slept.append(seconds)
        self.time += seconds

    def jitter(self) -> float:
        return self.share


class EventClock(FakeClock):
    """A clock on which things happen while the task sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self._events: list[tuple[float, Callable[[], None]]] = []

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self._events.append((self.time + seconds, act))
        self._events.sort(key=lambda event: event[0])

    def sleep(self, seconds: float) -> None:
        end = self.time + seconds
        while self._events and self._events[0][0] <= end:
            self.time, act = self._events.pop(0)
            act()
        self.time = end
        self.slept.append(seconds)
