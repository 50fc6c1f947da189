# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the controllers of a round run: a playbook, and the variables of each controller."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import CHAT, PATTERN
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import PRIVATE_IP, TRUSTED, chat

#: The number of controllers of a round. They are numbered from 0 on.
CONTROLLERS = 8

_VALUES = re.compile(r"Values of controller (\d)")


class Subject(NamedTuple):
    """A playbook that all controllers of a round run.

    ``variables`` takes the prefix of the objects' names and the number of the controller. ``objects`` has the endings of the
    names by kind, after the prefix. Controllers without values of their own declare the same.
    """

    name: str
    means: str
    playbook: str
    variables: Callable[[str, int], dict[str, Any]]
    objects: Mapping[str, tuple[str, ...]]
    #: Each controller declares values of its own.
    own_values: bool = False
    #: The playbook has several tasks, so that the objects may end with the values of several controllers.
    several_tasks: bool = False
    #: The controllers that declare the objects absent. Controller 0 is not one of them.
    removers: frozenset[int] = frozenset()
    #: The variables of a run before the round, so that all controllers have something to write; takes the prefix.
    before: Callable[[str], dict[str, Any]] | None = None


def declared_by(source: Mapping[str, Any]) -> int | None:
    """The number of the controller whose values an object has; None if it has no such values.

    Raises AssertionError if a connector has the description of one controller and the temperature of another.
    """
    found = _VALUES.match(source.get("description") or "")
    controller = int(found[1]) if found else None
    temperature = (source.get("parameters") or {}).get("temperature")
    if temperature is not None:
        assert controller is not None, f"temperature {temperature} without the description of a controller"
        assert float(temperature) == _temperature(controller), f"temperature {temperature} with {found}"
    return controller


def _values(controller: int) -> str:
    return f"Values of controller {controller}"


def _temperature(controller: int) -> float:
    return controller / 10


def _role(name: str, _controller: int) -> dict[str, Any]:
    return {
        "ollama_chat_name": name,
        "ollama_chat_base_url": "http://ollama:11434",
        "ollama_chat_model": "tiny-chat",
        "ollama_chat_allow_private": "always",
        "ollama_chat_wait_timeout": 60,
    }


def _different_roles(name: str, controller: int) -> dict[str, Any]:
    return {
        **_role(name, controller),
        "ollama_chat_description": _values(controller),
        "ollama_chat_request": {"temperature": _temperature(controller)},
    }


def _stack(name: str, _controller: int) -> dict[str, Any]:
    which = ("one", "two")
    return {
        "stack_name": name.replace(" ", "-"),
        "stack_settings": [{"settings": {TRUSTED: [PATTERN], PRIVATE_IP: True}, "list_mode": "append"}],
        "stack_model_groups": [{"name": f"{name} group"}],
        "stack_connectors": [chat(f"{name} {each}") for each in which],
        "stack_models": [
            {"name": f"{name} {each}", "connector": f"{name} {each}", "model_group": f"{name} group"} for each in which
        ],
    }


_SECTIONS = ("stack_model_groups", "stack_connectors", "stack_models")


def _described(name: str, description: str) -> dict[str, Any]:
    variables = _stack(name, 0)
    for section in _SECTIONS:
        for item in variables[section]:
            item["description"] = description
    return variables


def _different(name: str, controller: int) -> dict[str, Any]:
    variables = _described(name, _values(controller))
    for item in variables["stack_connectors"]:
        item["parameters"] = {**item["parameters"], "temperature": _temperature(controller)}
    return variables


_REMOVERS = frozenset(range(1, CONTROLLERS, 2))


def _removal(name: str, controller: int) -> dict[str, Any]:
    variables = _described(name, "After")
    if controller not in _REMOVERS:
        return variables
    # The settings stay: they belong to the whole cluster.
    absent = {
        section: [{"name": item["name"], "state": "absent"} for item in variables[section]] for section in _SECTIONS
    }
    return {"stack_name": variables["stack_name"], **absent}


def _before_removal(name: str) -> dict[str, Any]:
    return _described(name, "Before")


_STACK_OBJECTS = {"connectors": (" one", " two"), "models": (" one", " two"), "model_groups": (" group",)}
_STACK_PLAYBOOK = "playbooks/stack.yml"
_ROLE_PLAYBOOK = "playbooks/ollama_chat.yml"

ROLE = Subject("role", "all apply the role `ollama_chat` with the same values", _ROLE_PLAYBOOK, _role, CHAT)
STACK = Subject(
    "stack",
    "all apply the role `stack` with the same values: a setting, a group, two connectors and two models",
    _STACK_PLAYBOOK,
    _stack,
    _STACK_OBJECTS,
)
DIFFERENT = Subject(
    "different",
    "each applies this stack with a description of its own for each object, and a temperature of its own for each connector",
    _STACK_PLAYBOOK,
    _different,
    _STACK_OBJECTS,
    own_values=True,
)
REMOVAL = Subject(
    "removal",
    f"the stack exists; {CONTROLLERS - len(_REMOVERS)} apply it with another description of each object, and {len(_REMOVERS)} declare "
    "its objects absent",
    _STACK_PLAYBOOK,
    _removal,
    _STACK_OBJECTS,
    removers=_REMOVERS,
    before=_before_removal,
)
DIFFERENT_ROLES = Subject(
    "different-roles",
    "each applies the role `ollama_chat` with a description and a temperature of its own",
    _ROLE_PLAYBOOK,
    _different_roles,
    CHAT,
    own_values=True,
    several_tasks=True,
)

SUBJECTS = {each.name: each for each in (ROLE, STACK, DIFFERENT, REMOVAL, DIFFERENT_ROLES)}
