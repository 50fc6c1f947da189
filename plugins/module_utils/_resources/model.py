# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Models: how they are found, what differs, and how they come to be deployed or undeployed."""

from __future__ import annotations

import json
from typing import Any, Callable, Iterable, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import Client, segment
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import Doc, Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import canonical, covers, given, same_text
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._waiter import WaitTimeout, wait_until

DEPLOYED, PARTIALLY_DEPLOYED, DEPLOYING = "DEPLOYED", "PARTIALLY_DEPLOYED", "DEPLOYING"
DEPLOY_FAILED, UNDEPLOYED = "DEPLOY_FAILED", "UNDEPLOYED"

#: States in which at least one node serves the model or is about to.
LIVE = frozenset({DEPLOYED, PARTIALLY_DEPLOYED, DEPLOYING})

#: The fields in which a model is stated and compared; a PUT takes each of them.
FIELDS = (
    "name", "description", "model_group_id", "connector_id", "is_enabled",
    "rate_limiter", "guardrails", "interface", "deploy_setting",
)  # fmt: skip

#: Seconds for which a partial deployment may still complete by itself: the reconciling job runs every 10 s.
SETTLING = 12.0


class Model(Kind):
    LABEL = "model"
    PATH = "/_plugins/_ml/models"
    ID_FIELD = "model_id"
    UNKNOWN = "unknown_model"
    # The chunks of local models share the index.
    MUST_NOT = ({"exists": {"field": "chunk_number"}},)


def state_of(doc: Doc) -> str:
    return str(doc.source.get("model_state"))


