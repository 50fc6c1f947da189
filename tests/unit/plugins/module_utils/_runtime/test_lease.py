# SPDX-License-Identifier: GPL-3.0-or-later
"""The lease against a fake cluster: acquired, waited for, taken over, renewed, lost and released."""

from __future__ import annotations

import os
import re
import socket
import threading
import time
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    ConcurrentChange,
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import lease as lease_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.lease import (
    DOCUMENT,
    INDEX,
    INDEX_BODY,
    SAFE_TIME,
    TIME_TO_LIVE,
    Lease,
    LeaseNeeded,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import EventClock, FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT

Runner = Callable[..., dict[str, Any]]

#: The refusals that mean that the user or the cluster cannot have the lease: status, type, refused methods.
NOT_USABLE = [
    (403, "security_exception", ("GET", "PUT", "DELETE")),
    (403, "security_exception", ("PUT",)),
    (400, "illegal_argument_exception", ("GET", "PUT", "DELETE")),
]

LOST = (
    "This task lost the lock of the cluster before it released the lock, so another controller may have written at the same "
    "time. Run the task again."
)

CREATED_AND_DELETED = [f"GET {DOCUMENT} 404", f"PUT {DOCUMENT} 200", f"DELETE {DOCUMENT} 200"]


class Task:
    """A task that uses the lease, with the lines that it shows and its warnings."""

    def __init__(self, cluster: FakeCluster, clock: FakeClock, mode: str, timeout: float, retries: int) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        options = {"hosts": ["http://cluster.test:9200"], "timeout": 30.0, "retries": retries, "validate_certs": True}
        client = connection.connect(options, read_only=False, transport=cluster, clock=clock)
        self.lease = Lease(client, mode=mode, timeout=timeout, wait=self.lines.append, warn=self.warnings.append)


@pytest.fixture
def clock() -> EventClock:
    return EventClock()


@pytest.fixture
def task(cluster: FakeCluster, clock: EventClock) -> Iterator[Callable[..., Task]]:
    """Creates tasks, whose threads end with the test."""
    tasks: list[Task] = []

    def make(*, mode: str = "auto", timeout: float = 120.0, retries: int = 5) -> Task:
        tasks.append(Task(cluster, clock, mode, timeout, retries))
        return tasks[-1]

    yield make
    for each in tasks:
        each.lease._released.set()


def sent(cluster: FakeCluster) -> list[str]:
    """The requests of the lease."""
    return [str(exchange) for exchange in cluster.lease_exchanges or cluster.exchanges]


def owner(cluster: FakeCluster) -> str | None:
    return cluster.leases.document and cluster.leases.document["owner"]


def refused(what: Callable[[], None]) -> Failure:
    with pytest.raises(Failure) as caught:
        what()
    return caught.value


# Tasks: when the lease is used


def test_a_change_takes_three_requests(cluster: FakeCluster, module: Runner) -> None:
    assert module("ml_connector", cluster, **CHAT)["changed"]
    assert sent(cluster) == CREATED_AND_DELETED
    _get, put, delete = cluster.lease_exchanges
    assert put.query == {"op_type": "create", "timeout": "2s"}
    assert delete.query == {"if_seq_no": "1", "if_primary_term": "1", "timeout": "2s"}


def test_the_lease_is_held_from_before_the_first_write_to_after_the_last(cluster: FakeCluster, module: Runner) -> None:
    cluster.records_leases = True
    module("ml_connector", cluster, **CHAT)
    taken, create, released = map(str, cluster.writes)
    assert [taken, released] == CREATED_AND_DELETED[1:]
    assert create.endswith("/connectors/_create 200")


def test_an_unchanged_task_does_not_use_it(cluster: FakeCluster, module: Runner) -> None:
    module("ml_connector", cluster, **CHAT)
    cluster.lease_exchanges.clear()
    assert not module("ml_connector", cluster, **CHAT)["changed"]
    assert cluster.lease_exchanges == []


def test_check_mode_does_not_use_it(cluster: FakeCluster, module: Runner) -> None:
    cluster.leases.hold()
    assert module("ml_connector", cluster, check_mode=True, **CHAT)["changed"]
    assert cluster.lease_exchanges == []


def test_never_does_not_use_it(cluster: FakeCluster, module: Runner) -> None:
    cluster.leases.hold()
    assert module("ml_connector", cluster, lock="never", **CHAT)["changed"]
    assert cluster.lease_exchanges == []


def test_what_another_controller_made_meanwhile_is_found(cluster: FakeCluster, module: Runner) -> None:
    cluster.records_leases = True
    cluster.leases.hold()
    reads = iter(range(10))

    def go_on() -> None:
        if next(reads) == 2:
            cluster.add_connector(client_config={"read_timeout": 180, "connection_timeout": 10})
            cluster.leases.release()

    cluster.before("GET", DOCUMENT, go_on, times=10)
    result = module("ml_connector", cluster, **CHAT)
    assert not result["changed"]
    assert result["actions"] == []
    assert len(cluster.connectors) == 1
    assert cluster.leases.document is None


def test_a_failed_task_releases_it(cluster: FakeCluster, module: Runner) -> None:
    cluster.fail_next("POST", "/_create", "error")
    assert module("ml_connector", cluster, **CHAT)["failure"]["code"] == "api_error"
    assert sent(cluster) == CREATED_AND_DELETED


def test_retries_are_counted(cluster: FakeCluster, module: Runner) -> None:
    cluster.records_leases = True
    cluster.fail_next("PUT", DOCUMENT, "lost_before")
    assert module("ml_connector", cluster, **CHAT)["retries"] == 1


def test_a_held_lease_fails_the_task_after_the_timeout(cluster: FakeCluster, module: Runner) -> None:
    cluster.records_leases = True
    cluster.leases.hold("ci-7:4711:abc", time_to_live=60.0)
    failure = module("ml_connector", cluster, lock_timeout=5, **CHAT)["failure"]
    assert failure["code"] == "concurrent_change"
    assert failure["message"].startswith("After 5 s, ci-7:4711:abc is changing this cluster.")
    assert f"unlock the cluster by DELETE {DOCUMENT}" in failure["message"]
    assert failure["details"] == {"owner": "ci-7:4711:abc", "unlock": f"DELETE {DOCUMENT}"}
    assert cluster.connectors == {}
    assert owner(cluster) == "ci-7:4711:abc"


@pytest.mark.parametrize(("status", "kind", "methods"), NOT_USABLE)
def test_a_task_without_the_right_warns_once(
    cluster: FakeCluster, module: Runner, status: int, kind: str, methods: tuple[str, ...]
) -> None:
    cluster.leases.refusal, cluster.leases.refused_methods = (status, kind), methods
    result = module("ml_model", cluster, name="Chat", connector=cluster.add_connector())
    assert result["changed"]
    [warning] = result["warnings"]
    assert warning.startswith(
        "This task writes without a lock, so no other controller must write now: no permissions for"
    )
    # The first refusal is enough for the whole task.
    assert [exchange.status for exchange in cluster.lease_exchanges if exchange.status != 404] == [status]


@pytest.mark.parametrize(("status", "kind", "methods"), NOT_USABLE)
def test_a_task_that_requires_the_lease_fails(
    cluster: FakeCluster, module: Runner, status: int, kind: str, methods: tuple[str, ...]
) -> None:
    cluster.leases.refusal, cluster.leases.refused_methods = (status, kind), methods
    result = module("ml_connector", cluster, lock="required", **CHAT)
    assert result["failure"]["code"] == "lease_unavailable"
    assert "no permissions for" in result["failure"]["message"]
    assert "warnings" not in result
    assert cluster.writes == []


def test_a_release_that_fails_is_a_warning(cluster: FakeCluster, module: Runner) -> None:
    cluster.leases.refusal, cluster.leases.refused_methods = (429, "cluster_block_exception"), ("DELETE",)
    result = module("ml_connector", cluster, **CHAT)
    assert result["changed"]
    assert result["warnings"] == [
        "The lock of the cluster could not be released, so others wait up to 30 s for it: DELETE "
        "/.searchops-leases/_doc/ml on http://cluster.test:9200 answered 429: no permissions for [DELETE]"
    ]


def test_a_busy_server_is_asked_again_for_the_release(cluster: FakeCluster, module: Runner) -> None:
    cluster.records_leases = True
    cluster.fail_next("DELETE", "/_doc/ml", "unavailable")
    result = module("ml_connector", cluster, **CHAT)
    assert (result["changed"], result["retries"], cluster.leases.document) == (True, 1, None)
    assert "warnings" not in result


# The document and the index


def test_the_document_names_the_host_and_the_process(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    task().lease.acquire()
    assert cluster.leases.document
    assert cluster.leases.document.keys() == {"owner", "ttl", "renewed"}
    host, process, number = str(owner(cluster)).rsplit(":", 2)
    assert (host, process) == (socket.gethostname(), str(os.getpid()))
    assert re.fullmatch("[0-9a-f]{8}", number)
    assert cluster.leases.document["ttl"] == TIME_TO_LIVE


def test_two_tasks_of_one_process_are_two_owners(task: Callable[..., Task]) -> None:
    assert task().lease.owner != task().lease.owner


def test_the_first_use_creates_the_index(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    cluster.leases.exists = False
    task().lease.acquire()
    assert sent(cluster) == [f"GET {DOCUMENT} 404", f"PUT /{INDEX} 200", f"PUT {DOCUMENT} 200"]
    assert cluster.lease_exchanges[1].body == INDEX_BODY


def test_another_task_may_create_the_index_first(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    cluster.leases.exists, cluster.records_leases = False, True
    cluster.before("PUT", f"/{INDEX}", cluster.leases.create_index)
    task().lease.acquire()
    assert sent(cluster) == [f"GET {DOCUMENT} 404", f"PUT /{INDEX} 400", f"PUT {DOCUMENT} 200"]


def test_an_index_that_is_deleted_before_the_write_is_created_again(
    cluster: FakeCluster, task: Callable[..., Task]
) -> None:
    cluster.records_leases = True
    cluster.before("PUT", DOCUMENT, cluster.leases.delete_index)
    holder = task()
    holder.lease.acquire()
    assert owner(cluster) == holder.lease.owner


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_an_index_that_must_not_be_created(cluster: FakeCluster, task: Callable[..., Task], mode: str) -> None:
    cluster.leases.exists = False
    cluster.leases.refusal, cluster.leases.refused_methods = (403, "index_create_block_exception"), ("PUT",)
    holder = task(mode=mode)
    if mode == "required":
        assert refused(holder.lease.acquire).code == "lease_unavailable"
        assert not holder.lease.held
    else:
        holder.lease.acquire()
        holder.lease.check()
        holder.lease.release()
        assert len(holder.warnings) == 1
        assert not holder.lease.excludes_others
    assert sent(cluster) == [f"GET {DOCUMENT} 404", f"PUT /{INDEX} 403"]


# Waiting and taking over


def test_it_waits_until_another_task_releases_it(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    cluster.leases.hold("ci-7:4711:abc")
    clock.after(12, cluster.leases.release)
    holder = task()
    holder.lease.acquire()
    assert 1012 <= clock.now() < 1013
    assert owner(cluster) == holder.lease.owner
    assert holder.lines[0] == "waiting for the lock of the cluster: ci-7:4711:abc is changing this cluster"


def test_pauses_grow_to_half_a_second(cluster: FakeCluster, task: Callable[..., Task], clock: EventClock) -> None:
    cluster.leases.hold()
    clock.share = 0.5
    clock.after(12, cluster.leases.release)
    task().lease.acquire()
    assert clock.slept[:4] == pytest.approx([0.05, 0.075, 0.1125, 0.16875])
    assert clock.slept[-1] == 0.5


@pytest.mark.parametrize("time_to_live", [5.0, 30.0, 60.0])
@pytest.mark.parametrize("renewed", ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"])
def test_a_lease_that_is_not_renewed_is_taken_over_by_the_own_clock(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock, time_to_live: float, renewed: str
) -> None:
    cluster.leases.hold(time_to_live=time_to_live)
    assert cluster.leases.document
    cluster.leases.document["renewed"] = renewed
    holder = task()
    holder.lease.acquire()
    assert time_to_live <= clock.now() - 1000 < time_to_live + 1
    assert owner(cluster) == holder.lease.owner
    assert holder.lease.excludes_others


def test_a_lease_that_is_renewed_is_not_taken_over(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    cluster.leases.hold()
    for seconds in range(10, 70, 10):
        clock.after(seconds, cluster.leases.hold)
    task(timeout=600).lease.acquire()
    assert 90 <= clock.now() - 1000 < 91


def test_another_holder_starts_the_time_again(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    """The sequence number begins again with a new index, so the next holder's document may have the same one."""

    def start_again() -> None:
        cluster.leases.delete_index()
        cluster.leases.create_index()
        cluster.leases.hold("second:2:b")

    cluster.leases.hold("first:1:a")
    clock.after(25, start_again)
    task().lease.acquire()
    assert 55 <= clock.now() - 1000 < 56


def test_a_released_and_acquired_lease_starts_the_time_again(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    cluster.leases.hold("first:1:a")
    clock.after(25, cluster.leases.release)
    clock.after(25, lambda: cluster.leases.hold("first:1:a"))
    task().lease.acquire()
    assert 55 <= clock.now() - 1000 < 56


def test_of_two_tasks_that_take_over_one_is_faster(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    cluster.records_leases = True
    cluster.leases.hold("dead:1:a")
    cluster.before("PUT", DOCUMENT, lambda: cluster.leases.hold("faster:2:b"))
    failure = refused(task(timeout=35).lease.acquire)
    assert failure.code == "concurrent_change"
    assert failure.details["owner"] == "faster:2:b"


def test_of_two_tasks_that_create_one_is_faster(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    cluster.records_leases = True
    cluster.before("PUT", DOCUMENT, lambda: cluster.leases.hold("faster:2:b"))
    failure = refused(task(timeout=0).lease.acquire)
    assert failure.code == "concurrent_change"
    assert failure.details["owner"] == "faster:2:b"


def test_a_server_that_contradicts_itself_ends_in_a_failure(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    """It has no document, and refuses to create it because there is one."""
    cluster.records_leases = True

    def contradict() -> None:
        cluster.leases.refusal, cluster.leases.refused_methods = (409, "version_conflict_engine_exception"), ("PUT",)

    cluster.before("PUT", DOCUMENT, contradict)
    failure = refused(task(timeout=1).lease.acquire)
    assert (failure.code, failure.details["owner"]) == ("concurrent_change", "another task")


def test_a_document_of_another_structure(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    cluster.leases.document = {"someone": "else"}
    assert refused(task().lease.acquire).code == "unexpected_answer"


# Blocks and shards


@pytest.mark.parametrize("mode", ["auto", "required"])
@pytest.mark.parametrize("status", [403, 429])
def test_a_read_only_cluster_fails_the_task_at_once(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock, mode: str, status: int
) -> None:
    cluster.leases.refusal, cluster.leases.refused_methods = (status, "cluster_block_exception"), ("PUT", "DELETE")
    failure = refused(task(mode=mode).lease.acquire)
    assert (failure.code, failure.status) == ("lease_unavailable", status)
    assert failure.message.startswith("The cluster refuses writes: ")
    assert clock.slept == []


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_a_closed_index_fails_the_task_at_once(cluster: FakeCluster, task: Callable[..., Task], mode: str) -> None:
    cluster.leases.refusal = (400, "index_closed_exception")
    failure = refused(task(mode=mode).lease.acquire)
    assert failure.code == "lease_unavailable"
    assert (
        failure.message == f"The index {INDEX} is closed: open it, or delete it while no task writes to this cluster."
    )


@pytest.mark.parametrize("methods", [("GET", "PUT"), ("PUT",)])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (503, "no_shard_available_action_exception"),
        (503, "unavailable_shards_exception"),
        # A cluster that starts.
        (503, "cluster_block_exception"),
        (429, "rejected_execution_exception"),
    ],
)
@pytest.mark.parametrize("recovers", [True, False])
def test_an_index_that_is_not_ready_is_waited_for(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock, methods: tuple[str, ...], status: int, kind: str,
    recovers: bool,
) -> None:  # fmt: skip
    cluster.leases.refusal, cluster.leases.refused_methods = (status, kind), methods
    holder = task()
    if recovers:
        clock.after(20, lambda: setattr(cluster.leases, "refusal", (0, "")))
        holder.lease.acquire()
        assert 1020 <= clock.now() < 1021
        assert holder.lines[0].startswith("waiting for the lock of the cluster: no permissions for")
    else:
        failure = refused(holder.lease.acquire)
        assert (failure.code, failure.status) == ("lease_unavailable", status)
        assert failure.message.startswith("After 120 s, ")
        assert failure.message.endswith("and may be deleted while no task writes to this cluster.")
        assert 1120 <= clock.now() < 1121


def test_an_index_that_cannot_be_created_yet_is_waited_for(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    cluster.leases.exists = False
    cluster.leases.refusal, cluster.leases.refused_methods = (503, "process_cluster_event_timeout_exception"), ("PUT",)
    clock.after(3, lambda: setattr(cluster.leases, "refusal", (0, "")))
    task().lease.acquire()
    assert 1003 <= clock.now() < 1004


# Lost answers


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "gateway_after"])
@pytest.mark.parametrize("timeout", [0.0, 120.0])
def test_the_answer_to_the_acquisition_is_lost(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock, fault: str, timeout: float
) -> None:
    cluster.records_leases = True
    cluster.fail_next("PUT", DOCUMENT, fault)
    holder = task(timeout=timeout)
    holder.lease.acquire()
    assert clock.now() < 1002
    holder.lease.check()
    holder.lease.release()
    assert cluster.leases.document is None
    assert holder.warnings == []


def test_the_answers_to_the_acquisition_are_all_lost(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    cluster.records_leases = True
    cluster.fail_next("PUT", DOCUMENT, "lost_after")
    holder = task(retries=0)
    assert refused(holder.lease.acquire).code == "no_answer"
    # The next attempt of this task finds its own document.
    holder.lease.acquire()
    assert owner(cluster) == holder.lease.owner


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "gateway_after"])
@pytest.mark.parametrize("retries", [0, 5])
def test_the_answer_to_a_renewal_is_lost(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock, fault: str, retries: int
) -> None:
    cluster.records_leases = True
    holder = task(retries=retries)
    holder.lease.acquire()
    cluster.fail_next("PUT", DOCUMENT, fault)
    clock.time += SAFE_TIME + 1
    if retries:
        holder.lease.check()
    else:
        with pytest.raises(ConcurrentChange):
            holder.lease.check()
        # The next renewal finds that it is still its own lease.
        holder.lease.check()
    holder.lease.release()
    assert cluster.leases.document is None
    assert holder.warnings == []


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "gateway_after"])
def test_the_answer_to_the_release_is_lost(cluster: FakeCluster, task: Callable[..., Task], fault: str) -> None:
    cluster.records_leases = True
    holder = task()
    holder.lease.acquire()
    cluster.fail_next("DELETE", DOCUMENT, fault)
    holder.lease.release()
    assert cluster.leases.document is None
    assert holder.warnings == []


def test_the_release_finds_a_renewal_whose_answer_was_lost(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    cluster.records_leases = True
    holder = task(retries=0)
    holder.lease.acquire()
    cluster.fail_next("PUT", DOCUMENT, "lost_after")
    refused(holder.lease._renew)
    holder.lease.release()
    assert cluster.leases.document is None


@pytest.mark.parametrize("fault", ["html", "lost_before"])
def test_whatever_fails_at_the_release_is_a_warning(
    cluster: FakeCluster, task: Callable[..., Task], fault: str
) -> None:
    cluster.records_leases = True
    holder = task(retries=0)
    holder.lease.acquire()
    cluster.leases.hold("other:1:a")
    cluster.fail_next("GET", DOCUMENT, fault)
    holder.lease.release()
    [warning] = holder.warnings
    assert warning.startswith("The lock of the cluster could not be released, so others wait up to 30 s for it: ")
    assert not holder.lease.held


# Holding and losing it


def test_without_the_lease_a_task_must_not_write(task: Callable[..., Task]) -> None:
    holder = task()
    with pytest.raises(LeaseNeeded):
        holder.lease.check()
    holder.lease.acquire()
    holder.lease.check()
    holder.lease.release()
    with pytest.raises(LeaseNeeded):
        holder.lease.check()


def test_a_held_lease_is_not_acquired_again(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    holder = task()
    holder.lease.acquire()
    before = len(cluster.lease_exchanges)
    holder.lease.acquire()
    assert len(cluster.lease_exchanges) == before


def test_a_check_sends_nothing_while_the_lease_is_safe(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    holder = task()
    holder.lease.acquire()
    before = len(cluster.lease_exchanges)
    clock.time += SAFE_TIME
    holder.lease.check()
    assert len(cluster.lease_exchanges) == before
    clock.time += 0.1
    holder.lease.check()
    assert sent(cluster)[before:] == [f"PUT {DOCUMENT} 200"]


def test_a_slow_acquisition_counts_from_when_it_was_sent(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    cluster.records_leases = True
    holder = task()
    cluster.before("PUT", DOCUMENT, lambda: clock.sleep(9))
    holder.lease.acquire()
    clock.time += SAFE_TIME - 8.9
    before = len(cluster.exchanges)
    holder.lease.check()
    assert [str(each) for each in cluster.exchanges[before:]] == [f"PUT {DOCUMENT} 200"]


def test_a_lease_that_was_taken_over_is_lost(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    holder = task()
    holder.lease.acquire()
    clock.time += TIME_TO_LIVE + 1
    cluster.leases.hold("other:1:a")
    with pytest.raises(ConcurrentChange) as caught:
        holder.lease.check()
    assert caught.value.code == "concurrent_change"
    assert owner(cluster) == "other:1:a"
    assert not holder.lease.excludes_others
    holder.lease.release()
    assert owner(cluster) == "other:1:a"
    assert holder.warnings == [LOST]


def test_the_release_leaves_the_lease_of_another_task(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    holder = task()
    holder.lease.acquire()
    cluster.leases.hold("other:1:a")
    holder.lease.release()
    assert owner(cluster) == "other:1:a"
    assert holder.warnings == [LOST]


@pytest.mark.parametrize("deleted", ["document", "index"])
def test_a_lease_that_was_deleted_by_hand_is_lost(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock, deleted: str
) -> None:
    holder = task()
    holder.lease.acquire()
    cluster.leases.release() if deleted == "document" else cluster.leases.delete_index()
    clock.time += SAFE_TIME + 1
    with pytest.raises(ConcurrentChange):
        holder.lease.check()
    holder.lease.acquire()
    holder.lease.check()
    assert owner(cluster) == holder.lease.owner
    holder.lease.release()
    assert holder.warnings == []


def test_the_release_of_a_lease_that_was_deleted_by_hand(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    holder = task()
    holder.lease.acquire()
    cluster.leases.release()
    holder.lease.release()
    assert holder.warnings == []


@pytest.mark.parametrize(
    ("status", "kind"), [(503, "unavailable_shards_exception"), (429, "rejected_execution_exception")]
)
def test_a_busy_server_does_not_cost_the_lease(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock, status: int, kind: str
) -> None:
    """Its document can be read, but not written at the moment."""
    holder = task()
    holder.lease.acquire()
    cluster.leases.refusal, cluster.leases.refused_methods = (status, kind), ("PUT",)
    refused(holder.lease._renew)
    assert holder.lease.excludes_others
    holder.lease.check()
    clock.time += SAFE_TIME + 1
    with pytest.raises(ConcurrentChange):
        holder.lease.check()
    cluster.leases.refusal = (0, "")
    holder.lease.check()


def test_a_lease_that_cannot_be_renewed_is_waited_for_again(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    holder = task()
    holder.lease.acquire()
    cluster.leases.refusal, cluster.leases.refused_methods = (503, "unavailable_shards_exception"), ("PUT",)
    clock.time += TIME_TO_LIVE + 1
    with pytest.raises(ConcurrentChange):
        holder.lease.check()
    began = clock.now()
    assert refused(holder.lease.acquire).code == "lease_unavailable"
    assert clock.now() - began >= 120


def test_rights_that_are_taken_away_meanwhile(
    cluster: FakeCluster, task: Callable[..., Task], clock: EventClock
) -> None:
    holder = task()
    holder.lease.acquire()
    cluster.leases.refusal = (403, "security_exception")
    clock.time += SAFE_TIME + 1
    with pytest.raises(ConcurrentChange):
        holder.lease.check()
    holder.lease.acquire()
    holder.lease.check()
    assert len(holder.warnings) == 1


# The thread that renews it


@pytest.fixture
def fast_renewals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "RENEWAL_INTERVAL", 0.005)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.mark.usefixtures("fast_renewals")
def test_it_is_renewed_until_it_is_released(cluster: FakeCluster, task: Callable[..., Task], clock: EventClock) -> None:
    holder = task()
    holder.lease.acquire()
    clock.time += SAFE_TIME + 1
    # The second renewal began after the clock was set.
    before = len(cluster.lease_exchanges)
    wait_for(lambda: len(cluster.lease_exchanges) >= before + 2)
    assert holder.lease._is_safe()
    holder.lease.release()
    assert sent(cluster)[-1] == CREATED_AND_DELETED[2]
    after = len(cluster.lease_exchanges)
    time.sleep(0.05)
    assert len(cluster.lease_exchanges) == after
    assert cluster.leases.document is None


@pytest.mark.usefixtures("fast_renewals")
def test_the_release_waits_for_a_renewal_under_way(cluster: FakeCluster, task: Callable[..., Task]) -> None:
    """It then names the sequence number that the renewal has brought."""
    cluster.records_leases = True
    holder = task()
    holder.lease.acquire()
    renewing, releasing = threading.Event(), threading.Event()

    def renew_slowly() -> None:
        renewing.set()
        assert releasing.wait(10)
        time.sleep(0.02)

    cluster.before("PUT", DOCUMENT, renew_slowly)
    assert renewing.wait(10)
    threading.Timer(0.02, releasing.set).start()
    holder.lease.release()
    assert cluster.leases.document is None
    assert sent(cluster)[-1] == CREATED_AND_DELETED[2]
    assert [each for each in sent(cluster) if each.endswith("409")] == []


@pytest.mark.usefixtures("fast_renewals")
def test_no_exception_ends_the_renewals(
    cluster: FakeCluster, task: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals: list[int] = []

    def renew() -> None:
        renewals.append(1)
        raise TypeError("a defect")

    holder = task()
    monkeypatch.setattr(holder.lease, "_renew", renew)
    holder.lease.acquire()
    wait_for(lambda: len(renewals) > 2)
    holder.lease.release()


@pytest.mark.usefixtures("fast_renewals")
def test_a_lease_that_is_acquired_again_is_renewed_by_one_thread(
    cluster: FakeCluster, task: Callable[..., Task]
) -> None:
    before = set(threading.enumerate())
    holder = task()
    for _time in range(5):
        holder.lease.acquire()
        cluster.leases.release()
        wait_for(lambda: not holder.lease.excludes_others)
    holder.lease.acquire()
    wait_for(lambda: len(set(threading.enumerate()) - before) == 1)
    assert owner(cluster) == holder.lease.owner
    holder.lease.release()
    wait_for(lambda: set(threading.enumerate()) <= before)
