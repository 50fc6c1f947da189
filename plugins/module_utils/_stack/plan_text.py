# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The texts of a plan: the reason of each action, one line per action, and the message with all problems."""

from __future__ import annotations

from typing import Any, Iterable, Mapping

from .._errors.exceptions import Failure
from .._runtime.run import CREATING
from .declaration import Item, Problem
from .plan import Step
from .sections import Dependency

#: Maximum number of problems in a message. The details list all of them.
_MAX_IN_MESSAGE = 20


def explained_actions(step: Step, actions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The actions of a step with their section, place and reason."""
    return [
        {**action, "section": step.item.section.option, "place": step.item.place, "reason": _reason(step, action)}
        for action in actions
    ]


def plan_lines(steps: Iterable[Step]) -> list[str]:
    """The plan as one line per action."""
    return [_line(action) for step in steps for action in step.actions]


def diff_text(steps: Iterable[Step]) -> str:
    """The plan as the text that Ansible shows as the diff."""
    return "".join(f"{line}\n" for line in plan_lines(steps))


def _line(action: Mapping[str, Any]) -> str:
    what = f"{action['kind']} {action['name']!r}"
    fields = f": {', '.join(action['fields'])}" if action.get("fields") else ""
    name = action["action"]
    if name in CREATING:
        how = {"register_and_deploy": " (register and deploy)", "register": " (register)"}.get(name, "")
        return f"+ create {what}{how}"
    if name == "delete":
        return f"- delete {what}"
    how = {"update": "in place", "set": "in place"}.get(name, name.replace("_", " "))
    return f"~ change {what} ({how}){fields}"


def _reason(step: Step, action: Mapping[str, Any]) -> str:
    name = action["action"]
    if name in CREATING:
        return "It is declared and not on the cluster."
    if name == "delete":
        if step.item.place == "prune":
            return "It is on the cluster and not declared."
        return "It is declared absent." if step.item.absent else "Another object replaces it."
    if name in ("deploy", "repair"):
        return "It is declared deployed and is not deployed on every node."
    if name == "undeploy":
        return "It is declared undeployed and is deployed."
    if action.get("fields"):
        return f"It differs in {', '.join(action['fields'])}."
    if name == "swap":
        return "It replaces several that were created at the same moment and could not be deleted."
    return "It completes an interrupted change." if "swap" in name else "It differs."


def invalid_stack(problems: list[Problem], unknown: Iterable[tuple[Item, Dependency]] = ()) -> Failure:
    """The failure that reports all problems of a declaration at once, before anything is changed.

    ``unknown``: the references to objects that are not declared, if the cluster was not asked whether it has them.
    """
    count = f"{len(problems)} problems" if len(problems) > 1 else "One problem"
    listed = "; ".join(f"{each.place}: {each.message.rstrip('.')}" for each in problems[:_MAX_IN_MESSAGE])
    more = f"; and {len(problems) - _MAX_IN_MESSAGE} more" if len(problems) > _MAX_IN_MESSAGE else ""
    unchecked = [
        f"{item.display_name} refers to {each.section.rstrip('s')} {each.reference!r}" for item, each in unknown
    ]
    message = f"{count}, and nothing was changed: {listed}{more}."
    if unchecked:
        shown = "; ".join(unchecked[:_MAX_IN_MESSAGE])
        message += f" Not declared here, and not looked for on the cluster yet: {shown}."
    return Failure(
        "invalid_stack",
        message,
        problems=[each._asdict() for each in problems],
        unchecked=unchecked,
        remedies_of_the_problems=" ".join(
            dict.fromkeys(each.remedy for each in problems[:_MAX_IN_MESSAGE] if each.remedy)
        ),
    )
