# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_task_info does: finds tasks and tells them, the newest first."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import find_id
from .._kinds import task as tasks
from .._kinds.base import Doc
from .._kinds.model import Model
from .._kinds.task import Task
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "task_id": {"type": "str"},
    "model": {"type": "str"},
    "task_type": {"type": "str"},
    "state": {"type": "str", "choices": list(tasks.STATES)},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The tasks that the options select. Raises Failure."""
    found = sorted(_found(options, run), key=lambda doc: doc.source.get("create_time") or 0, reverse=True)
    now = run.clock.epoch()
    return {"tasks": [tasks.to_result(doc, now) for doc in found]}


def _found(options: Mapping[str, Any], run: Run) -> list[Doc]:
    if options["task_id"]:
        task = Task.get(run.client, options["task_id"])
        return [task] if task else []
    wanted = {name: options[name] for name in ("task_type", "state") if options[name]}
    if options["model"]:
        wanted["model_id"] = find_id(Model, run.client, options["model"])
    terms = [{"term": {name: value}} for name, value in wanted.items()]
    return Task.search(run.client, {"bool": {"must": terms}} if terms else {"match_all": {}})


MODULE = Module(
    OPTIONS, execute, {"mutually_exclusive": [("task_id", other) for other in ("model", "task_type", "state")]}
)
