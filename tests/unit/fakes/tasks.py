# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks and the profile of the fake cluster."""

from __future__ import annotations

import json
from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State


class Tasks(State):
    def _task(self, kind: str, model_id: str, reasons: Mapping[str, str]) -> str:
        task_id = self._id("task")
        self.tasks[task_id] = {
            "model_id": model_id,
            "task_type": kind,
            "state": "FAILED" if reasons else "COMPLETED",
            "create_time": self._now(),
        }
        if reasons:
            self.tasks[task_id]["error"] = json.dumps(dict(reasons))
        return task_id

    def _tasks_get_one(self, task_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        if task_id not in self.tasks:
            raise Refused(404, f"Fail to find task by id: {task_id}")
        return self.tasks[task_id]

    def _tasks_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        return self._search(self.tasks, body)

    def _profile_get_one(self, subset: str = "", *, body: Any, query: Any) -> dict[str, Any]:
        """The models that the node serves; it runs no task."""
        served = {
            object_id: {"model_state": model["model_state"], "predictor": "RemoteModel@1", "worker_nodes": ["n1"]}
            for object_id, model in self.models.items()
            if model.get("current_worker_node_count")
        }
        return {"nodes": {"n1": {"models": served}}} if served and subset in ("", "models") else {}
