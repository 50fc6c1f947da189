# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Applies a plan: several items at once, each after its prerequisites, with one search for the states of all models."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Callable, Iterable, Mapping, NamedTuple, Sequence

from .._errors.exceptions import Failure, reraise_malformed_answer
from .._http.client import Client
from .._kinds import cluster_setting
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.model import Model
from .._kinds.snapshot import Snapshot
from .._operations.deploy import START_GRACE, Deployment, await_deployed
from .._runtime.run import Run
from .declaration import Declaration, Item
from .plan import Step
from .sections import SETTINGS

#: Maximum number of models that deploy at once. A node queues a limited number and refuses more (100 on 2.19 and 3.6).
MAX_DEPLOYING = 48

#: Seconds between two searches for the states of all models; the index shows a change within a second.
POLL_INTERVAL = 0.5

_DEPLOYING = frozenset({"register_and_deploy", "deploy", "repair"})


class StepOutcome(NamedTuple):
    """The journal of an applied step, and why it failed, or the failed item that it depends on."""

    step: Step
    actions: list[dict[str, Any]]
    diff: dict[str, Any]
    warnings: list[str]
    failure: Failure | None = None
    blocked_by: Item | None = None
    leftovers: Sequence[Mapping[str, Any]] = ()

    @property
    def blocks(self) -> bool:
        """Whether the items that depend on this one are skipped."""
        return bool(self.failure or self.blocked_by)


class _Deployment(NamedTuple):
    """The number of a step whose model is being deployed, the step, and its run."""

    number: int
    step: Step
    run: Run


