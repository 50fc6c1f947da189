# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a task or a whole module against a double of the server."""

from __future__ import annotations

import contextlib
import copy
import functools
import importlib
import importlib.util
import io
import json
import os
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
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script

COLLECTION = "ansible_collections.searchops.opensearch_ml"

#: Whether Ansible's controller code can be imported. ansible-test hides it from the tests of modules and module_utils.
#: Everywhere else the tests also run each task in the controller's process.
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

#: Names of all modules.
MODULES = sorted(path.stem for path in (Path(__file__).parents[3] / "plugins/modules").glob("*.py"))

#: main() of each module. They are imported before the first test, as some tests run without coverage, which would miss
#: the lines that run when a module is imported.
MAINS = {name: importlib.import_module(f"{COLLECTION}.plugins.modules.{name}").main for name in MODULES}


def task_of(module: str) -> Any:
    folder = "_stack" if module.startswith("ml_stack") else "_tasks"
    return importlib.import_module(f"{COLLECTION}.plugins.module_utils.{folder}.{module}")


def connection_of(module: str) -> connection.Connection:
    """The connection of the module: to a cluster or to Ollama."""
    return ollama.CONNECTION if module.startswith("ollama_") else connection.CLUSTER


def server_of(module: str) -> dict[str, Any]:
    """The option with the URL of the double."""
    if module.startswith("ollama_"):
        return {"url": "http://ollama.test:11434"}
    return {"hosts": ["http://cluster.test:9200"]}


def parameters(module: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the module receives them: validated, with defaults."""
    validator = ArgumentSpecValidator({**connection_of(module).options(), **task_of(module).MODULE.spec})
    result = validator.validate(dict(options))
    assert not result.error_messages, result.error_messages
    return dict(result.validated_parameters)


@functools.lru_cache(maxsize=None)
def _default_connection() -> Mapping[str, Any]:
    """The validated options of a connection, of which only the URL is given."""
    return parameters("opensearch_cluster_setting", {"settings": {}, "hosts": ["http://cluster.test:9200"]})


def _options(module: str, args: Mapping[str, Any], transport: Transport) -> dict[str, Any]:
    """The options of a task. A script has the requests of the task alone, without those of the lock."""
    scripted = isinstance(transport, Script) and connection_of(module).lockable
    return {**server_of(module), **({"lock": "never"} if scripted else {}), **args}


def make_run(transport: Transport, *, check_mode: bool = False, clock: FakeClock | None = None) -> Run:
    client = connection.connect(
        _default_connection(), read_only=check_mode, transport=transport, clock=clock or FakeClock()
    )
    return Run(client, check_mode=check_mode)


def execute(transport: Transport, module: str, /, *, check_mode: bool = False, **given: Any) -> dict[str, Any]:
    """Run a task; returns its result with 'changed', 'actions' and 'warnings', and raises what the task raises."""
    options = parameters(module, {**server_of(module), **given})
    described = task_of(module).MODULE
    client = connection_of(module).connect(options, read_only=check_mode, transport=transport, clock=FakeClock())
    run = Run(client, check_mode=check_mode)
    parsed = described.parse(options)
    described.check(parsed)
    result = described.execute(parsed, run)
    return {"changed": run.changed, "actions": run.actions, "warnings": run.all_warnings(), **result}


def run_module(
    module: str,
    args: Mapping[str, Any],
    transport: Transport,
    violations: list[str],
    *,
    check_mode: bool = False,
) -> dict[str, Any]:
    """Run main() of a module as Ansible does; returns the printed result with its warnings."""
    arguments = {**_options(module, args, transport), "_ansible_check_mode": check_mode, "_ansible_diff": True}
    printed = io.StringIO()
    warned: list[str] = []
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch_module_args(arguments))
        stack.enter_context(patched(transport, violations, check_mode))
        # Ansible collects warnings per process, and prints them at once in a process that has loaded the controller.
        stack.enter_context(mock.patch.object(basic.AnsibleModule, "warn", lambda self, text: warned.append(text)))
        stack.enter_context(contextlib.redirect_stdout(printed))
        try:
            MAINS[module]()
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
    """As :func:`run_module`, by the action plugin in the controller's process."""
    # Imported here, as they need the controller.
    from ansible_collections.searchops.opensearch_ml.plugins.plugin_utils import planned_objects
    from ansible_collections.searchops.opensearch_ml.tests.unit.support.action import run_action

    # All tests of this process would be tasks of one run of Ansible.
    planned = mock.patch.object(planned_objects, "_path", return_value=os.devnull)
    with patched(transport, violations, check_mode), planned:
        return run_action(module, _options(module, args, transport), check_mode=check_mode)


def twin_of(transport: Any) -> Any:
    """A copy of the double in the same state, or None if it cannot be copied.

    Functions that a test has added to a double would act on the original. Without a controller no copy is needed."""
    if not CONTROLLER:
        return None
    if type(transport) not in (FakeCluster, FakeOllama) or getattr(transport, "_hooks", None):
        return None
    if any(getattr(value, "__closure__", None) for value in vars(transport).values()):
        return None
    # A lock cannot be copied: give the copy a new one.
    locks = {id(value): threading.RLock() for value in vars(transport).values() if isinstance(value, _LOCK)}
    return copy.deepcopy(transport, locks)


@contextlib.contextmanager
def patched(transport: Transport, violations: list[str], check_mode: bool) -> Iterator[None]:
    """Replace the network by the double, and the clock by one that passes only when the task sleeps."""
    seam: Transport = ReadOnly(transport, violations) if check_mode else transport
    clock = FakeClock()

    # Functions, as patch() would create a MagicMock for each, which is a new class and takes a millisecond.
    def make_transport(*args: Any) -> Transport:
        return seam

    def make_clock() -> FakeClock:
        return clock

    network = mock.patch.object(connection, "RequestsTransport", make_transport)
    time = mock.patch.object(client_module, "Clock", make_clock)
    with network, time:
        yield
