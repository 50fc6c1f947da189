# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_stack_info: exports a cluster as a declaration, or as a graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._kinds.snapshot import Snapshot
from .._runtime.module import Module, typed
from .._runtime.run import Run
from . import graph, ownership_label
from .export import Exporter
from .sections import SECTIONS

_SECTION_OPTIONS = [section.option for section in SECTIONS]

SPEC = {
    "format": {"type": "str", "default": "stack", "choices": ["stack", "graph"]},
    "sections": {"type": "list", "elements": "str", "choices": _SECTION_OPTIONS},
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
}


@dataclass(frozen=True)
class Options:
    format: str
    sections: list[str] | None
    name: str | None
    name_pattern: str | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Return the cluster in the requested format. Raises Failure."""
    if options.name is not None:
        ownership_label.check_stack_name(options.name)
    snapshot = Snapshot.of_cluster(run.client)
    if options.format == "graph":
        return {
            "cluster": graph.cluster_info(run.client),
            "nodes": graph.nodes(snapshot),
            "edges": graph.edges(snapshot),
        }
    exporter = Exporter(snapshot, stack=options.name, pattern=options.name_pattern)
    sections = options.sections if options.sections is not None else _SECTION_OPTIONS
    declared = {option: exporter.section(option) for option in _SECTION_OPTIONS if option in sections}
    return {
        "stack": {**({"name": options.name} if options.name else {}), **declared},
        "variables": exporter.variables_in(declared),
        "left_out": [each._asdict() for each in exporter.left_out],
    }


MODULE = Module(SPEC, execute, typed(Options))
