# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_model_group_info: list model groups, on request with the models that are in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._kinds import model as models
from .._kinds.model_group import ModelGroup
from .._runtime.module import Module, typed
from .._runtime.run import Run


@dataclass(frozen=True)
class Options:
    """The module's own options."""

    name: str | None
    name_pattern: str | None
    model_group_id: str | None
    unused: bool
    include_used_by: bool


SPEC = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
    "model_group_id": {"type": "str"},
    "unused": {"type": "bool", "default": False},
    "include_used_by": {"type": "bool", "default": False},
}


def execute(options: Options, run: Run) -> dict[str, Any]:
    """List the groups that the options select. Raises Failure."""
    found = ModelGroup.select(
        run.reader, object_id=options.model_group_id, name=options.name, pattern=options.name_pattern
    )
    entries = [ModelGroup.to_result(doc) for doc in found]
    if entries and (options.unused or options.include_used_by):
        users = models.ids_by_field(run.client, "model_group_id")
        entries = [{**entry, "used_by": users.get(entry["model_group_id"], [])} for entry in entries]
    if options.unused:
        entries = [entry for entry in entries if not entry["used_by"]]
    return {"model_groups": entries}


MODULE = Module(SPEC, execute, typed(Options), {"mutually_exclusive": [("name", "name_pattern", "model_group_id")]})
