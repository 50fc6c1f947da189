# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers of the fake cluster: a POST replaces, limits become text, the model stores whether it has one."""

from __future__ import annotations

from typing import Any

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State

ENABLED = "plugins.ml_commons.controller_enabled"


class Controllers(State):
    def _check_enabled(self) -> None:
        if self._effective(ENABLED) == "false":
            raise Refused(
                500, f'Controller is currently disabled. To enable it, update the setting "{ENABLED}" to true.'
            )

    def _controllers_post_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_enabled()
        if object_id not in self.models:
            raise Refused(404, "Failed to find model to create the corresponding model controller with the provided")
        model = self.models[object_id]
        if model["model_state"] == "DEPLOYING":
            raise Refused(409, "Creating a model controller during its corresponding model in Deploying state")
        status = "UPDATED" if object_id in self.controllers else "CREATED"
        self.controllers[object_id] = {
            "model_id": object_id,
            "user_rate_limiter": {
                user: {**limit, "limit": str(limit["limit"])} for user, limit in body["user_rate_limiter"].items()
            },
            **{name: body[name] for name in self.later_fields & set(body)},
        }
        model["is_controller_enabled"] = True
        self._wrote(f"controller {object_id}")
        return {"model_id": object_id, "status": status}

    def _controllers_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._check_enabled()
        if object_id not in self.controllers:
            raise Refused(404, "Failed to find model controller with the provided model ID")
        return self.controllers[object_id]

    def _controllers_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._controllers_get_one(object_id, body=body, query=query)
        del self.controllers[object_id]
        self.models[object_id]["is_controller_enabled"] = False
        return {"_id": object_id, "result": "deleted"}
