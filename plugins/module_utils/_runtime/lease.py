# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""One writer at a time: the lease that a task holds while it writes to a cluster.

The lease is one document. A task creates the document to acquire the lease, and deletes it to release the lease. While it
holds the lease it renews the document, and every write of the document names the sequence number of the write before, so
that of two tasks only one succeeds. A waiting task takes the lease over when it has seen the document unchanged for the
document's whole time to live, by its own monotonic clock: the clocks of two controllers are never compared.

OpenSearch's Job Scheduler keeps its locks the same way (LockServiceImpl), and Kubernetes elects leaders so (Lease).
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from contextlib import suppress
from typing import Callable, Mapping, NamedTuple

from .._errors.exceptions import ConcurrentChange, Failure, reraise_malformed_answer
from .._errors.server_errors import decode_error
from .._http.client import Answer, Client

INDEX = ".searchops-leases"

#: One lease for a whole cluster: a change may touch several objects, and with one lease no two tasks wait for each other.
DOCUMENT = f"/{INDEX}/_doc/ml"

#: Hidden, so that no catch-all index template applies to it (seen on 2.19.1 and 3.6.0). Not dynamic, so that a write
#: needs no right to change the mapping.
INDEX_BODY = {
    "settings": {"number_of_shards": 1, "auto_expand_replicas": "0-1", "hidden": True},
    "mappings": {"dynamic": False},
}

#: Seconds after which a lease that is not renewed may be taken over. Longer than any pause of a busy controller; a killed
#: one blocks the others for so long.
TIME_TO_LIVE = 30.0

#: Seconds between two renewals: two of them may fail.
RENEWAL_INTERVAL = TIME_TO_LIVE / 3

#: Seconds after the last renewal after which the holder writes no more before it has renewed the lease.
SAFE_TIME = TIME_TO_LIVE * 3 / 4

#: The first and the longest pause between two looks at a lease that another task holds, in seconds.
FIRST_PAUSE, MAX_PAUSE = 0.05, 0.5

#: Seconds for which the server waits for a shard, and the controller for an answer.
SHARD_TIMEOUT, ANSWER_TIMEOUT = "2s", 10.0

#: Statuses that the lease itself interprets; the client neither repeats them nor fails.
_STATUSES = (400, 403, 404, 409, 429, 503)

#: The argument spec of the lock; the doc fragment 'connection' documents it.
OPTIONS = {
    "lock": {"type": "str", "default": "auto", "choices": ["auto", "required", "never"]},
    "lock_timeout": {"type": "float", "default": 120.0},
}


class LeaseNeeded(Exception):
    """A task has to write and does not hold the lease. Not a failure: the task starts over with the lease."""


class _NotUsable(Failure):
    """This user or this cluster cannot have the lease."""

    def __init__(self, reason: str) -> None:
        super().__init__("lease_unavailable", f"The lease {DOCUMENT} cannot be used: {reason}")
        self.reason = reason


class _NotReady(Failure):
    """The index cannot be used now, as its shard is not available or the node is busy. Worth another attempt."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__("lease_unavailable", f"The lease {DOCUMENT} cannot be used now: {reason}", status)
        self.reason = reason


class _Seen(NamedTuple):
    """The document as it was read: who holds the lease, for how many seconds, when the holder's clock showed its last write,
    and what a guarded write has to name."""

    owner: str
    time_to_live: float
    renewed: str
    token: dict[str, str]


class _Watch:
    """What a waiting task has seen of the document, and since when."""

    def __init__(self) -> None:
        self._seen: _Seen | None = None
        self._since = 0.0

    def is_overdue(self, found: _Seen | None, now: float) -> bool:
        """Whether the document has been unchanged for its whole time to live. ``now`` is the waiting task's own clock."""
        # Not by the sequence number alone: it begins again if the index is deleted and created.
        if found != self._seen:
            self._seen, self._since = found, now
        return found is not None and now - self._since >= found.time_to_live


