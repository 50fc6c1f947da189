# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The description of a module, one call of it, and its run as a process of its own."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Callable, Iterable, Mapping, NamedTuple, TypeVar

from ansible.module_utils.basic import AnsibleModule

from .._errors.exceptions import Failure, reraise_malformed_answer
from .._errors.printable import printable
from .._http import connection as connections
from .._http.clock import ProgressCallback
from .._http.connection import Connection
from .._values.masking import MASK, MIN_SECRET_LENGTH, Masker
from .run import Run

Options = TypeVar("Options")

#: A task: from the module's typed options and the run to the result, without 'changed', 'actions' and 'warnings'.
TaskFunction = Callable[[Any, Run], "dict[str, Any]"]

#: The longest entry of one module in the system's log, in characters.
MAX_LOG_ENTRY = 10_000


def typed(options_class: Callable[..., Options]) -> Callable[[Mapping[str, Any]], Options]:
    """A parser that fills the fields of a dataclass with the parameters of the same names."""
    names = [field.name for field in dataclasses.fields(options_class)]  # type: ignore[arg-type] # a dataclass is callable
    return lambda params: options_class(**{name: params[name] for name in names})


class TaskOutcome(NamedTuple):
    """How a task ended: its result and warnings, with all secrets masked."""

    result: dict[str, Any]
    warnings: list[str]
    failure: Failure | None = None


class Module(NamedTuple):
    """The description of a module.

    ``spec`` and ``rules`` are AnsibleModule's. ``parse`` makes the typed options of the validated parameters, once for each
    call. ``secrets`` returns the values to mask beyond those of 'no_log' options; its second argument is None where
    ``parse`` failed. ``connection`` is the kind of server that the task works on.
    """

    spec: Mapping[str, Any]
    execute: TaskFunction
    rules: Mapping[str, Any] = {}
    parse: Callable[[Mapping[str, Any]], Any] = dict
    secrets: Callable[[Mapping[str, Any], Any], Iterable[str]] = lambda params, options: ()
    connection: Connection = connections.CLUSTER

    def argument_spec(self) -> dict[str, Any]:
        return {**self.connection.options(), **self.spec}

    def redacted(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as Ansible may show them."""
        spec = self.argument_spec()
        return {
            name: MASK if value is not None and spec.get(name, {}).get("no_log") else value
            for name, value in params.items()
        }


class ModuleCall:
    """One call of a module with validated parameters, which are parsed once."""

    def __init__(self, module: Module, params: Mapping[str, Any]) -> None:
        self._module = module
        self._params = params
        self._options: Any = None
        self._invalid: Failure | None = None
        try:
            self._options = module.parse(params)
        except Failure as failure:
            self._invalid = failure
        #: Masks all secrets among the parameters.
        self.masker = Masker(
            [*module.connection.secrets(params), *map(str, module.secrets(params, self._options))],
        )

    def run(self, *, check_mode: bool, progress: ProgressCallback | None = None) -> TaskOutcome:
        """Execute the task. ``progress`` is called with status lines."""
        actions: list[dict[str, Any]] = []
        warnings: list[str] = []
        failed: Failure | None = None
        try:
            self._check()
            client = self._module.connection.connect(self._params, read_only=check_mode, mask=self.masker)
            run = Run(client, check_mode=check_mode, progress=progress)
            actions, warnings = run.actions, run.warnings
            with reraise_malformed_answer():
                returned = self._module.execute(self._options, run)
            result = {"changed": run.changed, "actions": actions, **returned}
        except Failure as failure:
            failed, result = failure, _failed(failure, actions, check_mode=check_mode)
        # A failure may have its cause in what a warning says, so a failed task returns its warnings as well.
        return TaskOutcome(self.masker(result), [printable(self.masker(warning)) for warning in warnings], failed)

    def _check(self) -> None:
        """Raises Failure for invalid options, and for values that Ansible accepts but no task can use: numbers that are
        not finite, and empty names and ids."""
        for name, value in self._params.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise Failure("invalid_input", f"{name}: {value} is no number to work with.")
        for names in self._module.rules.get("required_one_of", ()):
            if not any(self._params.get(name) for name in names):
                raise Failure("invalid_input", f"one of {', '.join(names)} is needed, and must not be empty.")
        if self._invalid:
            raise self._invalid


def long_enough_to_mask(values: Iterable[Any]) -> set[Any]:
    """The values that Ansible masks everywhere. Very short ones are left out: masking a password of one letter would
    mangle every id."""
    return {value for value in values if len(str(value)) >= MIN_SECRET_LENGTH}


def _failed(failure: Failure, actions: list[dict[str, Any]], *, check_mode: bool) -> dict[str, Any]:
    """The result of a failed task: what failed, the remedy, and what had been done by then."""
    return {
        "msg": f"{failure.message.rstrip('.')}. {failure.remedy}",
        "failure": failure.as_dict(),
        "changed": bool(actions) and not check_mode,
        "actions": actions,
    }


class _MaskedModule(AnsibleModule):
    """AnsibleModule that masks secrets in the system's log and in early failures."""

    def __init__(self, described: Module) -> None:
        self._described = described
        self._call: ModuleCall | None = None
        super().__init__(argument_spec=described.argument_spec(), supports_check_mode=True, **described.rules)

    @property
    def call(self) -> ModuleCall:
        """The call, made once: Ansible writes its log entry before the constructor returns."""
        if self._call is None:
            self._call = ModuleCall(self._described, self.params)
        return self._call

    def log(self, msg: str, log_args: Mapping[str, Any] | None = None) -> None:
        """Write to the system's log, where Ansible records each module with its arguments."""
        masker = self.call.masker
        # A log accepts no NUL, and a line break would start another entry.
        super().log(printable(masker(msg), MAX_LOG_ENTRY), log_args and masker(dict(log_args)))

    def fail_json(self, msg: str, **result: Any) -> None:
        self.params.update(self._described.redacted(self.params))
        super().fail_json(msg, **result)


def run_module(described: Module) -> None:
    """The whole of a module's main()."""
    module = _MaskedModule(described)
    # Ansible shows the invocation at -vvv and masks only the values that it knows to be secret.
    module.no_log_values.update(module.call.masker.forms)
    outcome = module.call.run(check_mode=module.check_mode)
    module.params.update(described.redacted(module.params))
    module.no_log_values = long_enough_to_mask(module.no_log_values)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.failure:
        module.fail_json(**outcome.result)
    module.exit_json(**outcome.result)
