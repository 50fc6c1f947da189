# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease as several controllers use it at once, with lost answers, stopped and killed controllers and clocks that differ."""

from __future__ import annotations

import functools
import json
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import lease
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.module import Module, ModuleCall
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support import fuzzing
from ansible_collections.searchops.opensearch_ml.tests.unit.support.simulation import (
    Controller,
    SimulatedClock,
    SimulatedNetwork,
    Simulation,
)

NAMES = ("one", "two", "three", "four", "five")
OPTIONS = {
    "hosts": ["http://cluster.test:9200"],
    "timeout": 10.0,
    "retries": 2,
    "lock": "required",
    "lock_timeout": 600.0,
    "validate_certs": True,
}

#: The longest way of a request to the cluster, in seconds. A write that is checked just before the safe time ends must
#: arrive before the lease may be taken over.
SLOWEST = 4.0


class Fleet:
    """Controllers that all create the same connectors by tasks, each until its task has succeeded."""

    def __init__(self, seed: int) -> None:
        self.simulation = Simulation(seed)
        self.cluster = FakeCluster()
        self.cluster.leases.exists = False
        #: The owners of leases, by the controllers that have asked for them.
        self.owners: dict[str, set[str]] = {}
        self.outcomes: dict[str, str] = {}
        self.warnings: list[str] = []

    def run(self, controllers: int) -> None:
        draw = self.simulation.random
        for number in range(controllers):
            controller = Controller(f"c{number}", drift=draw.uniform(0.98, 1.02), offset=draw.uniform(0, 1e6))
            self.owners[controller.name] = set()
            act = functools.partial(self._control, controller)
            self.simulation.start(controller, act, after=draw.choice([0.0, draw.uniform(0, 60)]))
        self.simulation.run(until=3600.0)

    def _control(self, controller: Controller) -> None:
        self.outcomes[controller.name] = "killed"
        for _attempt in range(20):
            outcome = self._task(controller).run(check_mode=False)
            self.warnings += outcome.warnings
            if outcome.failure is None:
                self.outcomes[controller.name] = "changed" if outcome.result["changed"] else "unchanged"
                return
            # A lost answer is all that can go wrong.
            assert outcome.failure.code == "no_answer", outcome.failure.as_dict()
        raise AssertionError("no attempt succeeded")

    def _task(self, controller: Controller) -> ModuleCall:
        network = SimulatedNetwork(self.simulation, self.cluster, self._arrives, lost=0.02, slowest=SLOWEST)
        clock = SimulatedClock(self.simulation, controller)
        connect = functools.partial(connection.connect, transport=network, clock=clock)
        return ModuleCall(
            Module({}, self._create_all, dict, connection=connection.CLUSTER._replace(connect=connect)), OPTIONS
        )

    def _create_all(self, _options: Any, run: Run) -> dict[str, Any]:
        for name in NAMES:
            found = run.client.search_all(f"{ML}/connectors/_search", {"term": {"name.keyword": name}}, "connector")
            if not found:
                self._work(run)
                run.perform("create", "connector", name, functools.partial(_create, run, name))
        return {}

    def _work(self, run: Run) -> None:
        """Work for some seconds. Sometimes the controller is stopped or killed at it."""
        draw = self.simulation.random
        run.clock.sleep(draw.choice([0.1, draw.uniform(0, 40)]))
        if draw.random() < 0.4:
            # About as long as a lease lives.
            self.simulation.stop(draw.uniform(10, 50))
        if draw.random() < 0.05:
            self.simulation.kill()

    def _arrives(self, method: str, url: str, content: bytes | None) -> None:
        """Each write is one of the controller that holds the lease at this moment."""
        owners = self.owners[self.simulation.controller.name]
        if url.partition("?")[0].endswith(lease.DOCUMENT):
            if content:
                owners.add(json.loads(content)["owner"])
        elif url.endswith("/_create"):
            document = self.cluster.leases.document
            assert document, "written without a lease"
            assert document["owner"] in owners, "written under the lease of another controller"


def _create(run: Run, name: str) -> Any:
    body = {
        "name": name,
        "version": "1",
        "protocol": "http",
        "credential": {"key": "x"},
        "actions": [{"action_type": "predict", "method": "POST", "url": "http://llm.test/v1", "request_body": "{}"}],
    }
    return run.client.create(f"{ML}/connectors/_create", body)


@settings(max_examples=fuzzing.number_of_examples(40, 1))
@given(st.integers(0, 2**32), st.integers(2, 6))
def test_properties_of_several_controllers(seed: int, controllers: int) -> None:
    fleet = Fleet(seed)
    with mock.patch.object(lease, "threading", fleet.simulation):
        fleet.run(controllers)
    names = sorted(connector["name"] for connector in fleet.cluster.connectors.values())
    assert len(names) == len(set(names))
    if set(fleet.outcomes.values()) != {"killed"}:
        assert names == sorted(NAMES)
    # A killed controller leaves its lease, and so does one whose release was not answered.
    if "killed" not in fleet.outcomes.values() and not fleet.warnings:
        assert fleet.cluster.leases.document is None


def test_the_properties_find_a_lease_that_is_not_checked() -> None:
    """A task that writes on without a check doubles objects in some of the runs."""
    found = 0
    for seed in range(20):
        fleet = Fleet(seed)
        unchecked = mock.patch.object(lease.Lease, "check", return_value=None)
        with mock.patch.object(lease, "threading", fleet.simulation), unchecked:
            try:
                fleet.run(4)
            except AssertionError:
                found += 1
    assert found


def test_a_failure_of_the_simulated_task_is_seen() -> None:
    fleet = Fleet(1)
    refused = mock.patch.object(lease.Lease, "acquire", side_effect=Failure("lease_unavailable", "no"))
    with mock.patch.object(lease, "threading", fleet.simulation), refused, pytest.raises(
        AssertionError, match="lease_unavailable"
    ):
        fleet.run(2)
