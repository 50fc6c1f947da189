# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_model_info: list models, with the names of their connectors and groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._runtime.module import Module, typed
from .._runtime.reader import Reader
from .._runtime.run import Run


@dataclass(frozen=True)
class Options:
    """The module's own options."""

    name: str | None
    name_pattern: str | None
    model_id: str | None
    model_group: str | None
    connector: str | None
    states: Sequence[str] | None
    orphans: bool


SPEC = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
    "model_id": {"type": "str"},
    "model_group": {"type": "str"},
    "connector": {"type": "str"},
    "states": {"type": "list", "elements": "str", "choices": list(models.STATES)},
    "orphans": {"type": "bool", "default": False},
}

#: The dependencies of a model: the option that filters by one -> its kind.
_DEPENDENCIES: dict[str, type[Kind]] = {"connector": Connector, "model_group": ModelGroup}


def execute(options: Options, run: Run) -> dict[str, Any]:
    """List the models that the options select. Raises Failure."""
    found = Model.select(run.reader, object_id=options.model_id, name=options.name, pattern=options.name_pattern)
    if not options.model_id and not options.name:
        found = _reread_undeployed(run.reader, found)
    if options.states:
        found = [doc for doc in found if models.state_of(doc) in options.states]
    # One more search per kind, however many models there are.
    names = {option: _names(run.client, kind, f"{option}_id", found) for option, kind in _DEPENDENCIES.items()}
    entries = [_entry(doc, names) for doc in found]
    for option, reference in (("connector", options.connector), ("model_group", options.model_group)):
        if reference:
            entries = [entry for entry in entries if reference in (entry[f"{option}_id"], entry[f"{option}_name"])]
    if options.orphans:
        entries = [entry for entry in entries if entry["missing"]]
    return {"models": entries}


def _reread_undeployed(reader: Reader, found: list[Doc]) -> list[Doc]:
    """The models; those that are not deployed are re-read unless they are many, as a search may lag a second behind a
    deployment."""
    undeployed = [doc for doc in found if models.state_of(doc) != models.DEPLOYED]
    present = {doc.id: doc for doc in reader.reread(Model, undeployed)}
    deleted = {doc.id for doc in undeployed} - present.keys()
    return [present.get(doc.id, doc) for doc in found if doc.id not in deleted]


def _names(client: Client, kind: type[Kind], field: str, found: list[Doc]) -> dict[str, str]:
    """id -> name of the objects that the models refer to in ``field``. No search if there are none."""
    ids = sorted({doc.source[field] for doc in found if doc.source.get(field)})
    return {doc.id: doc.name for doc in kind.search(client, {"ids": {"values": ids}})} if ids else {}


def _entry(doc: Doc, names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    entry = Model.to_result(doc)
    missing = []
    for option, known in names.items():
        object_id = doc.source.get(f"{option}_id")
        entry[f"{option}_id"] = object_id
        entry[f"{option}_name"] = known.get(object_id) if object_id else None
        if object_id and object_id not in known:
            missing.append(option)
    return {**entry, "inline_connector": bool(doc.source.get("connector")), "missing": missing}


MODULE = Module(SPEC, execute, typed(Options), {"mutually_exclusive": [("name", "name_pattern", "model_id")]})
