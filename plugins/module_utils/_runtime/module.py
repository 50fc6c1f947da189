# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The description of a module, one call of it, and its ``main()``."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Callable, Collection, Iterable, Mapping, NamedTuple, TypeVar

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from .._errors.exceptions import ConcurrentChange, Failure, printable, reraise_malformed_answer
from .._http import connection as connections
from .._http.client import Client
from .._http.clock import ProgressCallback, RetryCallback
from .._http.connection import Connection
from .._values.masking import MIN_SECRET_LENGTH, Masker, find_secrets
from . import lease, option_checks
from .lease import Lease, LeaseNeeded
from .run import Run

Options = TypeVar("Options")

#: A task: from the module's typed options and the run to the result, without 'changed', 'actions', 'retries' and
#: 'warnings'.
TaskFunction = Callable[[Any, Run], "dict[str, Any]"]

#: The longest entry of one module in the system log, in characters.
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


def secrets_in_options(params: Mapping[str, Any], options: Any) -> list[str]:
    """The secrets among the options, also where they do not belong, as a message or the invocation may show them."""
    # The option 'headers' belongs to the connection to the cluster.
    return list(find_secrets({name: value for name, value in params.items() if name != "headers"}))


def no_secrets(params: Mapping[str, Any], options: Any) -> list[str]:
    """Of a module whose options are data of the user, in which any name may mean anything."""
    return []


