# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The objects of a cluster and what uses what, as nodes and edges."""

from __future__ import annotations

from typing import Any

from .._errors.exceptions import ApiError
from .._http.client import Client
from .._kinds import agent as agents
from .._kinds import model as models
from .._kinds.agent import Agent
from .._kinds.base import Doc
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.memory_container import MemoryContainer
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._kinds.snapshot import Snapshot
from .._operations.uses import texts_with_ids
from . import ownership_label


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


def nodes(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Each object with its kind, id, name and the stack that created it."""
    found: list[dict[str, Any]] = []
    for kind in (ModelGroup, Connector, Model, MemoryContainer):
        found += [_node(kind.LABEL.replace(" ", "_"), doc) for doc in snapshot.visible(kind)]
    found += [_node("agent", doc) for doc in agents.without_executors(snapshot.visible(Agent))]
    for (type_, name), body in snapshot.pipelines().items():
        stack = ownership_label.owner(body.get("description"))
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


def edges(snapshot: Snapshot) -> list[dict[str, str]]:
    """Each use, as the id of the user and the id of what it uses. An object that no longer exists has no node."""
    found = []
    all_models = snapshot.visible(Model)
    for doc in all_models:
        for field, relation in (("connector_id", "calls through"), ("model_group_id", "is in")):
            if doc.source.get(field):
                found.append({"from": doc.id, "to": str(doc.source[field]), "relation": relation})
    own_agents = agents.without_executors(snapshot.visible(Agent))
    candidates = [*all_models, *own_agents, *snapshot.visible(Connector), *snapshot.visible(MemoryContainer)]
    known = {doc.id for doc in candidates}
    for user, text in texts_with_ids(snapshot):
        if user.id in known or user.kind not in (Agent.LABEL, Model.LABEL):
            used = [doc.id for doc in candidates if doc.id != user.id and doc.id in text]
            found += [{"from": user.id, "to": each, "relation": "uses"} for each in used]
    return found
