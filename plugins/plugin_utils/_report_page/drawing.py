# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The layout of the drawing: columns of connectors, of models and memory containers, and of agents and pipelines, joined by
lines."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Sequence

Node = Mapping[str, Any]

WIDTH, HEIGHT = 220, 40
#: The distance from one box to the next below, and from one column to the next.
ROW, COLUMN = 54, 320
MARGIN = 12
#: How far a line between two boxes of one column reaches to the right.
BOW = 40

_COLUMN = {"connector": 0, "model": 1, "memory_container": 1, "agent": 2, "search_pipeline": 2, "ingest_pipeline": 2}

#: The kind of an object that another one refers to but that does not exist.
MISSING = "missing"


def lay_out(nodes: Sequence[Node], edges: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """The boxes and lines, and the size of the drawing. A connector that does not exist any more has a box too."""
    shown: dict[str, Node] = {node["id"]: node for node in nodes if node["kind"] in _COLUMN}
    uses = [(edge["from"], edge["to"]) for edge in edges if edge["from"] in shown and edge["relation"] != "is in"]
    for _user, used in uses:
        shown.setdefault(used, {"kind": MISSING, "id": used, "name": used})
    places = _places(shown, uses)
    boxes: list[dict[str, Any]] = [
        {"node": node, "x": places[id_][0], "y": places[id_][1], "width": WIDTH, "height": HEIGHT}
        for id_, node in shown.items()
    ]
    right, below = (max((place[axis] for place in places.values()), default=0) for axis in (0, 1))
    return {
        "boxes": sorted(boxes, key=lambda box: places[box["node"]["id"]]),
        "lines": [_line(places[used], places[user]) for user, used in uses],
        "width": right + WIDTH + BOW,
        "height": below + HEIGHT + MARGIN,
    }


def _places(shown: Mapping[str, Node], uses: Sequence[tuple[str, str]]) -> dict[str, tuple[int, int]]:
    """The upper left corner of each box.

    Models have the order of their connectors, so that few lines cross. The other boxes are placed at the average height
    of the models that they are joined to.
    """
    columns: list[list[str]] = [[], [], []]
    for id_, node in sorted(shown.items(), key=lambda item: (item[1]["name"], item[0])):
        columns[_COLUMN.get(node["kind"], 0)].append(id_)
    used_by: dict[str, list[str]] = {}
    users_of: dict[str, list[str]] = {}
    for user, used in uses:
        used_by.setdefault(user, []).append(used)
        users_of.setdefault(used, []).append(user)
    rank = {id_: number for number, id_ in enumerate(columns[0])}
    last = len(shown)
    columns[1].sort(key=lambda id_: min((rank.get(used, last) for used in used_by.get(id_, [])), default=last))
    heights = {id_: MARGIN + ROW * number for number, id_ in enumerate(columns[1])}
    for column, joined in ((columns[0], users_of), (columns[2], used_by)):
        desired = {id_: _middle([heights[each] for each in joined.get(id_, []) if each in heights]) for id_ in column}
        free = MARGIN
        # Boxes without lines come last.
        for id_ in sorted(column, key=lambda id_: (desired[id_] is None, desired[id_] or 0)):
            heights[id_] = max(free, desired[id_] or 0)
            free = heights[id_] + ROW
    return {id_: (MARGIN + COLUMN * number, heights[id_]) for number, column in enumerate(columns) for id_ in column}


def _middle(heights: Sequence[int]) -> int | None:
    return sum(heights) // len(heights) if heights else None


def _line(used: tuple[int, int], user: tuple[int, int]) -> str:
    """A curve from the right side of a box to the left side of its user, or to the right side in the same column."""
    (x1, y1), (x2, y2) = used, user
    x1, y1, y2 = x1 + WIDTH, y1 + HEIGHT // 2, y2 + HEIGHT // 2
    if x2 + WIDTH == x1:
        return f"M{x1} {y1}C{x1 + BOW} {y1} {x1 + BOW} {y2} {x1} {y2}"
    middle = (x1 + x2) // 2
    return f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"
