# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases of two runs: one is killed or paused while it holds the lease, and another one waits for the lease."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Callable, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import check_objects, check_output
from ansible_collections.searchops.opensearch_ml.tests.faults.processes import ModulesRun, Outcome
from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import STACK, connection, play_dedupe, play_stack
from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import Answer, Handler, Recorder, Request
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import LEASE, LEASE_SECONDS, ML, Cluster

#: Seconds of a pause that the lease outlives.
SHORT = 12.0

#: Seconds that a run of the stack takes at most, in addition to its wait for the lease.
WORK = 30.0

ACQUIRE = f"PUT {LEASE}"
CREATE = f"POST {ML}/connectors/_create"


class HolderCase(NamedTuple):
    """The holder of the lease is killed or paused after its first exchange with the label ``at``."""

    name: str
    means: str
    at: str
    killed: bool = False
    #: The pause ends before the lease expires.
    short: bool = False
    #: The other run declares another description of the group.
    other_values: bool = False
    #: The request is forwarded to the server only at the end of the pause.
    delayed: bool = False


CASES = (
    HolderCase(
        "killed",
        "kill -9 of the holder after it created a connector. The other run takes the lock over and creates what is missing",
        CREATE,
        killed=True,
    ),
    HolderCase(
        "short pause",
        f"SIGSTOP of the holder for {SHORT:g} s. The other run waits until the holder has finished, and changes nothing",
        CREATE,
        short=True,
    ),
    HolderCase(
        "paused after it acquired the lock",
        "SIGSTOP until the other run has taken the lock over and finished. The holder then writes nothing",
        ACQUIRE,
    ),
    HolderCase(
        "paused after a create",
        "the same, after the holder created a connector, which the other run uses",
        CREATE,
    ),
    HolderCase(
        "paused and other values",
        "the same, and the other run declares another description. The holder acquires the lock again and writes its own",
        CREATE,
        other_values=True,
    ),
    HolderCase(
        "delayed create",
        "the same as 'paused after a create', but the network delivers the create only after the other run has finished. No check "
        "before a write can prevent that: a second connector exists. The runs after it warn, and `ml_dedupe` deletes it",
        CREATE,
        delayed=True,
    ),
)


class HolderResult(NamedTuple):
    """``passed``: all checks passed; ``seconds``: from the start of the other run to its end."""

    case: HolderCase
    passed: bool
    seconds: float


def play(cluster: Cluster, case: HolderCase, name: str, folder: Path) -> float:
    """Run a case with objects of this name; returns the seconds that the other run took. Raises AssertionError."""
    proxy = _StrikingProxy(cluster.url, case)
    holder = _start(proxy.url, name, folder / "holder.txt")
    proxy.strike = holder.kill if case.killed else holder.pause
    try:
        assert proxy.struck.wait(WORK), f"the holder did not send {case.at} within {WORK:g} s"
        before = len(proxy.requests)
        begun = time.monotonic()
        other = _start(cluster.url, name, folder / "other.txt", "Other values" if case.other_values else None)
        if case.short:
            time.sleep(SHORT)
            _resume(proxy, holder)
        outcome = other.end()
        seconds = time.monotonic() - begun
        if not (case.killed or case.short):
            _resume(proxy, holder)
        held = None if case.killed else holder.end()
    finally:
        holder.kill()
        proxy.close()
    _succeeded(outcome)
    if held:
        _succeeded(held)
    if case.short:
        assert not outcome.changed, f"the other run did not wait for the holder: {outcome.text}"
    else:
        assert LEASE_SECONDS <= seconds <= LEASE_SECONDS + WORK, f"the other run took {seconds:.0f} s"
        _check_writes(proxy.requests[before:])
    if held and not case.short:
        assert held.changed or not case.other_values, f"the holder has not written its own values: {held.text}"
    again = _start(cluster.url, name, folder / "again.txt").end()
    _succeeded(again)
    assert not again.changed, f"the next run changes something: {again.text}"
    assert cluster.lease() is None, "the lease is still held"
    if case.delayed:
        assert "ml_dedupe" in again.text, f"the next run does not warn of the second connector: {again.text}"
        _succeeded(ModulesRun(play_dedupe, connection(cluster.url, slow=False), folder / "dedupe.txt", name=name).end())
    check_objects(cluster, name, STACK.objects)
    return seconds


def _start(url: str, name: str, output: Path, description: str | None = None) -> ModulesRun:
    return ModulesRun(play_stack, connection(url, slow=False), output, name=name, description=description)


def _resume(proxy: _StrikingProxy, holder: ModulesRun) -> None:
    proxy.deliver.set()
    # The answer must be there before the process goes on: its timeout has expired meanwhile.
    assert proxy.answered.wait(WORK), "the server did not answer the delayed request"
    holder.resume()


def _succeeded(outcome: Outcome) -> None:
    check_output(outcome)
    assert outcome.succeeded, outcome.text


def _check_writes(requests: list[Request]) -> None:
    """After the pause, the holder writes only under a lease that it has acquired since."""
    held = False
    for request in requests:
        if request.path.split("?")[0] == LEASE:
            if request.method == "PUT":
                held = request.status in (200, 201)
        elif request.writes:
            assert held, f"the holder sends {request.method} {request.path} although it has lost the lease"


class _StrikingProxy(Recorder):
    """Stops the process that sends the first request with a label, before the process gets the answer."""

    def __init__(self, target: str, case: HolderCase) -> None:
        self.case = case
        #: Stops the process that sends the requests.
        self.strike: Callable[[], None] | None = None
        self.struck = threading.Event()
        #: Lets the proxy forward a delayed request.
        self.deliver = threading.Event()
        self.answered = threading.Event()
        super().__init__(target, handler=_Striking)


class _Striking(Handler):
    recorder: _StrikingProxy

    def forward(self) -> None:
        proxy = self.recorder
        body = self.content()
        if proxy.struck.is_set() or f"{self.command} {self.path.split('?')[0]}" != proxy.case.at:
            return self.reply(self.ask(body))
        answer: Answer | None = None if proxy.case.delayed else self.ask(body)
        if answer and answer.status not in (200, 201):
            return self.reply(answer)
        assert proxy.strike
        proxy.strike()
        proxy.struck.set()
        if answer is None:
            proxy.deliver.wait(2 * LEASE_SECONDS + WORK)
            answer = self.ask(body)
            # The request was sent before the pause.
            proxy.requests.pop()
        self.reply(answer)
        proxy.answered.set()
        return None

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = forward
