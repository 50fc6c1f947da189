# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What opensearch_pipeline_info does: lists pipelines by their name."""

from __future__ import annotations

from typing import Any, Mapping

from .._kinds import pipeline as pipelines
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "name": {"type": "str", "default": "*"},
    "type": {"type": "str", "choices": ["search", "ingest"]},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The pipelines that the options select, search pipelines first. Raises Failure."""
    return {
        "pipelines": [
            pipelines.to_result(kind, name, body)
            for kind in ([options["type"]] if options["type"] else pipelines.PATHS)
            for name, body in sorted(pipelines.read_all(run.client, kind, options["name"] or "*").items())
        ]
    }


MODULE = Module(OPTIONS, execute)
