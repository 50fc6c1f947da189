# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Who uses whom on a cluster, as nodes and edges."""

from __future__ import annotations

from typing import Any, Iterator

from .._errors.exceptions import ApiError
from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.connector import resource as connectors
from .._values.compare import text_of
from . import ownership_label
from .inventory import Cluster


def root(client: Client) -> dict[str, Any]:
    """What the cluster is called and what it runs, as it tells itself; None of what it does not tell, or not to this user."""
    try:
        body = client.get("/").body
    except ApiError as error:
        if error.code != "forbidden":
            raise
        body = None
    told = body if isinstance(body, dict) else {}
    version = told.get("version")
    number = version.get("number") if isinstance(version, dict) else None
    return {"name": told.get("cluster_name"), "version": number}


def nodes(cluster: Cluster) -> list[dict[str, Any]]:
    """Each object with its kind, id and name, and the stack that made it."""
    found: list[dict[str, Any]] = []
    for kind, docs in (
        ("model_group", cluster.groups), ("connector", cluster.connectors), ("model", [*cluster.models, *cluster.local_models]),
        ("agent", cluster.agents),
    ):  # fmt: skip
        for doc in docs:
            node: dict[str, Any] = {
                "kind": kind,
                "id": doc.id,
                "name": doc.name,
                "stack": ownership_label.owner(doc.source.get("description")),
            }
            if kind == "model":
                node["state"] = models.state_of(doc)
            if kind == "connector":
                node["urls"] = connectors.urls(connectors.observed(doc.source))
            found.append(node)
    for type_, held in cluster.pipelines.items():
        for name in sorted(held):
            stack = ownership_label.owner(held[name].get("description"))
            found.append({"kind": f"{type_}_pipeline", "id": f"{type_}/{name}", "name": name, "stack": stack})
    return found


def edges(cluster: Cluster) -> list[dict[str, str]]:
    """Each use: the ids of user and used. What is used may be gone; then there is no node of its id."""
    found = []
    for doc in [*cluster.models, *cluster.local_models]:
        for field, relation in (("connector_id", "calls through"), ("model_group_id", "is in")):
            if doc.source.get(field):
                found.append({"from": doc.id, "to": str(doc.source[field]), "relation": relation})
    named = [*cluster.models, *cluster.local_models, *cluster.agents, *cluster.connectors]
    for doc in cluster.agents:
        found += [{"from": doc.id, "to": used, "relation": "uses"} for used in _named_in(doc.source, named, doc.id)]
    for type_, held in cluster.pipelines.items():
        for name in sorted(held):
            found += [
                {"from": f"{type_}/{name}", "to": used, "relation": "uses"} for used in _named_in(held[name], named, "")
            ]
    return found


def _named_in(body: Any, docs: list[Doc], own: str) -> Iterator[str]:
    text = text_of(body)
    return (doc.id for doc in docs if doc.id != own and doc.id in text)
