# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What opensearch_pipeline does: a pipeline that is as stated, and nothing more."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._kinds import pipeline as pipelines
from .._kinds.base import deleted_during_change
from .._operations import references as references_module
from .._runtime.module import Module
from .._runtime.run import Run
from .._values.compare import same_json

OPTIONS = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True, "choices": ["search", "ingest"]},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "description": {"type": "str"},
    "version": {"type": "int"},
    "definition": {"type": "dict"},
}


RULES = {"required_if": [("state", "present", ["definition"])]}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the pipeline to the stated state. Raises Failure."""
    name, kind = options["name"], options["type"]
    body = pipelines.desired(options)
    pipelines.check(options, body)
    current = pipelines.read(run.client, kind, name)
    label = pipelines.label(kind)
    if options["state"] == "absent":
        if current is not None:
            run.perform("delete", label, name, lambda: pipelines.delete(run.client, kind, name))
        return {"pipeline": None, "diff": {"before": current or {}, "after": {}}}

    fulfilled = None if current is None else partial(same_json, current)
    wanted, references = references_module.resolve(run, body, fulfilled)
    before, after = current or {}, current
    if current is None or not same_json(current, wanted):
        if run.check_mode:
            pipelines.check_processors(run.client, kind, wanted)
        run.perform(
            "create" if current is None else "update",
            label,
            name,
            lambda: pipelines.put(run.client, kind, name, wanted),
            fields=sorted(
                field
                for field in {*before, *wanted}
                if field not in before or field not in wanted or not same_json(before[field], wanted[field])
            ),
        )
        after = wanted if run.check_mode else _written(run, kind, name, wanted)
    return {
        "pipeline": pipelines.to_result(kind, name, after or {}),
        "diff": {
            "before": references_module.restore_references(before, references),
            "after": references_module.restore_references(after, references),
        },
    }


def _written(run: Run, kind: str, name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    stored = pipelines.read(run.client, kind, name)
    if stored is None:
        raise deleted_during_change(f"The {pipelines.label(kind)} {name!r}")
    if not same_json(stored, wanted):
        raise Failure(
            "not_converged", f"The {pipelines.label(kind)} {name!r} was written, yet holds {str(stored)[:500]}."
        )
    return stored


MODULE = Module(OPTIONS, execute, RULES)
