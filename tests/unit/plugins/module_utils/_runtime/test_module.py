# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of a module: its parameters are parsed once, and a parser may fail as a task may."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any, Callable, Mapping

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.module import Module, ModuleCall
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
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
    assert outcome.result["msg"].startswith("name: ******** is not a valid name. ")
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
