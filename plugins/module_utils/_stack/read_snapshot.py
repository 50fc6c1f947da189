# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a cluster holds of what a declaration speaks of: one search for each kind, however many objects there are."""

from __future__ import annotations

from typing import Any, Iterable

from .._http.client import Answer, Client, segment
from .._kinds import model as models
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .declaration import Declaration
from .snapshot import Snapshot


def read_snapshot(client: Client, declaration: Declaration) -> Snapshot:
    """Everything that the declared items and their references are on the cluster. Raises Failure."""
    memory = Snapshot()
    wanted: dict[str, dict[str, None]] = {}
    for item in declaration:
        wanted.setdefault(item.section.option, {})[item.name] = None
        for need in item.needs():
            wanted.setdefault(need.section, {})[need.reference] = None
    names = {option: list(found) for option, found in wanted.items()}
    found = _learn(client, memory, Connector, names.get("connectors", []))
    used = {each for doc in found for each in (doc.id, *connectors.replaced_ids(doc.source))}
    wanted_models = list(dict.fromkeys([*names.get("models", []), *names.get("controllers", [])]))
    more = [models.connector_query(used)] if used else []
    if "connectors" in names or wanted_models:
        _learn(client, memory, Model, wanted_models, more)
    _learn(client, memory, ModelGroup, names.get("model_groups", []))
    _learn(client, memory, Agent, names.get("agents", []))
    for kind in pipelines.PATHS:
        declared = [name.partition("/")[2] for name in names.get("pipelines", []) if name.startswith(f"{kind}/")]
        if declared:
            _learn_pipelines(client, memory, kind, declared)
    return memory


def _learn(
    client: Client,
    memory: Snapshot,
    kind: type[Kind],
    references: Iterable[str],
    more: list[dict[str, Any]] | None = None,
) -> list[Doc]:
    references = list(references)
    asked = [{"terms": {"name.keyword": references}}, {"ids": {"values": references}}] if references else []
    asked += more or []
    if not asked:
        return []
    query = {"bool": {"should": asked}}
    found = kind.search(client, query)
    memory.learn(kind.PATH, query, found)
    return found


def _learn_pipelines(client: Client, memory: Snapshot, kind: str, names: list[str]) -> None:
    held = pipelines.read_all(client, kind)
    for name in names:
        body = {name: held[name]} if name in held else {}
        memory.answer(f"{pipelines.PATHS[kind]}/{segment(name)}", Answer(200 if body else 404, body))
