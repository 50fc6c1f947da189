# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Creates exactly one object with a name, although answers get lost and other controllers may create it as well."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Mapping, NamedTuple

from .._errors.exceptions import AnswerLost, ApiError, Failure
from .._http.client import Client
from .._kinds.base import Doc, Kind
from .._runtime import versions
from .._runtime.run import Run
from .deterministic_id import custom_id
from .duplicates import UNIQUE_TIMEOUT, back_off, retry_delete, wait_until_unique

#: How often two controllers that create the same object at once start over.
CREATE_TRIES = 8


class Creation(NamedTuple):
    """An object to create, and which objects with its name count as this one.

    ``path`` and ``query`` are those of the create request. ``delete_own`` deletes the object with an id that this run
    created. ``matches`` is false for objects with the same name that are not this one. ``tie_break`` returns those of
    several duplicates that count. ``discriminator`` is what distinguishes objects of one kind and name in their ids.
    """

    kind: type[Kind]
    body: Mapping[str, Any]
    path: str
    delete_own: Callable[[str], Any]
    query: Mapping[str, str] | None = None
    matches: Callable[[Doc], bool] = lambda doc: True
    tie_break: Callable[[list[Doc]], list[Doc]] = lambda found: found
    discriminator: str = ""

    @property
    def name(self) -> str:
        return str(self.body["name"])

    def find(self, client: Client, own_id: str | None = None) -> list[Doc]:
        """The objects that count as this one, and the one with ``own_id``; the oldest first."""
        named = self.kind.all_named(client, self.name)
        return [doc for doc in named if doc.id == own_id or self.matches(doc)]

    def find_counting(self, client: Client) -> list[Doc]:
        """As :meth:`find`, without those of several that do not count."""
        found = self.find(client)
        return self.tie_break(found) if len(found) > 1 else found


def create_once(run: Run, creation: Creation) -> tuple[Doc, bool]:
    """Create the object. Returns it, and whether this run created it. No such object existed before.

    After a lost answer the object is searched for before the create is sent again. After the create the object is searched
    for by name. If there are others and ours is not the oldest, ours is deleted and the remaining one returned; if ours is
    the oldest, the other controllers are given time to delete theirs.

    A server that accepts ids (from 3.9 on) gets one that follows from the kind, the name and the discriminator, and refuses
    the second create itself. If another object has that id, the server chooses one.

    Raises Failure ``concurrent_change`` if several objects remain.
    """
    body = _body(run, creation)
    lost: AnswerLost | None = None
    found: list[Doc] = []
    for attempt in range(CREATE_TRIES):
        own_id: str | None = None
        try:
            own_id = str(run.client.create(creation.path, body, creation.query).body[creation.kind.ID_FIELD])
        except AnswerLost as exc:
            lost = exc
        except ApiError as error:
            taken_id = body.pop(creation.kind.ID_FIELD, None)
            if error.code != "id_taken" or taken_id is None:
                raise
            back_off(run, attempt)
            owner = _owner(run.client, creation, taken_id)
            if owner:
                return owner, False
            continue
        created = _resolve_race(run, creation, own_id)
        if created:
            run.created.append((creation.kind.PATH, created))
            run.created_by_stack.add((creation.kind.PATH, created.id))
            return created, True
        back_off(run, attempt)
        search = partial(creation.find_counting, run.client)
        found = wait_until_unique(run, search(), search, UNIQUE_TIMEOUT)
        if len(found) == 1:
            return found[0], False
        if found:
            break
    if lost is not None and not found:
        raise lost
    raise Failure(
        "concurrent_change",
        f"{len(found)} {creation.kind.LABEL}s with the name {creation.name!r} were created at the same time.",
    )


def _body(run: Run, creation: Creation) -> dict[str, Any]:
    """The body of the create request, with an id if the server accepts one."""
    body = dict(creation.body)
    if versions.supports(run.version, "custom_ids"):
        kind = creation.kind
        body[kind.ID_FIELD] = custom_id(kind.LABEL, creation.name, creation.discriminator)
    return body


def _resolve_race(run: Run, creation: Creation, own_id: str | None) -> Doc | None:
    """Wait until the object that was just created is the only one, and return it; else delete ours and return None.

    ``own_id`` is None after a lost answer: a single object counts as ours then, and several are left alone. It is empty if the
    server returned no id: then nothing is known to be ours, and nothing is deleted.
    """
    search = partial(creation.find, run.client, own_id)
    if not own_id:
        found = search()
        return found[0] if own_id is None and len(found) == 1 else None
    timeout = creation.kind.DUPLICATE_TIMEOUT
    found = wait_until_unique(run, _first_search(run, creation, own_id), search, timeout, own_id=own_id)
    if [doc.id for doc in found] != [own_id]:
        if retry_delete(run, creation.delete_own, own_id, search, timeout):
            return None
        found = search()
    return found[0] if [doc.id for doc in found] == [own_id] else None


def _first_search(run: Run, creation: Creation, own_id: str) -> list[Doc]:
    """As :meth:`Creation.find`. The runs of a stack share the search; the stack verifies the objects later."""
    if run.shared_search:
        found = run.shared_search(creation.kind, creation.name)
        if [doc.id for doc in found] == [own_id]:
            return found
    return creation.find(run.client, own_id)


def _owner(client: Client, creation: Creation, taken_id: str) -> Doc | None:
    """The object that has the id if it matches the one to create; None if it does not, was deleted, or may not be read."""
    try:
        owner = creation.kind.get(client, taken_id)
    except ApiError as error:
        if error.status != 403:
            raise
        return None
    return owner if owner is not None and owner.name == creation.name and creation.matches(owner) else None
