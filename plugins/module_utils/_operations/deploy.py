# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Deploy and undeploy models: request, wait for the model's real state, repair once, report the reason of each node."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import Callable, Iterator, NamedTuple

from .._errors.exceptions import ApiError, ConcurrentChange, Failure
from .._http.client import segment
from .._kinds import model as models
from .._kinds.base import Doc
from .._kinds.model import Model
from .._runtime.run import Run, WaitTimeout
from . import deploy_errors

#: Default of the option 'wait_timeout' of ml_model: for how long the module waits for a deployment, in seconds.
DEPLOY_TIMEOUT = 300.0

#: Seconds for which a partial deployment may still complete by itself: the server's sync-up job runs every 10 s.
PARTIAL_GRACE = 12.0

#: Seconds after which a deployment that has not started never will, as when the node that should start it has left the
#: cluster. The server gives up a deployment that waits for its turn after 20 s.
START_GRACE = 25.0

#: How often one wait may see its deployment fail because of an interruption. The first time it deploys the model again
#: unless another controller does; after that it only waits.
MAX_INTERRUPTED = 4

#: Seconds after which an undeploy request is repeated for a model that is still served.
UNDEPLOY_REPEAT = 5.0


class Deployment(NamedTuple):
    """A deployment that is under way. ``task_id``: its task on the server, if this run has started it."""

    task_id: str | None = None


def start(run: Run, doc: Doc, *, wait: bool, timeout: float) -> Deployment | None:
    """Deploy a model that no node serves, or repair one that only some of the planned nodes serve.

    Returns the deployment, or None if there is none to wait for. A repair may take ``timeout`` seconds if ``wait``.
    """
    state = models.state_of(doc)
    if state == models.DEPLOYED or (state == models.UNDEPLOYED and models.undeployed_by_ttl(doc)):
        return None
    if state == models.PARTIALLY_DEPLOYED:
        run.perform("repair", Model.LABEL, doc.name, partial(_repair, run, doc, wait, timeout), id=doc.id)
        return None
    if state == models.DEPLOYING:
        return Deployment()
    order = partial(deploy, run, doc.id, failed=state == models.DEPLOY_FAILED)
    return Deployment(run.perform("deploy", Model.LABEL, doc.name, order, id=doc.id))


def while_undeployed(run: Run, live: list[Doc], change: Callable[[], object], *, timeout: float) -> None:
    """Make a change that the server refuses while models are deployed.

    Undeploys the ``live`` models, calls ``change``, and deploys all of them again even if something failed. Raises the
    first Failure.
    """
    failures: list[Failure] = []
    deploying: list[tuple[Doc, Deployment]] = []
    with _collected(failures):
        for doc in live:
            undeploy(run, doc.id, timeout=timeout)
        change()
    for doc in live:
        with _collected(failures):
            deploying.append((doc, Deployment(deploy(run, doc.id))))
    for doc, deployment in deploying:
        with _collected(failures):
            await_deployed(run, doc, deployment, timeout=timeout)
    if failures:
        raise failures[0]


@contextmanager
def _collected(failures: list[Failure]) -> Iterator[None]:
    try:
        yield
    except Failure as failure:
        failures.append(failure)


def await_deployed(run: Run, doc: Doc, deployment: Deployment, *, timeout: float) -> Doc:
    """Wait at most ``timeout`` seconds until all planned nodes serve the model, and return it.

    If the deployment is interrupted or stays partial, it is repaired once. Raises Failure with the reason of each node, as
    :class:`ConcurrentChange` if another controller has changed the model meanwhile.
    """
    try:
        return _wait_and_repair(run, doc, deployment.task_id, timeout=timeout)
    except ConcurrentChange:
        raise
    except Failure as failure:
        if deploy_errors.changed_meanwhile(run.client, doc):
            raise ConcurrentChange(failure.message, failure.status, **failure.details) from failure
        raise


