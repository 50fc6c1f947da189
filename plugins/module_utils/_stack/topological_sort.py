# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Topological sort. The standard library's graphlib does not exist in Python 3.8."""

from __future__ import annotations

from typing import Any, Hashable, Iterable, Mapping, TypeVar

Node = TypeVar("Node", bound=Hashable)


class Cycle(Exception):
    """Some nodes depend on each other: in ``nodes`` each depends on the next, and the last is the first one again."""

    def __init__(self, nodes: list[Any]) -> None:
        super().__init__(nodes)
        self.nodes = nodes


def topological_order(dependencies: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """The nodes, each after its dependencies, otherwise in the given order. Raises Cycle."""
    done: dict[Node, None] = {}
    for node in dependencies:
        # Depth first with an explicit stack: a chain may be longer than Python's recursion limit.
        trail: dict[Node, list[Node]] = {}
        _enter(node, dependencies, done, trail)
        while trail:
            current = next(reversed(trail))
            if not trail[current]:
                del trail[current]
                done[current] = None
                continue
            dependency = trail[current].pop(0)
            if dependency in trail:
                nodes = list(trail)
                raise Cycle([*nodes[nodes.index(dependency) :], dependency])
            _enter(dependency, dependencies, done, trail)
    return list(done)


def _enter(
    node: Node, dependencies: Mapping[Node, Iterable[Node]], done: dict[Node, None], trail: dict[Node, list[Node]]
) -> None:
    if node not in done:
        trail[node] = list(dependencies.get(node, ()))
