# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The objects of a cluster and what uses what, as nodes and edges."""

from __future__ import annotations

from typing import Any, Iterator

from .._errors.exceptions import ApiError
from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._values.compare import text_of
from . import ownership_label
from .inventory import Inventory


def cluster_info(client: Client) -> dict[str, Any]:
    """The cluster's name and version. Each is None if the server does not report it, or not to this user."""
    try:
        body = client.get("/").body
    except ApiError as error:
        if error.code != "forbidden":
            raise
        body = None
    info = body if isinstance(body, dict) else {}
    version = info.get("version")
    number = version.get("number") if isinstance(version, dict) else None
    return {"name": info.get("cluster_name"), "version": number}


def nodes(inventory: Inventory) -> list[dict[str, Any]]:
    """Each object with its kind, id, name and the stack that created it."""
    found: list[dict[str, Any]] = []
    models_of_all_types = [*inventory.models, *inventory.local_models]
    for kind, docs in (
        ("model_group", inventory.groups),
        ("connector", inventory.connectors),
        ("model", models_of_all_types),
        ("agent", inventory.agents),
    ):
        found += [_node(kind, doc) for doc in docs]
    for type_, pipelines in inventory.pipelines.items():
        for name in sorted(pipelines):
            stack = ownership_label.owner(pipelines[name].get("description"))
            found.append({"kind": f"{type_}_pipeline", "id": f"{type_}/{name}", "name": name, "stack": stack})
    return found


def _node(kind: str, doc: Doc) -> dict[str, Any]:
    stack = ownership_label.owner(doc.source.get("description"))
    node: dict[str, Any] = {"kind": kind, "id": doc.id, "name": doc.name, "stack": stack}
    if kind == "model":
        node["state"] = models.state_of(doc)
    if kind == "connector":
        node["urls"] = connectors.urls(Connector.observed(doc.source))
    return node


def edges(inventory: Inventory) -> list[dict[str, str]]:
    """Each use, as the id of the user and the id of what it uses. An object that no longer exists has no node."""
    found = []
    all_models = [*inventory.models, *inventory.local_models]
    for doc in all_models:
        for field, relation in (("connector_id", "calls through"), ("model_group_id", "is in")):
            if doc.source.get(field):
                found.append({"from": doc.id, "to": str(doc.source[field]), "relation": relation})
    candidates = [*all_models, *inventory.agents, *inventory.connectors]
    for doc in inventory.agents:
        found += _uses(doc.id, doc.source, candidates)
    for type_, pipelines in inventory.pipelines.items():
        for name in sorted(pipelines):
            found += _uses(f"{type_}/{name}", pipelines[name], candidates)
    return found


def _uses(user_id: str, body: Any, candidates: list[Doc]) -> Iterator[dict[str, str]]:
    """An edge to each candidate whose id is in the body."""
    text = text_of(body)
    for doc in candidates:
        if doc.id != user_id and doc.id in text:
            yield {"from": user_id, "to": doc.id, "relation": "uses"}
