# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds and runs the action plugin of a module as Ansible does for a task, without the rest of Ansible."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any, Mapping
from unittest import mock

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.template import Templar

COLLECTION = "ansible_collections.searchops.opensearch_ml"

#: Result of the replaced normal action: Ansible would have run the module on the host, not in this process.
SENT = {"sent": "as a module"}


def make_action(
    module: str,
    args: Mapping[str, Any],
    *,
    check_mode: bool = False,
    transport: str = "local",
    become: Any = None,
    **keywords: Any,
) -> Any:
    """The action plugin of a task; ``keywords`` are keywords of the task, such as environment or no_log."""
    task = Task()
    task.action = f"searchops.opensearch_ml.{module}"
    task.args = dict(args)
    for name, value in {
        "check_mode": check_mode, "diff": True, "no_log": False, "async_val": 0, "environment": [], **keywords,
    }.items():  # fmt: skip
        setattr(task, name, value)
    loader = DataLoader()
    shell = SimpleNamespace(tmpdir=None, env_prefix=lambda **environment: "")
    action = importlib.import_module(f"{COLLECTION}.plugins.action.{module}").ActionModule(
        task=task,
        connection=SimpleNamespace(transport=transport, become=become, _shell=shell),
        play_context=SimpleNamespace(),
        loader=loader,
        templar=Templar(loader=loader),
        shared_loader_obj=None,
    )
    return action


def run_action(
    module: str, args: Mapping[str, Any], variables: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The result of the action; :data:`SENT` if it would have sent the module to the host."""

    # A function, as patch() would create a MagicMock, which takes a millisecond.
    def send(*args: Any, **keywords: Any) -> dict[str, Any]:
        return dict(SENT)

    with mock.patch.object(NormalAction, "run", send):
        result: dict[str, Any] = make_action(module, args, **more).run(task_vars=dict(variables or {}))
    return result
