# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_model_info does: lists models, and what they stand on: two more searches, however many they are."""

from __future__ import annotations

from typing import Any, Mapping

from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
    "model_id": {"type": "str"},
    "model_group": {"type": "str"},
    "connector": {"type": "str"},
    "states": {"type": "list", "elements": "str", "choices": list(models.STATES)},
    "orphans": {"type": "bool", "default": False},
}

#: What a model refers to: the option that filters by it -> its kind.
_KINDS: dict[str, type[Kind]] = {"connector": Connector, "model_group": ModelGroup}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The models that the options select. Raises Failure."""
    found = Model.select(
        run.client, object_id=options["model_id"], name=options["name"], pattern=options["name_pattern"]
    )
    if not options["model_id"] and not options["name"]:
        found = _as_now(run.client, found)
    if options["states"]:
        found = [doc for doc in found if models.state_of(doc) in options["states"]]
    names = {what: _names(run.client, kind, f"{what}_id", found) for what, kind in _KINDS.items()}
    listed = [_entry(doc, names) for doc in found]
    for what in _KINDS:
        if options[what]:
            wanted = (f"{what}_id", f"{what}_name")
            listed = [entry for entry in listed if options[what] in [entry[field] for field in wanted]]
    if options["orphans"]:
        listed = [entry for entry in listed if entry["missing"]]
    return {"models": listed}


def _as_now(client: Client, found: list[Doc]) -> list[Doc]:
    """Those that do not serve are read anew, unless they are many: a search may be a second behind their deployment."""
    idle = [doc for doc in found if models.state_of(doc) != models.DEPLOYED]
    now = {doc.id: doc for doc in Model.reread(client, idle)}
    gone = {doc.id for doc in idle} - now.keys()
    return [now.get(doc.id, doc) for doc in found if doc.id not in gone]


def _names(client: Client, kind: type[Kind], field: str, found: list[Doc]) -> dict[str, str]:
    """id -> name of all that the models refer to in a field; one search, and none where there is nothing to ask."""
    ids = sorted({doc.source[field] for doc in found if doc.source.get(field)})
    return {doc.id: doc.name for doc in kind.search(client, {"ids": {"values": ids}})} if ids else {}


def _entry(doc: Doc, names: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    entry = models.to_result(doc)
    missing = []
    for what, known in names.items():
        object_id = doc.source.get(f"{what}_id")
        entry[f"{what}_id"] = object_id
        entry[f"{what}_name"] = known.get(object_id) if object_id else None
        if object_id and object_id not in known:
            missing.append(what)
    return {**entry, "inline_connector": bool(doc.source.get("connector")), "missing": missing}


MODULE = Module(OPTIONS, execute, {"mutually_exclusive": [("name", "name_pattern", "model_id")]})
