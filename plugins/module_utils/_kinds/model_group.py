# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Model groups: fields, comparison and deletion. Their names are unique on a cluster."""

from __future__ import annotations

from typing import Any, Mapping

from .._http.client import segment
from .._runtime.run import Run
from . import cluster_setting
from .base import Doc, Kind

#: The fields about access. The server validates them together, so they are sent together.
ACCESS = cluster_setting.ACCESS


class ModelGroup(Kind):
    LABEL = "model group"
    PATH = "/_plugins/_ml/model_groups"
    ID_FIELD = "model_group_id"
    UNKNOWN_CODE = "unknown_model_group"
    FIELDS = ("name", "description", *ACCESS)
    READ_ONLY_FIELDS = ("latest_version", "created_time", "last_updated_time", "owner")
    SERVER_FIELDS = ("tenant_id",)
    OPTION_OF = {"access": "access_mode"}

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        fields = super().desired(options)
        if not fields.get("add_all_backend_roles"):
            # If the field is false, the server expects a list of roles.
            fields.pop("add_all_backend_roles", None)
        return fields

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        fields = super().observed(source, desired)
        if source.get("access") is not None:
            fields["access_mode"] = source["access"]
        if "add_all_backend_roles" in (desired or {}):
            # The server does not return it.
            restricted = fields.get("access_mode") == "restricted" and bool(fields.get("backend_roles"))
            fields.setdefault("add_all_backend_roles", restricted)
        return fields


def delete_if_empty(run: Run, group: Doc) -> bool:
    """Delete a group unless models are in it, which the server refuses (409). Returns whether it was deleted."""
    answer = run.client.change("DELETE", f"{ModelGroup.PATH}/{segment(group.id)}", accept=(404, 409))
    if answer.status == 409:
        return False
    run.reader.note_deleted(ModelGroup, group.id)
    return True
