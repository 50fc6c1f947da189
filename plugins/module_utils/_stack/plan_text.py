# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""How a stack tells of itself: each action with its reason, the plan in lines, everything that went wrong at once."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._errors.exceptions import Failure
from .declaration import Problem
from .plan import Step

_CREATE = frozenset({"create", "register", "register_and_deploy"})

#: How many problems a message tells; all of them are in the details.
_TOLD = 20


def told_actions(step: Step, actions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The actions of a step, with the section, the place and the reason."""
    return [
        {**action, "section": step.item.section.option, "place": step.item.place, "reason": _reason(step, action)}
        for action in actions
    ]


def lines(steps: Iterable[Step]) -> list[str]:
    """The plan, a line for each action."""
    return [_line(action) for step in steps for action in step.actions]


def prepared(steps: Iterable[Step]) -> str:
    return "".join(f"{line}\n" for line in lines(steps))


def _line(action: Mapping[str, Any]) -> str:
    what = f"{action['kind']} {action['name']!r}"
    fields = f": {', '.join(action['fields'])}" if action.get("fields") else ""
    name = action["action"]
    if name in _CREATE:
        how = {"register_and_deploy": " (register and deploy)", "register": " (register)"}.get(name, "")
        return f"+ create {what}{how}"
    if name == "delete":
        return f"- delete {what}"
    how = {"update": "in place", "set": "in place"}.get(name, name.replace("_", " "))
    return f"~ change {what} ({how}){fields}"


def _reason(step: Step, action: Mapping[str, Any]) -> str:
    name = action["action"]
    if name in _CREATE:
        return "It is declared and not on the cluster."
    if name == "delete":
        if step.item.place == "prune":
            return "It is on the cluster and not declared."
        return "It is declared absent." if step.item.absent else "Something else takes its place."
    if name in ("deploy", "repair"):
        return "It is declared deployed and does not serve on every node."
    if name == "undeploy":
        return "It is declared undeployed and serves."
    if action.get("fields"):
        return f"It differs in {', '.join(action['fields'])}."
    if name == "swap":
        return "It stands for several that were made at the same moment and could not be taken back."
    return "An interrupted change is ended." if "swap" in name or name == "repoint" else "It differs."


def refuse(problems: list[Problem]) -> Failure:
    """The failure that tells everything that is wrong with a declaration, before anything was changed."""
    count = f"{len(problems)} problems" if len(problems) > 1 else "One problem"
    told = "; ".join(f"{each.place}: {each.message.rstrip('.')}" for each in problems[:_TOLD])
    more = f"; and {len(problems) - _TOLD} more" if len(problems) > _TOLD else ""
    return Failure(
        "invalid_stack",
        f"{count}, and nothing was changed: {told}{more}.",
        problems=[{"place": each.place, "code": each.code, "message": each.message} for each in problems],
    )
