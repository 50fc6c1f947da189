# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Reads the declared objects and what they refer to, with one search per kind for any number of objects, and plans."""

from __future__ import annotations

from typing import Collection, Iterable

from .._http.client import Client
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Key, Kind, replaced_ids
from .._kinds.connector.resource import Connector
from .._kinds.controller import Controller
from .._kinds.memory_container import MemoryContainer
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._kinds.snapshot import Snapshot, Unread
from .._runtime.reader import Reader
from .declaration import Declaration
from .plan import Plan, Purpose, make_plan


def read_and_plan(client: Client, declaration: Declaration, snapshot: Snapshot, purpose: Purpose) -> Plan:
    """The plan on this snapshot, to which is added what the plan needs beyond the declared objects. Objects that the plan
    changes are read again by their ids if the search that found them may lag behind. Raises Failure."""
    while True:
        plan = make_plan(declaration, snapshot, purpose)
        if plan.unread:
            snapshot.load(client, plan.unread)
        elif not snapshot.refresh(client, plan.stale - snapshot.refreshed):
            return plan


def read_snapshot(
    client: Client,
    declaration: Declaration,
    *,
    whole: bool = False,
    before: Snapshot | None = None,
    written: Collection[type[Kind]] = (),
) -> Snapshot:
    """The declared objects and the objects that they refer to, as they are on the cluster. Raises Failure.

    ``whole``: all other objects as well. ``before``: a snapshot after which only objects of the kinds ``written`` can have
    changed. All others are taken from it.
    """

    def add(kind: type[Kind], keys: list[Key]) -> list[Doc]:
        if keys and not whole:
            source = before if before and kind not in written else Reader(client)
            snapshot.add(kind, keys, source.find(kind, keys))
        return snapshot.find(kind, keys)

    snapshot = Snapshot.of_cluster(client).copy() if whole else Snapshot()
    references = _references(declaration)
    connectors = add(Connector, _keys(references.get("connectors", [])))
    used = {each for doc in connectors for each in (doc.id, *replaced_ids(doc.source))}
    controlled = references.get("controllers", [])
    if "connectors" in references or "models" in references or controlled:
        users: list[Key] = [("connector_id", each) for each in sorted(used)]
        add(Model, [*_keys([*references.get("models", []), *controlled]), *users])
    add(ModelGroup, _keys(references.get("model_groups", [])))
    add(Agent, _keys(references.get("agents", [])))
    add(MemoryContainer, _keys(references.get("memory_containers", [])))
    limited = snapshot.find(Model, _keys(controlled))
    snapshot.load(client, [Unread(facts=[(Controller.get, doc.id) for doc in limited])])
    for type_ in pipelines.PATHS:
        declared = [name.partition("/")[2] for name in references.get("pipelines", []) if name.startswith(f"{type_}/")]
        if declared:
            snapshot.add_pipelines(type_, {} if whole else pipelines.read_all(client, type_), declared)
    return snapshot


def _keys(references: Iterable[str]) -> list[Key]:
    return [(field, reference) for reference in references for field in ("name", "_id")]


def _references(declaration: Declaration) -> dict[str, list[str]]:
    """The names and ids in the declaration, by section."""
    references: dict[str, dict[str, None]] = {}
    for item in declaration:
        references.setdefault(item.section.option, {})[item.name] = None
        for dependency in item.dependencies():
            references.setdefault(dependency.section, {})[dependency.reference] = None
    return {option: list(found) for option, found in references.items()}
