# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What comes before what. (The standard library's graphlib is not in Python 3.8.)"""

from __future__ import annotations

from typing import Any, Hashable, Iterable, Mapping, TypeVar

Node = TypeVar("Node", bound=Hashable)


class Cycle(Exception):
    """Some nodes need each other; ``nodes`` are they, each needing the next, the first again at the end."""

    def __init__(self, nodes: list[Any]) -> None:
        super().__init__(nodes)
        self.nodes = nodes


def ordered(needs: Mapping[Node, Iterable[Node]]) -> list[Node]:
    """The nodes, each after those that it needs, as they were given otherwise. Raises Cycle."""
    done: dict[Node, None] = {}
    for node in needs:
        # Depth first, with a stack of its own, as a chain may be longer than Python's.
        trail: dict[Node, list[Node]] = {}
        _enter(node, needs, done, trail)
        while trail:
            current = next(reversed(trail))
            if not trail[current]:
                del trail[current]
                done[current] = None
                continue
            needed = trail[current].pop(0)
            if needed in trail:
                nodes = list(trail)
                raise Cycle([*nodes[nodes.index(needed) :], needed])
            _enter(needed, needs, done, trail)
    return list(done)


def _enter(
    node: Node, needs: Mapping[Node, Iterable[Node]], done: dict[Node, None], trail: dict[Node, list[Node]]
) -> None:
    if node not in done:
        trail[node] = list(needs.get(node, ()))