def stated(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options state; nested options that are None count as not stated."""
    fields = {name: value for name, value in given(options).items() if name in FIELDS}
    for name in ("rate_limiter", "deploy_setting", "guardrails"):
        if name in fields:
            fields[name] = _pruned(fields[name])
    return fields


def differing(source: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the stated fields that the stored model does not fulfil."""
    return [name for name in wanted if not _same(_value(source, name), wanted[name])]


def shown(source: Mapping[str, Any], fields: Iterable[str] = FIELDS) -> dict[str, Any]:
    """Fields for results and diffs: JSON taken out of strings."""
    return {name: canonical(_value(source, name)) for name in fields if _value(source, name) is not None}


def serialise(doc: Doc) -> dict[str, Any]:
    """A model as modules return it."""
    more = (
        "algorithm", "model_version", "created_time", "last_updated_time", "last_deployed_time",
        "planning_worker_node_count", "current_worker_node_count", "planning_worker_nodes",
    )  # fmt: skip
    return {
        "model_id": doc.id,
        "state": state_of(doc),
        **shown(doc.source),
        **{name: doc.source[name] for name in more if name in doc.source},
    }


def using_connectors(client: Client, connector_ids: Iterable[str]) -> list[Doc]:
    """All models that refer to one of the connectors, whatever their state."""
    wanted = set(connector_ids)
    # The field is analysed text: the search over-matches and the ids decide.
    clauses = [
        {"match": {"connector_id": {"query": connector_id, "operator": "and"}}} for connector_id in sorted(wanted)
    ]
    found = Model.read_anew(client, Model.search(client, {"bool": {"should": clauses}}))
    return [doc for doc in found if doc.source.get("connector_id") in wanted]


def update(run: Run, doc: Doc, fields: Mapping[str, Any], *, timeout: float) -> None:
    """Change fields of a model. One that is just being deployed is waited for, as the server would refuse."""
    if state_of(doc) == DEPLOYING:
        settled(run, doc.id, timeout=timeout)
    Model.change(run, doc.id, dict(fields))


def deploy(run: Run, model_id: str, *, failed: bool = False) -> str | None:
    """Start a deployment; returns its task's id. The answer's own 'COMPLETED' says nothing.

    Where the last one ``failed``, the nodes have kept it in mind and would refuse every further one as a duplicate
    until the model is undeployed (seen on 2.19.1 and 3.6.0).
    """
    if failed:
        run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_undeploy")
    answer = run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_deploy")
    task_id = answer.body.get("task_id")
    return str(task_id) if task_id else None


def undeploy(run: Run, model_id: str, *, timeout: float) -> None:
    """Take a model from all nodes and wait until the server says so."""
    run.client.change("POST", f"{Model.PATH}/{segment(model_id)}/_undeploy")
    _wait(run, model_id, lambda doc: state_of(doc) not in LIVE, "to be undeployed", timeout)


def settled(run: Run, model_id: str, *, timeout: float) -> Doc:
    """The model as soon as it is not being deployed any more."""
    return _wait(run, model_id, lambda doc: state_of(doc) != DEPLOYING, "to leave DEPLOYING", timeout)


def wait_deployed(run: Run, model_id: str, *, timeout: float, task_id: str | None = None) -> Doc:
    """Wait until all planned nodes serve the model.

    A partial deployment gets :data:`SETTLING` seconds to complete by itself; then it is returned as it is, for the
    caller to mend. Raises Failure ``deploy_failed`` with each node's reason, or ``wait_timeout``.
    """
    partial_since: list[float] = []

    def done(doc: Doc) -> bool:
        state = state_of(doc)
        if state == DEPLOYED:
            return True
        if state == DEPLOY_FAILED:
            raise _deploy_failure(run.client, doc, task_id)
        if state == PARTIALLY_DEPLOYED:
            partial_since.append(run.clock.now())
            return partial_since[-1] - partial_since[0] >= SETTLING
        partial_since.clear()
        return False

    try:
        return _wait(run, model_id, done, "to be deployed", timeout)
    except WaitTimeout as exc:
        reasons = node_reasons(run.client, model_id, task_id)
        if not reasons:
            raise
        raise _failure(exc.last, reasons) from exc  # type: ignore[arg-type]


def mend_partial(run: Run, model_id: str, *, timeout: float) -> Doc:
    """Undeploy and deploy once more; a deployment that is partial even then is a failure with a report per node."""
    undeploy(run, model_id, timeout=timeout)
    task_id = deploy(run, model_id)
    doc = wait_deployed(run, model_id, timeout=timeout, task_id=task_id)
    if state_of(doc) != DEPLOYED:
        raise _deploy_failure(run.client, doc, task_id)
    return doc


def node_reasons(client: Client, model_id: str, task_id: str | None = None) -> dict[str, str]:
    """Why the last deployment failed: node id -> reason. Empty where no failed deploy task is found."""
    if task_id:
        answer = client.get(f"/_plugins/_ml/tasks/{segment(task_id)}", accept=(404,))
        tasks = [answer.body] if answer.status == 200 else []
    else:
        query = {"bool": {"must": [{"term": {"model_id": model_id}}, {"term": {"task_type": "DEPLOY_MODEL"}}]}}
        latest = {"query": query, "size": 1, "sort": [{"create_time": "desc"}]}
        answer = client.search("/_plugins/_ml/tasks/_search", latest, accept=(404,))
        hits = answer.body.get("hits", {}).get("hits", []) if answer.status == 200 else []
        tasks = [hit["_source"] for hit in hits]
    for task in tasks:
        if task.get("error"):
            try:
                reasons = json.loads(task["error"])
            except ValueError:
                reasons = None
            return (
                {str(node): str(reason) for node, reason in reasons.items()}
                if isinstance(reasons, dict)
                else {"cluster": str(task["error"])}
            )
    return {}


def _deploy_failure(client: Client, doc: Doc, task_id: str | None) -> Failure:
    reasons = node_reasons(client, doc.id, task_id) or node_reasons(client, doc.id)
    return _failure(doc, reasons)


def _failure(doc: Doc, reasons: Mapping[str, str]) -> Failure:
    told = "; ".join(f"node {node}: {reason}" for node, reason in sorted(reasons.items())) or "no node gave a reason"
    served = (
        f"{doc.source.get('current_worker_node_count', 0)} of {doc.source.get('planning_worker_node_count', '?')} nodes"
    )
    return Failure(
        "deploy_failed",
        f"Model {doc.name!r} ({doc.id}) is {state_of(doc)}, served by {served}: {told}",
        nodes=dict(reasons),
        model_state=state_of(doc),
    )


def _wait(run: Run, model_id: str, done: Callable[[Doc], bool], what: str, timeout: float) -> Doc:
    def read() -> Doc:
        doc = Model.get(run.client, model_id)
        if doc is None:
            raise Failure("unknown_model", f"Model {model_id} has vanished while it was waited for.")
        return doc

    return wait_until(
        read,
        done,
        what=f"model {model_id} {what}",
        describe=lambda doc: f"model_state {state_of(doc)}",
        timeout=timeout,
        clock=run.clock,
    )


def _value(source: Mapping[str, Any], name: str) -> Any:
    """A field by its meaning: 2.19 stores no ``is_enabled`` unless it was changed, and limits are stored as text."""
    value = source.get(name)
    if name == "is_enabled" and value is None and source:
        return True
    if name == "rate_limiter" and value and value.get("limit") is not None:
        return {**value, "limit": float(value["limit"])}
    return value


def _same(have: Any, want: Any) -> bool:
    if isinstance(want, (dict, list)):
        return have is not None and covers(have, want)
    return same_text(have if have is not None else "", want)


def _pruned(value: Any) -> Any:
    """Nested options without those that were not given."""
    if isinstance(value, Mapping):
        return {name: _pruned(item) for name, item in given(value).items()}
    if isinstance(value, list):
        return [_pruned(item) for item in value]
    return value