def _wait_and_repair(run: Run, doc: Doc, task_id: str | None, *, timeout: float) -> Doc:
    repaired = False
    end = run.clock.now() + timeout
    for attempt in range(MAX_INTERRUPTED):
        try:
            doc = wait_until_deployed(run, doc.id, timeout=_remaining(run, end), task_id=task_id)
            break
        except Failure as failure:
            if attempt + 1 == MAX_INTERRUPTED or not _interrupted(failure):
                raise
            # Other controllers that wait see the same failure; only the first one repairs.
            with run.leased():
                present, task_id = Model.get(run.client, doc.id) or doc, None
                if not models.is_live(present):
                    if repaired:
                        raise
                    repaired = True
                    order = partial(deploy, run, doc.id, failed=True)
                    task_id = run.perform("repair", Model.LABEL, doc.name, order, id=doc.id)
    if models.state_of(doc) == models.PARTIALLY_DEPLOYED:
        with run.leased():
            repair = partial(repair_partial, run, doc.id, timeout=_remaining(run, end))
            doc = run.perform("repair", Model.LABEL, doc.name, repair, id=doc.id) or doc
    return doc


def _repair(run: Run, doc: Doc, wait: bool, timeout: float) -> Doc:
    if wait:
        return repair_partial(run, doc.id, timeout=timeout)
    deploy(run, doc.id, failed=bool(deploy_errors.node_reasons(run.client, doc.id)))
    return doc


def _remaining(run: Run, end: float) -> float:
    """Seconds until ``end``, at least 1."""
    return max(1.0, end - run.clock.now())


def _interrupted(failure: Failure) -> bool:
    """True if a deployment failed only because the model's document was written at that moment, or because it waited so
    long for its turn that the server gave it up, for which no node has a reason (20 s on 3.6.0)."""
    reasons = failure.details.get("nodes") or {}
    return failure.code == "deploy_failed" and all("version conflict" in reason for reason in reasons.values())


def undeploy_and_delete(run: Run, model_id: str, timeout: float) -> None:
    """Undeploy a model if it is deployed, delete it, and wait until it does not exist any more. Each step may take
    ``timeout`` seconds. Succeeds if the model does not exist."""
    doc = Model.get(run.client, model_id)
    if doc is None:
        return
    if models.state_of(doc) == models.DEPLOYING:
        doc = models.wait_until_not_deploying(run, model_id, timeout=timeout)
    if models.is_live(doc):
        undeploy(run, model_id, timeout=timeout)
    try:
        Model.delete(run, model_id, timeout=timeout)
    except ApiError as error:
        # A prediction may deploy an undeployed model at any time: try again once.
        if "deploying or deployed state" not in error.reason:
            raise
        undeploy(run, model_id, timeout=timeout)
        Model.delete(run, model_id, timeout=timeout)


def deploy(run: Run, model_id: str, *, failed: bool = False) -> str | None:
    """Start a deployment. Returns the id of its task. The server answers 'COMPLETED' before the deployment has ended.

    ``failed``: the last deployment failed. The nodes then keep its task and refuse every further deployment as a
    duplicate until the model is undeployed (seen on 2.19.1 and 3.6.0).
    """
    try:
        if failed:
            run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_undeploy")
        answer = run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_deploy")
        run.reader.note_changed(Model, model_id, {})
    except ApiError as error:
        if error.code == Model.UNKNOWN_CODE:
            # This Ansible task read the model just before.
            raise ConcurrentChange(f"Model {model_id} was deleted before it was deployed.") from error
        raise
    task_id = answer.body.get("task_id")
    return str(task_id) if task_id else None


def undeploy(run: Run, model_id: str, *, timeout: float) -> None:
    """Undeploy a model from all nodes and wait for that at most ``timeout`` seconds.

    The request is repeated while the model is served: soon after a deployment the server sometimes accepts one without
    effect (seen on 2.19.1 and 3.6.0, for more than 30 s).
    """

    def request() -> float:
        run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_undeploy")
        run.reader.note_changed(Model, model_id, {})
        return run.clock.now()

    requested = request()

    def done_or_repeat_request(doc: Doc) -> bool:
        nonlocal requested
        if not models.is_live(doc):
            return True
        if run.clock.now() - requested >= UNDEPLOY_REPEAT:
            requested = request()
        return False

    models.wait_for(run, model_id, done_or_repeat_request, "to be undeployed", timeout)


