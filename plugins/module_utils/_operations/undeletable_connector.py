# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Connectors that the server refuses to delete although no model uses them.

Before 3.9 the server searches for the users of a connector word by word: it takes a model for a user if the id of the
model's connector has a word in common with this one's id (see :func:`connectors.words_of`).
"""

from __future__ import annotations

from .._errors.exceptions import ApiError, Failure
from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import SEARCH_LAG
from .._kinds.connector.resource import Connector
from .._runtime.run import Run


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
