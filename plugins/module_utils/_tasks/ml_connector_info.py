# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_connector_info: lists connectors, on request also those inside models."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Mapping

from .._http.client import Client
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
    "connector_id": {"type": "str"},
    "protocol": {"type": "str"},
    "include_inline": {"type": "bool", "default": False},
    "unused": {"type": "bool", "default": False},
    "include_used_by": {"type": "bool", "default": False},
}

RULES = {"mutually_exclusive": [("name", "name_pattern", "connector_id")]}


@dataclass(frozen=True)
class Options:
    name: str | None
    name_pattern: str | None
    connector_id: str | None
    protocol: str | None
    include_inline: bool
    unused: bool
    include_used_by: bool


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The connectors that the options select. Raises Failure."""
    standalone = Connector.select(
        run.reader, object_id=options.connector_id, name=options.name, pattern=options.name_pattern
    )
    listed = [_entry(doc, None) for doc in standalone]
    # A connector inside a model has no id.
    if options.include_inline and not options.connector_id:
        listed += _inline(options, run.client)
    if options.protocol:
        listed = [entry for entry in listed if entry.get("protocol") == options.protocol]
    if listed and (options.unused or options.include_used_by):
        users = models.ids_by_field(run.client, "connector_id")
        listed = [{**entry, "used_by": _users(entry, users)} for entry in listed]
    if options.unused:
        listed = [entry for entry in listed if not entry["used_by"]]
    return {"connectors": listed}


def _inline(options: Options, client: Client) -> list[dict[str, Any]]:
    # 2.19 cannot search for the object as a whole.
    found = Model.search(client, {"exists": {"field": "connector.protocol"}})
    inline = [(Doc("", dict(model.source["connector"])), model.id) for model in found if model.source.get("connector")]
    name, pattern = options.name, options.name_pattern
    return [
        _entry(doc, model_id)
        for doc, model_id in inline
        if (not name or doc.name == name) and (pattern is None or fnmatchcase(doc.name, pattern))
    ]


def _entry(doc: Doc, model_id: str | None) -> dict[str, Any]:
    result = Connector.to_result(doc)
    return {**result, "connector_id": doc.id or None, "model_id": model_id, "urls": connectors.urls(result)}


def _users(entry: Mapping[str, Any], users: Mapping[str, list[str]]) -> list[str]:
    return [entry["model_id"]] if entry["model_id"] else users.get(entry["connector_id"], [])


MODULE = Module(SPEC, execute, typed(Options), RULES)
