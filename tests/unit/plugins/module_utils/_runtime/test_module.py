# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of a module: its parameters are parsed once, a parser may fail as a task may, and a task that has to write
starts over with the lease."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any, Callable, Mapping

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    ConcurrentChange,
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.lease import DOCUMENT
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.module import (
    Module,
    ModuleCall,
    TaskOutcome,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import EventClock, FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support import harness

SECRET = "s3cret-word"
CONNECTION = {
    "hosts": ["http://cluster.test:9200"],
    "password": SECRET,
    "timeout": 1.0,
    "retries": 0,
    "lock": "auto",
    "lock_timeout": 1.0,
    "validate_certs": True,
}

Parser = Callable[[Mapping[str, Any]], Any]


def refuse(params: Mapping[str, Any]) -> Any:
    raise Failure("invalid_input", f"name: {SECRET} is not a valid name.")


def execute(options: Any, run: Run) -> dict[str, Any]:
    return {"seen": options}


def counting(parse: Parser, calls: list[Mapping[str, Any]]) -> Parser:
    def counted(params: Mapping[str, Any]) -> Any:
        calls.append(params)
        return parse(params)

    return counted


def module_of(name: str) -> ModuleType:
    return importlib.import_module(f"{harness.COLLECTION}.plugins.modules.{name}")


def replace_parser(monkeypatch: pytest.MonkeyPatch, module: Any, parse: Callable[..., Any]) -> None:
    """Replace the parser of ml_connector in its module file and in its action plugin."""
    described = module.MODULE._replace(parse=parse)
    monkeypatch.setattr(module, "MODULE", described)
    if harness.CONTROLLER:
        action = importlib.import_module(f"{harness.COLLECTION}.plugins.action.ml_connector").ActionModule
        monkeypatch.setattr(action, "MODULE", described)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The calls of the parser of ml_connector."""
    module = module_of("ml_connector")
    parsed: list[Mapping[str, Any]] = []
    replace_parser(monkeypatch, module, counting(module.MODULE.parse, parsed))
    return parsed


def test_a_call_parses_its_parameters_once() -> None:
    parsed: list[Mapping[str, Any]] = []
    call = ModuleCall(Module({}, execute, parse=counting(len, parsed)), CONNECTION)
    outcome = call.run(check_mode=False)
    assert parsed == [CONNECTION]
    assert (outcome.failure, outcome.result["seen"]) == (None, len(CONNECTION))


def test_a_module_parses_its_parameters_once(
    calls: list[Mapping[str, Any]], cluster: FakeCluster, check_mode_violations: list[str]
) -> None:
    cluster.add_connector()
    result = harness.run_module("ml_connector", {"name": "Local chat"}, cluster, check_mode_violations)
    assert not result["changed"]
    assert len(calls) == 1


@pytest.mark.skipif(not harness.CONTROLLER, reason="needs the controller")
def test_a_task_in_process_parses_its_parameters_once(
    calls: list[Mapping[str, Any]], cluster: FakeCluster, check_mode_violations: list[str]
) -> None:
    cluster.add_connector()
    result = harness.run_in_process("ml_connector", {"name": "Local chat"}, cluster, check_mode_violations)
    assert not result["changed"]
    assert len(calls) == 1


def test_a_parser_that_fails_is_a_failure_of_the_task() -> None:
    executed: list[Any] = []
    call = ModuleCall(Module({}, lambda options, run: executed.append(options) or {}, parse=refuse), CONNECTION)
    outcome = call.run(check_mode=False)
    assert outcome.failure
    assert outcome.result["failure"]["code"] == "invalid_input"
    assert outcome.result["msg"].startswith("name: ******** is not a valid name.")
    assert outcome.result["changed"] is False
    assert executed == []


@pytest.mark.parametrize("run", [harness.run_module, harness.run_in_process])
def test_a_failure_of_the_parser_is_masked(
    run: Callable[..., dict[str, Any]],
    cluster: FakeCluster,
    check_mode_violations: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if run is harness.run_in_process and not harness.CONTROLLER:
        pytest.skip("needs the controller")
    module = module_of("ml_connector")
    replace_parser(monkeypatch, module, refuse)
    args = {"name": SECRET, "username": "joe", "password": SECRET}
    result = run("ml_connector", args, cluster, check_mode_violations)
    assert (result["failed"], result["failure"]["code"]) == (True, "invalid_input")
    assert "is not a valid name" in result["msg"]
    assert SECRET not in str(result)
    assert cluster.exchanges == []


# Starting over with the lease


def call(
    cluster: FakeCluster,
    clock: FakeClock,
    execute: Callable[[Any, Run], dict[str, Any]],
    *,
    check_mode: bool = False,
    progress: Callable[[str], None] | None = None,
    **params: Any,
) -> TaskOutcome:
    """Call a module with this task."""
    connect = functools.partial(connection.connect, transport=cluster, clock=clock)
    module = Module({}, execute, dict, connection=connection.CLUSTER._replace(connect=connect))
    return ModuleCall(module, {**CONNECTION, **params}).run(check_mode=check_mode, progress=progress)


def ensure_group(run: Run, name: str) -> None:
    """Create a model group if there is none of this name."""
    found = run.client.search_all(f"{ML}/model_groups/_search", {"term": {"name.keyword": name}}, "model group")
    if not found:
        body = {"name": name}
        run.perform("create", "group", name, lambda: run.client.create(f"{ML}/model_groups/_register", body))


def created(*names: str) -> list[dict[str, str]]:
    return [{"action": "create", "kind": "group", "name": name} for name in names]


def groups(cluster: FakeCluster) -> list[str]:
    return sorted(group["name"] for group in cluster.groups.values())


def test_a_task_that_writes_starts_over_with_the_lease(cluster: FakeCluster, clock: FakeClock) -> None:
    seen: list[bool] = []

    def execute(_options: Any, run: Run) -> dict[str, Any]:
        assert run.lease
        seen.append(run.lease.held)
        ensure_group(run, "one")
        return {}

    assert call(cluster, clock, execute).result["actions"] == created("one")
    assert seen == [False, True]
    assert call(cluster, clock, execute).result["actions"] == []
    assert seen == [False, True, False]


def test_a_task_in_check_mode_does_not_start_over(cluster: FakeCluster, clock: FakeClock) -> None:
    seen: list[Any] = []

    def execute(_options: Any, run: Run) -> dict[str, Any]:
        seen.append(run.lease)
        ensure_group(run, "one")
        return {}

    assert call(cluster, clock, execute, check_mode=True).result["actions"] == created("one")
    assert seen == [None]


def test_what_was_planned_without_the_lease_is_forgotten(cluster: FakeCluster, clock: FakeClock) -> None:
    cluster.leases.refusal = (403, "security_exception")

    def execute(_options: Any, run: Run) -> dict[str, Any]:
        assert run.lease
        if not run.lease.held:
            run.warn("there are two of the name")
            run.journal("plan", "group", "nothing")
        else:
            run.warn("done")
        ensure_group(run, "one")
        return {}

    outcome = call(cluster, clock, execute)
    assert outcome.result["actions"] == created("one")
    assert [warning[:34] for warning in outcome.warnings] == ["This task writes without a lock, s", "done"]


def test_a_task_that_has_lost_the_lease_starts_over(cluster: FakeCluster) -> None:
    """It was stopped for longer than the lease lives. Another controller writes meanwhile."""
    cluster.records_leases = True
    clock = EventClock()
    stops = [True]

    def end_of_the_other() -> None:
        cluster.add_group("two")
        cluster.leases.release()

    def execute(_options: Any, run: Run) -> dict[str, Any]:
        ensure_group(run, "one")
        if stops:
            stops.pop()
            clock.time += 31
            cluster.leases.hold("other:1:a")
            clock.after(5, end_of_the_other)
        ensure_group(run, "two")
        return {}

    outcome = call(cluster, clock, execute, lock_timeout=120.0)
    assert outcome.failure is None
    assert outcome.result["actions"] == created("one")
    assert groups(cluster) == ["one", "two"]
    assert [str(exchange) for exchange in cluster.writes] == [
        f"PUT {DOCUMENT} 200",
        f"POST {ML}/model_groups/_register 200",
        # The renewal finds that the lease is lost: nothing more is written under it.
        f"PUT {DOCUMENT} 409",
        f"PUT {DOCUMENT} 200",
        f"DELETE {DOCUMENT} 200",
    ]
    assert clock.now() < 1000 + 31 + 7


def test_actions_before_the_release_of_the_lease_are_kept(cluster: FakeCluster, clock: FakeClock) -> None:
    """The task has released the lease while it waits for the effect of its writes, and then has to write again."""

    def execute(_options: Any, run: Run) -> dict[str, Any]:
        if "one" not in groups(cluster):
            ensure_group(run, "one")
            run.warn("one is done")
            run.finished_writing()
        ensure_group(run, "two")
        return {}

    outcome = call(cluster, clock, execute)
    assert outcome.result["actions"] == created("one", "two")
    assert outcome.warnings == ["one is done"]
    assert [exchange.method for exchange in cluster.lease_exchanges] == ["GET", "PUT", "DELETE"] * 2


def test_a_concurrent_change_starts_the_task_over(cluster: FakeCluster, clock: FakeClock) -> None:
    changes = [True, True]

    def execute(_options: Any, run: Run) -> dict[str, Any]:
        ensure_group(run, f"group {len(changes)}")
        if changes:
            changes.pop()
            raise ConcurrentChange("another controller has deleted it.")
        return {}

    outcome = call(cluster, clock, execute, lock_timeout=10.0)
    assert outcome.failure is None
    assert outcome.result["actions"] == created("group 2", "group 1", "group 0")
    # The task keeps the lease.
    assert [exchange.method for exchange in cluster.lease_exchanges] == ["GET", "PUT", "DELETE"]


@pytest.mark.parametrize("lock", ["auto", "never"])
def test_a_task_does_not_start_over_for_ever(cluster: FakeCluster, clock: FakeClock, lock: str) -> None:
    def execute(_options: Any, run: Run) -> dict[str, Any]:
        ensure_group(run, "one")
        raise ConcurrentChange("another controller has deleted it.")

    outcome = call(cluster, clock, execute, lock_timeout=10.0, lock=lock)
    assert outcome.failure
    assert outcome.failure.code == "concurrent_change"
    assert outcome.result["actions"] == created("one")
    assert outcome.result["changed"]
    assert 1010 <= clock.now() <= 1011
    assert cluster.leases.document is None


def test_a_concurrent_change_in_check_mode_is_a_failure(cluster: FakeCluster, clock: FakeClock) -> None:
    def execute(_options: Any, run: Run) -> dict[str, Any]:
        raise ConcurrentChange("another controller has deleted it.")

    outcome = call(cluster, clock, execute, check_mode=True)
    assert outcome.failure
    assert clock.slept == []


@pytest.mark.parametrize("error", [Failure("api_error", "no"), KeyError("field"), KeyboardInterrupt()])
def test_every_end_of_a_task_releases_the_lease(cluster: FakeCluster, clock: FakeClock, error: BaseException) -> None:
    def execute(_options: Any, run: Run) -> dict[str, Any]:
        ensure_group(run, "one")
        raise error

    if isinstance(error, KeyboardInterrupt):
        with pytest.raises(KeyboardInterrupt):
            call(cluster, clock, execute)
    else:
        assert call(cluster, clock, execute).failure
    assert [exchange.method for exchange in cluster.lease_exchanges] == ["GET", "PUT", "DELETE"]
    assert cluster.leases.document is None


def test_a_waiting_task_shows_whom_it_waits_for(cluster: FakeCluster, clock: FakeClock) -> None:
    lines: list[str] = []
    cluster.leases.hold("ci-7:4711:abc")

    def execute(_options: Any, run: Run) -> dict[str, Any]:
        ensure_group(run, "one")
        return {}

    outcome = call(cluster, clock, execute, progress=lines.append, lock_timeout=12.0)
    assert outcome.failure
    assert outcome.failure.code == "concurrent_change"
    assert lines == [
        f"waiting for the lock of the cluster: ci-7:4711:abc is changing this cluster ({seconds} s)"
        for seconds in (5, 11)
    ]


def test_no_secret_is_in_the_requests_of_the_lease(cluster: FakeCluster, clock: FakeClock) -> None:
    def execute(_options: Any, run: Run) -> dict[str, Any]:
        ensure_group(run, "one")
        return {}

    call(cluster, clock, execute, username="joe", auth_type="basic")
    assert len(cluster.lease_exchanges) == 3
    assert SECRET not in str(cluster.lease_exchanges)
    assert "joe" not in str(cluster.lease_exchanges)