def reload(run: Run, doc: Doc, *, timeout: float) -> None:
    """Make the nodes build the client of a deployed model again, while the model keeps answering.

    From 3.0 on, a deployed model keeps the permission for private addresses that the cluster had when it was deployed, from
    3.7 on also the lists of trusted endpoints. A second deployment changes nothing. An update with a connector, even with the
    one that the model has, makes each node read them again within a second (seen on 3.6.0: of 178 predictions during eight
    such updates none failed). Waits at most ``timeout`` seconds for a deployment that is under way. Raises Failure.
    """
    if doc.source.get("connector_id"):
        fields = {"connector_id": doc.source["connector_id"]}
    elif doc.source.get("is_enabled") is None:
        # For a model with a connector of its own, an 'is_enabled' that differs from the stored one does the same, and one
        # that is absent counts as different from any value (seen on 3.6.0).
        fields = {"is_enabled": True}
    else:
        fields = {"name": doc.name}
    models.update(run, doc, fields, timeout=timeout)


def wait_until_deployed(run: Run, model_id: str, *, timeout: float, task_id: str | None = None) -> Doc:
    """Wait until all planned nodes serve the model. Returns it.

    A partial deployment has :data:`PARTIAL_GRACE` seconds to complete by itself; then the model is returned in that
    state, and the caller repairs it. If a node left the cluster during the deployment, the model's state alternates
    between partial and deploying, ten seconds each, and never completes (seen on 3.6.0). A deployment that does not
    start within :data:`START_GRACE` seconds has failed without a reason. Raises Failure ``deploy_failed`` with the
    reason of each node, or ``wait_timeout``.
    """
    begun = run.clock.now()
    partial_since: list[float] = []

    def done(doc: Doc) -> bool:
        state = models.state_of(doc)
        if state == models.DEPLOYED:
            return True
        if state == models.DEPLOY_FAILED:
            raise deploy_errors.read_deploy_failure(run.client, doc, task_id)
        if state == models.PARTIALLY_DEPLOYED:
            partial_since.append(run.clock.now())
            return partial_since[-1] - partial_since[0] >= PARTIAL_GRACE
        if state != models.DEPLOYING:
            partial_since.clear()
            if run.clock.now() - begun >= START_GRACE:
                raise deploy_errors.deploy_failure(doc, {})
        return False

    try:
        return models.wait_for(run, model_id, done, "to be deployed", timeout)
    except WaitTimeout as exc:
        reasons = deploy_errors.node_reasons(run.client, model_id, task_id)
        if not reasons:
            raise
        # The state that the wait reads is a model.
        raise deploy_errors.deploy_failure(exc.last, reasons) from exc  # type: ignore[arg-type] # the wait reads models


def repair_partial(run: Run, model_id: str, *, timeout: float) -> Doc:
    """Complete a partial deployment. Returns the model.

    A second deployment leaves the model on the nodes that serve it; only if that fails, the model is undeployed first.
    Each wait may take ``timeout`` seconds. Raises Failure with the reason of each node if the deployment stays partial.
    """
    try:
        doc = wait_until_deployed(run, model_id, timeout=timeout, task_id=deploy(run, model_id))
        if models.state_of(doc) == models.DEPLOYED:
            return doc
    except Failure as failure:
        # After any other failure, such as a missing right or a full queue, the nodes that serve the model keep it.
        if failure.code != "deploy_failed":
            raise
    undeploy(run, model_id, timeout=timeout)
    task_id = deploy(run, model_id)
    doc = wait_until_deployed(run, model_id, timeout=timeout, task_id=task_id)
    if models.state_of(doc) != models.DEPLOYED:
        raise deploy_errors.read_deploy_failure(run.client, doc, task_id)
    return doc
