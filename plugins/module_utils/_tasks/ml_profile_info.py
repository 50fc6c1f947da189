# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_profile_info: list what the nodes have in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._coordination.duplicates import find_id
from .._kinds import profile as profiles
from .._kinds.model import Model
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "subset": {"type": "str", "default": "all", "choices": list(profiles.PATHS)},
    "model": {"type": "str"},
}


@dataclass(frozen=True)
class Options:
    subset: str
    model: str | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The models and tasks in the memory of the nodes, of one model or of all. Raises Failure."""
    model_id = find_id(run, Model, options.model) if options.model else None
    nodes = profiles.read(run.client, options.subset)
    listed = {"models": profiles.models_of(nodes), "tasks": profiles.tasks_of(nodes, run.clock.epoch())}
    if model_id is None:
        return listed
    return {key: [entry for entry in entries if entry["model_id"] == model_id] for key, entries in listed.items()}


MODULE = Module(SPEC, execute, typed(Options))
