# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Deleting and changing connectors that no model uses, although the server may believe that one does."""

from __future__ import annotations

from .._errors.exceptions import ApiError, Failure
from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import SEARCH_LAG, Doc
from .._kinds.connector.resource import Connector
from .._runtime.run import Run

#: The codes of a connector that cannot be taken back.
STAYS = ("connector_held", "connector_in_use")


def delete(run: Run, connector_id: str, patience: float = SEARCH_LAG) -> None:
    """Delete a connector that no model uses any more. Raises Failure ``connector_held`` where the server refuses that
    because of the connectors of others.

    The server looks for users with a search, which on 2.19 may be a second old: a refusal is asked for again for as long
    as that can explain it, unless less ``patience`` is asked for, in seconds.
    """
    end = run.clock.now() + patience
    while True:
        try:
            return Connector.delete(run, connector_id)
        except ApiError as error:
            if error.code != "connector_in_use" or run.clock.now() >= end:
                raise explained(run.client, connector_id, error) from None
        run.clock.sleep(0.3)


def explained(client: Client, connector_id: str, error: ApiError) -> Failure:
    """What a refusal to change or delete a connector is: the server's own error, or ``connector_held`` where it is
    mistaken about who uses the connector."""
    others = models.falsely_matched_users(client, connector_id) if error.code == "connector_in_use" else []
    if not others:
        return error
    named = ", ".join(f"{model.name!r} ({model.id}) with connector {_connector_of(model)}" for model in others[:10])
    return Failure(
        "connector_held",
        f"No model uses connector {connector_id}, yet the server refuses to let go of it, as it takes ids that share a "
        f"word for the same: {named}",
        error.status,
        models=[model.id for model in others],
    )


def _connector_of(model: Doc) -> str:
    return str(model.source.get("connector_id"))
