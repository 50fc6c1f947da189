# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Why a deployment failed: the reason of each node, or a change by another controller."""

from __future__ import annotations

from typing import Mapping

from .._errors.exceptions import Failure
from .._http.client import Client
from .._kinds import model as models
from .._kinds import task as tasks
from .._kinds.base import Doc
from .._kinds.model import Model
from .._kinds.task import Task

#: Pauses in seconds between reads of the nodes' reasons, as long as the server has not stored them yet.
REASON_PAUSES = (0.2, 0.5, 1.0)


def node_reasons(client: Client, model_id: str, task_id: str | None = None) -> dict[str, str]:
    """Why the last deployment failed: node id -> reason. Empty if there is no failed deploy task."""
    if task_id:
        task = Task.get(client, task_id)
        return tasks.errors_of(task.source) if task else {}
    query = {"bool": {"must": [{"term": {"model_id": model_id}}, {"term": {"task_type": "DEPLOY_MODEL"}}]}}
    latest = {"query": query, "size": 1, "sort": [{"create_time": "desc"}]}
    answer = client.search(f"{Task.PATH}/_search", latest, accept=(404,))
    hits = answer.body.get("hits", {}).get("hits", []) if answer.status == 200 else []
    return tasks.errors_of(hits[0]["_source"]) if hits else {}


def read_deploy_failure(client: Client, doc: Doc, task_id: str | None) -> Failure:
    """The Failure of a deployment, with the nodes' reasons as soon as the server returns them."""
    reasons = node_reasons(client, doc.id, task_id) or node_reasons(client, doc.id)
    # The server stores the model's state before the reasons, and a search may lag a second behind both.
    for pause in REASON_PAUSES:
        if reasons:
            break
        client.clock.sleep(pause)
        reasons = node_reasons(client, doc.id, task_id) or node_reasons(client, doc.id)
    return deploy_failure(doc, reasons)


def deploy_failure(doc: Doc, reasons: Mapping[str, str]) -> Failure:
    """The Failure of a deployment, with a reason per node."""
    by_node = "; ".join(f"node {node}: {reason}" for node, reason in sorted(reasons.items()))
    served = (
        f"{doc.source.get('current_worker_node_count', 0)} of {doc.source.get('planning_worker_node_count', '?')} nodes"
    )
    return Failure(
        "deploy_failed",
        f"Model {doc.name!r} ({doc.id}) is {models.state_of(doc)}, served by {served}: "
        f"{by_node or 'no node gave a reason'}",
        nodes=dict(reasons),
        model_state=models.state_of(doc),
    )


def changed_meanwhile(client: Client, doc: Doc) -> bool:
    """Whether another controller has deleted the model since ``doc`` was read, or given it another connector."""
    try:
        now = Model.get(client, doc.id)
    except Failure:
        # The caller reports what failed first.
        return False
    return now is None or now.source.get("connector_id") != doc.source.get("connector_id")
