# SPDX-License-Identifier: GPL-3.0-or-later
"""Model groups of the fake cluster."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import State


class ModelGroups(State):
    def __init__(self, version: str) -> None:
        super().__init__(version)
        #: Whether groups have owners and roles: the security plugin with model access control.
        self.access_control = False

    def _model_groups_post_register(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        if not body.get("name"):
            raise Refused(500, "model group name is null", "null_pointer_exception")
        self._check_text("model group", body)
        for object_id, group in self.groups.items():
            if group["name"] == body["name"]:
                raise Refused(
                    400,
                    f"The name you provided is already being used by a model group with ID: {object_id}.",
                    "illegal_argument_exception",
                )
        stored = {name: body[name] for name in ("name", "description", *self.later_fields) if body.get(name)}
        stored.update(self._access(body, "private"))
        object_id = self._id_for("model group", body, self.groups)
        now = self._now()
        self.groups[object_id] = {**stored, "latest_version": 0, "created_time": now, "last_updated_time": now}
        self._wrote(object_id)
        return {"model_group_id": object_id, "status": "CREATED"}

    def _model_groups_get_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        if object_id not in self.groups:
            raise Refused(404, "Failed to find model group with the provided model group id: " + object_id)
        return self.groups[object_id]

    def _model_groups_put_one(self, object_id: str, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        group = self._model_groups_get_one(object_id, body=None, query=None)
        self._check_text("group", body)
        for other_id, other in self.groups.items():
            if other_id != object_id and other["name"] == body.get("name"):
                raise Refused(
                    400,
                    f"The name you provided is already being used by another model with ID: {other_id}. "
                    "Please provide a different name",
                    "illegal_argument_exception",
                )
        access = self._access(body, group["access"])
        self._changing(object_id, group, self.change_lag)
        # The server ignores blank values.
        group.update({name: body[name] for name in ("name", "description") if (body.get(name) or "").strip()})
        group.update({name: body[name] for name in self.later_fields & set(body)})
        # Seen on 2.19.1: the server does not change the time.
        group.update(access if self.version.startswith("2.") else {**access, "last_updated_time": self._now()})
        self._wrote(object_id)
        return {"status": "Updated"}

    def _access(self, body: Mapping[str, Any], default: str) -> dict[str, Any]:
        """The access fields to store; the caller has the role 'mine'."""
        named = {name for name in ("access_mode", "backend_roles", "add_all_backend_roles") if name in body}
        if not self.access_control:
            if named:
                raise Refused(
                    400,
                    "You cannot specify model access control parameters because the Security plugin or model access "
                    "control is disabled on your cluster.",
                    "illegal_argument_exception",
                )
            return {"access": "public"}
        roles = ["mine"] if body.get("add_all_backend_roles") else body.get("backend_roles")
        mode = body.get("access_mode") or ("restricted" if roles else default)
        if mode != "restricted" and roles:
            raise Refused(400, "You can specify backend roles only for a model group with the restricted access mode.")
        if body.get("access_mode") == "restricted" and not roles:
            raise Refused(400, "You must specify one or more backend roles or add all backend roles to register")
        if mode != "restricted":
            return {"access": mode, "backend_roles": []}
        return {"access": mode, **({"backend_roles": roles} if roles is not None else {})}

    def _model_groups_delete_one(self, object_id: str, *, body: Any, query: Any) -> dict[str, Any]:
        if any(model["model_group_id"] == object_id for model in self.models.values()):
            raise Refused(409, "Cannot delete the model group when it has associated model versions")
        found = self.groups.pop(object_id, None)
        return {"_id": object_id, "result": "deleted" if found else "not_found"}

    def _model_groups_post_search(self, *, body: dict[str, Any], query: Any) -> dict[str, Any]:
        return self._search(self.groups, body)
