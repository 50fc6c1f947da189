# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures: the two servers of the local stack, a recorder in front of each, and runners for modules in this process."""

from __future__ import annotations

import contextlib
import fcntl
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

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import restored
from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import Recorder
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster, lower_types, plain
from ansible_collections.searchops.opensearch_ml.tests.unit.support.action import run_action

PLUGINS = "ansible_collections.searchops.opensearch_ml.plugins.modules"

KEYS = ["3.6.0", "2.19.1-tls"]

Result = dict[str, Any]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n 2 --dist loadgroup` each server has a worker that runs its tests one after the other.

    The server is taken from the id of the test: marks are silently ignored with pytest 9.2 and xdist 3.8.
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByServer(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            parameters = nodeid.partition("[")[2]
            return next((key for key in KEYS if key in parameters), nodeid)

    return ByServer(config, log) if config.getvalue("dist") == "loadgroup" else None


class Gateway:
    """The gateway serves both workers. A test that reads its log locks the gateway for that time."""

    def __init__(self, lock: IO[str]) -> None:
        self._lock = lock

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        # Release the shared lock first: two tests that upgrade their locks would wait for each other.
        for operation in (fcntl.LOCK_UN, fcntl.LOCK_EX):
            fcntl.flock(self._lock, operation)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_SH)


@pytest.fixture(autouse=True)
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Hold a shared lock on the gateway while a test runs."""
    with open(tmp_path_factory.getbasetemp().parent / "gateway.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield Gateway(lock)


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """Remove the settings of the developer's own cluster, and proxies."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("OPENSEARCH_") and not name.startswith(("OPENSEARCH_TLS_", "OPENSEARCH_ML_")):
                patch.delenv(name)
        patch.setenv("NO_PROXY", "127.0.0.1,127.0.0.2,localhost")
        patch.setenv("no_proxy", "127.0.0.1,127.0.0.2,localhost")
        yield


@pytest.fixture(scope="session")
def stack() -> dict[str, Cluster]:
    ca = str(_stack.cache() / "tls" / "ca.pem")
    clusters = {
        "3.6.0": Cluster("3.6.0", os.environ.get("STACK_OPENSEARCH_URL", "http://127.0.0.1:19200")),
        "2.19.1-tls": Cluster(
            "2.19.1-tls",
            os.environ.get("STACK_OPENSEARCH_TLS_URL", "https://127.0.0.1:19201"),
            ca,
            ("admin", _stack.secret("OPENSEARCH_TLS_ADMIN_PASSWORD", "admin_password")),
            ("ml_provisioner", _stack.secret("OPENSEARCH_TLS_PROVISIONER_PASSWORD", "provisioner_password")),
            ("ml_asker", _stack.secret("OPENSEARCH_TLS_ASKER_PASSWORD", "asker_password")),
        ),
    }
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
def _trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Cluster], None]]:
    """Let a server trust the backends of the stack once per session, and restore the setting at the end."""
    before: dict[str, tuple[Cluster, dict[str, Any]]] = {}

    def trust(cluster: Cluster) -> None:
        if cluster.key not in before:
            persistent = cluster.settings()["persistent"]
            before[cluster.key] = cluster, {name: persistent.get(name) for name in (_stack.TRUSTED, _stack.PRIVATE_IP)}
            cluster.put_settings({_stack.TRUSTED: _stack.TRUST, _stack.PRIVATE_IP: True})

    yield trust
    # Not while a test of the other worker uses both servers alone.
    with open(tmp_path_factory.getbasetemp().parent / "gateway.lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        for cluster, settings in before.values():
            cluster.put_settings(settings)


@pytest.fixture(params=KEYS)
def cluster(request: pytest.FixtureRequest, stack: Mapping[str, Cluster], _trust: Callable[[Cluster], None]) -> Cluster:
    _trust(stack[request.param])
    return stack[request.param]


@pytest.fixture(autouse=True)
def _no_leftovers(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[None]:
    """Fail the test that leaves objects behind, instead of a later one that they disturb."""
    if "cluster" not in request.fixturenames:
        yield
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    before = cluster.everything()
    yield
    left = cluster.everything().items() - before.items()
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
    cluster: Cluster, stack: Mapping[str, Cluster], gateway: Gateway, _trust: Callable[[Cluster], None], name: str
) -> Iterator[Cluster]:
    """The other server, which belongs to the other worker: no other test uses it meanwhile, and it is cleaned up too."""
    other = next(each for each in stack.values() if each is not cluster)
    with gateway.alone(), restored(other):
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


def run_module(name: str, args: Mapping[str, Any]) -> tuple[Result, str]:
    """Run a module's main() in this process; returns its result and the printed text.

    With SEARCHOPS_OPENSEARCH_ML_TEST_PATH=action the action plugin runs instead, as on a local connection.
    """
    if os.environ.get("SEARCHOPS_OPENSEARCH_ML_TEST_PATH") == "action":
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


@pytest.fixture(name="run_module")
def run_module_fixture() -> Callable[[str, Mapping[str, Any]], tuple[Result, str]]:
    return run_module


class Modules:
    """Runs modules against the cluster of the test, through its recorder.

    ``modules("ml_connector", check=True, name=...)`` returns the result of a run that must succeed; ``fails`` returns the
    ``failure`` of one that must fail.
    """

    def __init__(self, cluster: Cluster, recorder: Recorder, connection: Mapping[str, Any]) -> None:
        self.cluster = cluster
        self.recorder = recorder
        self.connection = connection

    def run(self, module: str, /, check: bool = False, **args: Any) -> Result:
        given = {**self.connection, **args, "_ansible_check_mode": check, "_ansible_diff": True}
        self.recorder.clear()
        return run_module(module, given)[0]

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
def module(cluster: Cluster, recorder: Recorder, connection: dict[str, Any]) -> Modules:
    return Modules(cluster, recorder, connection)


@pytest.fixture
def snapshot(cluster: Cluster, name: str) -> Callable[[], dict[str, Any]]:
    """All objects with the test's name as the server stores them, with the versions of the documents."""

    def take() -> dict[str, Any]:
        query = {"prefix": {"name.keyword": name}}
        found = {kind: cluster.find(kind, query) for kind in ("connectors", "models", "model_groups", "agents")}
        return {**found, "pipelines": cluster.pipelines(name), "indexes": cluster.indexes(name)}

    return take


class Converger:
    """Checks an operation three times: in check mode, for real, and again without changes."""

    def __init__(self, module: Modules, snapshot: Callable[[], dict[str, Any]]) -> None:
        self.module = module
        self.snapshot = snapshot

    def __call__(
        self, module: str, actions: list[str], /, *, stable: bool = True, again: bool = True, **args: Any
    ) -> Result:
        """Run the operation; ``actions`` are those to be planned and performed. Returns the result of the real run.

        With ``stable=False`` the server's documents may change during check mode: its own jobs change models.
        """
        recorder = self.module.recorder
        before = self.snapshot()
        planned = self.module(module, check=True, **args)
        assert [action["action"] for action in planned["actions"]] == actions
        assert planned["changed"] is bool(actions)
        assert recorder.writes == [], "check mode sent a write"
        if stable:
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
        if stable:
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
