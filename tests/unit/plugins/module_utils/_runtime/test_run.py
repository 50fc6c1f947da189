# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a state, with a clock on which time passes only while the code sleeps."""

from __future__ import annotations

import time

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.clock import Clock
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.run import Run, WaitTimeout
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script


def run_at(clock: FakeClock) -> Run:
    return make_run(Script(), clock=clock)


def wait(clock: FakeClock, states: list[str], timeout: float = 10.0) -> str:
    return run_at(clock).wait_until(
        lambda: states.pop(0) if len(states) > 1 else states[0],
        lambda state: state == "done",
        what="the thing to be done",
        describe=lambda state: f"state {state}",
        timeout=timeout,
    )


def test_a_state_that_is_reached_already_needs_no_pause(clock: FakeClock) -> None:
    assert wait(clock, ["done"], timeout=0) == "done"
    assert clock.slept == []


def test_pauses_grow_to_two_seconds(clock: FakeClock) -> None:
    wait(clock, [*["not yet"] * 9, "done"], timeout=60)
    assert clock.slept == pytest.approx([0.1, 0.15, 0.225, 0.3375, 0.50625, 0.759375, 1.1390625, 1.70859375, 2.0])


def test_a_timeout_reports_the_last_state(clock: FakeClock) -> None:
    with pytest.raises(
        WaitTimeout, match="the thing to be done: not reached within 5 s; last seen: state later"
    ) as caught:
        wait(clock, ["not yet", "later"], timeout=5)
    assert caught.value.code == "wait_timeout"
    assert caught.value.last == "later"
    assert caught.value.details == {"last_state": "state later"}
    assert sum(clock.slept) == pytest.approx(5)


def test_the_state_is_read_once_more_at_the_end(clock: FakeClock) -> None:
    read = []

    def state() -> str:
        read.append(clock.now())
        return "done" if clock.now() >= 1005 else "not yet"

    run_at(clock).wait_until(state, lambda s: s == "done", what="x", describe=str, timeout=5)
    assert read[-1] == pytest.approx(1005)


def test_no_read_starts_after_the_timeout(clock: FakeClock) -> None:
    began = clock.now()

    def state() -> str:
        assert clock.now() - began <= 5, "read again after the end"
        clock.sleep(4)
        return "not yet"

    with pytest.raises(WaitTimeout):
        run_at(clock).wait_until(state, lambda s: s == "done", what="x", describe=str, timeout=5)
    assert clock.now() - began == pytest.approx(8.1)


def test_the_real_clock() -> None:
    clock = Clock()
    start = clock.now()
    clock.sleep(0.001)
    assert clock.now() > start
    assert 0 <= clock.jitter() < 1
    assert clock.epoch() == pytest.approx(time.time(), abs=60)


def test_each_state_before_the_last_is_reported(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(Run, "report_waiting", lambda self, line: lines.append(line))
    wait(clock, ["new", "starting", "done"])
    assert lines == ["waiting for the thing to be done: state new", "waiting for the thing to be done: state starting"]


@pytest.mark.parametrize(
    ("pauses", "shown"),
    [
        ([0.2], []),
        ([0.2, 0.5, 0.8, 1.6], [0.5, 0.8, 1.6]),
        ([0.0, 2.0, 2.0], [2.0, 2.0]),
    ],
)
def test_long_pauses_before_retries_are_shown(clock: FakeClock, pauses: list[float], shown: list[float]) -> None:
    lines: list[str] = []
    run = Run(run_at(clock).client, check_mode=False, progress=lines.append)
    for pause in pauses:
        run.report_retry(f"again in {pause}", pause)
        clock.sleep(pause)
    assert lines == [f"again in {pause}" for pause in shown]


def test_retries_at_the_same_time_are_shown_once(clock: FakeClock) -> None:
    lines: list[str] = []
    run = Run(run_at(clock).client, check_mode=False, progress=lines.append)
    for worker in range(16):
        run.report_retry(f"worker {worker}", 2.0)
    clock.sleep(0.5)
    run.report_retry("later", 2.0)
    assert lines == ["worker 0", "later"]
