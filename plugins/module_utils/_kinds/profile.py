# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Profiles: the models and tasks that each node has in memory, as the node reports them."""

from __future__ import annotations

from typing import Any, Mapping

from .._errors.exceptions import Failure, describe_shape
from .._http.client import Client
from . import task as tasks
from .base import Doc

PATH = "/_plugins/_ml/profile"

#: The choices of the option ``subset`` -> their paths.
PATHS = {"all": PATH, "models": f"{PATH}/models", "tasks": f"{PATH}/tasks"}


def read(client: Client, subset: str) -> dict[str, dict[str, Any]]:
    """Node id -> its "models" and "tasks", each by id. One request; nodes that have neither are omitted."""
    body = client.get(PATHS[subset]).body
    try:
        # If no node has any, the server answers with an empty object.
        return {str(node): dict(content) for node, content in body.get("nodes", {}).items()}
    except (AttributeError, TypeError, ValueError) as exc:
        raise Failure("not_opensearch", f"The server answered the profile as {describe_shape(body)}") from exc


def models_of(nodes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each model on each node, as modules return it."""
    return [
        {
            "model_id": model_id,
            "node_id": node,
            "state": model.get("model_state"),
            "loaded": bool(model.get("predictor")),
            **{name: model.get(name) or [] for name in ("target_worker_nodes", "worker_nodes")},
            **{name: model.get(name) for name in ("predict_request_stats", "model_inference_stats")},
        }
        for node in sorted(nodes)
        for model_id, model in sorted((nodes[node].get("models") or {}).items())
    ]


def tasks_of(nodes: Mapping[str, Mapping[str, Any]], now: float) -> list[dict[str, Any]]:
    """Each task on each node, as modules return it. ``now``: seconds since 1970."""
    return [
        {**tasks.to_result(Doc(task_id, task), now), "node_id": node}
        for node in sorted(nodes)
        for task_id, task in sorted((nodes[node].get("tasks") or {}).items())
    ]
