# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""All objects of a cluster that a stack can declare, for the export and the graph."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._http.client import Client
from .._kinds import agent as agents
from .._kinds import cluster_setting
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup


class Inventory(NamedTuple):
    """All objects of a cluster that a stack can declare, sorted by name. Hidden objects are not in it.

    ``models`` are the remote models. ``limits`` are the controllers by the id of their model. ``agents`` does not list
    the executors that the server creates for other agents. ``pipelines`` are the definitions by type and name.
    """

    settings: cluster_setting.Settings
    groups: list[Doc]
    connectors: list[Doc]
    models: list[Doc]
    local_models: list[Doc]
    limits: dict[str, Doc]
    agents: list[Doc]
    pipelines: dict[str, dict[str, dict[str, Any]]]

    @classmethod
    def read(cls, client: Client) -> Inventory:
        """Read the cluster: one search per kind, and one GET per model with a controller. Raises Failure."""
        all_models = _visible(client, Model)
        remote = [doc for doc in all_models if str(doc.source.get("algorithm")).upper() == "REMOTE"]
        limited = [doc.id for doc in remote if doc.source.get("is_controller_enabled")]
        limits = {model_id: Controller.get(client, model_id) for model_id in limited}
        all_agents = _visible(client, Agent)
        executors = agents.owners_of_executors(all_agents)
        return cls(
            cluster_setting.read(client),
            _visible(client, ModelGroup),
            _visible(client, Connector),
            remote,
            [doc for doc in all_models if doc not in remote],
            {model_id: controller for model_id, controller in limits.items() if controller},
            [doc for doc in all_agents if doc.id not in executors],
            {type_: pipelines.read_all(client, type_) for type_ in pipelines.PATHS},
        )


def _visible(client: Client, kind: type[Kind]) -> list[Doc]:
    docs = [doc for doc in kind.search(client, {"match_all": {}}) if not doc.source.get("is_hidden")]
    return sorted(docs, key=lambda doc: (doc.name, doc.created, doc.id))
