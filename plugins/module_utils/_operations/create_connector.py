# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Making a connector that can be changed and deleted beside those that are made with it, and the only one of its name."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, NamedTuple

from .._coordination.create import create_once
from .._coordination.duplicates import UNIQUE_TIMEOUT, wait_until_unique
from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._runtime.run import Run
from . import replacement_pairs
from . import undeletable_connector as removal

#: How many connectors are made where the server would take the id of each for that of another one of the same task, as of
#: two that a node makes 26 ms after each other if its ids have a hyphen.
MAX_ID_TRIES = 5


class Made(NamedTuple):
    """The connector, whether it was made here, and the others of its name beside which it cannot be taken back."""

    doc: Doc
    ours: bool
    others: list[Doc]


def create(run: Run, body: Mapping[str, Any], *, may_move: bool) -> Made:
    """Create the connector. Where somebody else has made one at the same moment, the own one has to go, and the server
    does not let go of it for the sake of another one's model, a third one has to come in the place of both. Where no model
    may be moved for that (``may_move``) it is a failure. One that is used already stays as soon as it is the only one that
    counts. Raises Failure."""
    for left in reversed(range(MAX_ID_TRIES)):
        own: list[str] = []
        try:
            doc, ours = create_once(
                Connector,
                run,
                body,
                path=f"{Connector.PATH}/_create",
                withdraw=partial(_withdraw, run, own),
                among=partial(replacement_pairs.in_use, run.client),
            )
        except Failure as failure:
            if failure.code not in removal.STAYS or (failure.code == "connector_held" and not may_move):
                raise
            return _unremovable(run, str(body["name"]), own[-1], failure)
        beside = {object_id for path, object_id in list(run.created_by_stack) if path == Connector.PATH} - {doc.id}
        run.created_by_stack.add((Connector.PATH, doc.id))
        # Of two that the server takes for the same, neither could be changed or deleted beside the other.
        if not ours or not left or not connectors.alike(doc.id, beside):
            break
        try:
            removal.delete(run, doc.id)
        except Failure as failure:
            if failure.code not in removal.STAYS:
                raise
            break  # A model uses it or the other one by now; it serves as well.
        run.created_by_stack.discard((Connector.PATH, doc.id))
        run.clock.sleep(connectors.ID_RETRY_PAUSE)
    return Made(doc, ours, [])


def _withdraw(run: Run, own: list[str], connector_id: str) -> None:
    own.append(connector_id)
    # Asked for again and again anyway, with a look between, as nobody must take it back who is alone by then.
    removal.delete(run, connector_id, patience=0.0)


def _unremovable(run: Run, name: str, own: str, failure: Failure) -> Made:
    """What comes of the own connector where it cannot be taken back: it is to be replaced with the others of the name, or
    somebody else is about to do that, and the one that stands for all by then counts."""

    def left() -> list[Doc]:
        return replacement_pairs.in_use(run.client, Connector.all_named(run.client, name))

    found, held = left(), failure.code == "connector_held"
    doc = next((doc for doc in found if doc.id == own), None)
    if doc is None or not held or _older_is_held(run, found, doc):
        found = wait_until_unique(run, found, left, UNIQUE_TIMEOUT)
        doc = next((doc for doc in found if doc.id == own), None)
    if len(found) == 1:
        return Made(found[0], doc is not None, [])
    if doc is None or not held:
        raise Failure("concurrent_change", failure.message, failure.status, **failure.details) from failure
    return Made(doc, True, replacement_pairs.in_use(run.client, [other for other in found if other is not doc]))


def _older_is_held(run: Run, found: list[Doc], doc: Doc) -> bool:
    """Whether the maker of an older one is in the same position, and will do it."""
    return any(
        models.falsely_matched_users(run.client, other.id)
        for other in found
        if other.creation_order < doc.creation_order
    )
