# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_model_group_info does: lists model groups, on request with the models that are in them."""

from __future__ import annotations

from typing import Any, Mapping

from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.model_group import ModelGroup
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
    "model_group_id": {"type": "str"},
    "unused": {"type": "bool", "default": False},
    "include_used_by": {"type": "bool", "default": False},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The groups that the options select. Raises Failure."""
    found = ModelGroup.select(
        run.client, object_id=options["model_group_id"], name=options["name"], pattern=options["name_pattern"]
    )
    listed = [groups.to_result(doc) for doc in found]
    if listed and (options["unused"] or options["include_used_by"]):
        users = models.ids_by_field(run.client, "model_group_id")
        listed = [{**entry, "used_by": users.get(entry["model_group_id"], [])} for entry in listed]
    if options["unused"]:
        listed = [entry for entry in listed if not entry["used_by"]]
    return {"model_groups": listed}


MODULE = Module(OPTIONS, execute, {"mutually_exclusive": [("name", "name_pattern", "model_group_id")]})
