# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Combines the searches of several workers: one search for the names of all objects that they have just created."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Iterator

from .._errors.exceptions import Failure
from .._http.client import Client
from .._http.clock import Clock
from .._kinds.base import Doc, Kind


class _Batch:
    """The names of one batch of searches, and the objects that the searches found."""

    def __init__(self) -> None:
        self.names: dict[type[Kind], set[str]] = {}
        self.found: dict[type[Kind], list[Doc]] = {}
        self.failure: Failure | None = None
        self.started = False
        self.done = False

    def search(self, client: Client) -> None:
        try:
            for kind, names in self.names.items():
                self.found[kind] = kind.search(client, {"terms": {"name.keyword": sorted(names)}})
        except Failure as failure:
            self.failure = failure


class _SlotReleasingClock(Clock):
    """Clock that releases the worker's slot while it sleeps."""

    def __init__(self, batcher: SearchBatcher, clock: Clock) -> None:
        self._batcher = batcher
        # Only its sleep differs.
        self.now, self.epoch, self.jitter = clock.now, clock.epoch, clock.jitter  # type: ignore[method-assign] # only sleep differs
        self._sleep = clock.sleep

    def sleep(self, seconds: float) -> None:
        with self._batcher.released_slot():
            self._sleep(seconds)


class SearchBatcher:
    """Worker slots and shared searches: at most ``parallel`` workers have a slot at once.

    A worker that calls :meth:`search` releases its slot and waits. As soon as no worker has a slot or waits for one,
    one search per kind answers all calls.
    """

    def __init__(self, client: Client, parallel: int) -> None:
        self._client = client
        self._parallel = parallel
        self._condition = threading.Condition()
        self.clock: Clock = _SlotReleasingClock(self, client.clock)
        self._working = 0
        self._waiting_for_slot = 0
        self._next = _Batch()

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Work in one of the slots; wait for a free one first."""
        with self._condition:
            self._take_slot()
        try:
            yield
        finally:
            with self._condition:
                self._release_slot()

    @contextmanager
    def released_slot(self) -> Iterator[None]:
        """Release the caller's slot for other workers, and take one again at the end."""
        with self._condition:
            self._release_slot()
        try:
            yield
        finally:
            with self._condition:
                self._take_slot()

    def search(self, kind: type[Kind], name: str) -> list[Doc]:
        """All objects with exactly this name that a search finds. The caller must have a slot. Raises Failure."""
        with self._condition:
            batch = self._next
            batch.names.setdefault(kind, set()).add(name)
            self._release_slot()
            self._condition.wait_for(lambda: batch.started or not self._working + self._waiting_for_slot)
            is_first, batch.started = not batch.started, True
            if is_first:
                self._next = _Batch()
        try:
            if is_first:
                batch.search(self._client)
        finally:
            with self._condition:
                # Also after an unexpected exception, or the other workers would wait for ever.
                batch.done = batch.done or is_first
                self._condition.notify_all()
                self._condition.wait_for(lambda: batch.done)
                self._take_slot()
        if batch.failure:
            raise batch.failure
        return [doc for doc in batch.found[kind] if doc.name == name]

    def _take_slot(self) -> None:
        self._waiting_for_slot += 1
        self._condition.wait_for(lambda: self._working < self._parallel)
        self._waiting_for_slot -= 1
        self._working += 1

    def _release_slot(self) -> None:
        self._working -= 1
        self._condition.notify_all()
