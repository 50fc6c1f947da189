# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers of the cluster in memory: a POST replaces, limits become text, the model notes whether it has one."""

from __future__ import annotations

from typing import Any, Callable

ENABLED = "plugins.ml_commons.controller_enabled"


class Controllers:
    """To be mixed into the cluster."""

    models: dict[str, dict[str, Any]]
    _effective: Callable[[str], Any]
    _wrote: Callable[[str], None]
    _refuse: Callable[..., Exception]

    def __init__(self) -> None:
        self.controllers: dict[str, dict[str, Any]] = {}

    def _check_enabled(self) -> None:
        if self._effective(ENABLED) == "false":
            raise self._refuse(
                500, f'Controller is currently disabled. To enable it, update the setting "{ENABLED}" to true.'
            )

    def _controllers_post_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        self._check_enabled()
        if object_id not in self.models:
            raise self._refuse(
                404, "Failed to find model to create the corresponding model controller with the provided"
            )
        model = self.models[object_id]
        if model["model_state"] == "DEPLOYING":
            raise self._refuse(409, "Creating a model controller during its corresponding model in Deploying state")
        status = "UPDATED" if object_id in self.controllers else "CREATED"
        self.controllers[object_id] = {
            "model_id": object_id,
            "user_rate_limiter": {
                user: {**limit, "limit": str(limit["limit"])} for user, limit in body["user_rate_limiter"].items()
            },
        }
        model["is_controller_enabled"] = True
        self._wrote(f"controller {object_id}")
        return {"model_id": object_id, "status": status}

    def _controllers_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._check_enabled()
        if object_id not in self.controllers:
            raise self._refuse(404, "Failed to find model controller with the provided model ID")
        return self.controllers[object_id]

    def _controllers_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        self._controllers_get_one(object_id, body=body, query=query)
        del self.controllers[object_id]
        self.models[object_id]["is_controller_enabled"] = False
        return {"_id": object_id, "result": "deleted"}