class Applier:
    """Applies the steps of a plan under the lease of ``run``. The caller verifies what was written."""

    def __init__(self, run: Run, snapshot: Snapshot, declaration: Declaration, *, parallel: int) -> None:
        self._run = run
        self._client = run.client
        #: Under the lease the snapshot of the plan is final. It is kept up to date by the writes of this run.
        self._snapshot = snapshot.copy(run.client)
        self._declaration = declaration
        self._parallel = parallel
        self._outcomes: dict[int, StepOutcome] = {}
        self._lock = threading.Lock()
        self._group_locks: dict[str, threading.Lock] = {}
        self._deploying: dict[str, _Deployment] = {}

    def apply(self, steps: list[Step], deploying: list[Step]) -> list[StepOutcome]:
        """Apply the steps. A step is skipped if one that it depends on fails. Returns the outcomes in the order of the
        plan. Deployments are started; :meth:`await_deployed` waits for them and for those of the ``deploying`` steps."""
        self._apply_present(steps)
        for number, step in enumerate(deploying, len(steps)):
            run = self._new_run(self._client)
            self._outcomes[number] = StepOutcome(step, run.actions, step.diff, run.warnings, leftovers=run.leftovers)
            self._deploying[str(step.deploying)] = _Deployment(number, step, run)
        for number, step in enumerate(steps):
            if step.item.absent:
                self._outcomes[number] = self._execute(number, step)
        return self.outcomes

    @property
    def outcomes(self) -> list[StepOutcome]:
        return [self._outcomes[number] for number in sorted(self._outcomes)]

    @property
    def deploying(self) -> set[tuple[str, str]]:
        """The keys of the items whose models are being deployed."""
        return {each.step.item.key for each in self._deploying.values()}

    def _apply_present(self, steps: list[Step]) -> None:
        numbers = {step.item.key: number for number, step in enumerate(steps) if not step.item.absent}
        prerequisites = {
            number: {
                numbers[item.key] for item in self._declaration.prerequisites(steps[number].item) if item.key in numbers
            }
            for number in numbers.values()
        }
        waiting = {number: prerequisites[number] | _conflicting(steps, number) for number in prerequisites}
        with ThreadPoolExecutor(self._parallel) as pool:
            in_progress: dict[Future[StepOutcome], int] = {}
            try:
                while waiting or in_progress:
                    for number in [number for number in waiting if waiting[number] <= self._outcomes.keys()]:
                        del waiting[number]
                        if not self._skip(steps, number, prerequisites[number]):
                            in_progress[pool.submit(self._execute, number, steps[number])] = number
                    for future in wait(in_progress, return_when=FIRST_COMPLETED).done:
                        number = in_progress.pop(future)
                        self._outcomes[number] = future.result()
                        done, last = len(self._outcomes), steps[number].item.display_name
                        self._run.report_waiting(f"{done} of {len(steps)} done, the last one {last}")
            finally:
                # After an exception, such as that of Ansible's task timeout, no further step starts.
                for future in in_progress:
                    future.cancel()

    def _skip(self, steps: list[Step], number: int, prerequisites: set[int]) -> bool:
        """Skip the step if one of its prerequisites failed or was skipped. Returns whether it is skipped."""
        blocking = [each for each in prerequisites if self._outcomes[each].blocks]
        if blocking:
            blocker = steps[min(blocking)].item
            self._outcomes[number] = StepOutcome(steps[number], [], {}, [], blocked_by=blocker)
        return bool(blocking)

    def _execute(self, number: int, step: Step) -> StepOutcome:
        client = self._client.clone()
        run = self._new_run(client)
        params, deploys = step.params, _deploys(step)
        failure: Failure | None = None
        result: dict[str, Any] = {"diff": {}}
        try:
            if deploys:
                self._await_deployment_capacity(params["wait_timeout"])
                params = {**params, "wait": False}
            elif step.item.section.option == "controllers":
                self._await_deployment_of(step.item.name, params["wait_timeout"])
            with reraise_malformed_answer(), self._group_lock(step):
                result = step.item.section.execute(params, run)
        except Failure as exc:
            failure = exc
        with self._lock:
            self._client.add_counts(client)
            if step.item.section is SETTINGS:
                for read in (cluster_setting.read, cluster_setting.read_if_allowed):
                    self._snapshot.forget_fact(read)
            if failure is None and deploys and any(action["action"] in _DEPLOYING for action in run.actions):
                model_id = str(result["model_id"])
                # The deployment changes the model's state: dependents must read it from the server.
                self._snapshot.note_changed(Model, model_id, {})
                self._deploying[model_id] = _Deployment(number, step, run)
        return StepOutcome(step, run.actions, result["diff"], run.warnings, failure, leftovers=run.leftovers)

    def _new_run(self, client: Client) -> Run:
        return Run(client, check_mode=False, in_bulk=True, lease=self._run.lease, reader=self._snapshot)

    def _group_lock(self, step: Step) -> threading.Lock:
        """The lock of the step's model group: of models that are registered into one group at the same time, the server
        refuses all but one."""
        group = step.params.get("model_group") or step.item.name
        key = f"{step.item.section.option}/{group}"
        with self._lock:
            return self._group_locks.setdefault(key, threading.Lock())

    def _await_deployment_capacity(self, timeout: float) -> None:
        """Wait while the maximum number of models is being deployed. A failed deployment does not count."""

        def is_full() -> bool:
            with self._lock:
                model_ids = list(self._deploying)
            return (
                len(model_ids) >= MAX_DEPLOYING and len(_not_failed(self._still_deploying(model_ids))) >= MAX_DEPLOYING
            )

        self._wait_while(is_full, timeout)

    def _await_deployment_of(self, name: str, timeout: float) -> None:
        """Wait while the model of this name is being deployed: the deployment writes the model's document, and
        concurrent writes of others to it are lost."""

        def is_deploying() -> bool:
            with self._lock:
                model_ids = [model_id for model_id, each in self._deploying.items() if each.step.item.name == name]
            return bool(model_ids and _not_failed(self._still_deploying(model_ids)))

        self._wait_while(is_deploying, timeout)

    def _wait_while(self, is_blocked: Callable[[], bool], timeout: float) -> None:
        """Wait while ``is_blocked`` returns True, at most ``timeout`` seconds."""
        clock, end = self._client.clock, self._client.clock.now() + timeout
        while clock.now() < end and is_blocked():
            clock.sleep(POLL_INTERVAL)

    def _still_deploying(self, model_ids: Iterable[str]) -> list[Doc]:
        """Search these models. Returns those that are not deployed yet, and stops waiting for the others."""
        found = Model.search(self._client, {"ids": {"values": list(model_ids)}})
        with self._lock:
            for doc in found:
                if models.state_of(doc) == models.DEPLOYED and doc.id in self._deploying:
                    del self._deploying[doc.id]
        return [doc for doc in found if models.state_of(doc) != models.DEPLOYED]

    def await_deployed(self) -> None:
        """Wait for the models whose items have 'wait': first for all with one search, then for each remaining one by
        itself, which is deployed again if its deployment has failed."""
        waiting = {model_id: each for model_id, each in self._deploying.items() if each.step.params["wait"]}
        if not waiting:
            return
        started = self._client.clock.now()
        try:
            remaining = self._poll_deployments(waiting)
        except Failure as failure:
            for model_id in waiting.keys() & self._deploying.keys():
                self._set_failure(waiting[model_id], failure)
            return
        for doc in remaining:
            deployment = waiting[doc.id]
            params = deployment.step.params
            timeout = max(1.0, params["wait_timeout"] - (self._client.clock.now() - started))
            try:
                await_deployed(deployment.run, doc, Deployment(), timeout=timeout)
            except Failure as failure:
                self._set_failure(deployment, failure)

    def _set_failure(self, deployment: _Deployment, failure: Failure) -> None:
        self._outcomes[deployment.number] = self._outcomes[deployment.number]._replace(failure=failure)

    def _poll_deployments(self, waiting: dict[str, _Deployment]) -> list[Doc]:
        """Poll until no deployment is in progress, for at most the longest 'wait_timeout', or until no model has become
        deployed for :data:`START_GRACE` seconds. Returns the models that are not deployed."""
        clock = self._client.clock
        started = last_deployed = clock.now()
        longest = max(each.step.params["wait_timeout"] for each in waiting.values())
        remaining = self._still_deploying(waiting)
        while _not_failed(remaining) and clock.now() - started < longest and clock.now() - last_deployed < START_GRACE:
            self._run.report_waiting(f"waiting for {len(remaining)} of {len(waiting)} models to be deployed")
            clock.sleep(POLL_INTERVAL)
            found = self._still_deploying(doc.id for doc in remaining)
            last_deployed = clock.now() if len(found) < len(remaining) else last_deployed
            remaining = found
        return remaining


def _deploys(step: Step) -> bool:
    item = step.item
    return (
        item.section.option == "models"
        and not item.absent
        and any(action["action"] in _DEPLOYING for action in step.actions)
    )


def _not_failed(docs: list[Doc]) -> list[Doc]:
    """The models whose deployment has not failed."""
    return [doc for doc in docs if models.state_of(doc) != models.DEPLOY_FAILED]


def _conflicting(steps: list[Step], number: int) -> set[int]:
    """The numbers of the earlier steps that write the same objects: a connector's swap points the models that it finds
    at the new connector, and would overwrite what a model's own step has changed meanwhile."""
    ids = {str(action["id"]) for action in steps[number].actions if action.get("id")}
    return {
        earlier
        for earlier in range(number if ids else 0)
        if not steps[earlier].item.absent
        and any(ids.intersection(action.get("models") or ()) for action in steps[earlier].actions)
    }
