# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a task or a whole module against a double of the cluster."""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.util
import io
import json
import threading
from pathlib import Path
from typing import Any, Iterator, Mapping
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import client as client_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import Transport
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama import client as ollama
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import FakeOllama
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guard import ReadOnly

COLLECTION = "ansible_collections.searchops.opensearch_ml"

#: Whether Ansible's controller is there. ansible-test hides it from the tests of modules and what they import, which are
#: there to run without one; everywhere else the tests also run each task in the controller's process.
CONTROLLER = importlib.util.find_spec("ansible.parsing") is not None

try:
    from ansible.module_utils.testing import patch_module_args
except ImportError:
    # ansible-core 2.18 has no such helper.
    @contextlib.contextmanager
    def patch_module_args(args: dict[str, Any] | None = None) -> Iterator[None]:
        content = json.dumps({"ANSIBLE_MODULE_ARGS": args or {}}).encode()
        with mock.patch.object(basic, "_ANSIBLE_ARGS", content):
            yield


_LOCK = type(threading.RLock())

#: The names of all modules.
MODULES = sorted(path.stem for path in (Path(__file__).parents[3] / "plugins/modules").glob("*.py"))


def task_of(module: str) -> Any:
    folder = "_stack" if module.startswith("ml_stack") else "_tasks"
    return importlib.import_module(f"{COLLECTION}.plugins.module_utils.{folder}.{module}")


def connection_of(module: str) -> connection.Connection:
    """The kind of server that the module talks to."""
    return ollama.CONNECTION if module.startswith("ollama_") else connection.CLUSTER


def server_of(module: str) -> dict[str, Any]:
    """The option that names the double."""
    if module.startswith("ollama_"):
        return {"url": "http://ollama.test:11434"}
    return {"hosts": ["http://cluster.test:9200"]}


def parameters(module: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the module sees them: validated, with defaults."""
    validator = ArgumentSpecValidator({**connection_of(module).options(), **task_of(module).MODULE.spec})
    result = validator.validate(dict(stated))
    assert not result.error_messages, result.error_messages
    return dict(result.validated_parameters)


def make_run(transport: Transport, *, check_mode: bool = False, clock: FakeClock | None = None, **more: Any) -> Run:
    options = parameters("opensearch_cluster_setting", {"settings": {}, "hosts": ["http://cluster.test:9200"], **more})
    client = connection.connect(options, read_only=check_mode, transport=transport, clock=clock or FakeClock())
    return Run(client, check_mode=check_mode)


def execute(transport: Transport, module: str, /, *, check_mode: bool = False, **stated: Any) -> dict[str, Any]:
    """The result of a task, as a dictionary with 'changed' and 'actions'; raises what the task raises."""
    options = parameters(module, {**server_of(module), **stated})
    described = task_of(module).MODULE
    client = connection_of(module).connect(options, read_only=check_mode, transport=transport, clock=FakeClock())
    run = Run(client, check_mode=check_mode)
    result = described.execute(described.parse(options), run)
    return {"changed": run.changed, "actions": run.actions, "warnings": run.warnings, **result}


def run_module(
    module: str,
    args: Mapping[str, Any],
    transport: Transport,
    violations: list[str],
    *,
    check_mode: bool = False,
) -> dict[str, Any]:
    """Run main() of a module as Ansible would; returns what it printed, with its warnings."""
    main = importlib.import_module(f"{COLLECTION}.plugins.modules.{module}").main
    stated = {**server_of(module), **args, "_ansible_check_mode": check_mode, "_ansible_diff": True}
    printed = io.StringIO()
    warned: list[str] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch_module_args(stated))
        stack.enter_context(doubled(transport, violations, check_mode))
        # Ansible keeps warnings for the whole process, and prints them at once in one that has loaded its controller.
        stack.enter_context(mock.patch.object(basic.AnsibleModule, "warn", lambda self, text: warned.append(text)))
        stack.enter_context(contextlib.redirect_stdout(printed))
        try:
            main()
        except SystemExit:
            pass
        else:
            raise AssertionError("the module ended without a result")
    result: dict[str, Any] = json.loads(printed.getvalue())
    return {**result, "warnings": warned} if warned else result


def run_in_process(
    module: str,
    args: Mapping[str, Any],
    transport: Transport,
    violations: list[str],
    *,
    check_mode: bool = False,
) -> dict[str, Any]:
    """The same by the action plugin, in the controller's process."""
    # It needs the controller.
    from ansible_collections.searchops.opensearch_ml.tests.unit.support.action import run_action

    with doubled(transport, violations, check_mode):
        return run_action(module, {**server_of(module), **args}, check_mode=check_mode)


def twin_of(transport: Any) -> Any:
    """Another double in the same state; None without a controller, and for one that a test has given functions, which would
    act on the first."""
    if not CONTROLLER:
        return None
    if type(transport) not in (FakeCluster, FakeOllama) or getattr(transport, "_hooks", None):
        return None
    if any(getattr(value, "__closure__", None) for value in vars(transport).values()):
        return None
    # A lock cannot be copied, and each double is to have one of its own.
    locks = {id(value): threading.RLock() for value in vars(transport).values() if isinstance(value, _LOCK)}
    return copy.deepcopy(transport, locks)


@contextlib.contextmanager
def doubled(transport: Transport, violations: list[str], check_mode: bool) -> Iterator[None]:
    """The double in place of the network, and time that passes only when somebody sleeps."""
    seam: Transport = ReadOnly(transport, violations) if check_mode else transport
    network = mock.patch.object(connection, "RequestsTransport", return_value=seam)
    time = mock.patch.object(client_module, "Clock", return_value=FakeClock())
    with network, time:
        yield
