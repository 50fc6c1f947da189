# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Creates exactly one object with a name, although answers get lost and older controllers create it as well."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, Mapping, NamedTuple

from .._errors.exceptions import AnswerLost, ApiError, ConcurrentChange, Failure
from .._http.client import Client
from .._kinds.base import Doc, Kind
from .._runtime import versions
from .._runtime.run import Run
from .deterministic_id import custom_id
from .duplicates import pick

#: How often a create is sent whose answers get lost without a trace of the object.
CREATE_TRIES = 4

#: Pauses in seconds before the object is searched for after a lost answer: the server may still be creating it.
LOOKS_FOR_LOST = (0.0, 0.5, 1.0)


class Creation(NamedTuple):
    """An object to create, and which objects with its name count as this one.

    ``path`` and ``query`` are those of the create request. ``delete_own`` deletes the object with an id that this run
    created. ``matches`` is false for objects with the same name that are not this one. ``discriminator`` is what
    distinguishes objects of one kind and name in their ids.
    """

    kind: type[Kind]
    body: Mapping[str, Any]
    path: str
    delete_own: Callable[[str], Any]
    query: Mapping[str, str] | None = None
    matches: Callable[[Doc], bool] = lambda doc: True
    discriminator: str = ""

    @property
    def name(self) -> str:
        return str(self.body["name"])

    def find(self, run: Run) -> list[Doc]:
        """The objects on the server that count as this one, the oldest first."""
        return [doc for doc in self.kind.all_named(run.server, self.name) if self.matches(doc)]


def create_once(run: Run, creation: Creation) -> Doc:
    """Create the object, of which none existed when the task searched for it under the lease, and return it.

    After a lost answer the object is searched for before the create is sent again. After a create one search shows whether
    another controller has created one, which does not take the lease. A stack makes that search for all its objects.

    A server that accepts ids (from 3.9 on) gets one that follows from the kind, the name and the discriminator, and refuses
    the second create itself. If another object has that id, the server chooses one.

    Raises Failure, as :class:`ConcurrentChange` if the object of another controller counts.
    """
    body = dict(creation.body)
    if versions.supports(run.version, "custom_ids"):
        body[creation.kind.ID_FIELD] = custom_id(creation.kind.LABEL, creation.name, creation.discriminator)
    lost = 0
    while True:
        try:
            answer = run.client.create(creation.path, body, creation.query)
            return _created(run, creation, str(answer.body[creation.kind.ID_FIELD]), lost=lost > 0)
        except AnswerLost:
            lost += 1
            found = _look_for_lost(run, creation)
            if found:
                return _noted(run, creation, found)
            if lost == CREATE_TRIES:
                raise
        except ApiError as error:
            taken_id = body.pop(creation.kind.ID_FIELD, None)
            if error.code != "id_taken" or taken_id is None:
                raise
            owner = _owner(run.client, creation, taken_id)
            if owner and lost:
                return _noted(run, creation, owner)
            if owner:
                raise ConcurrentChange(f"Another controller has just created {owner.id}.", error.status) from error


def _created(run: Run, creation: Creation, own_id: str, *, lost: bool) -> Doc:
    """The object that was just created, unless another one counts. ``lost``: an earlier create may have made one as well."""
    if run.in_bulk and not lost:
        # Without the credential, which no answer of the server has either.
        source = {name: value for name, value in creation.body.items() if name != "credential"}
        return _noted(run, creation, Doc(own_id, source))
    found = creation.find(run)
    own = next((doc for doc in found if doc.id == own_id), None) or creation.kind.get(run.client, own_id)
    if own is None:
        raise ConcurrentChange(f"{creation.kind.title()} {creation.name!r} was deleted right after its creation.")
    others = [doc for doc in found if doc.id != own_id]
    counts = own
    if others:
        counts = pick(run, creation.kind, [own, *others], creation.name) or own
        # What came while this run had the lease is its own, if it has sent a create whose answer was lost.
        surplus = {own_id, *(doc.id for doc in others)} if lost and run.excludes_others else {own_id}
        for surplus_id in surplus - {counts.id}:
            with suppress(Failure):
                creation.delete_own(surplus_id)
    if counts is not own and not lost:
        raise ConcurrentChange(f"Another controller has created {creation.kind.LABEL} {creation.name!r} ({counts.id}).")
    return _noted(run, creation, counts)


def _noted(run: Run, creation: Creation, doc: Doc) -> Doc:
    run.reader.note_created(creation.kind, doc)
    return doc


def _look_for_lost(run: Run, creation: Creation) -> Doc | None:
    """The object whose creation had no answer, if it is found."""
    for pause in LOOKS_FOR_LOST:
        run.clock.sleep(pause)
        found = creation.find(run)
        if found:
            return pick(run, creation.kind, found, creation.name)
    return None


def _owner(client: Client, creation: Creation, taken_id: str) -> Doc | None:
    """The object that has the id if it matches the one to create; None if it does not, was deleted, or may not be read."""
    try:
        owner = creation.kind.get(client, taken_id)
    except ApiError as error:
        if error.status != 403:
            raise
        return None
    return owner if owner is not None and owner.name == creation.name and creation.matches(owner) else None
