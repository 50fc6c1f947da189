# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Why a deployment failed: what each node says, or that somebody else took away what it needs."""

from __future__ import annotations

from typing import Mapping

from .._errors.exceptions import Failure
from .._http.client import Client
from .._kinds import model as models
from .._kinds import task as tasks
from .._kinds.base import Doc, Kind
from .._kinds.connector.resource import Connector
from .._kinds.model_group import ModelGroup
from .._kinds.task import Task

#: Pauses in seconds between the looks for reasons that are not noted yet.
NOTED_LATER = (0.2, 0.5, 1.0)


def node_reasons(client: Client, model_id: str, task_id: str | None = None) -> dict[str, str]:
    """Why the last deployment failed: node id -> reason. Empty where no failed deploy task is found."""
    if task_id:
        task = Task.get(client, task_id)
        return tasks.errors_of(task.source) if task else {}
    query = {"bool": {"must": [{"term": {"model_id": model_id}}, {"term": {"task_type": "DEPLOY_MODEL"}}]}}
    latest = {"query": query, "size": 1, "sort": [{"create_time": "desc"}]}
    answer = client.search(f"{Task.PATH}/_search", latest, accept=(404,))
    hits = answer.body.get("hits", {}).get("hits", []) if answer.status == 200 else []
    return tasks.errors_of(hits[0]["_source"]) if hits else {}


def read_deploy_failure(client: Client, doc: Doc, task_id: str | None) -> Failure:
    reasons = node_reasons(client, doc.id, task_id) or node_reasons(client, doc.id)
    # The model's failure is noted before the reasons are, and a search may be a second behind both.
    for pause in NOTED_LATER:
        if reasons:
            break
        client.clock.sleep(pause)
        reasons = node_reasons(client, doc.id, task_id) or node_reasons(client, doc.id)
    return deploy_failure(doc, reasons)


def missing_dependency_failure(
    client: Client, failure: Failure, connector_id: str | None, group_id: str | None = None
) -> Failure | None:
    """The failure ``concurrent_change`` if a model cannot be registered or deployed because another controller has deleted
    its connector or its group, as when it deletes its duplicate. None if ``failure`` has another cause."""
    kind: type[Kind] = ModelGroup if failure.code == ModelGroup.UNKNOWN_CODE else Connector
    needed = group_id if kind is ModelGroup else connector_id
    if failure.code not in ("deploy_failed", Connector.UNKNOWN_CODE, ModelGroup.UNKNOWN_CODE) or not needed:
        return None
    try:
        if kind.get(client, needed):
            return None
    except Failure:
        # The caller reports what failed first.
        return None
    return Failure(
        "concurrent_change",
        f"Another controller deleted {kind.LABEL} {needed}: {failure.message}",
        failure.status,
        **failure.details,
    )


def deploy_failure(doc: Doc, reasons: Mapping[str, str]) -> Failure:
    told = "; ".join(f"node {node}: {reason}" for node, reason in sorted(reasons.items())) or "no node gave a reason"
    served = (
        f"{doc.source.get('current_worker_node_count', 0)} of {doc.source.get('planning_worker_node_count', '?')} nodes"
    )
    return Failure(
        "deploy_failed",
        f"Model {doc.name!r} ({doc.id}) is {models.state_of(doc)}, served by {served}: {told}",
        nodes=dict(reasons),
        model_state=models.state_of(doc),
    )
