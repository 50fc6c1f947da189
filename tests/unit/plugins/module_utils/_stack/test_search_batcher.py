# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Searches that several workers share: who waits for what, and that nobody waits for ever."""

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


def everybody(looks: SearchBatcher, work) -> list:
    """What becomes of the workers, all of which are there before the first one asks."""
    here = threading.Barrier(WORKERS)

    def one(number: int):
        here.wait(10)
        with looks.slot():
            try:
                return work(number)
            except (Failure, ZeroDivisionError, KeyError) as exc:
                return exc

    with ThreadPoolExecutor(WORKERS) as pool:
        return [future.result(20) for future in [pool.submit(one, number) for number in range(WORKERS)]]


def searches(cluster: FakeCluster) -> int:
    return len([exchange for exchange in cluster.exchanges if exchange.path.endswith("_search")])


@pytest.mark.parametrize("parallel", [1, 2, WORKERS])
def test_each_gets_the_objects_of_the_own_name(cluster: FakeCluster, parallel: int) -> None:
    ids = [cluster.add_connector(f"C {number}") for number in range(WORKERS)]
    twin = cluster.add_connector("C 3")
    looks, working, most = SearchBatcher(make_run(cluster).client, parallel), [], []

    def work(number: int) -> list[str]:
        working.append(number)
        most.append(len(working))
        time.sleep(0.01)
        working.remove(number)
        found = looks.search(Connector, f"C {number}")
        return sorted(doc.id for doc in found)

    expected = [[each] for each in ids]
    expected[3] = sorted([ids[3], twin])
    assert everybody(looks, work) == expected
    assert max(most) <= parallel
    assert searches(cluster) <= WORKERS


def test_one_search_for_all_who_wait_and_each_kind(cluster: FakeCluster) -> None:
    """Nobody is answered while somebody is still at work."""
    looks = SearchBatcher(make_run(cluster).client, WORKERS)
    everybody_works = threading.Barrier(WORKERS)

    def work(number: int) -> int:
        everybody_works.wait(10)
        return len(looks.search((Connector, ModelGroup)[number % 2], f"C {number}"))

    assert everybody(looks, work) == [0] * WORKERS
    assert searches(cluster) == 2


def test_a_search_that_fails_fails_all_who_share_it(cluster: FakeCluster) -> None:
    cluster.inject("html")
    looks = SearchBatcher(make_run(cluster).client, WORKERS)
    everybody_works = threading.Barrier(WORKERS)

    def work(number: int) -> list:
        everybody_works.wait(10)
        return looks.search(Connector, f"C {number}")

    outcomes = everybody(looks, work)
    assert all(isinstance(outcome, Failure) for outcome in outcomes), outcomes
    # The next ones are not held up by that.
    assert everybody(looks, lambda number: looks.search(Connector, "C")) == [[]] * WORKERS


def test_a_search_that_breaks_leaves_nobody_waiting(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = SearchBatcher(make_run(cluster).client, WORKERS)
    monkeypatch.setattr(Connector, "search", lambda *args: 1 / 0)
    outcomes = everybody(looks, lambda number: looks.search(Connector, f"C {number}"))
    assert all(isinstance(outcome, (ZeroDivisionError, KeyError)) for outcome in outcomes), outcomes


def test_whoever_sleeps_holds_nobody_up(cluster: FakeCluster) -> None:
    """One waits for others of the same name, for whom a second one would have to look."""
    looks, asked = SearchBatcher(make_run(cluster).client, 1), threading.Event()

    def sleep(seconds: float) -> None:
        assert asked.wait(10), "nobody could ask meanwhile"

    looks.clock._sleep = sleep  # type: ignore[attr-defined] # of the clock that gives up the turn

    def work(number: int) -> None:
        if number:
            looks.search(Connector, "C")
            asked.set()
        else:
            looks.clock.sleep(1.0)

    assert everybody(looks, work) == [None] * WORKERS
