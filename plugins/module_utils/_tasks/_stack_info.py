# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_stack_info does: a cluster as a declaration, or as a graph."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._core import Module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack import _graph, _marks
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack._cluster import Cluster
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack._export import Exporter
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack._sections import SECTIONS

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
        _marks.check_name(options["name"])
    cluster = Cluster.read(run.client)
    if options["format"] == "graph":
        return {"cluster": _graph.root(run.client), "nodes": _graph.nodes(cluster), "edges": _graph.edges(cluster)}
    exporter = Exporter(cluster, stack=options["name"], pattern=options["name_pattern"])
    sections = options["sections"] if options["sections"] is not None else _OPTIONS
    declared = {option: exporter.section(option) for option in _OPTIONS if option in sections}
    return {
        "stack": {**({"name": options["name"]} if options["name"] else {}), **declared},
        "variables": exporter.variables,
        "left_out": [each._asdict() for each in exporter.left_out],
    }


MODULE = Module(OPTIONS, execute)
