# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a module is, wherever it runs: its options, and its task from them to a result without secrets."""

from __future__ import annotations

import math
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from .._errors.exceptions import Failure, understood
from .._errors.printable import printable
from .._http import connection as connection_module
from .._http.clock import Tell
from .._http.connection import Connection
from .._values.masking import MASK, SHORTEST, Masker
from .run import Run

#: A task: from the module's options and the run to the result, without 'changed', 'actions' and 'warnings'.
Task = Callable[[Mapping[str, Any], Run], "dict[str, Any]"]


class Outcome(NamedTuple):
    """How a task ended. Nothing in it is secret any more."""

    result: dict[str, Any]
    warnings: list[str]
    failure: Failure | None = None


class Module(NamedTuple):
    """``options`` and ``rules`` are AnsibleModule's, ``secrets`` names values to hide beyond those of 'no_log' options,
    ``connection`` is the kind of server that the task works on."""

    options: Mapping[str, Any]
    task: Task
    rules: Mapping[str, Any] = {}
    secrets: Callable[[Mapping[str, Any]], Iterable[str]] = lambda params: ()
    connection: Connection = connection_module.CLUSTER

    def argument_spec(self) -> dict[str, Any]:
        return {**self.connection.options(), **self.options}

    def masker(self, params: Mapping[str, Any]) -> Masker:
        """Knows all secrets among the validated options."""
        return Masker([*self.connection.secrets(params), *map(str, self.secrets(params))])

    def perform(
        self,
        params: Mapping[str, Any],
        masker: Masker,
        *,
        check_mode: bool,
        progress: Tell | None = None,
    ) -> Outcome:
        """Do the task with validated options. ``progress`` is told by lines how far it is."""
        actions: list[dict[str, Any]] = []
        warnings: list[str] = []
        failed: Failure | None = None
        try:
            self._check(params)
            client = self.connection.connect(params, read_only=check_mode, mask=masker)
            run = Run(client, check_mode=check_mode, progress=progress)
            actions, warnings = run.actions, run.warnings
            with understood():
                told = self.task(params, run)
            result = {"changed": run.changed, "actions": actions, **told}
        except Failure as failure:
            failed, result = failure, _failed(failure, actions, check_mode=check_mode)
        # What was warned of may be why the task failed.
        return Outcome(masker(result), [printable(masker(warning)) for warning in warnings], failed)

    def _check(self, params: Mapping[str, Any]) -> None:
        """Raises Failure for what Ansible lets pass: numbers that nothing can be measured with, and names and ids that
        are empty."""
        for name, value in params.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise Failure("invalid_input", f"{name}: {value} is no number to work with.")
        for names in self.rules.get("required_one_of", ()):
            if not any(params.get(name) for name in names):
                raise Failure("invalid_input", f"one of {', '.join(names)} is needed, and must not be empty.")

    def shown(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The options as Ansible may show them."""
        spec = self.argument_spec()
        return {
            name: MASK if value is not None and spec.get(name, {}).get("no_log") else value
            for name, value in params.items()
        }


def worth_hiding(values: Iterable[Any]) -> set[Any]:
    """The values that Ansible is to mask everywhere: without very short ones, as a password of one letter would be cut out
    of every id."""
    return {value for value in values if len(str(value)) >= SHORTEST}


def _failed(failure: Failure, actions: list[dict[str, Any]], *, check_mode: bool) -> dict[str, Any]:
    """The result of a task that failed: what, why, what to do, and what had been done by then."""
    return {
        "msg": f"{failure.message.rstrip('.')}. {failure.remedy}",
        "failure": failure.as_dict(),
        "changed": bool(actions) and not check_mode,
        "actions": actions,
    }
