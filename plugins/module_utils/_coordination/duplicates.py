# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Several controllers at the same objects: how they get out of each other's way, and how those who look on wait for that.

Of several objects of one name that were made at once the oldest stays. Whoever made another one takes it back; whoever
made the oldest waits until it is alone. What stays is seldom what somebody is about to take back.
Where another one is not taken back, that one stays: somebody may have found it first and use it, or the oldest, which has its
time before it can be seen, came into sight after whoever made the other one had looked (seen on three nodes that had just
come up). Whoever made the oldest does not wait for ever, and whoever made the other one keeps it as soon as it is alone.
"""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from .._errors.exceptions import Failure
from .._http.client import Client
from .._kinds.base import Doc, Kind
from .._runtime.run import Run

Found = TypeVar("Found")

#: Objects of one name that were made within so many seconds may be of controllers that are still at it.
RACE_WINDOW = 10.0

#: Seconds after which nobody is at them any more. By the controller's clock, which need not be the server's: where one is
#: wrong by more than that, a look at the wrong moment fails, and the next run finds one.
RACE_EXPIRY = 300.0

#: For how long others may take back theirs, and the pauses between the looks for that, in seconds. The first deletions on a
#: cluster that has just come up took eight seconds (three nodes, 3.6.0), and a model may have to be undeployed before.
UNIQUE_TIMEOUT, SEARCH_INTERVAL = 45.0, 0.3

#: For how much longer one insists who cannot take back the own object, and the longest pause of that, in seconds: as long as
#: the oldest may take to go.
DELETE_RETRY, MAX_DELETE_BACKOFF = 12.0, 2.0

#: The longest pause of one who steps aside, in seconds.
MAX_BACKOFF = 2.0


class AmbiguousName(Failure):
    """Several objects have one name."""

    def __init__(self, message: str, docs: list[Any]) -> None:
        super().__init__("ambiguous_name", message, ids=[doc.id for doc in docs])
        self._made: list[int] = sorted(doc.created for doc in docs)

    def recently_created(self, now: float) -> bool:
        """Whether they were made so shortly after each other, and before ``now``, in seconds since 1970, that all but one may
        be about to be taken back."""
        before, last = self._made[-2:]
        return before > 0 and last - before <= RACE_WINDOW * 1000 and now * 1000 - last <= RACE_EXPIRY * 1000


def resolve_name(client: Client, look: Callable[[], Found], planned: list[Any] | None = None) -> Found:
    """What ``look`` tells; where it finds several objects that were made at once, what it tells when one is left. Raises
    ``concurrent_change`` where they are still being made and taken back at the end. What a look has ``planned`` by then is
    forgotten before the next one."""
    begun = len(planned or ())
    end = client.clock.now() + UNIQUE_TIMEOUT
    first: list[str] = []
    while True:
        try:
            return look()
        except AmbiguousName as failure:
            seen = failure.details["ids"]
            first = first or seen
            if not failure.recently_created(client.clock.epoch()) or client.is_cached:
                raise
            if client.clock.now() >= end:
                if seen == first:
                    raise
                raise Failure("concurrent_change", failure.message, **failure.details) from failure
        if planned is not None:
            del planned[begun:]
        client.clock.sleep(SEARCH_INTERVAL)


def wait_until_unique(
    run: Run, found: list[Any], look: Callable[[], list[Any]], timeout: float, *, own: str | None = None
) -> list[Any]:
    """Wait as long as several are found and the ``own`` object, if there is one, is the first of them, and for ``timeout``
    seconds at most. Returns what was found last."""
    end = run.clock.now() + timeout
    while len(found) > 1 and own in (None, found[0].id) and run.clock.now() < end:
        run.clock.sleep(SEARCH_INTERVAL)
        found = look()
    return found


def back_off(run: Run, attempt: int) -> None:
    run.clock.sleep(min(0.1 + run.clock.jitter() * 0.4 * (attempt + 1), MAX_BACKOFF))


def retry_delete(
    run: Run, withdraw: Callable[[str], None], own: str, look: Callable[[], list[Any]], timeout: float
) -> bool:
    """Take the own object back even though others get in the way: one that stays is a duplicate for good, unless it is the
    only one left by then, which it may be after ``timeout`` seconds. Returns whether it was taken back."""
    end, pause = run.clock.now() + timeout + DELETE_RETRY, 0.5
    while True:
        try:
            withdraw(own)
            return True
        except Failure:
            if run.clock.now() >= end:
                raise
        run.clock.sleep(pause)
        if [doc.id for doc in look()] == [own]:
            return False
        pause = min(pause * 2, MAX_DELETE_BACKOFF)


def only(kind: type[Kind], found: list[Doc], name: str) -> Doc | None:
    """The one object that was found, or None. Raises :class:`AmbiguousName` for more than one."""
    if len(found) > 1:
        ids = ", ".join(doc.id for doc in found)
        raise AmbiguousName(f"{len(found)} {kind.LABEL}s have the name {name!r}: {ids}.", found)
    return found[0] if found else None


def find(
    kind: type[Kind],
    client: Client,
    reference: str,
    *,
    held: str | None = None,
    among: Callable[[list[Doc]], list[Doc]] = lambda found: found,
) -> Doc | None:
    """The object of this name or, if none has the name, of this id. Raises Failure where the name is ambiguous.
    The one whose id is ``held`` anyway is not read anew: nothing is changed for it. ``among`` tells which of several of
    the name count."""
    query = {"bool": {"should": [{"term": {"name.keyword": reference}}, {"ids": {"values": [reference]}}]}}

    def look() -> Doc | None:
        found = kind.search(client, query)
        if [doc.id for doc in found] != [held]:
            found = kind.reread(client, found)
        named = [doc for doc in found if doc.name == reference]
        return only(kind, among(named) if len(named) > 1 else named, reference) or next(
            (doc for doc in found if doc.id == reference), None
        )

    return resolve_name(client, look)


def need(kind: type[Kind], client: Client, reference: str, **narrowing: Any) -> Doc:
    """As :func:`find`, but raises Failure where there is none."""
    found = find(kind, client, reference, **narrowing)
    if found is None:
        raise Failure(kind.UNKNOWN_CODE, f"There is no {kind.LABEL} of the name or id {reference!r}.")
    return found


def find_id(kind: type[Kind], client: Client, reference: str) -> str:
    """The id of the object of this name or id. What no object has counts as the id of one that is gone. Raises Failure."""
    found = find(kind, client, reference)
    return found.id if found else reference
