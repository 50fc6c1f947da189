# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Doing a plan: several items at once, what needs something after it, and one search for the states of all models."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, NamedTuple

from .._errors.exceptions import Failure, reraise_malformed_answer
from .._http.client import Client, segment
from .._http.clock import ProgressCallback
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations.deploy import START_GRACE, ensure_deployed
from .._operations.deploy_errors import missing_dependency_failure
from .._runtime.run import Run
from .declaration import Declaration, Item
from .plan import Step
from .search_batcher import SearchBatcher
from .snapshot import CachedClient, Snapshot

#: A node takes so many deployments into its queue, and refuses more (100 on 2.19 and 3.6).
MOST_DEPLOYING = 48

#: How many items are under way at most: while some write, others wait for a search that they share.
MOST_UNDER_WAY = 16

#: Seconds between two looks at the states of all models; the index shows a change within a second.
PAUSE = 0.5

_DEPLOYING = frozenset({"register_and_deploy", "deploy", "repair"})

#: By section, how a task says that there is none of what it needs.
_UNKNOWN = {"connectors": Connector.UNKNOWN_CODE, "model_groups": ModelGroup.UNKNOWN_CODE, "models": Model.UNKNOWN_CODE}


class Outcome(NamedTuple):
    """What became of a step: the journal of its run, and why it failed or what it waited for in vain."""

    step: Step
    actions: list[dict[str, Any]]
    diff: dict[str, Any]
    warnings: list[str]
    failure: Failure | None = None
    blocked_by: Item | None = None

    @property
    def stops(self) -> bool:
        """Whether what needs this item is left out."""
        return bool(self.failure or self.blocked_by)


