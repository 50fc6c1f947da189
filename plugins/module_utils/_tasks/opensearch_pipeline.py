# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_pipeline: create, replace or delete a search or ingest pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._kinds import pipeline as pipelines
from .._kinds.base import deleted_during_change
from .._operations.references import resolve, restore_references
from .._runtime.module import Module, typed
from .._runtime.run import Run
from .._values.compare import same_json

SPEC = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True, "choices": ["search", "ingest"]},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "description": {"type": "str"},
    "version": {"type": "int"},
    "definition": {"type": "dict"},
}

RULES = {"required_if": [("state", "present", ["definition"])]}


@dataclass(frozen=True)
class Options:
    name: str
    type: str
    state: str
    description: str | None
    version: int | None
    definition: Mapping[str, Any] | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Apply the desired state of the pipeline. Raises Failure."""
    body = pipelines.desired(options.definition, options.description, options.version)
    pipelines.check(options.type, options.name, body)
    observed = pipelines.read(run.client, options.type, options.name)
    if options.state == "absent":
        return _absent(options, run, observed)
    desired, references = resolve(run, body, None if observed is None else partial(same_json, observed))
    after = _reconcile(options, run, observed, desired)
    return {
        "pipeline": pipelines.to_result(options.type, options.name, after),
        "diff": {
            "before": restore_references(observed or {}, references),
            "after": restore_references(after, references),
        },
    }


def _absent(options: Options, run: Run, observed: Mapping[str, Any] | None) -> dict[str, Any]:
    if observed is not None:
        delete = partial(pipelines.delete, run.client, options.type, options.name)
        run.perform("delete", pipelines.label(options.type), options.name, delete)
    return {"pipeline": None, "diff": {"before": observed or {}, "after": {}}}


def _reconcile(options: Options, run: Run, observed: dict[str, Any] | None, desired: dict[str, Any]) -> dict[str, Any]:
    """Write the pipeline if it does not exist or differs. Returns its body after that."""
    if observed is not None and same_json(observed, desired):
        return observed
    if run.check_mode:
        pipelines.check_processors(run.client, options.type, desired)
    run.perform(
        "create" if observed is None else "update",
        pipelines.label(options.type),
        options.name,
        partial(pipelines.put, run.client, options.type, options.name, desired),
        fields=_diff(observed or {}, desired),
    )
    return desired if run.check_mode else _verify(options, run, desired)


def _diff(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
    """The names of the fields that differ, or that only one of the bodies has."""
    fields = sorted({*observed, *desired})
    return [
        field
        for field in fields
        if field not in observed or field not in desired or not same_json(observed[field], desired[field])
    ]


def _verify(options: Options, run: Run, desired: Mapping[str, Any]) -> dict[str, Any]:
    """Read the pipeline back after the write. Raises Failure if it is gone or still differs."""
    observed = pipelines.read(run.client, options.type, options.name)
    subject = f"{pipelines.label(options.type).capitalize()} {options.name!r}"
    if observed is None:
        raise deleted_during_change(subject)
    if not same_json(observed, desired):
        raise Failure("not_converged", f"{subject} was written, but still differs: it is {str(observed)[:500]}.")
    return observed


MODULE = Module(SPEC, execute, typed(Options), RULES)
