# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which object a name means, and how to handle duplicates that other controllers are creating at this moment.

Two controllers that create one name at once both create an object. The oldest object stays: each controller whose object is
not the oldest deletes it, and the controller whose object is the oldest waits until it is the only one.
A younger object stays instead if it cannot be deleted: another task may have found it first and use it, or the oldest, which
takes its time to become visible to searches, appeared only after the controller of the younger one had searched (seen on
three nodes that had just started). So the controller of the oldest object stops waiting after a while and deletes its own,
and the controller of the younger one keeps it as soon as it is the only one.
"""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from .._errors.exceptions import Failure
from .._http.client import Client
from .._kinds.base import Doc, Kind
from .._runtime.run import Run

Found = TypeVar("Found")

#: Duplicates that were created within this time of each other, in seconds, may be about to be deleted by their controllers.
RACE_WINDOW = 10.0

#: Duplicates older than this, in seconds, are not a race. Compares the controller's clock with the server's timestamps: with a
#: larger skew a task that meets a race fails, and the next run succeeds.
RACE_EXPIRY = 300.0

#: For how long to wait for other controllers to delete their duplicates, and the pause between two searches, in seconds. The
#: first deletions on a cluster that had just started took eight seconds (three nodes, 3.6.0), and a model may have to be
#: undeployed before.
UNIQUE_TIMEOUT, SEARCH_INTERVAL = 45.0, 0.3

#: Extra time to retry deleting our duplicate, as long as the controller of the oldest one may take to delete it, and the
#: longest pause between two tries, in seconds.
DELETE_RETRY, MAX_DELETE_BACKOFF = 12.0, 2.0

#: The longest pause before a create is tried again, in seconds.
MAX_BACKOFF = 2.0


class AmbiguousName(Failure):
    """Several objects have one name."""

    def __init__(self, message: str, docs: list[Any]) -> None:
        super().__init__("ambiguous_name", message, ids=[doc.id for doc in docs])
        self._created: list[int] = sorted(doc.created for doc in docs)

    def recently_created(self, now: float) -> bool:
        """Whether the duplicates are recent and were created within :data:`RACE_WINDOW` of each other, so that another
        controller may still delete its copy. ``now`` is in seconds since 1970."""
        last_but_one, last = self._created[-2:]
        return (
            last_but_one > 0 and last - last_but_one <= RACE_WINDOW * 1000 and now * 1000 - last <= RACE_EXPIRY * 1000
        )


def resolve_name(client: Client, search: Callable[[], Found], planned: list[Any] | None = None) -> Found:
    """Call ``search`` until it raises no :class:`AmbiguousName`, for :data:`UNIQUE_TIMEOUT` at most, and return its result.

    Duplicates that were not created concurrently are reported immediately. ``planned`` is the journal of a run in check
    mode: what a failed search added to it is removed. Raises Failure ``concurrent_change`` if the duplicates keep
    changing until the timeout.
    """
    journalled = len(planned or ())
    end = client.clock.now() + UNIQUE_TIMEOUT
    first: list[str] = []
    while True:
        try:
            return search()
        except AmbiguousName as failure:
            ids = failure.details["ids"]
            first = first or ids
            if not failure.recently_created(client.clock.epoch()) or client.is_cached:
                raise
            if client.clock.now() >= end:
                if ids == first:
                    raise
                raise Failure("concurrent_change", failure.message, **failure.details)
        if planned is not None:
            del planned[journalled:]
        client.clock.sleep(SEARCH_INTERVAL)


def wait_until_unique(
    run: Run, found: list[Any], search: Callable[[], list[Any]], timeout: float, *, own_id: str | None = None
) -> list[Any]:
    """Search again while several objects are found, for ``timeout`` seconds at most. Returns what was found last.

    With ``own_id`` it waits only while that object is the oldest.
    """
    end = run.clock.now() + timeout
    while len(found) > 1 and own_id in (None, found[0].id) and run.clock.now() < end:
        run.clock.sleep(SEARCH_INTERVAL)
        found = search()
    return found


def back_off(run: Run, attempt: int) -> None:
    """Pause for a random time that grows with the number of the attempt."""
    run.clock.sleep(min(0.1 + run.clock.jitter() * 0.4 * (attempt + 1), MAX_BACKOFF))


def retry_delete(
    run: Run, delete_own: Callable[[str], Any], own_id: str, search: Callable[[], list[Any]], timeout: float
) -> bool:
    """Delete our duplicate, with retries for ``timeout`` seconds and :data:`DELETE_RETRY`. Returns whether it was deleted.

    Stops if our object has become the only one. Raises the last Failure after that time.
    """
    end, pause = run.clock.now() + timeout + DELETE_RETRY, 0.5
    while True:
        try:
            delete_own(own_id)
            return True
        except Failure:
            if run.clock.now() >= end:
                raise
        run.clock.sleep(pause)
        if [doc.id for doc in search()] == [own_id]:
            return False
        pause = min(pause * 2, MAX_DELETE_BACKOFF)


def one_or_none(kind: type[Kind], found: list[Doc], name: str) -> Doc | None:
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
    known_id: str | None = None,
    tie_break: Callable[[list[Doc]], list[Doc]] = lambda found: found,
) -> Doc | None:
    """The object with this name or, if no object has the name, with this id; None if there is no such object.

    If the search finds only the object with ``known_id``, it is not read again: nothing refers to another one because of it.
    ``tie_break`` returns those of several objects with the name that count. Raises Failure if the name is ambiguous.
    """
    query = {"bool": {"should": [{"term": {"name.keyword": reference}}, {"ids": {"values": [reference]}}]}}

    def search() -> Doc | None:
        found = kind.search(client, query)
        if [doc.id for doc in found] != [known_id]:
            found = kind.reread(client, found)
        named = [doc for doc in found if doc.name == reference]
        return one_or_none(kind, tie_break(named) if len(named) > 1 else named, reference) or next(
            (doc for doc in found if doc.id == reference), None
        )

    return resolve_name(client, search)


def need(kind: type[Kind], client: Client, reference: str, **narrowing: Any) -> Doc:
    """As :func:`find`, but raises Failure if there is no such object."""
    found = find(kind, client, reference, **narrowing)
    if found is None:
        raise Failure(kind.UNKNOWN_CODE, f"There is no {kind.LABEL} with the name or id {reference!r}.")
    return found


def find_id(kind: type[Kind], client: Client, reference: str) -> str:
    """The id of the object with this name or id; the reference itself if no such object exists, as it may be the id of a
    deleted one. Raises Failure if the name is ambiguous."""
    found = find(kind, client, reference)
    return found.id if found else reference
