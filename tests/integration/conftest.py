# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: the two servers of the local stack, a recorder in front of each, and runners for modules in this process.

Tests with the mark ``full`` run in `make test-full` only. ``full_on`` gives a test this mark on one of the servers.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import importlib
import io
import json
import os
import subprocess
import uuid
from typing import IO, Any, Callable, Iterator, Mapping
from unittest import mock

import pytest
from ansible.module_utils.common import warnings as ansible_warnings
from ansible.module_utils.testing import patch_module_args

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import addition_record
from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import (
    plain_server,
    restored,
    secured_server,
)
from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import Recorder
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster, Item, lower_types, plain
from ansible_collections.searchops.opensearch_ml.tests.unit.support.action import run_action

PLUGINS = "ansible_collections.searchops.opensearch_ml.plugins.modules"

KEYS = ["3.6.0", "2.19.1-tls"]

#: The ways to run a module: its action plugin, as on a local connection, or its main(), as on a host.
WAYS = ("action", "module")

#: The way of tests that do not name one.
WAY = os.environ.get("SEARCHOPS_OPENSEARCH_ML_TEST_PATH", "action")
assert WAY in WAYS, f"SEARCHOPS_OPENSEARCH_ML_TEST_PATH must be one of {WAYS}"

Result = dict[str, Any]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "full_on(server, but=()): on this server the test is full, except for the parameters in `but`",
    )
    config.addinivalue_line("markers", "without_the_stack: the test uses no server of the stack, so it needs no lock")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests as full on the servers that their ``full_on`` names, before pytest deselects by marks."""
    for item in items:
        for mark in item.iter_markers("full_on"):
            assert isinstance(item, pytest.Function)
            given = item.callspec.params.values()
            if mark.args[0] in given and not set(mark.kwargs.get("but", ())).intersection(map(str, given)):
                item.add_marker("full")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n 3 --dist loadgroup` each server has a worker that runs its tests one after the other.

    The server is taken from the id of the test: marks are silently ignored with pytest 9.2 and xdist 3.8.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByServer(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            parameters = nodeid.partition("[")[2]
            return next((key for key in KEYS if key in parameters), nodeid)

    return ByServer(config, log) if config.getvalue("dist") == "loadgroup" else None


class StackLock:
    """Each test holds it while it runs: shared with the tests of other workers, or alone."""

    def __init__(self, stack: IO[str], queue: IO[str]) -> None:
        self._stack = stack
        self._queue = queue

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        # Without the queue, other workers' next tests get the shared lock again and again while a test waits for its own.
        with self._queued():
            fcntl.flock(self._stack, fcntl.LOCK_SH)
        try:
            yield
        finally:
            fcntl.flock(self._stack, fcntl.LOCK_UN)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Inside of :meth:`shared`: wait until no test of another worker runs, and let none begin."""
        # Release the shared lock first: two tests that upgrade their locks would wait for each other.
        fcntl.flock(self._stack, fcntl.LOCK_UN)
        with self._queued():
            fcntl.flock(self._stack, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._stack, fcntl.LOCK_SH)

    @contextlib.contextmanager
    def _queued(self) -> Iterator[None]:
        fcntl.flock(self._queue, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)


@pytest.fixture(scope="session")
def _stack_lock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackLock]:
    folder = tmp_path_factory.getbasetemp().parent
    with open(folder / "stack.lock", "a") as stack, open(folder / "queue.lock", "a") as queue:
        yield StackLock(stack, queue)


