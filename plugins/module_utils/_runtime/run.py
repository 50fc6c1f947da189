# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The run of one task: client, journal, check mode, progress lines, waiting."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Callable, Collection, Iterable, Iterator, Mapping, TypeVar

from .._errors.exceptions import Failure, printable
from .._http.client import Client
from .._http.clock import Clock, ProgressCallback
from . import versions
from .lease import Lease, LeaseNeeded
from .reader import Reader

Done = TypeVar("Done")
State = TypeVar("State")

#: Minimum pause in seconds between two progress lines, and before the first one.
PROGRESS_INTERVAL = 5.0

#: The shortest pause before a retry that is shown as a progress line, and the minimum time between two such lines, as the
#: workers of a stack may all pause at once. In seconds.
SHOWN_PAUSE = 0.5

#: The actions that create an object.
CREATING = frozenset({"create", "register", "register_and_deploy"})


class WaitTimeout(Failure):
    """A wait took longer than its timeout. ``last`` is the state that was read last."""

    def __init__(self, what: str, timeout: float, last: object, described: str) -> None:
        super().__init__(
            "wait_timeout", f"{what}: not reached within {timeout:g} s; last seen: {described}", last_state=described
        )
        self.last = last


class Run:
    """The journal of one task. ``actions`` lists in order what the task did, or would do in check mode.

    In check mode :meth:`perform` skips the write, and the client refuses writes as a second guard.

    ``in_bulk``: this run belongs to a stack, which has the lease and verifies all writes at the end. ``progress``: callback
    for status lines, or None.

    ``reader`` answers look-ups; by default it is ``server``, which reads the server.
    """

    def __init__(
        self,
        client: Client,
        *,
        check_mode: bool,
        in_bulk: bool = False,
        progress: ProgressCallback | None = None,
        lease: Lease | None = None,
        reader: Reader | None = None,
    ) -> None:
        self.client = client
        self.server = Reader(client)
        self.reader = reader or self.server
        self.lease = lease
        self.check_mode = check_mode
        #: False for the plan of a task that then applies it: the server will say what it refuses.
        self.only_planning = check_mode
        self.in_bulk = in_bulk
        #: This run is a part of a stack's verification.
        self.verifying = False
        #: Kind and name of each object that an earlier task of the play would have created, in check mode.
        self.planned: Collection[tuple[str, str]] = ()
        self._progress = progress
        self._started = self._last_line = client.clock.now()
        self._last_retry_line = self._started - SHOWN_PAUSE
        self.actions: list[dict[str, Any]] = []
        self.warnings: list[str] = []
        #: The connectors that no model uses and the server refuses to delete, as results show them.
        self.leftovers: list[dict[str, Any]] = []
        #: How many of the actions, of the warnings and of the leftovers stay when the task starts over.
        self._kept = (0, 0, 0)

    @property
    def clock(self) -> Clock:
        return self.client.clock

    @property
    def excludes_others(self) -> bool:
        """Whether no other controller that takes the lease can write now."""
        return self.lease is not None and self.lease.excludes_others

    @property
    def version(self) -> versions.Version:
        """The version of the server, for which the client asks once. Raises Failure."""
        return self.reader.fact(versions.read_version)

    @property
    def changed(self) -> bool:
        return bool(self.actions)

    def perform(
        self,
        action: str,
        kind: str,
        name: str,
        do: Callable[[], Done],
        *,
        had_effect: Callable[[Done], bool] = lambda done: True,
        **facts: Any,
    ) -> Done | None:
        """Write by ``do`` and journal the write as one action. In check mode only journal it, and return None.

        A write is journalled if it succeeded and ``had_effect`` is true for the value that ``do`` returned. ``facts``
        are further entries of the action.
        """
        done = None
        if not self.check_mode:
            # Here already, as ``do`` may read and wait before the write that the client checks.
            self.need_lease()
            done = do()
            if not had_effect(done):
                return done
        self.journal(action, kind, name, **facts)
        return done

    def need_lease(self) -> None:
        """Raises :class:`LeaseNeeded` if the task has to take the lease before it writes: the task then starts over, as
        what it has read without the lease may have changed."""
        if self.lease is not None and not self.lease.held:
            raise LeaseNeeded

    def take_lease(self) -> bool:
        """Take the lease for all that the task writes. Returns whether it had to be taken: what the task has read without
        it may have changed."""
        if self.lease is None or self.lease.held:
            return False
        self.lease.acquire()
        return True

    def finished_writing(self) -> None:
        """Release the lease, while the task still waits for the effect of its writes. A task of a stack keeps it."""
        if self.lease is not None and not self.in_bulk:
            self.lease.release()

    @contextmanager
    def leased(self) -> Iterator[None]:
        """Take the lease for more writes after :meth:`finished_writing`. What the block writes depends on what it reads."""
        taken = self.take_lease()
        try:
            yield
        finally:
            if taken and self.lease is not None:
                self.lease.release()

    def start_over(self, *, keep_actions: bool) -> None:
        """Forget what was found and planned. ``keep_actions``: the actions since the last start were done."""
        if keep_actions:
            self._kept = len(self.actions), len(self.warnings), len(self.leftovers)
        actions, warnings, leftovers = self._kept
        del self.actions[actions:]
        del self.warnings[warnings:]
        del self.leftovers[leftovers:]

    def journal(self, action: str, kind: str, name: str, **facts: Any) -> None:
        """Journal a write. Only for a write that is part of another request; :meth:`perform` runs a write and journals it."""
        self.actions.append({"action": action, "kind": kind, "name": name, **facts})

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def add_leftovers(self, leftovers: Iterable[Mapping[str, Any]]) -> None:
        """Note connectors that the server refuses to delete."""
        known = {each["connector_id"] for each in self.leftovers}
        self.leftovers += [dict(each) for each in leftovers if each["connector_id"] not in known]

    def all_warnings(self) -> list[str]:
        """The warnings, with a single one about all leftovers: each run would repeat it for each of them."""
        count = len(self.leftovers)
        if not count:
            return self.warnings
        what = "1 unused connector remains" if count == 1 else f"{count} unused connectors remain"
        return [
            *self.warnings,
            f"{what}, with the credential, because this server refuses the deletion for now. A later run of this task deletes what "
            "it can. For names and reasons, see 'leftovers' in the result (run with -v).",
        ]

    def warn_missing(self, kind: str, name: str) -> None:
        """Warn in check mode that an object is missing, unless an earlier task of the play is known to create it."""
        if (kind, name) not in self.planned:
            self.warn(f"There is no {kind} {name!r} yet; this check assumes that an earlier task creates it.")

    def report(self, line: str) -> None:
        """Show a progress line, without secrets."""
        if self._progress:
            self._progress(printable(self.client.mask(line), 200))

    def report_waiting(self, line: str) -> None:
        """Show what the task waits for, at most once every :data:`PROGRESS_INTERVAL` seconds."""
        now = self.clock.now()
        if self._progress and now - self._last_line >= PROGRESS_INTERVAL:
            self._last_line = now
            self.report(f"{line} ({now - self._started:.0f} s)")

    def report_retry(self, line: str, pause: float) -> None:
        """Show that the client sends a request again after ``pause`` seconds, if that is long enough to be noticed."""
        now = self.clock.now()
        if pause >= SHOWN_PAUSE and now - self._last_retry_line >= SHOWN_PAUSE:
            self._last_retry_line = now
            self.report(line)

    def wait_until(
        self,
        read: Callable[[], State],
        done: Callable[[State], bool],
        *,
        what: str,
        describe: Callable[[State], str],
        timeout: float,
    ) -> State:
        """Read the state until ``done`` is true for it, with pauses that grow from 0.1 to 2 seconds.

        ``what`` names the awaited state, and ``describe`` the current one, for progress lines and messages. Reads at
        least once. Raises :class:`WaitTimeout` after ``timeout`` seconds, and the exceptions of ``read`` and ``done``.
        """
        end = self.clock.now() + timeout
        pause = 0.1
        while True:
            state = read()
            if done(state):
                return state
            remaining = end - self.clock.now()
            if remaining <= 0:
                raise WaitTimeout(what, timeout, state, describe(state))
            self.report_waiting(f"waiting for {what}: {describe(state)}")
            self.clock.sleep(min(pause, remaining))
            pause = min(pause * 1.5, 2.0)