class Applier:
    """Does the steps of a plan. ``in_bulk`` leaves it to the caller to read back what was written. ``tell`` is told how far
    it is."""

    def __init__(
        self,
        client: Client,
        memory: Snapshot,
        declaration: Declaration,
        *,
        parallel: int,
        in_bulk: bool,
        tell: ProgressCallback,
    ) -> None:
        self._client = client
        self._memory = memory
        self._declaration = declaration
        # One after the other means that nothing is begun before the last one is done.
        self._under_way = 1 if parallel == 1 else max(parallel, MOST_UNDER_WAY)
        self._looks = SearchBatcher(client, parallel)
        self._in_bulk = in_bulk
        self._tell = tell
        self._outcomes: dict[int, Outcome] = {}
        self._made: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._groups: dict[str, threading.Lock] = {}
        self._deploying: dict[str, tuple[Step, Run]] = {}

    def apply(self, steps: list[Step]) -> list[Outcome]:
        """Do the steps; what depends on one that fails is left out, the rest is done. In the order of the plan."""
        numbers = {step.item.key: number for number, step in enumerate(steps) if not step.item.absent}
        needs = {
            number: {numbers[each.key] for each in self._declaration.before(steps[number].item) if each.key in numbers}
            for number in numbers.values()
        }
        waiting = {number: needs[number] | _touching(steps, number) for number in needs}
        with ThreadPoolExecutor(self._under_way) as pool:
            under_way: dict[Future[Outcome], int] = {}
            try:
                while waiting or under_way:
                    ready = [number for number in waiting if all(each in self._outcomes for each in waiting[number])]
                    for number in ready:
                        del waiting[number]
                        stopped = [each for each in needs[number] if self._outcomes[each].stops]
                        if stopped:
                            blocker = steps[min(stopped)].item
                            self._outcomes[number] = Outcome(steps[number], [], {}, [], blocked_by=blocker)
                        else:
                            under_way[pool.submit(self._do, steps[number])] = number
                    for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                        number = under_way.pop(future)
                        self._outcomes[number] = future.result()
                        self._tell(
                            f"{len(self._outcomes)} of {len(steps)} done, the last one {steps[number].item.told}"
                        )
            finally:
                # After the task's own timeout, say, nothing is begun any more.
                for future in under_way:
                    future.cancel()
        self._await_deployed(steps)
        for number, step in enumerate(steps):
            if step.item.absent:
                self._outcomes[number] = self._do(step)
        return [self._outcomes[number] for number in sorted(self._outcomes)]

    def _do(self, step: Step) -> Outcome:
        client = CachedClient(self._client, self._memory, read_only=False)
        client.clock = self._looks.clock
        look = self._looks.named if self._in_bulk else None
        run = Run(client, check_mode=False, shared_search=look, created_by_stack=self._made)
        options, deploys = step.options, self._deploys(step)
        failure: Failure | None = None
        result: dict[str, Any] = {"diff": {}}
        try:
            if deploys:
                self._admit(options["wait_timeout"])
                options = {**options, "wait": False}
            elif step.item.section.option == "controllers":
                self._await_model(step.item.name, options["wait_timeout"])
            with reraise_malformed_answer(), self._one_writer(step), self._looks.turn():
                result = step.item.section.execute(options, run)
        except Failure as exc:
            failure = self._told(step, exc)
        with self._lock:
            self._client.reads += client.reads
            self._client.writes += client.writes
            if failure is None:
                for path, doc in run.created:
                    self._memory.put(path, doc)
                if deploys and any(action["action"] in _DEPLOYING for action in run.actions):
                    # Its state changes by itself: whoever needs the model has to look.
                    self._memory.doubt([f"{Model.PATH}/{segment(str(result['model_id']))}"])
                    self._deploying[str(result["model_id"])] = (step, run)
        return Outcome(step, run.actions, result["diff"], run.warnings, failure)

    def _told(self, step: Step, failure: Failure) -> Failure:
        """What is unknown although it has just been brought to its declared state, somebody else has deleted."""
        if failure.code in {_UNKNOWN.get(each.section.option) for each in self._declaration.before(step.item)}:
            return Failure("concurrent_change", failure.message, failure.status, **failure.details)
        return failure

    def _deploys(self, step: Step) -> bool:
        item = step.item
        return (
            item.section.option == "models" and not item.absent and any(a["action"] in _DEPLOYING for a in step.actions)
        )

    def _one_writer(self, step: Step) -> threading.Lock:
        """Of models that are registered into one group at once, the server refuses all but one."""
        group = step.options.get("model_group") or step.item.name
        key = f"{step.item.section.option}/{group}"
        with self._lock:
            return self._groups.setdefault(key, threading.Lock())

    def _admit(self, timeout: float) -> None:
        """Wait while as many models are being deployed as the nodes take; one that failed takes no place."""
        end = self._client.clock.now() + timeout
        while self._client.clock.now() < end:
            with self._lock:
                waiting = dict(self._deploying)
            if len(waiting) < MOST_DEPLOYING or len(_under_way(self._look(waiting))) < MOST_DEPLOYING:
                return
            self._client.clock.sleep(PAUSE)

    def _await_model(self, name: str, timeout: float) -> None:
        """Wait while the model of a name is being deployed: its document is written by that, and what others write into
        it meanwhile gets lost."""
        clock, end = self._client.clock, self._client.clock.now() + timeout
        while clock.now() < end:
            with self._lock:
                waiting = {
                    model_id: None for model_id, (step, _run) in self._deploying.items() if step.item.name == name
                }
            if not waiting or not _under_way(self._look(waiting)):
                return
            clock.sleep(PAUSE)

    def _look(self, waiting: dict[str, Any]) -> list[Doc]:
        """Of the waiting models, those that are not deployed yet; the others are not waited for any more."""
        found = Model.search(self._client, {"ids": {"values": list(waiting)}})
        with self._lock:
            for doc in found:
                if models.state_of(doc) == models.DEPLOYED and doc.id in self._deploying:
                    del self._deploying[doc.id]
        return [doc for doc in found if models.state_of(doc) != models.DEPLOYED]

    def _await_deployed(self, steps: list[Step]) -> None:
        """Wait for all models whose items want it, by one search for all; then settle each that did not come."""
        waiting = {model_id: (step, run) for model_id, (step, run) in self._deploying.items() if step.options["wait"]}
        if not waiting:
            return
        begun = self._client.clock.now()
        numbers = {id(step): number for number, step in enumerate(steps)}

        def fails(model_id: str, failure: Failure) -> None:
            number = numbers[id(waiting[model_id][0])]
            self._outcomes[number] = self._outcomes[number]._replace(failure=failure)

        try:
            left, stalled = self._look_until_deployed(waiting)
        except Failure as failure:
            for model_id in waiting.keys() & self._deploying.keys():
                fails(model_id, failure)
            return
        for doc in left:
            step, run = waiting[doc.id]
            timeout = max(1.0, step.options["wait_timeout"] - (self._client.clock.now() - begun))
            try:
                under_way = not (stalled and models.state_of(doc) == models.REGISTERED)
                ensure_deployed(run, doc, wait=True, timeout=timeout, under_way=under_way)
            except Failure as failure:
                stated = doc.source.get("connector_id") if step.options["connector"] else None
                fails(doc.id, missing_dependency_failure(self._client, failure, stated) or failure)

    def _look_until_deployed(self, waiting: dict[str, tuple[Step, Run]]) -> tuple[list[Doc], bool]:
        """The models that failed to be deployed, or took longer than the most patient of all waits; or those that are left
        when no further one comes to be deployed, of which each is then waited for or mended by itself. And whether it was
        that: those that were not begun by then never will be."""
        clock, begun = self._client.clock, self._client.clock.now()
        fewer = begun
        longest = max(step.options["wait_timeout"] for step, _run in waiting.values())
        left = self._look(waiting)
        while _under_way(left) and clock.now() - begun < longest and clock.now() - fewer < START_GRACE:
            self._tell(f"waiting for {len(left)} of {len(waiting)} models to be deployed")
            clock.sleep(PAUSE)
            found = self._look({doc.id: None for doc in left})
            fewer = clock.now() if len(found) < len(left) else fewer
            left = found
        return left, clock.now() - fewer >= START_GRACE


def _under_way(docs: list[Doc]) -> list[Doc]:
    """Of models that are not deployed yet, those that may still come to be."""
    return [doc for doc in docs if models.state_of(doc) != models.DEPLOY_FAILED]


def _touching(steps: list[Step], number: int) -> set[int]:
    """The earlier steps that write the same objects: a connector's swap points the models that it finds at the new one,
    and would take back what a model's own step has done meanwhile."""
    own = {str(action["id"]) for action in steps[number].actions if action.get("id")}
    return {
        earlier
        for earlier in range(number if own else 0)
        if not steps[earlier].item.absent
        and any(own.intersection(action.get("models") or ()) for action in steps[earlier].actions)
    }
