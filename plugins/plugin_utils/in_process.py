# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This plugin util is private to the collection: it may change at any time.

"""The action plugin of every module: runs the module's task in the controller's worker process.

Starting a module's own process takes ten times as long as most tasks need. The plugin avoids that for tasks whose host
is the controller itself. For all other tasks it starts the module as Ansible does; it decides that before it sends any
request.

Each module has a file in ``plugins/action`` that only names the module's description; `dev/run nox -s derive` writes them.
One plugin for all modules would lose something in each way that Ansible offers. Redirects resolve all modules to one action,
by which Ansible also looks up ``module_defaults``. Links make antsibull-docs take the modules for aliases of one another.
``action_plugin`` in ``plugin_routing`` keeps Ansible from loading the plugin before it forks, so that each task imports
everything again and no worker finds a terminal for progress lines (seen on ansible-core 2.19 and 2.21).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, Mapping

from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleActionFail, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.validation import check_type_dict
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action.normal import ActionModule as NormalAction

from ..module_utils._endpoints.blueprint import body_of, with_body
from ..module_utils._errors.exceptions import Failure
from ..module_utils._http.clock import ProgressCallback, RetryCallback
from ..module_utils._runtime.module import Module, ModuleCall, failed_result, invalid_result, long_enough_to_mask
from . import planned_objects, role_variables
from .plain import plain

#: Whether progress lines would be seen. Evaluated when Ansible's main process loads the plugin: a worker has no
#: terminal.
ON_TERMINAL = sys.stdout.isatty()

#: The folders of this collection's roles and playbooks. No message names them as places for files of the user.
_OWN_FOLDERS = tuple(f"{Path(__file__).resolve().parents[2] / name}/" for name in ("roles", "playbooks"))

#: Prefixes of environment variables that affect Python or its libraries only when the process starts.
_STARTUP_VARIABLES = ("PYTHON", "LD_")


#: The variable in which a role has its own variables, by the options that it sets with them. Messages name options.
_ROLE_VARIABLES = "__opensearch_ml_role_variables"


class InProcessAction(NormalAction):
    """Base of the action plugins."""

    #: The description of the module, by which the module file runs as well.
    MODULE: Module

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        variables = task_vars or {}
        result = self._run_task(tmp, variables)
        if result.get("failed") and isinstance(result.get("msg"), str):
            result["msg"] += self._role_variables_in(result["msg"], variables)
        return result

    def _role_variables_in(self, message: str, variables: Mapping[str, Any]) -> str:
        """The end of a message: the variables of the role that set the options that the message names. Empty outside of a
        role."""
        return role_variables.explained(message, self._templar.template(variables.get(_ROLE_VARIABLES)) or {})

    def _run_task(self, tmp: str | None, variables: dict[str, Any]) -> dict[str, Any]:
        forced = self._tristate("opensearch_ml_in_process", variables)
        environment = self._task_environment()
        self._warn_of_unused_connection(variables)
        try:
            self._change_items_with_src(self._with_found_file)
            if self._can_run_in_process(forced, environment):
                result = self._run_in_process(variables, environment, forced=forced is True)
                if result is not None:
                    return result
            # The module may run on another host: it gets the content of the file.
            self._change_items_with_src(_with_only_body)
        except Failure as failure:
            masker = self.MODULE.masker(self._task.args)
            return {"failed": True, **masker(failed_result(failure, [], check_mode=False))}
        module_result: dict[str, Any] = super().run(tmp, variables)
        return module_result

    def _warn_of_unused_connection(self, variables: Mapping[str, Any]) -> None:
        """Warn if the host names its cluster, as the playbooks of this collection expect it, and the task uses another one."""
        if "hosts" not in self.MODULE.argument_spec() or self._task.args.get("hosts"):
            return
        # Not filled in: a task that does not use it must not fail because a variable in it is undefined.
        connection = variables.get("opensearch_connection")
        if not isinstance(connection, Mapping):
            return
        host = self._host(variables)
        if connection.get("hosts"):
            self._display.warning(
                "The task does not use the host's variable opensearch_connection, but the cluster of OPENSEARCH_HOSTS. To use it, add "
                "to the play: module_defaults: {group/searchops.opensearch_ml.all: '{{ opensearch_connection }}'}. A command of "
                "'ansible' has no module_defaults: write a play."
            )
        elif host != "localhost":
            self._display.warning(
                f"{host}: the host's variable opensearch_connection has no 'hosts', so the task does not use a cluster of its own. "
                "Add the 'hosts' of the cluster that is meant."
            )

    def _change_items_with_src(self, change: Callable[[Mapping[str, Any], str], Mapping[str, Any]]) -> None:
        """Change the arguments of the task, and the items in them, that name a file by ``src``. ``change`` takes them, and what
        they describe one of. A ``definition`` that is a text is read as such a file. Raises Failure."""

        def changed(item: Any, objects: str) -> Any:
            if isinstance(item, Mapping) and isinstance(item.get("definition"), str) and item["definition"].strip():
                item = {**item, "definition": _mapping_of(item["definition"], objects)}
            named = isinstance(item, Mapping) and isinstance(item.get("src"), str) and item["src"]
            # Validation refuses an item with both.
            return change(item, objects) if named and item.get("definition") is None else item

        args = changed(self._task.args, self.MODULE.objects) if "src" in self.MODULE.spec else self._task.args
        sections = {
            name: [changed(item, name) for item in args[name]]
            for name, spec in self.MODULE.item_specs.items()
            if "src" in spec and isinstance(args.get(name), (list, tuple))
        }
        self._task.args = {**args, **sections}

    def _with_found_file(self, item: Mapping[str, Any], objects: str) -> dict[str, Any]:
        """The item with the path of its file on the controller, decrypted as for ``ansible.builtin.copy``. Raises Failure."""
        src = item["src"]
        try:
            return {**item, "src": self._loader.get_real_file(self._find_file(src))}
        except AnsibleFileNotFound as exc:
            paths = [path for path in map(str, exc.paths) if not path.startswith(_OWN_FOLDERS)]
            searched = f" Searched: {', '.join(dict.fromkeys(paths))}." if paths else ""
            raise Failure("invalid_input", f"src: there is no file {src!r} on the controller.{searched}") from exc
        except AnsibleError as exc:
            raise Failure("invalid_input", f"src: {src} cannot be read: {exc}") from exc

    def _find_file(self, src: str) -> str:
        """The path of a file: where Ansible finds files, else next to the variables files of the command line, else in the
        current directory. Raises AnsibleError.

        A playbook of this collection applies a declaration of the user, who has no folder next to the playbook.
        """
        try:
            return str(self._find_needle("files", src))
        except AnsibleFileNotFound as exc:
            if src.startswith(("/", "~")):
                raise
            given = [str(each)[1:] for each in context.CLIARGS.get("extra_vars") or () if str(each).startswith("@")]
            paths = [
                os.path.join(folder, src)
                for folder in [*map(os.path.dirname, map(os.path.abspath, given)), os.getcwd()]
            ]
            for path in paths:
                if os.path.exists(path):
                    return path
            raise AnsibleFileNotFound(file_name=src, paths=[*exc.paths, *paths]) from exc

    def _can_run_in_process(self, forced: bool | None, environment: Mapping[str, str]) -> bool:
        if self._task.async_val or forced is False:
            return False
        return forced or (
            self._connection.transport == "local"
            and not self._connection.become
            and not any(name.startswith(_STARTUP_VARIABLES) for name in environment)
        )

    def _tristate(self, name: str, variables: Mapping[str, Any]) -> bool | None:
        """The value of a variable, or else of its environment variable: true, false, or None for 'auto'."""
        value = self._templar.template(variables.get(name))
        if value is None:
            value = os.environ.get(f"SEARCHOPS_{name.upper()}")
        if value is None or str(value).lower() in ("", "auto"):
            return None
        try:
            return bool(boolean(value))
        except TypeError:
            raise AnsibleActionFail(f"{name} must be true, false or auto, not {value!r}.")

    def _task_environment(self) -> dict[str, str]:
        """The task's keyword 'environment', as the module would receive it."""
        found: dict[str, Any] = {}
        self._compute_environment_string(found)
        return {str(name): str(value) for name, value in found.items()}

    def _run_in_process(
        self, variables: dict[str, Any], environment: Mapping[str, str], *, forced: bool
    ) -> dict[str, Any] | None:
        """The result as the module would return it; None if the module has to run instead."""
        try:
            args = plain(self._task.args)
        except (TypeError, ValueError):
            return None
        self._display.vvv(f"{self._task.action} runs in the controller's process", host=self._host(variables))
        module = self.MODULE
        with _environment_set(environment):
            validation = ArgumentSpecValidator(module.argument_spec(), **module.rules).validate(args)
            params = {**args, **validation.validated_parameters}
            hidden = set(validation._no_log_values)
            if validation.error_messages:
                msg = validation.errors.msg
                if isinstance(validation.errors[0], UnsupportedError):
                    msg = f"Unsupported parameters for ({self._task.action}) module: {msg}"
                masker = module.masker(args)
                result = {"failed": True, **invalid_result(masker(msg))}
                return self._as_module_result(result, module.redacted(params), hidden | masker.forms, variables)
            call = ModuleCall(module, params, args)
            check_mode, cluster = bool(self._task.check_mode), params.get("hosts")
            outcome = call.run(
                check_mode=check_mode,
                progress=self._progress_callback(variables),
                on_retry=self._retry_callback(variables),
                planned=planned_objects.read(cluster) if check_mode else (),
            )
            if check_mode:
                planned_objects.add(cluster, outcome.result["actions"])
        if outcome.failure and outcome.failure.code == "library_missing" and not forced:
            # The Python interpreter for modules may have the library.
            return None
        result = {**outcome.result, **({"failed": True} if outcome.failure else {})}
        if outcome.warnings:
            result["warnings"] = outcome.warnings
        return self._as_module_result(
            result, module.redacted(params), long_enough_to_mask(hidden | call.masker.forms), variables
        )

    def _as_module_result(
        self, result: dict[str, Any], params: Mapping[str, Any], hidden: Iterable[Any], variables: dict[str, Any]
    ) -> dict[str, Any]:
        """The result as Ansible would receive it from the module: with the invocation, without secrets, as JSON."""
        if _shows_invocation(variables):
            result = {**result, "invocation": {"module_args": params}}
        # remove_values() would also mask these if a secret were the text "True" or "None".
        kept = {name: value for name, value in result.items() if value is None or isinstance(value, bool)}
        returned: dict[str, Any] = json.loads(json.dumps({**remove_values(result, hidden), **kept}))
        return returned

    def _progress_callback(self, variables: Mapping[str, Any]) -> ProgressCallback | None:
        """Shows progress lines while the task runs; None if they are off, or if there is no terminal."""
        enabled = self._tristate("opensearch_ml_progress", variables)
        if self._task.no_log or not (ON_TERMINAL if enabled is None else enabled):
            return None
        return lambda line: self._display.display(f"[{self._host(variables)}] {line}", color=C.COLOR_VERBOSE)

    def _retry_callback(self, variables: Mapping[str, Any]) -> RetryCallback | None:
        """Shows each retry at -vvv; None at a lower verbosity, where progress lines show the long pauses."""
        if self._task.no_log or self._display.verbosity < 3:
            return None
        return lambda line, pause: self._display.vvv(line, host=self._host(variables))

    @staticmethod
    def _host(variables: Mapping[str, Any]) -> str:
        return str(variables.get("inventory_hostname", "localhost"))


def _with_only_body(item: Mapping[str, Any], objects: str) -> dict[str, Any]:
    """The item with the content of its file as ``definition``. A module that gets both options refuses them, also if one is
    None. Raises Failure."""
    return {name: value for name, value in with_body(item, objects).items() if name != "src"}


def _mapping_of(text: str, objects: str) -> dict[str, Any]:
    """The mapping in a text: as Ansible reads it where it can, such as one that a template has made, else as a file's. Raises
    Failure."""
    if text.lstrip().startswith("{"):
        with contextlib.suppress(TypeError):
            mapping: dict[str, Any] = check_type_dict(text.strip())
            return mapping
    return body_of(text, "definition", objects)


def _shows_invocation(variables: dict[str, Any]) -> bool:
    try:
        return bool(C.config.get_config_value("INJECT_INVOCATION", variables=variables))
    except AnsibleError:
        # ansible-core before 2.21 has no such setting: every module returned its invocation.
        return True


@contextlib.contextmanager
def _environment_set(environment: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables of this process, which is a worker of its own for the task, and restore them."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
