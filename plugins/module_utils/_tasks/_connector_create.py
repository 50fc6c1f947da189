# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Making a connector that can be changed and deleted beside those that are made with it, and the only one of its name."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping, NamedTuple

from ansible_collections.searchops.opensearch_ml.plugins.module_utils import _connector_removal as removal
from ansible_collections.searchops.opensearch_ml.plugins.module_utils import _swap
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._creation import create_one
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import Doc
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources import connector as connectors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.connector import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run

#: How many connectors are made where the server would take the id of each for that of another one of the same task, as of
#: two that a node makes 26 ms after each other if its ids have a hyphen.
IDS_TRIED = 5


class Made(NamedTuple):
    """The connector, whether it was made here, and the others of its name beside which it cannot be taken back."""

    doc: Doc
    ours: bool
    others: list[Doc]


def create(run: Run, body: Mapping[str, Any], *, may_move: bool) -> Made:
    """Create the connector. Where somebody else has made one at the same moment, the own one has to go, and the server
    does not let go of it for the sake of another one's model, a third one has to come in the place of both. Where no model
    may be moved for that (``may_move``) it is a failure. Raises Failure."""
    for left in reversed(range(IDS_TRIED)):
        try:
            doc, ours = create_one(
                Connector,
                run,
                body,
                path=f"{Connector.PATH}/_create",
                # Asked for again and again anyway, with a look between, as nobody must take it back who is alone by then.
                withdraw=partial(removal.delete, run, patience=0.0),
                among=partial(_swap.in_use, run.client),
            )
        except Failure as failure:
            if failure.code != "connector_held" or not may_move:
                raise
            return _unremovable(run, str(body["name"]), failure)
        beside = {object_id for path, object_id in list(run.beside) if path == Connector.PATH} - {doc.id}
        run.beside.add((Connector.PATH, doc.id))
        # Of two that the server takes for the same, neither could be changed or deleted beside the other.
        if not ours or not left or not connectors.alike(doc.id, beside):
            break
        try:
            removal.delete(run, doc.id)
        except Failure as failure:
            if failure.code != "connector_held":
                raise
            break  # A model uses the other one by now; this one serves as well.
        run.beside.discard((Connector.PATH, doc.id))
    return Made(doc, ours, [])


def _unremovable(run: Run, name: str, failure: Failure) -> Made:
    """The own connector, which is there for good, and those that count beside it; or the one that counts, where somebody
    has put it in the place of all."""
    own = failure.details["connector_id"]
    found = _swap.in_use(run.client, Connector.named(run.client, name))
    doc = next((doc for doc in found if doc.id == own), None)
    if len(found) == 1 and doc is None:
        return Made(found[0], False, [])
    others = _swap.in_use(run.client, [other for other in found if other is not doc])
    if doc is None or not others:
        raise failure
    return Made(doc, True, others)
