# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Tasks of ML Commons: long-running work of the server, such as a deployment, and why it failed."""

from __future__ import annotations

from typing import Any, Mapping

from .._values.nested import parse_json
from .base import Doc, Kind

#: All states of a task.
STATES = (
    "CREATED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "COMPLETED_WITH_ERROR", "CANCELLING", "EXPIRED",
    "UNREACHABLE",
)  # fmt: skip


class Task(Kind):
    LABEL = "task"
    PATH = "/_plugins/_ml/tasks"


def errors_of(source: Mapping[str, Any]) -> dict[str, str]:
    """Why the task failed: node id -> reason; "cluster" -> a reason without a node. Empty if the server gives none."""
    error = source.get("error")
    if not error:
        return {}
    try:
        reasons = parse_json(error) if isinstance(error, str) else None
    except ValueError:
        reasons = None
    if isinstance(reasons, dict):
        return {str(node): str(reason) for node, reason in reasons.items()}
    return {"cluster": str(error)}


def to_result(doc: Doc, now: float) -> dict[str, Any]:
    """A task as modules return it. ``now``: seconds since 1970."""
    workers = doc.source.get("worker_node") or []
    return {
        "task_id": doc.id,
        **{name: doc.source.get(name) for name in ("task_type", "state", "function_name", "model_id")},
        # Older servers return one node, newer ones a list.
        "worker_nodes": workers if isinstance(workers, list) else str(workers).split(","),
        "errors": errors_of(doc.source),
        **{name: doc.source.get(name) for name in ("create_time", "last_update_time")},
        "age_seconds": _seconds_since(doc.source.get("create_time"), now),
        "idle_seconds": _seconds_since(doc.source.get("last_update_time"), now),
    }


def _seconds_since(moment: int | None, now: float) -> int | None:
    """Whole seconds from ``moment`` (milliseconds since 1970) to ``now`` (seconds since 1970)."""
    return None if moment is None else max(0, int(now - moment / 1000))