@pytest.fixture(autouse=True)
def stack_lock(request: pytest.FixtureRequest, _stack_lock: StackLock) -> Iterator[StackLock]:
    """The lock of the stack, which this test shares with those of other workers if it uses the stack."""
    needed = request.node.get_closest_marker("without_the_stack") is None
    with _stack_lock.shared() if needed else contextlib.nullcontext():
        yield _stack_lock


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """Remove the settings of the developer's own cluster, and proxies."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("OPENSEARCH_") and not name.startswith(("OPENSEARCH_TLS_", "OPENSEARCH_ML_")):
                patch.delenv(name)
        # Each message on one line, so that a test can find its words.
        patch.setenv("ANSIBLE_CALLBACK_RESULT_FORMAT", "json")
        patch.setenv("NO_PROXY", "127.0.0.1,127.0.0.2,localhost")
        patch.setenv("no_proxy", "127.0.0.1,127.0.0.2,localhost")
        yield


@pytest.fixture(scope="session")
def stack() -> dict[str, Cluster]:
    clusters = {cluster.key: cluster for cluster in (plain_server(), secured_server())}
    for cluster in clusters.values():
        _stack.until(cluster.answers, f"{cluster.url} to answer", 120.0)
    return clusters


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A self-signed certificate of the recorder for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = str(folder / "recorder.pem"), str(folder / "recorder.key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=recorder",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    return certificate, key


@pytest.fixture(scope="session")
def recorders(stack: Mapping[str, Cluster], certificate: tuple[str, str]) -> Iterator[dict[str, Recorder]]:
    made = {
        key: Recorder(cluster.url, cluster.ca, certificate if cluster.tls else None) for key, cluster in stack.items()
    }
    yield made
    for recorder in made.values():
        recorder.close()


@pytest.fixture(scope="session")
def _trust(_stack_lock: StackLock) -> Iterator[Callable[[Cluster], None]]:
    """Let a server trust the backends of the stack once per session, and restore the setting at the end."""
    before: dict[str, tuple[Cluster, dict[str, Any]]] = {}

    def trust(cluster: Cluster) -> None:
        if cluster.key not in before:
            persistent = cluster.settings()["persistent"]
            # A record of trust that is left would change what the removals of the next session do.
            names = (_stack.TRUSTED, _stack.PRIVATE_IP, addition_record.NAME)
            before[cluster.key] = cluster, {name: persistent.get(name) for name in names}
            cluster.put_settings({_stack.TRUSTED: _stack.TRUST, _stack.PRIVATE_IP: True})

    yield trust
    # Not while a test of another worker uses both servers alone.
    with _stack_lock.shared():
        for cluster, settings in before.values():
            cluster.put_settings(settings)


@pytest.fixture(params=KEYS)
def cluster(request: pytest.FixtureRequest, stack: Mapping[str, Cluster], _trust: Callable[[Cluster], None]) -> Cluster:
    _trust(stack[request.param])
    return stack[request.param]


@pytest.fixture(scope="session")
def _known() -> dict[str, dict[str, str]]:
    """The objects of each server that the previous test of this worker left."""
    return {}


@pytest.fixture(autouse=True)
def _no_leftovers(
    request: pytest.FixtureRequest, stack_lock: StackLock, _known: dict[str, dict[str, str]]
) -> Iterator[None]:
    """Fail the test that leaves objects behind, instead of a later one that they disturb."""
    if "cluster" not in request.fixturenames:
        yield
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    if cluster.key not in _known:
        _known[cluster.key] = cluster.everything()
    before = _known[cluster.key]
    yield
    after = _known[cluster.key] = cluster.everything()
    left = after.items() - before.items()
    assert not left, f"left behind: {sorted(left)}"


@pytest.fixture
def recorder(cluster: Cluster, recorders: Mapping[str, Recorder]) -> Recorder:
    recorder = recorders[cluster.key]
    recorder.clear()
    return recorder


@pytest.fixture
def name(cluster: Cluster) -> Iterator[str]:
    """A name that only this test uses. All objects whose names begin with it are deleted afterwards."""
    unique = f"it {uuid.uuid4().hex[:10]}"
    yield unique
    cluster.remove(unique)


@pytest.fixture
def settings_restored(cluster: Cluster) -> Iterator[None]:
    """Restore both scopes of the settings after the test."""
    with restored(cluster):
        yield


@pytest.fixture
def other(
    cluster: Cluster,
    stack: Mapping[str, Cluster],
    stack_lock: StackLock,
    _trust: Callable[[Cluster], None],
    name: str,
) -> Iterator[Cluster]:
    """The other server, which belongs to another worker: no other test uses it meanwhile, and it is cleaned up too."""
    other = next(each for each in stack.values() if each is not cluster)
    with stack_lock.alone(), restored(other):
        other.put_settings({_stack.TRUSTED: _stack.TRUST, _stack.PRIVATE_IP: True})
        try:
            yield other
        finally:
            other.remove(name)


@pytest.fixture
def connection(cluster: Cluster, recorder: Recorder, certificate: tuple[str, str]) -> dict[str, Any]:
    """The connection options for a connection through the recorder."""
    options: dict[str, Any] = {"hosts": [recorder.url]}
    if cluster.tls:
        assert cluster.user
        options.update(username=cluster.user[0], password=cluster.user[1], ca_path=certificate[0])
    return options


def run_module(name: str, args: Mapping[str, Any], way: str = WAY) -> tuple[Result, str]:
    """Run a module in this process in one of the two ways; returns its result and the printed text."""
    if way == "action":
        given = {option: value for option, value in args.items() if not option.startswith("_ansible_")}
        result = run_action(name, given, check_mode=bool(args.get("_ansible_check_mode")))
        return result, json.dumps(result)
    for collected in ("_global_warnings", "_global_deprecations"):
        getattr(ansible_warnings, collected).clear()
    main = importlib.import_module(f"{PLUGINS}.{name}").main
    out = io.StringIO()
    # If the controller's code is loaded too, ansible-core displays a module's warnings instead of returning them.
    on_host = mock.patch("ansible.module_utils._internal.is_controller", False)
    with on_host, patch_module_args(dict(args)), contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        main()
    text = out.getvalue()
    return json.loads(text.strip().splitlines()[-1]), text


@pytest.fixture
def run_as(request: pytest.FixtureRequest) -> str:
    """The way in which the test runs modules. A test runs in both with ``parametrize("run_as", WAYS, indirect=True)``."""
    return str(getattr(request, "param", WAY))


@pytest.fixture(name="run_module")
def run_module_fixture(run_as: str) -> Callable[[str, Mapping[str, Any]], tuple[Result, str]]:
    return functools.partial(run_module, way=run_as)


class Modules:
    """Runs modules against the cluster of the test, through its recorder.

    ``modules("ml_connector", check=True, name=...)`` returns the result of a run that must succeed; ``fails`` returns the
    ``failure`` of one that must fail.
    """

    def __init__(self, cluster: Cluster, recorder: Recorder, connection: Mapping[str, Any], way: str) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.connection = connection
        self.way = way

    def run(self, module: str, /, check: bool = False, **args: Any) -> Result:
        given = {**self.connection, **args, "_ansible_check_mode": check, "_ansible_diff": True}
        self.recorder.clear()
        return run_module(module, given, self.way)[0]

    def __call__(self, module: str, /, check: bool = False, **args: Any) -> Result:
        result = self.run(module, check, **args)
        assert not result.get("failed"), json.dumps(result, indent=1)
        return result

    def fails(self, module: str, /, check: bool = False, **args: Any) -> dict[str, Any]:
        result = self.run(module, check, **args)
        assert result.get("failed"), f"was expected to fail: {json.dumps(result, indent=1)}"
        failure: dict[str, Any] = result["failure"]
        assert failure["remedy"] in result["msg"]
        return failure

    def refuses(self, code: str, module: str, /, **args: Any) -> dict[str, Any]:
        """Check that the module fails with this code without sending a write."""
        failure = self.fails(module, **args)
        assert failure["code"] == code, failure
        assert self.recorder.writes == []
        return failure


@pytest.fixture
def module(cluster: Cluster, recorder: Recorder, connection: dict[str, Any], run_as: str) -> Modules:
    return Modules(cluster, recorder, connection, run_as)


#: Fields of a model that the server writes by itself, at any time after an order to deploy.
DEPLOYMENT = frozenset(
    {
        "model_state", "last_updated_time", "last_deployed_time", "last_undeployed_time", "auto_redeploy_retry_times",
        "deploy_to_all_nodes", "planning_worker_node_count", "current_worker_node_count", "planning_worker_nodes",
    }
)  # fmt: skip


@pytest.fixture
def snapshot(cluster: Cluster, name: str) -> Callable[[], dict[str, Any]]:
    """All objects with the test's name as the server stores them, with the versions of the documents.

    The server's own jobs change the deployment of a model, and with it the version: both are left out.
    """

    def take() -> dict[str, Any]:
        found: dict[str, Any] = cluster.find_all({"prefix": {"name.keyword": name}})
        found["models"] = [
            Item(model.id, 0, {field: value for field, value in model.source.items() if field not in DEPLOYMENT})
            for model in found["models"]
        ]
        return {**found, "pipelines": cluster.pipelines(name), "indexes": cluster.indexes(name)}

    return take


class Converger:
    """Checks an operation three times: in check mode, for real, and again without changes."""

    def __init__(self, module: Modules, snapshot: Callable[[], dict[str, Any]]) -> None:
        self.module = module
        self.snapshot = snapshot

    def __call__(self, module: str, actions: list[str], /, *, again: bool = True, **args: Any) -> Result:
        """Run the operation; ``actions`` are those to be planned and performed. Returns the result of the real run."""
        recorder = self.module.recorder
        before = self.snapshot()
        planned = self.module(module, check=True, **args)
        assert [action["action"] for action in planned["actions"]] == actions
        assert planned["changed"] is bool(actions)
        assert recorder.writes == [], "check mode sent a write"
        assert self.snapshot() == before, "check mode had an effect"

        applied = self.module(module, **args)
        assert [action["action"] for action in applied["actions"]] == actions
        assert applied["changed"] is bool(actions)
        assert bool(recorder.writes) is bool(actions)
        assert applied["diff"] == planned["diff"], "what was done is not what was planned"
        if not again:
            return applied

        # Immediately, before a refresh of the index could show the change.
        versions = None
        for check in (False, True):
            repeated = self.module(module, check=check, **args)
            assert (repeated["changed"], repeated["actions"]) == (False, []), json.dumps(repeated, indent=1)
            assert repeated["diff"]["before"] == repeated["diff"]["after"]
            assert recorder.writes == [], "a repeated run sent a write"
            versions = versions or self.snapshot()
        assert self.snapshot() == versions, "a repeated run had an effect"
        return applied


@pytest.fixture
def converges(module: Modules, snapshot: Callable[[], dict[str, Any]]) -> Converger:
    return Converger(module, snapshot)


@pytest.fixture
def real_connector(cluster: Cluster) -> Callable[[str, Mapping[str, Any]], None]:
    """Compares a side of a diff with the connector that the server stores."""

    def compare(connector_id: str, side: Mapping[str, Any]) -> None:
        source = cluster.get("connectors", connector_id)
        for field, shown in side.items():
            if field == "credential":
                continue
            stored = source.get(field)
            if field == "actions":
                stored, shown = lower_types(stored or []), lower_types(shown)
            if field == "parameters":
                stored = {key: value for key, value in (stored or {}).items() if key != "_searchops"}
            if field == "client_config":
                stored = {key: value for key, value in (stored or {}).items() if value is not False}
            assert plain(stored) == plain(shown), field

    return compare
