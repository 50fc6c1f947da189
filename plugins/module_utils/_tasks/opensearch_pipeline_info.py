# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_pipeline_info: list pipelines, and the processors that all nodes know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._kinds import pipeline as pipelines
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "name": {"type": "str", "default": "*"},
    "type": {"type": "str", "choices": ["search", "ingest"]},
    "with_processors": {"type": "bool", "default": False},
}


@dataclass(frozen=True)
class Options:
    name: str
    type: str | None
    with_processors: bool


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The pipelines that the options select, search pipelines first. Raises Failure."""
    kinds = [options.type] if options.type else list(pipelines.PATHS)
    result: dict[str, Any] = {
        "pipelines": [
            pipelines.to_result(kind, name, body)
            for kind in kinds
            for name, body in sorted(pipelines.read_all(run.client, kind, options.name or "*").items())
        ]
    }
    if options.with_processors:
        result["processors"] = {kind: pipelines.common_processors(run.client, kind) for kind in kinds}
    return result


MODULE = Module(SPEC, execute, typed(Options))
