# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_profile_info does: asks all nodes once what they have in memory."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import find_id
from .._kinds import profile as profiles
from .._kinds.model import Model
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "subset": {"type": "str", "default": "all", "choices": list(profiles.PATHS)},
    "model": {"type": "str"},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """What the nodes hold of one model or of all. Raises Failure."""
    wanted = find_id(Model, run.client, options["model"]) if options["model"] else None
    nodes = profiles.read(run.client, options["subset"])
    listed = {"models": profiles.models_of(nodes), "tasks": profiles.tasks_of(nodes, run.clock.epoch())}
    if wanted is None:
        return listed
    return {what: [entry for entry in found if entry["model_id"] == wanted] for what, found in listed.items()}


MODULE = Module(OPTIONS, execute)
