# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Connectors that the server refuses to delete although no model uses them, and how a create avoids them.

Before 3.9 the server searches for the users of a connector word by word: it takes a model for a user if the id of the
model's connector has a word in common with this one's id (see :func:`connectors.words_of`).
"""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, NamedTuple

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import UNIQUE_TIMEOUT, wait_until_unique
from .._errors.exceptions import ApiError, Failure
from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import SEARCH_LAG, Doc
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._runtime.run import Run

#: The codes with which the server refuses to delete a connector because of a model.
REFUSALS = ("connector_held", "connector_in_use")

#: How many connectors are created while the server would confuse each id with that of another connector of the same task, as
#: it does for two that a node creates 26 ms after each other if its ids have a hyphen.
MAX_ID_TRIES = 5

#: The pause before another connector is created because the server would confuse the last id, in seconds. On a server whose
#: ids have one hyphen in their constant part and one in the part that counts the time, all ids of the same 1.024 s share a
#: word (seen on 2.19.1).
ID_RETRY_PAUSE = 0.3


def delete_unused(run: Run, connector_id: str, patience: float = SEARCH_LAG) -> None:
    """Delete a connector that no model uses any more.

    On 2.19 the server's search for users may lag a second; a refusal is retried for ``patience`` seconds. Raises Failure
    ``connector_held`` if the server refuses because of models that use other connectors.
    """
    end = run.clock.now() + patience
    while True:
        try:
            return Connector.delete(run, connector_id)
        except ApiError as error:
            if error.code != "connector_in_use" or run.clock.now() >= end:
                raise refusal_cause(run.client, connector_id, error) from None
        run.clock.sleep(0.3)


def refusal_cause(client: Client, connector_id: str, error: ApiError) -> Failure:
    """The failure to raise for a refused change or delete: ``connector_held`` if the server is wrong about which models use
    the connector, else the server's own error."""
    mistaken = models.falsely_matched_users(client, connector_id) if error.code == "connector_in_use" else []
    if not mistaken:
        return error
    named = ", ".join(
        f"{model.name!r} ({model.id}) with connector {model.source.get('connector_id')}" for model in mistaken[:10]
    )
    return Failure(
        "connector_held",
        f"No model uses connector {connector_id}, but the server refuses to change or delete it: it matches ids word by "
        f"word and takes these models for its users: {named}",
        error.status,
        models=[model.id for model in mistaken],
    )


def drop_superseded(client: Client, found: list[Doc]) -> list[Doc]:
    """Connectors with one name, the oldest first, without the unused ones of a replacement pair that the server refuses to
    delete. Raises Failure."""
    found = sorted(found, key=lambda doc: doc.creation_order)
    if not any(connectors.is_replacement_pair(old, new) for new in found for old in found):
        return found
    undeletable = UndeletableCheck(client, models.using_connectors(client, [doc.id for doc in found]))
    while True:
        pairs = [(old, new) for new in found for old in found if connectors.is_replacement_pair(old, new)]
        superseded = next((doc for doc in (undeletable.first_undeletable(*pair) for pair in pairs) if doc), None)
        if superseded is None:
            return found
        found = [doc for doc in found if doc is not superseded]


class UndeletableCheck:
    """Finds the connector of a pair that no model uses and that the server refuses to delete; one request for each id."""

    def __init__(self, client: Client, users: list[Doc]) -> None:
        self._client = client
        self._users = users
        self._known: dict[str, bool] = {}

    def first_undeletable(self, old: Doc, new: Doc) -> Doc | None:
        return next((doc for doc in (old, new) if self._is_undeletable(doc)), None)

    def _is_undeletable(self, doc: Doc) -> bool:
        if doc.id not in self._known:
            unused = not is_used(self._users, doc)
            self._known[doc.id] = unused and bool(models.falsely_matched_users(self._client, doc.id))
        return self._known[doc.id]


def is_used(users: list[Doc], connector: Doc) -> bool:
    """Whether one of the models uses the connector."""
    return any(model.source.get("connector_id") == connector.id for model in users)


class Created(NamedTuple):
    """The connector, whether this run created it, and its duplicates if ours cannot be deleted because of one of them."""

    doc: Doc
    created_here: bool
    duplicates: list[Doc]


def create(run: Run, body: Mapping[str, Any], *, may_repoint: bool) -> Created:
    """Create a connector that the server does not confuse with another connector of the same task.

    If another controller creates one with this name at the same time and ours cannot be deleted, the caller has to replace
    all of them by one more connector, for which models have to be repointed; without ``may_repoint`` that is a failure. If
    ours is in use already, it stays as soon as it is the only one that counts. Raises Failure.
    """
    for remaining in reversed(range(MAX_ID_TRIES)):
        deletions: list[str] = []
        creation = Creation(
            Connector,
            body,
            f"{Connector.PATH}/_create",
            delete_own=partial(_delete_own, run, deletions),
            tie_break=partial(drop_superseded, run.client),
        )
        try:
            doc, created_here = create_once(run, creation)
        except Failure as failure:
            if failure.code not in REFUSALS or (failure.code == "connector_held" and not may_repoint):
                raise
            return _undeletable_duplicate(run, creation, deletions[-1], failure)
        others = {object_id for path, object_id in list(run.created_by_stack) if path == Connector.PATH} - {doc.id}
        run.created_by_stack.add((Connector.PATH, doc.id))
        # Of two ids that the server confuses, neither connector could be changed or deleted while a model uses the other.
        if not created_here or not remaining or not connectors.share_a_word(doc.id, others):
            break
        if not _delete_if_unused(run, doc):
            break  # A model uses it or the other one already, so it stays.
        run.created_by_stack.discard((Connector.PATH, doc.id))
        run.clock.sleep(ID_RETRY_PAUSE)
    return Created(doc, created_here, [])


def _delete_own(run: Run, deletions: list[str], connector_id: str) -> None:
    deletions.append(connector_id)
    # No retry here: the caller retries and checks each time that ours is still a duplicate.
    delete_unused(run, connector_id, patience=0.0)


def _delete_if_unused(run: Run, doc: Doc) -> bool:
    """Delete the connector. Returns False if the server refuses because of a model."""
    try:
        delete_unused(run, doc.id)
    except Failure as failure:
        if failure.code not in REFUSALS:
            raise
        return False
    return True


def _undeletable_duplicate(run: Run, creation: Creation, own_id: str, failure: Failure) -> Created:
    """Our connector with its duplicates, or the only one that remains after another controller has replaced them all."""

    def search() -> list[Doc]:
        return drop_superseded(run.client, Connector.all_named(run.client, creation.name))

    found = search()
    doc = next((doc for doc in found if doc.id == own_id), None)
    mistaken = failure.code == "connector_held"
    if doc is None or not mistaken or _older_is_undeletable(run, found, doc):
        found = wait_until_unique(run, found, search, UNIQUE_TIMEOUT)
        doc = next((doc for doc in found if doc.id == own_id), None)
    if len(found) == 1:
        return Created(found[0], doc is not None, [])
    if doc is None or not mistaken:
        raise Failure("concurrent_change", failure.message, failure.status, **failure.details) from failure
    return Created(doc, True, drop_superseded(run.client, [other for other in found if other is not doc]))


def _older_is_undeletable(run: Run, found: list[Doc], doc: Doc) -> bool:
    """Whether an older duplicate is undeletable too: its controller replaces all of them."""
    return any(
        models.falsely_matched_users(run.client, other.id)
        for other in found
        if other.creation_order < doc.creation_order
    )
