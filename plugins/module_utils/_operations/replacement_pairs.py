# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Connectors of one name of which some came in the place of others: which are halves of one swap, and which of them count."""

from __future__ import annotations

from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import Doc, created_after
from .._kinds.connector import resource as connectors


def in_use(client: Client, found: list[Doc]) -> list[Doc]:
    """Connectors of one name without those that are left as the server does not delete them. Raises Failure."""
    found = sorted(found, key=lambda doc: doc.creation_order)
    if not any(is_replacement_pair(old, new) for new in found for old in found):
        return found
    users = models.using_connectors(client, [doc.id for doc in found])
    held = Undeletable(client, users)
    while True:
        pairs = ((old, new) for new in found for old in found if is_replacement_pair(old, new))
        double = next((double for double in (held.of(*pair) for pair in pairs) if double), None)
        if double is None:
            return found
        found = [doc for doc in found if doc is not double]


def is_replacement_pair(old: Doc, new: Doc) -> bool:
    """Whether one came in the other's place, at once or by way of others, or both in that of a third one."""
    # An old one that was made later has nothing but its id from the one that was replaced.
    return replaced_same_connector(old, new) or (
        old.id in connectors.replaced_by(new.source) and not created_after(old, new)
    )


def replaces(new: Doc, old: Doc) -> bool:
    return bool(connectors.notes_of(new.source).get("replaces") == old.id)


def replaces_several(found: list[Doc], old: Doc, new: Doc) -> bool:
    """Whether the new one's notes alone tie others to the old one, which would be two of a name without it."""
    rest = [doc for doc in found if doc is not old and doc is not new and is_replacement_pair(doc, new)]
    return any(not is_replacement_pair(old, doc) and not is_replacement_pair(doc, old) for doc in rest)


def replaced_same_connector(one: Doc, other: Doc) -> bool:
    before, others = set(connectors.replaced_by(one.source)), set(connectors.replaced_by(other.source))
    return one.id not in others and other.id not in before and one is not other and not before.isdisjoint(others)


class Undeletable:
    """Tells of two halves the one that nobody uses, yet that the server does not delete. Asks the server once for each."""

    def __init__(self, client: Client, users: list[Doc]) -> None:
        self._client = client
        self._users = users
        self._known: dict[str, bool] = {}

    def of(self, old: Doc, new: Doc) -> Doc | None:
        return next((one for one in (old, new) if self._is_held(one)), None)

    def _is_held(self, one: Doc) -> bool:
        if one.id not in self._known:
            self._known[one.id] = not uses(self._users, one) and bool(
                models.falsely_matched_users(self._client, one.id)
            )
        return self._known[one.id]


def uses(users: list[Doc], connector: Doc) -> bool:
    return any(model.source.get("connector_id") == connector.id for model in users)
