# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Bringing models to the nodes and taking them away: what is waited for, mended once, and reported per node."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import Callable, Iterator

from .._coordination.duplicates import back_off
from .._errors.exceptions import ApiError, Failure
from .._http.client import segment
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.model import Model
from .._runtime.run import Run, WaitTimeout
from . import deploy_errors as deploy_reasons

#: Seconds for which a partial deployment may still complete by itself: the reconciling job runs every 10 s.
PARTIAL_GRACE = 12.0

#: Seconds after which a deployment that has not begun never will, as when the node went that was to begin it; one that
#: waits for its turn the server gives up after 20 s.
START_GRACE = 25.0

#: How often a deployment may be disturbed; once it is begun anew, otherwise that of somebody else is waited for.
MAX_INTERRUPTED = 4

#: Seconds after which a model that still serves is told again to stop.
UNDEPLOY_REPEAT = 5.0


def ensure_deployed(run: Run, doc: Doc, *, wait: bool, timeout: float, under_way: bool = False) -> Doc:
    """Deploy a model that is not, mend one that is on some nodes only, and ``wait`` for it at most ``timeout`` seconds.

    ``under_way`` tells that a deployment was started with the registration. Raises Failure with each node's reason.
    """
    state = models.state_of(doc)
    task_id: str | None = None
    if not under_way:
        if state == models.DEPLOYED or (state == models.UNDEPLOYED and models.undeployed_by_ttl(doc)):
            return doc
        if state == models.PARTIALLY_DEPLOYED:
            return (
                run.perform("repair", Model.LABEL, doc.name, lambda: _mend(run, doc, wait, timeout), id=doc.id) or doc
            )
        if state != models.DEPLOYING:
            failed = state == models.DEPLOY_FAILED
            task_id = run.perform(
                "deploy", Model.LABEL, doc.name, lambda: deploy(run, doc.id, failed=failed), id=doc.id
            )
    if not wait or run.check_mode:
        return doc
    return _until_served(run, doc, timeout=timeout, task_id=task_id)


def while_undeployed(run: Run, live: list[Doc], change: Callable[[], object], *, timeout: float) -> None:
    """Make a change that the server refuses while models serve: ``live`` ones are undeployed for it, and come back
    whether or not it succeeds. One that fails keeps none of the others away. Raises the first Failure."""
    problems: list[Failure] = []
    back: list[tuple[Doc, str | None]] = []
    with _noting(problems):
        for doc in live:
            undeploy(run, doc.id, timeout=timeout)
        change()
    for doc in live:
        with _noting(problems):
            back.append((doc, deploy(run, doc.id)))
    for doc, task_id in back:
        with _noting(problems):
            _until_served(run, doc, timeout=timeout, task_id=task_id)
    if problems:
        raise problems[0]


@contextmanager
def _noting(problems: list[Failure]) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        problems.append(failure)


def _until_served(run: Run, doc: Doc, *, timeout: float, task_id: str | None) -> Doc:
    """Wait for a deployment that was started; one that was disturbed or stays partial is mended once."""
    mended = False
    end = run.clock.now() + timeout

    def left() -> float:
        return max(1.0, end - run.clock.now())

    for attempt in range(MAX_INTERRUPTED):
        try:
            doc = wait_until_deployed(run, doc.id, timeout=left(), task_id=task_id)
            break
        except Failure as failure:
            if attempt + 1 == MAX_INTERRUPTED or not _disturbed(failure):
                raise
            # Whoever else waits for it has seen the same, and two who mend it would disturb each other.
            back_off(run, attempt)
            now, task_id = Model.get(run.client, doc.id) or doc, None
            if models.state_of(now) not in models.LIVE:
                if mended:
                    raise
                mended, again = True, partial(deploy, run, doc.id, failed=True)
                task_id = run.perform("repair", Model.LABEL, doc.name, again, id=doc.id)
    if models.state_of(doc) == models.PARTIALLY_DEPLOYED:
        doc = (
            run.perform("repair", Model.LABEL, doc.name, lambda: repair_partial(run, doc.id, timeout=left()), id=doc.id)
            or doc
        )
    return doc


def _mend(run: Run, doc: Doc, wait: bool, timeout: float) -> Doc:
    if wait:
        return repair_partial(run, doc.id, timeout=timeout)
    deploy(run, doc.id, failed=bool(deploy_reasons.node_reasons(run.client, doc.id)))
    return doc


def _disturbed(failure: Failure) -> bool:
    """Whether a deployment failed only because somebody wrote the model's document at that moment, or because it waited
    for its turn for so long that the server gave it up, for which no node has a reason (20 s on 3.6.0)."""
    reasons = failure.details.get("nodes") or {}
    return failure.code == "deploy_failed" and all("version conflict" in reason for reason in reasons.values())


