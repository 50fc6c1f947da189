# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What one task does on a cluster: its client, its writes, its journal. Check mode lives here and nowhere else."""

from __future__ import annotations

from typing import Any, Callable, List, TypeVar

from .._errors.printable import printable
from .._http.client import Client
from .._http.clock import Clock, Tell
from . import versions

Done = TypeVar("Done")

#: Told a kind and a name, it finds all objects of exactly that name. Not list[Any]: modules run on Python 3.8, which would
#: have to evaluate that.
Look = Callable[[Any, str], List[Any]]

#: Seconds that pass without a word, from the beginning and between two lines.
SILENCE = 5.0


class Run:
    """Journal of one task. ``actions`` lists what was done, or in check mode would be done, in order.

    Of a run that is ``in_bulk``, one of many, somebody else reads back what was written, all at once; ``look`` tells it who
    has the name of what it made. ``made`` are the objects that it made, with their kinds' paths; ``beside`` are the ids of
    what it and those beside it made, behind their kinds' paths. ``progress`` is told by lines how far it is; nobody is where it is not given.
    """

    def __init__(
        self,
        client: Client,
        *,
        check_mode: bool,
        look: Look | None = None,
        progress: Tell | None = None,
        beside: set[tuple[str, str]] | None = None,
    ) -> None:
        self.client = client
        self.check_mode = check_mode
        self.look = look
        self.made: list[tuple[str, Any]] = []
        self.beside: set[tuple[str, str]] = set() if beside is None else beside
        self._progress = progress
        self._began = self._told = client.clock.now()
        self.actions: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        self._version: versions.Version | None = None

    @property
    def clock(self) -> Clock:
        return self.client.clock

    @property
    def in_bulk(self) -> bool:
        return self.look is not None

    @property
    def version(self) -> versions.Version:
        """The server's version: one request, the first time. Raises Failure."""
        if self._version is None:
            self._version = versions.read_version(self.client)
        return self._version

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def act(
        self,
        action: str,
        kind: str,
        name: str,
        do: Callable[[], Done],
        *,
        noted: Callable[[Done], bool] = lambda done: True,
        **facts: Any,
    ) -> Done | None:
        """Do one write and note it; in check mode only note it and return None. Noted only when it succeeded, and
        where ``noted`` tells from what was done that it had an effect."""
        done = None
        if not self.check_mode:
            done = do()
            if not noted(done):
                return done
        self.actions.append({"action": action, "kind": kind, "name": name, **facts})
        return done

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def tell(self, line: str) -> None:
        """Tell how far the task is, without secrets."""
        if self._progress:
            self._progress(printable(self.client.mask(line), 200))

    def waiting(self, line: str) -> None:
        """Tell what is waited for. To be called as often as one likes: a line goes out at most every few seconds."""
        now = self.clock.now()
        if self._progress and now - self._told >= SILENCE:
            self._told = now
            self.tell(f"{line} ({now - self._began:.0f} s)")
