# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Model groups: fields, comparison and deletion. Their names are unique on a cluster."""

from __future__ import annotations

from typing import Any, Mapping

from .._http.client import segment
from .._runtime.run import Run
from .._values.compare import same_text, without_none
from .base import Doc, Kind

#: The fields that are compared.
FIELDS = ("name", "description", "access_mode", "backend_roles", "add_all_backend_roles")

#: The fields about access. The server validates them together, so they are sent together.
ACCESS = ("access_mode", "backend_roles", "add_all_backend_roles")

#: Further fields of a result.
_READ_ONLY_FIELDS = ("latest_version", "created_time", "last_updated_time", "owner")


class ModelGroup(Kind):
    LABEL = "model group"
    PATH = "/_plugins/_ml/model_groups"
    ID_FIELD = "model_group_id"
    UNKNOWN_CODE = "unknown_model_group"


def desired(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options give."""
    fields = {name: value for name, value in without_none(options).items() if name in FIELDS}
    if not fields.get("add_all_backend_roles"):
        # If the field is false, the server expects a list of roles.
        fields.pop("add_all_backend_roles", None)
    return fields


def observed(source: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields of the server's answer, which does not return ``add_all_backend_roles``."""
    fields = {name: source[name] for name in FIELDS if source.get(name) is not None}
    if source.get("access") is not None:
        fields["access_mode"] = source["access"]
    return fields


def diff(source: Mapping[str, Any], desired_fields: Mapping[str, Any]) -> list[str]:
    """The names of the desired fields whose observed value differs."""
    observed_fields = observed(source)
    return [name for name, value in desired_fields.items() if not _same(name, observed_fields, value)]


def to_result(doc: Doc) -> dict[str, Any]:
    """The group as modules return it."""
    return {
        "model_group_id": doc.id,
        **observed(doc.source),
        **{name: doc.source[name] for name in _READ_ONLY_FIELDS if name in doc.source},
    }


def delete_if_empty(run: Run, group: Doc) -> bool:
    """Delete a group unless models are in it, which the server refuses (409). Returns whether it was deleted."""
    answer = run.client.change("DELETE", f"{ModelGroup.PATH}/{segment(group.id)}", accept=(404, 409))
    return answer.status != 409


def _same(name: str, observed_fields: Mapping[str, Any], value: Any) -> bool:
    observed_value = observed_fields.get(name)
    if name == "backend_roles":
        return set(observed_value or []) == set(value)
    if name == "add_all_backend_roles":
        return observed_fields.get("access_mode") == "restricted" and bool(observed_fields.get("backend_roles"))
    return same_text(observed_value if observed_value is not None else "", value)