class Lease:
    """The lease on one cluster, as one task uses it. Not held at first.

    ``mode`` and ``timeout`` (seconds) are the options 'lock' and 'lock_timeout'. ``wait`` is called with a line of text
    while another task holds the lease, ``warn`` with a warning.
    """

    def __init__(
        self, client: Client, *, mode: str, timeout: float, wait: Callable[[str], None], warn: Callable[[str], None]
    ) -> None:
        #: Its own, as the writes of the lease need no lease.
        self.client = client.with_timeout(min(client.timeout, ANSWER_TIMEOUT))
        self._clock = client.clock
        self._mode = mode
        self.timeout = timeout
        self._wait = wait
        self._warn = warn
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        #: True from :meth:`acquire` to :meth:`release`, also where the task goes on without a lease.
        self.held = mode == "never"
        #: What the next guarded write of the document has to name; None without a document.
        self._token: dict[str, str] | None = None
        self._renewed = 0.0
        self._guard = threading.RLock()
        self._released = threading.Event()

    @property
    def excludes_others(self) -> bool:
        """Whether no other task that takes the lease can write now."""
        return self._token is not None

    def acquire(self) -> None:
        """Wait for the lease, at most ``timeout`` seconds, unless it is held already.

        Goes on without it if 'lock' is never, or, with a warning, if it is auto and the cluster refuses the lease. Raises
        Failure ``concurrent_change`` if another task holds it for too long, ``lease_unavailable`` if it cannot be had.
        """
        if self._mode != "never" and not self._is_safe():
            self.held = False
            try:
                self._acquire()
            except _NotUsable as exc:
                if self._mode == "required":
                    raise
                self._mode = "never"
                self._warn(
                    f"This task writes without a lock, so no other controller must write now: {exc.reason}. Give the user "
                    f"the rights on the index {INDEX} that ml_provisioner has in docs/security_roles.yml, or let an "
                    "administrator create the index, or set 'lock: never'."
                )
        self.held = True

    def check(self) -> None:
        """Called before each write. Raises :class:`LeaseNeeded` if the task has no lease, and :class:`ConcurrentChange` if
        another task may have taken it over, because it has seen no renewal for the whole time to live."""
        if not self.held:
            raise LeaseNeeded
        if self._mode == "never" or self._is_safe():
            return
        with suppress(Failure):
            self._renew()
        if not self._is_safe():
            raise ConcurrentChange(
                f"The lease {DOCUMENT} of this task has expired, or another controller has taken it over."
            )

    def _is_safe(self) -> bool:
        return self._token is not None and self._clock.now() - self._renewed <= SAFE_TIME

    def release(self) -> None:
        """Release the lease, if it is held. A failure is only a warning, as the lease expires."""
        self._released.set()
        # Waits for a renewal that is under way, so that the token is the newest one.
        with self._guard:
            token, was_held = self._token, self.held
            self._token, self.held = None, self._mode == "never"
            if self._mode == "never" or not (token or was_held):
                return
            try:
                if token is None or not self._delete(token):
                    self._warn(
                        "This task lost the lock of the cluster before it released the lock, so another controller may have "
                        "written at the same time. Run the task again."
                    )
            except Failure as failure:
                self._warn(
                    f"The lock of the cluster could not be released, so others wait up to {TIME_TO_LIVE:g} s for it: "
                    f"{failure.message}"
                )

    def _acquire(self) -> None:
        end = self._clock.now() + self.timeout
        watch, pause, is_last = _Watch(), FIRST_PAUSE, False
        while True:
            found: _Seen | None = None
            obstacle: _NotReady | None = None
            conflict = False
            now = self._clock.now()
            try:
                found = self._read()
                now = self._clock.now()
                condition = self._condition(found, watch.is_overdue(found, now))
                if condition is not None:
                    with self._guard:
                        if self._write(condition):
                            break
                    conflict = True
            except _NotReady as exc:
                obstacle = exc
            if now >= end:
                # After a conflict it reads once more: its own write may have succeeded, and its answer was lost.
                if is_last or not conflict:
                    raise self._not_acquired(found, obstacle)
                is_last = True
            why = obstacle.reason if obstacle else f"{_owner_of(found)} is changing this cluster"
            self._wait(f"waiting for the lock of the cluster: {why}")
            self._clock.sleep(pause * (0.5 + self._clock.jitter()))
            pause = min(pause * 1.5, MAX_PAUSE)
        self._start_renewing()

    def _condition(self, found: _Seen | None, is_overdue: bool) -> dict[str, str] | None:
        """The condition of the write that acquires the lease, None if another task holds it."""
        if found is None:
            return {"op_type": "create"}
        # Its own document is there if the answer to an earlier write was lost.
        return found.token if is_overdue or found.owner == self.owner else None

    def _not_acquired(self, found: _Seen | None, obstacle: _NotReady | None) -> Failure:
        waited = f"After {self.timeout:g} s,"
        if obstacle:
            return Failure(
                "lease_unavailable",
                f"{waited} the index {INDEX} still cannot be used: {obstacle.reason}. It holds nothing that is needed, and "
                "may be deleted while no task writes to this cluster.",
                obstacle.status,
            )
        owner, unlock = _owner_of(found), f"DELETE {DOCUMENT}"
        message = f"{waited} {owner} is changing this cluster. If that task does not run any more, unlock the cluster by {unlock}."
        return Failure("concurrent_change", message, owner=owner, unlock=unlock)

    def _start_renewing(self) -> None:
        # The thread of a lease that was lost ends.
        self._released.set()
        self._released = threading.Event()
        threading.Thread(target=self._keep_renewing, args=(self._released,), daemon=True).start()

    def _keep_renewing(self, released: threading.Event) -> None:
        # By the real clock: tests replace the other one.
        while not released.wait(RENEWAL_INTERVAL):
            # Whatever goes wrong, the next renewal may succeed, and check() notices if none does.
            with suppress(Exception):
                self._renew()

    def _renew(self) -> None:
        """Renew the lease, or note that it is lost. Raises Failure if it is unknown which."""
        with self._guard:
            if self._token is None or self._write(self._token):
                return
            # It was taken over, or deleted; or it was renewed, and the answer was lost.
            found = self._read()
            if found is None or found.owner != self.owner:
                self._token = None
                return
            self._token = found.token
            self._write(found.token)

    def _read(self) -> _Seen | None:
        """The document, None if there is none. Creates the index. Raises Failure."""
        answer = self.client.get(DOCUMENT, accept=_STATUSES)
        with reraise_malformed_answer():
            if answer.status == 200:
                source = answer.body["_source"]
                return _Seen(str(source["owner"]), float(source["ttl"]), str(source.get("renewed")), _token_of(answer))
            if answer.status == 404:
                if "error" in answer.body:
                    self._create_index()
                return None
        raise _unusable(answer)

    def _create_index(self) -> None:
        answer = self.client.change("PUT", f"/{INDEX}", INDEX_BODY, accept=_STATUSES)
        # 400: another task has just created it.
        if answer.status >= 400 and "resource_already_exists" not in decode_error(answer.body)[0]:
            raise _unusable(answer)

    def _write(self, condition: Mapping[str, str]) -> bool:
        """Write the document. Returns false if the condition does not hold. Raises Failure."""
        sent = self._clock.now()
        # 'renewed' is for people; no clocks are compared.
        body = {"owner": self.owner, "ttl": TIME_TO_LIVE, "renewed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        query = {**condition, "timeout": SHARD_TIMEOUT}
        answer = self.client.change("PUT", DOCUMENT, body, query=query, accept=_STATUSES)
        # 404: the index was deleted.
        if answer.status in (404, 409):
            return False
        if answer.status >= 400:
            raise _unusable(answer)
        self._token = _token_of(answer)
        self._renewed = sent
        return True

    def _delete(self, token: Mapping[str, str]) -> bool:
        """Delete the document. Returns false if another task has taken the lease over. Raises Failure."""
        answer = self._send_delete(token)
        if answer.status == 409:
            # Renewed with a lost answer, or taken over: then it is not this task's to release.
            found = self._read()
            if found is None or found.owner != self.owner:
                return False
            answer = self._send_delete(found.token)
        # 404: deleted with a lost answer.
        return answer.status != 409

    def _send_delete(self, token: Mapping[str, str]) -> Answer:
        # A busy server is asked again: otherwise all others wait until the lease expires.
        return self.client.change("DELETE", DOCUMENT, query={**token, "timeout": SHARD_TIMEOUT}, accept=(404, 409))


def _unusable(answer: Answer) -> Failure:
    """Why the lease cannot be used, from the answer to one of its requests."""
    kind, reason = decode_error(answer.body)
    # With 503 it is a cluster that starts or elects a cluster manager.
    if kind == "cluster_block_exception" and answer.status in (403, 429):
        # Read-only, as at the flood stage of a disk: ML Commons cannot write either, and says so less clearly.
        return Failure("lease_unavailable", f"The cluster refuses writes: {reason}", answer.status)
    if kind == "index_closed_exception":
        message = f"The index {INDEX} is closed: open it, or delete it while no task writes to this cluster."
        return Failure("lease_unavailable", message, answer.status)
    if answer.status in (400, 403, 404):
        return _NotUsable(reason)
    return _NotReady(reason, answer.status)


def _owner_of(found: _Seen | None) -> str:
    return found.owner if found else "another task"


def _token_of(answer: Answer) -> dict[str, str]:
    """The condition under which the next write of the document succeeds. Raises Failure."""
    with reraise_malformed_answer():
        return {"if_seq_no": str(answer.body["_seq_no"]), "if_primary_term": str(answer.body["_primary_term"])}
