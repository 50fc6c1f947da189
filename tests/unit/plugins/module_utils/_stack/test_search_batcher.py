# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Searches that several workers share: what each waits for, and that none waits for ever."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.search_batcher import SearchBatcher
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run

WORKERS = 6


def outcomes_of(batcher: SearchBatcher, work) -> list:
    """The results or exceptions of the workers, all of which start before the first one searches."""
    all_started = threading.Barrier(WORKERS)

    def one(number: int):
        all_started.wait(10)
        with batcher.slot():
            try:
                return work(number)
            except (Failure, ZeroDivisionError, KeyError) as exc:
                return exc

    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result(20) for future in [pool.submit(one, number) for number in range(WORKERS)]]


def searches(cluster: FakeCluster) -> int:
    return len([exchange for exchange in cluster.exchanges if exchange.path.endswith("_search")])


@pytest.mark.parametrize("parallel", [1, 2, WORKERS])
def test_each_worker_gets_the_objects_of_its_name(cluster: FakeCluster, parallel: int) -> None:
    ids = [cluster.add_connector(f"C {number}") for number in range(WORKERS)]
    twin = cluster.add_connector("C 3")
    batcher, working, most = SearchBatcher(make_run(cluster).client, parallel), [], []

    def work(number: int) -> list[str]:
        working.append(number)
        most.append(len(working))
        time.sleep(0.01)
        working.remove(number)
        found = batcher.search(Connector, f"C {number}")
        return sorted(doc.id for doc in found)

    expected = [[each] for each in ids]
    expected[3] = sorted([ids[3], twin])
    assert outcomes_of(batcher, work) == expected
    assert max(most) <= parallel
    assert searches(cluster) <= WORKERS


def test_one_search_per_kind_for_all_waiting_workers(cluster: FakeCluster) -> None:
    """The search starts only when no worker has a slot."""
    batcher = SearchBatcher(make_run(cluster).client, WORKERS)
    all_working = threading.Barrier(WORKERS)

    def work(number: int) -> int:
        all_working.wait(10)
        return len(batcher.search((Connector, ModelGroup)[number % 2], f"C {number}"))

    assert outcomes_of(batcher, work) == [0] * WORKERS
    assert searches(cluster) == 2


def test_failed_search_fails_all_workers_that_share_it(cluster: FakeCluster) -> None:
    cluster.inject("html")
    batcher = SearchBatcher(make_run(cluster).client, WORKERS)
    all_working = threading.Barrier(WORKERS)

    def work(number: int) -> list:
        all_working.wait(10)
        return batcher.search(Connector, f"C {number}")

    outcomes = outcomes_of(batcher, work)
    assert all(isinstance(outcome, Failure) for outcome in outcomes), outcomes
    # Later searches work.
    assert outcomes_of(batcher, lambda number: batcher.search(Connector, "C")) == [[]] * WORKERS


def test_unexpected_exception_leaves_no_worker_waiting(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    batcher = SearchBatcher(make_run(cluster).client, WORKERS)
    monkeypatch.setattr(Connector, "search", lambda *args: 1 / 0)
    outcomes = outcomes_of(batcher, lambda number: batcher.search(Connector, f"C {number}"))
    assert all(isinstance(outcome, (ZeroDivisionError, KeyError)) for outcome in outcomes), outcomes


def test_sleeping_worker_releases_its_slot(cluster: FakeCluster) -> None:
    """One worker sleeps until the others, which share its only slot, have searched."""
    batcher, searched = SearchBatcher(make_run(cluster).client, 1), threading.Event()

    def sleep(seconds: float) -> None:
        assert searched.wait(10), "no other worker could search meanwhile"

    batcher.clock._sleep = sleep  # type: ignore[attr-defined] # the clock that releases the slot

    def work(number: int) -> None:
        if number:
            batcher.search(Connector, "C")
            searched.set()
        else:
            batcher.clock.sleep(1.0)

    assert outcomes_of(batcher, work) == [None] * WORKERS