class Module(NamedTuple):
    """The description of a module.

    ``spec`` and ``rules`` are those of AnsibleModule. ``parse`` turns the validated parameters into the typed options,
    once per call. ``check`` raises Failure for options that are invalid on every server; nothing is sent before.
    ``secrets`` returns the values to mask beyond those of 'no_log' options; its second argument is None where the
    parameters are invalid: then they may be of any type. ``connection`` is the kind of server that the task works on.
    ``item_specs``: list option -> the spec of its items, which the task itself validates. Items whose spec has ``src`` may
    name a file by it, as the option ``src`` of a module does. ``objects``: what a file of the module's own ``src`` describes
    one of, as the section of a stack is named.
    """

    spec: Mapping[str, Any]
    execute: TaskFunction
    parse: Callable[[Mapping[str, Any]], Any]
    rules: Mapping[str, Any] = {}
    secrets: Callable[[Mapping[str, Any], Any], Iterable[str]] = secrets_in_options
    connection: Connection = connections.CLUSTER
    check: Callable[[Any], None] = lambda options: None
    item_specs: Mapping[str, Mapping[str, Any]] = {}
    objects: str = ""

    def argument_spec(self) -> dict[str, Any]:
        """The module's own options, those of its connection and those of the lock."""
        return {**self.connection.options(), **(lease.OPTIONS if self.connection.lockable else {}), **self.spec}

    def masker(self, params: Mapping[str, Any], options: Any = None) -> Masker:
        """Masks all secrets among the parameters. Without ``options`` these need not be valid."""
        return Masker([*self.connection.secrets(params), *map(str, self.secrets(params, options))])

    def option_errors(self, given: Mapping[str, Any]) -> list[str]:
        """What is wrong with these options, which are as a task gives them, on every server: a sentence for each fault. Sends
        nothing, and needs none of the options of the connection."""
        validation = ArgumentSpecValidator(self.spec, **self.rules).validate(dict(given))
        if validation.error_messages:
            masker = self.masker(given)
            return [f"{masker(message).rstrip('.')}." for message in validation.error_messages]
        call = ModuleCall(self, validation.validated_parameters, given)
        try:
            call.check()
        except Failure as failure:
            return [call.masker(failure.sentence)]
        return []

    def redacted(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters, valid or not, without the values that are secret or may have a secret because they are
        invalid."""
        spec = self.argument_spec()
        for name, options in self.item_specs.items():
            spec[name] = {**spec[name], "options": options}
        return option_checks.redacted(spec, params)


class ModuleCall:
    """One call of a module with validated parameters, which are parsed once.

    ``given`` are the parameters before Ansible validated and converted them.
    """

    def __init__(self, module: Module, params: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> None:
        self._module = module
        self._params = params
        self._given = params if given is None else given
        self._options: Any = None
        self._invalid: Failure | None = None
        try:
            self._options = module.parse(params)
        except Failure as failure:
            self._invalid = failure
        #: Masks all secrets among the parameters.
        self.masker = module.masker(params, self._options)
        if given is not None:
            # Ansible has turned a mapping in place of a text into a text.
            self.masker.add(*map(str, module.secrets(given, None)))
        if self._invalid:
            self.masker.add(*self._invalid.secrets)

    def run(
        self,
        *,
        check_mode: bool,
        progress: ProgressCallback | None = None,
        on_retry: RetryCallback | None = None,
        planned: Collection[tuple[str, str]] = (),
    ) -> TaskOutcome:
        """Execute the task. ``progress`` is called with status lines; without ``on_retry`` also with those of retries. ``planned``
        is that of the :class:`Run`."""
        actions: list[dict[str, Any]] = []
        run: Run | None = None
        failed: Failure | None = None
        client: Client | None = None
        try:
            self.check()
            client = self._module.connection.connect(self._params, read_only=check_mode, mask=self.masker)
            run = Run(client, check_mode=check_mode, progress=progress)
            run.planned = planned
            client.on_retry = on_retry or run.report_retry
            if self._module.connection.lockable and not check_mode:
                run.lease = self._lease(run)
            actions = run.actions
            with reraise_malformed_answer():
                returned = self._execute(run)
            result = {"changed": run.changed, "actions": actions, **returned}
        except Failure as failure:
            failed, result = failure, failed_result(failure, actions, check_mode=check_mode)
        result["retries"] = client.retries if client else 0
        # A failure may have its cause in what a warning says, so a failed task returns its warnings as well.
        warnings = run.all_warnings() if run else []
        return TaskOutcome(self.masker(result), [printable(self.masker(warning)) for warning in warnings], failed)

    def _lease(self, run: Run) -> Lease:
        mode, timeout = self._params["lock"], self._params["lock_timeout"]
        held = Lease(run.client, mode=mode, timeout=timeout, wait=run.report_waiting, warn=run.warn)
        run.client.before_write = held.check
        return held

    def _execute(self, run: Run) -> dict[str, Any]:
        """Execute the task: at first without the lease, so that a task that changes nothing does not need it. As soon as
        the task has to write it starts over with the lease, and reads everything again.

        It also starts over if another controller changes what it relies on, for the lease's timeout from the first time on.
        """
        end: float | None = None
        try:
            while True:
                # Without the lease nothing is written, so nothing that was journalled until then was done. A task that has
                # released the lease and needs it again has done what it journalled before.
                writing = run.lease is not None and run.lease.held
                try:
                    return self._module.execute(self._options, run)
                except LeaseNeeded:
                    run.start_over(keep_actions=writing)
                except ConcurrentChange:
                    if end is None:
                        end = run.clock.now() + (run.lease.timeout if run.lease else 0.0)
                    if run.clock.now() >= end:
                        raise
                    run.start_over(keep_actions=writing)
                    run.clock.sleep(run.clock.jitter())
                if run.lease is not None:
                    run.lease.acquire()
        finally:
            if run.lease is not None:
                run.lease.release()
                run.client.add_counts(run.lease.client)

    def check(self) -> None:
        """Raises Failure for values that Ansible accepts but no task can use, and for those that this task cannot use.

        No task can use a mapping or a list as text, a number that is not finite, or an empty value where one of several
        options is required.
        """
        faults = option_checks.structure_faults(self._module.argument_spec(), self._given)
        if faults:
            raise Failure("invalid_input", f"{'. '.join(faults)}.")
        for name, value in self._params.items():
            if isinstance(value, float) and not math.isfinite(value):
                raise Failure("invalid_input", f"{name}: {value} is not a finite number.")
        for names in self._module.rules.get("required_one_of", ()):
            if not any(self._params.get(name) for name in names):
                raise Failure("invalid_input", f"one of {', '.join(names)} is required and must not be empty.")
        if self._invalid:
            raise self._invalid
        self._module.check(self._options)


def long_enough_to_mask(values: Iterable[Any]) -> set[Any]:
    """The secrets that Ansible masks in the whole result.

    Without very short ones: masking a password of one letter would mask that letter in every id.
    """
    return {value for value in values if len(str(value)) >= MIN_SECRET_LENGTH}


def failed_result(failure: Failure, actions: list[dict[str, Any]], *, check_mode: bool) -> dict[str, Any]:
    """The result of a failed task: what failed, the remedy, and the actions until then."""
    return {
        "msg": f"{failure.sentence} {failure.remedy or ''}".rstrip(),
        "failure": failure.as_dict(),
        "changed": bool(actions) and not check_mode,
        "actions": actions,
    }


def invalid_result(msg: str) -> dict[str, Any]:
    """The result of a task whose options Ansible has refused: as every failed result it has a code."""
    return failed_result(Failure("invalid_input", msg), [], check_mode=False)


class _MaskedModule(AnsibleModule):
    """AnsibleModule that masks secrets in the system's log and in early failures."""

    def __init__(self, description: Module) -> None:
        self._description = description
        self._call: ModuleCall | None = None
        #: The parameters before Ansible validated them.
        self._given: dict[str, Any] = {}
        super().__init__(argument_spec=description.argument_spec(), supports_check_mode=True, **description.rules)

    @property
    def call(self) -> ModuleCall:
        """The call, created on first use: Ansible writes its log entry before the constructor returns."""
        if self._call is None:
            self._call = ModuleCall(self._description, self.params, self._given)
        return self._call

    def _load_params(self) -> None:
        super()._load_params()
        self._given = dict(self.params)

    def log(self, msg: str, log_args: Mapping[str, Any] | None = None) -> None:
        """Write to the system log, where Ansible records each module with its arguments."""
        masker = self.call.masker
        # The log does not accept NUL, and a line break would start another entry.
        super().log(printable(masker(msg), MAX_LOG_ENTRY), log_args and masker(dict(log_args)))

    def fail_json(self, msg: str, **result: Any) -> None:
        if self._call is None:
            # Ansible has found the parameters invalid.
            masker = self._description.masker(self._given)
            self.no_log_values.update(masker.forms)
            invalid = invalid_result(masker(msg))
            msg, result = invalid.pop("msg"), {**result, **invalid}
        self.params.update(self._description.redacted(self.params))
        super().fail_json(msg, **result)


def run_module(description: Module) -> None:
    """The body of a module's ``main()``."""
    module = _MaskedModule(description)
    # Ansible shows the invocation at -vvv and masks only the values that it knows to be secret.
    module.no_log_values.update(module.call.masker.forms)
    outcome = module.call.run(check_mode=module.check_mode)
    module.params.update(description.redacted(module.params))
    module.no_log_values = long_enough_to_mask(module.no_log_values)
    for warning in outcome.warnings:
        module.warn(warning)
    if outcome.failure:
        module.fail_json(**outcome.result)
    module.exit_json(**outcome.result)
