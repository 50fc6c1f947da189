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


class _Seen(NamedTuple):
    """The document as it was read: who holds the lease, for how many seconds, and the sequence number of its last write."""

    owner: str
    time_to_live: float
    token: dict[str, str]


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
        if self._mode != "never" and not self.excludes_others:
            try:
                self._acquire()
            except _NotUsable as exc:
                if self._mode == "required":
                    raise
                self._mode = "never"
                self._warn(
                    f"This task writes without a lock, so no other controller must write now: {exc.reason}. Give the user "
                    f"the rights on the index {INDEX} that ml_provisioner has in security_roles.yml, or set 'lock: never'."
                )
        self.held = True

    def check(self) -> None:
        """Called before each write. Raises :class:`LeaseNeeded` if the task has no lease, and :class:`ConcurrentChange` if
        it has lost the lease, as to another task that has seen no renewal for the whole time to live."""
        if not self.held:
            raise LeaseNeeded
        if self._mode == "never" or self._is_safe():
            return
        with suppress(Failure):
            self._renew()
        if not self._is_safe():
            raise ConcurrentChange(f"This task has lost the lease {DOCUMENT} to another controller.")

    def _is_safe(self) -> bool:
        return self._token is not None and self._clock.now() - self._renewed <= SAFE_TIME

    def release(self) -> None:
        """Release the lease, if it is held. A failure is only a warning, as the lease expires."""
        self._released.set()
        with self._guard:
            token, self._token, self.held = self._token, None, self._mode == "never"
            if token is not None:
                try:
                    self._delete(token)
                except Failure as failure:
                    self._warn_of_release(failure.message)

    def _acquire(self) -> None:
        end = self._clock.now() + self.timeout
        seen: _Seen | None = None
        seen_since, pause = 0.0, FIRST_PAUSE
        while True:
            found, not_ready = self._read()
            now = self._clock.now()
            condition, why = {}, not_ready
            if found is None and not not_ready:
                condition = {"op_type": "create"}
            elif found is not None:
                if seen is None or found.token != seen.token:
                    seen, seen_since = found, now
                # Our own document is there if the answer to its creation was lost.
                takeable = found.owner == self.owner or now - seen_since >= found.time_to_live
                condition = found.token if takeable else {}
                why = f"{found.owner} is changing this cluster"
            if condition:
                why = self._write(condition)
                if not why:
                    break
            if now >= end:
                raise self._not_acquired(found, why)
            self._wait(f"waiting for the lock of the cluster: {why}")
            self._clock.sleep(pause * (0.5 + self._clock.jitter()))
            pause = min(pause * 1.5, MAX_PAUSE)
        self._released.clear()
        threading.Thread(target=self._keep_renewing, daemon=True).start()

    def _not_acquired(self, found: _Seen | None, why: str) -> Failure:
        waited = f"After {self.timeout:g} s, {why}."
        if found is None:
            return Failure(
                "lease_unavailable", f"{waited} The index {INDEX} holds nothing that is needed, and may be deleted."
            )
        unlock = f"DELETE {DOCUMENT}"
        message = f"{waited} If that task does not run any more, unlock the cluster by {unlock}."
        return Failure("concurrent_change", message, owner=found.owner, unlock=unlock)

    def _keep_renewing(self) -> None:
        # By the real clock: tests replace the other one.
        while not self._released.wait(RENEWAL_INTERVAL):
            # The next renewal may succeed, and check() notices if none does.
            with suppress(Failure):
                self._renew()

    def _renew(self) -> None:
        """Renew the lease, or note that it is lost. Raises Failure if the server does not answer."""
        with self._guard:
            if self._token is None or not self._write(self._token):
                return
            # It was taken over, or deleted; or it was renewed, and the answer was lost.
            found, not_ready = self._read()
            is_ours = found is not None and found.owner == self.owner and not self._write(found.token)
            if not (is_ours or not_ready):
                self._token = None

    def _read(self) -> tuple[_Seen | None, str]:
        """The document, None if there is none; and why the index cannot be read now, empty if it can."""
        answer = self.client.get(DOCUMENT, accept=_STATUSES)
        if answer.status == 200:
            with reraise_malformed_answer():
                source = answer.body["_source"]
                return _Seen(str(source["owner"]), float(source["ttl"]), _token_of(answer)), ""
        if answer.status == 404:
            if "error" in answer.body:
                self._create_index()
            return None, ""
        return None, self._not_ready(answer)

    def _create_index(self) -> None:
        # 400: another task has just created it.
        answer = self.client.change("PUT", f"/{INDEX}", INDEX_BODY, accept=_STATUSES)
        if answer.status >= 400 and "resource_already_exists" not in decode_error(answer.body)[0]:
            self._not_ready(answer)

    def _write(self, condition: Mapping[str, str]) -> str:
        """Write the document if the condition holds. Returns why it was not written, empty if it was. Raises Failure."""
        sent = self._clock.now()
        # 'renewed' is for people only.
        body = {"owner": self.owner, "ttl": TIME_TO_LIVE, "renewed": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        query = {**condition, "timeout": SHARD_TIMEOUT}
        answer = self.client.change("PUT", DOCUMENT, body, query=query, accept=_STATUSES)
        if answer.status in (404, 409):
            return "another task was faster"
        if answer.status >= 400:
            return self._not_ready(answer)
        self._token = _token_of(answer)
        self._renewed = sent
        return ""

    def _delete(self, token: Mapping[str, str]) -> None:
        answer = self.client.change("DELETE", DOCUMENT, query={**token, "timeout": SHARD_TIMEOUT}, accept=_STATUSES)
        if answer.status == 409:
            # Renewed with a lost answer, or taken over: then it is not ours to release.
            found, _not_ready = self._read()
            if found is not None and found.owner == self.owner:
                self._delete(found.token)
        elif answer.status >= 400 and answer.status != 404:
            self._warn_of_release(decode_error(answer.body)[1])

    def _warn_of_release(self, reason: str) -> None:
        self._warn(
            f"The lock of the cluster could not be released, so others wait up to {TIME_TO_LIVE:g} s for it: {reason}"
        )

    @staticmethod
    def _not_ready(answer: Answer) -> str:
        """Why the index cannot be used now. Raises :class:`_NotUsable` if it never can, Failure for a block."""
        kind, reason = decode_error(answer.body)
        if kind == "cluster_block_exception":
            # Read-only, as at the flood stage of a disk: ML Commons cannot write either, and says so less clearly.
            raise Failure("lease_unavailable", f"The cluster refuses writes: {reason}", answer.status)
        if answer.status in (400, 403, 404):
            raise _NotUsable(reason)
        return reason


def _token_of(answer: Answer) -> dict[str, str]:
    """The condition under which the next write of the document succeeds. Raises Failure."""
    with reraise_malformed_answer():
        return {"if_seq_no": str(answer.body["_seq_no"]), "if_primary_term": str(answer.body["_primary_term"])}