def undeploy_and_delete(run: Run, model_id: str, timeout: float) -> None:
    """Undeploy where it serves, delete, wait until it is gone."""
    doc = Model.get(run.client, model_id)
    if doc is None:
        return
    if models.state_of(doc) == models.DEPLOYING:
        doc = models.wait_until_not_deploying(run, model_id, timeout=timeout)
    if models.state_of(doc) in models.LIVE:
        undeploy(run, model_id, timeout=timeout)
    try:
        Model.delete(run, model_id, timeout=timeout)
    except ApiError as error:
        # A prediction brings an undeployed model back at any time: once more, then give up.
        if "deploying or deployed state" not in error.reason:
            raise
        undeploy(run, model_id, timeout=timeout)
        Model.delete(run, model_id, timeout=timeout)


def deploy(run: Run, model_id: str, *, failed: bool = False) -> str | None:
    """Start a deployment; returns its task's id. The answer's own 'COMPLETED' says nothing.

    Where the last one ``failed``, the nodes have kept it in mind and would refuse every further one as a duplicate
    until the model is undeployed (seen on 2.19.1 and 3.6.0).
    """
    try:
        if failed:
            run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_undeploy")
        answer = run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_deploy")
    except ApiError as error:
        if error.code == Model.UNKNOWN_CODE:
            # It was read a moment ago.
            raise Failure("concurrent_change", f"Model {model_id} was removed before it was deployed.") from error
        raise
    task_id = answer.body.get("task_id")
    return str(task_id) if task_id else None


def undeploy(run: Run, model_id: str, *, timeout: float) -> None:
    """Take a model from all nodes and wait until the server says so, at most ``timeout`` seconds.

    The order is repeated while the model serves: soon after a deployment the server at times takes one without effect
    (seen on 2.19.1 and 3.6.0, for more than 30 s).
    """

    def order() -> float:
        run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_undeploy")
        return run.clock.now()

    ordered = order()

    def done(doc: Doc) -> bool:
        nonlocal ordered
        if models.state_of(doc) not in models.LIVE:
            return True
        if run.clock.now() - ordered >= UNDEPLOY_REPEAT:
            ordered = order()
        return False

    models.wait_for(run, model_id, done, "to be undeployed", timeout)


def wait_until_deployed(run: Run, model_id: str, *, timeout: float, task_id: str | None = None) -> Doc:
    """Wait until all planned nodes serve the model.

    A partial deployment gets :data:`PARTIAL_GRACE` seconds to complete by itself; then it is returned as it is, for the
    caller to mend. One that lost a node on the way is shown as partial and as under way by turns, ten seconds each, for
    good (seen on 3.6.0). One that is not begun for :data:`START_GRACE` seconds has failed without a reason. Raises Failure
    ``deploy_failed`` with each node's reason, or ``wait_timeout``.
    """
    begun = run.clock.now()
    partial_since: list[float] = []

    def done(doc: Doc) -> bool:
        state = models.state_of(doc)
        if state == models.DEPLOYED:
            return True
        if state == models.DEPLOY_FAILED:
            raise deploy_reasons.read_deploy_failure(run.client, doc, task_id)
        if state == models.PARTIALLY_DEPLOYED:
            partial_since.append(run.clock.now())
            return partial_since[-1] - partial_since[0] >= PARTIAL_GRACE
        if state != models.DEPLOYING:
            partial_since.clear()
            if run.clock.now() - begun >= START_GRACE:
                raise deploy_reasons.deploy_failure(doc, {})
        return False

    try:
        return models.wait_for(run, model_id, done, "to be deployed", timeout)
    except WaitTimeout as exc:
        reasons = deploy_reasons.node_reasons(run.client, model_id, task_id)
        if not reasons:
            raise
        # What was read last is what the wait reads: a model.
        raise deploy_reasons.deploy_failure(exc.last, reasons) from exc  # type: ignore[arg-type]


def repair_partial(run: Run, model_id: str, *, timeout: float) -> Doc:
    """Deploy once more, under which the nodes that serve the model go on; only if that does not help, undeploy it first.
    A deployment that is partial even then is a failure with a report per node."""
    try:
        doc = wait_until_deployed(run, model_id, timeout=timeout, task_id=deploy(run, model_id))
        if models.state_of(doc) == models.DEPLOYED:
            return doc
    except Failure as failure:
        # Anything else, a missing right or a full queue, is no reason to take the model from the nodes that serve it.
        if failure.code != "deploy_failed":
            raise
    undeploy(run, model_id, timeout=timeout)
    task_id = deploy(run, model_id)
    doc = wait_until_deployed(run, model_id, timeout=timeout, task_id=task_id)
    if models.state_of(doc) != models.DEPLOYED:
        raise deploy_reasons.read_deploy_failure(run.client, doc, task_id)
    return doc
