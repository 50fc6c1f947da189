# SPDX-License-Identifier: GPL-3.0-or-later
"""Several controllers at once in virtual time: each is a number of threads, of which one in all runs at a time.

A thread hands over only where it sleeps, waits for a lock or an event, or sends a request, so a seed decides everything.
"""

from __future__ import annotations

import random
import threading
from typing import Any, Callable, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.clock import Clock
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    RawAnswer,
    Transport,
)


class Killed(BaseException):
    """The controller was killed: nothing of it runs any more, also no cleanup that sends something."""


class Controller:
    """One controller. ``drift`` is how fast its clock runs, ``offset`` what it shows at the start, in seconds."""

    def __init__(self, name: str, *, drift: float = 1.0, offset: float = 0.0) -> None:
        self.name = name
        self.drift = drift
        self.offset = offset
        self.killed = False
        #: Until when it is stopped, as by SIGSTOP.
        self.stopped_until = 0.0


class _Actor:
    def __init__(self, controller: Controller, act: Callable[[], None], wakes_at: float) -> None:
        self.controller = controller
        self.wakes_at = wakes_at
        self.may_run = threading.Semaphore(0)
        self.ended = False
        self.error: BaseException | None = None
        self.act = act


class Simulation:
    """The scheduler. ``time`` is the virtual time in seconds."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.time = 0.0
        self._actors: list[_Actor] = []
        self._current: _Actor | None = None
        self._handed_back = threading.Semaphore(0)

    @property
    def controller(self) -> Controller:
        """The controller that runs now."""
        assert self._current
        return self._current.controller

    def start(self, controller: Controller, act: Callable[[], None], *, after: float = 0.0) -> None:
        """Run a function as a thread of the controller."""
        actor = _Actor(controller, act, self.time + after)
        self._actors.append(actor)
        threading.Thread(target=self._run_actor, args=(actor,), daemon=True).start()

    def run(self, until: float) -> None:
        """Run all threads until none is left, at most until this virtual time. Raises what a thread has raised."""
        while self._actors:
            actor = min(self._actors, key=lambda each: max(each.wakes_at, each.controller.stopped_until))
            self.time = max(self.time, actor.wakes_at, actor.controller.stopped_until)
            assert self.time <= until, f"{actor.controller.name} does not end"
            self._current = actor
            actor.may_run.release()
            self._handed_back.acquire()
            if actor.error:
                raise actor.error
            if actor.ended:
                self._actors.remove(actor)

    def sleep(self, seconds: float) -> None:
        """Let others run for so long. Raises Killed."""
        actor = self._current
        assert actor
        if not actor.controller.killed:
            actor.wakes_at = self.time + seconds
            self._handed_back.release()
            actor.may_run.acquire()
        if actor.controller.killed:
            raise Killed

    def stop(self, seconds: float) -> None:
        """Stop all threads of the running controller."""
        self.controller.stopped_until = self.time + seconds
        self.sleep(0.0)

    def kill(self) -> None:
        """Kill the running controller."""
        self.controller.killed = True
        raise Killed

    def _run_actor(self, actor: _Actor) -> None:
        actor.may_run.acquire()
        try:
            if not actor.controller.killed:
                actor.act()
        except Killed:
            pass
        except BaseException as exc:  # raised again by run()
            actor.error = exc
        actor.ended = True
        self._handed_back.release()

    # What stands in for the module 'threading' in the code under test

    def Thread(self, target: Callable[..., None], args: tuple[Any, ...] = (), daemon: bool = False) -> Any:
        return _Thread(self, lambda: target(*args))

    def RLock(self) -> Any:
        return _Lock(self)

    def Event(self) -> Any:
        return _Event(self)


class _Thread:
    def __init__(self, simulation: Simulation, act: Callable[[], None]) -> None:
        self._simulation = simulation
        self._act = act

    def start(self) -> None:
        self._simulation.start(self._simulation.controller, self._act)


class _Lock:
    """A lock that its holder may take again."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._holder: _Actor | None = None
        self._depth = 0

    def __enter__(self) -> None:
        while self._holder not in (None, self._simulation._current):
            self._simulation.sleep(0.01)
        self._holder = self._simulation._current
        self._depth += 1

    def __exit__(self, *exception: object) -> None:
        self._depth -= 1
        if not self._depth:
            self._holder = None


class _Event:
    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._set = False
        self._waiting: list[_Actor] = []

    def set(self) -> None:
        self._set = True
        for actor in self._waiting:
            actor.wakes_at = self._simulation.time

    def wait(self, timeout: float) -> bool:
        actor = self._simulation._current
        assert actor
        if not self._set:
            self._waiting.append(actor)
            self._simulation.sleep(timeout / actor.controller.drift)
            self._waiting.remove(actor)
        return self._set


class SimulatedClock(Clock):
    """The clock of one controller."""

    def __init__(self, simulation: Simulation, controller: Controller) -> None:
        self._simulation = simulation
        self._controller = controller

    def now(self) -> float:
        return self._controller.offset + self._simulation.time * self._controller.drift

    def epoch(self) -> float:
        return self.now()

    def sleep(self, seconds: float) -> None:
        self._simulation.sleep(seconds / self._controller.drift)

    def jitter(self) -> float:
        return self._simulation.random.random()


class SimulatedNetwork:
    """The network between one controller and the cluster: a request takes its time, and some are lost, as are some answers.

    ``on_request`` is called with the method and the path when a request arrives at the cluster. ``lost`` is the share of
    the requests that are lost, and of the answers; ``slowest`` is the longest way to the cluster, in seconds.
    """

    def __init__(
        self,
        simulation: Simulation,
        cluster: Transport,
        on_request: Callable[[str, str, bytes | None], None],
        *,
        lost: float,
        slowest: float,
    ) -> None:
        self._simulation = simulation
        self._cluster = cluster
        self._on_request = on_request
        self._lost = lost
        self._slowest = slowest

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> RawAnswer:
        self._travel()
        if self._is_lost():
            self._simulation.sleep(timeout)
            raise NoAnswer("the request was lost")
        self._on_request(method, url, content)
        answer = self._cluster.send(method, url, headers, content, timeout)
        self._travel()
        if self._is_lost():
            self._simulation.sleep(timeout)
            raise NoAnswer("the answer was lost")
        return answer

    def stream(self, *arguments: Any) -> Any:
        raise AssertionError("no request is streamed")

    def _is_lost(self) -> bool:
        return self._simulation.random.random() < self._lost

    def _travel(self) -> None:
        # Most requests are fast.
        self._simulation.sleep(self._slowest * self._simulation.random.random() ** 4)
