# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""One search for the names of all that several workers have just made, instead of one for each of them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Iterator

from .._errors.exceptions import Failure
from .._http.client import Client
from .._http.clock import Clock
from .._kinds.base import Doc, Kind


class _Look:
    """What one round of searches is to answer, and its answers."""

    def __init__(self) -> None:
        self.names: dict[type[Kind], set[str]] = {}
        self.found: dict[type[Kind], list[Doc]] = {}
        self.failure: Failure | None = None
        self.begun = False
        self.done = False

    def take(self, client: Client) -> None:
        try:
            for kind, names in self.names.items():
                self.found[kind] = kind.search(client, {"terms": {"name.keyword": sorted(names)}})
        except Failure as failure:
            self.failure = failure


class _Resting(Clock):
    """A clock for those who have a turn: whoever sleeps by it gives it up meanwhile, as nobody is to wait for that."""

    def __init__(self, looks: SearchBatcher, clock: Clock) -> None:
        self._looks = looks
        self.now, self.epoch, self.jitter = clock.now, clock.epoch, clock.jitter  # type: ignore[method-assign] # only its sleep is another
        self._sleep = clock.sleep

    def sleep(self, seconds: float) -> None:
        with self._looks.away():
            self._sleep(seconds)


class SearchBatcher:
    """Workers write in turns, ``parallel`` of them at once.

    Whoever has made something and asks who else has its name gives up the turn. As soon as nobody has one or wants one,
    one search for each kind answers all who wait.
    """

    def __init__(self, client: Client, parallel: int) -> None:
        self._client = client
        self._parallel = parallel
        self._condition = threading.Condition()
        self.clock: Clock = _Resting(self, client.clock)
        self._working = 0
        self._wanting = 0
        self._next = _Look()

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._condition:
            self._enter()
        try:
            yield
        finally:
            with self._condition:
                self._leave()

    @contextmanager
    def away(self) -> Iterator[None]:
        """To be asked by who has a turn, which others may have meanwhile."""
        with self._condition:
            self._leave()
        try:
            yield
        finally:
            with self._condition:
                self._enter()

    def named(self, kind: type[Kind], name: str) -> list[Doc]:
        """All objects of exactly this name as a search finds them. To be asked by who has a turn. Raises Failure."""
        with self._condition:
            look = self._next
            look.names.setdefault(kind, set()).add(name)
            self._leave()
            self._condition.wait_for(lambda: look.begun or not self._working + self._wanting)
            takes, look.begun = not look.begun, True
            if takes:
                self._next = _Look()
        try:
            if takes:
                look.take(self._client)
        finally:
            with self._condition:
                # Whatever has happened, nobody waits for ever.
                look.done = look.done or takes
                self._condition.notify_all()
                self._condition.wait_for(lambda: look.done)
                self._enter()
        if look.failure:
            raise look.failure
        return [doc for doc in look.found[kind] if doc.name == name]

    def _enter(self) -> None:
        self._wanting += 1
        self._condition.wait_for(lambda: self._working < self._parallel)
        self._wanting -= 1
        self._working += 1

    def _leave(self) -> None:
        self._working -= 1
        self._condition.notify_all()
