# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_task_info: list tasks of ML Commons, the newest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._coordination.duplicates import find_id
from .._kinds import task as tasks
from .._kinds.base import Doc
from .._kinds.model import Model
from .._kinds.task import Task
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "task_id": {"type": "str"},
    "model": {"type": "str"},
    "task_type": {"type": "str"},
    "state": {"type": "str", "choices": list(tasks.STATES)},
}

RULES = {"mutually_exclusive": [("task_id", other) for other in ("model", "task_type", "state")]}


@dataclass(frozen=True)
class Options:
    task_id: str | None
    model: str | None
    task_type: str | None
    state: str | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The tasks that the options select. Raises Failure."""
    found = sorted(_find(options, run), key=lambda doc: doc.source.get("create_time") or 0, reverse=True)
    now = run.clock.epoch()
    return {"tasks": [tasks.to_result(doc, now) for doc in found]}


def _find(options: Options, run: Run) -> list[Doc]:
    if options.task_id:
        task = Task.get(run.client, options.task_id)
        return [task] if task else []
    model_id = find_id(run, Model, options.model) if options.model else None
    values = {"task_type": options.task_type, "state": options.state, "model_id": model_id}
    terms = [{"term": {name: value}} for name, value in values.items() if value]
    return Task.search(run.client, {"bool": {"must": terms}} if terms else {"match_all": {}})


MODULE = Module(SPEC, execute, typed(Options), RULES)
