# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_stack_info does: a cluster as a declaration, or as a graph."""

from __future__ import annotations

from typing import Any, Mapping

from .._runtime.module import Module
from .._runtime.run import Run
from . import graph, ownership_label
from .export import Exporter
from .inventory import Cluster
from .sections import SECTIONS

_OPTIONS = [section.option for section in SECTIONS]

OPTIONS = {
    "format": {"type": "str", "default": "stack", "choices": ["stack", "graph"]},
    "sections": {"type": "list", "elements": "str", "choices": _OPTIONS},
    "name": {"type": "str"},
    "name_pattern": {"type": "str"},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The cluster in the asked format. Raises Failure."""
    if options["name"] is not None:
        ownership_label.check_name(options["name"])
    cluster = Cluster.read(run.client)
    if options["format"] == "graph":
        return {"cluster": graph.root(run.client), "nodes": graph.nodes(cluster), "edges": graph.edges(cluster)}
    exporter = Exporter(cluster, stack=options["name"], pattern=options["name_pattern"])
    sections = options["sections"] if options["sections"] is not None else _OPTIONS
    declared = {option: exporter.section(option) for option in _OPTIONS if option in sections}
    return {
        "stack": {**({"name": options["name"]} if options["name"] else {}), **declared},
        "variables": exporter.variables,
        "left_out": [each._asdict() for each in exporter.left_out],
    }


MODULE = Module(OPTIONS, execute)
