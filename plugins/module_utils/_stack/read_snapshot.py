# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Reads the declared objects and what they refer to from a cluster: one search per kind, for any number of objects."""

from __future__ import annotations

from typing import Any, Collection, Iterable

from .._http.client import Answer, Client, segment
from .._kinds import model as models
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind, replaced_ids
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .declaration import Declaration
from .snapshot import Snapshot


def read_snapshot(
    client: Client, declaration: Declaration, *, before: Snapshot | None = None, written: Collection[str] = ()
) -> Snapshot:
    """The declared objects and the objects that they refer to, as they are on the cluster. Raises Failure.

    ``before``: a snapshot after which only kinds with the paths ``written`` can have changed. All others are taken from it.
    """

    def search(kind: type[Kind], references: Iterable[str], more: Iterable[dict[str, Any]] = ()) -> list[Doc]:
        """Add the objects with these names or ids, and those that ``more`` queries find, to the snapshot; return them."""
        references = list(references)
        by_name = [{"terms": {"name.keyword": references}}, {"ids": {"values": references}}] if references else []
        queries = [*by_name, *more]
        if not queries:
            return []
        query = {"bool": {"should": queries}}
        known = before.find(kind.PATH, query) if before and kind.PATH not in written else None
        found = kind.search(client, query) if known is None else known
        snapshot.add_found(kind.PATH, query, found)
        return found

    snapshot = Snapshot()
    references = _references(declaration)
    found = search(Connector, references.get("connectors", []))
    used = {each for doc in found for each in (doc.id, *replaced_ids(doc.source))}
    of_models = list(dict.fromkeys([*references.get("models", []), *references.get("controllers", [])]))
    users = [models.connector_query(used)] if used else []
    if "connectors" in references or of_models:
        search(Model, of_models, users)
    search(ModelGroup, references.get("model_groups", []))
    search(Agent, references.get("agents", []))
    for type_ in pipelines.PATHS:
        declared = [name.partition("/")[2] for name in references.get("pipelines", []) if name.startswith(f"{type_}/")]
        if declared:
            _read_pipelines(client, snapshot, type_, declared)
    return snapshot


def _references(declaration: Declaration) -> dict[str, list[str]]:
    """The names and ids in the declaration, by section."""
    references: dict[str, dict[str, None]] = {}
    for item in declaration:
        references.setdefault(item.section.option, {})[item.name] = None
        for dependency in item.dependencies():
            references.setdefault(dependency.section, {})[dependency.reference] = None
    return {option: list(found) for option, found in references.items()}


def _read_pipelines(client: Client, snapshot: Snapshot, type_: str, names: list[str]) -> None:
    observed = pipelines.read_all(client, type_)
    for name in names:
        body = {name: observed[name]} if name in observed else {}
        snapshot.put_answer(f"{pipelines.PATHS[type_]}/{segment(name)}", Answer(200 if body else 404, body))
