# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Model groups: the shelves on which models stand. Their names are unique on a cluster."""

from __future__ import annotations

from typing import Any, Mapping

from .._http.client import segment
from .._runtime.run import Run
from .._values.compare import same_text, without_none
from .base import Doc, Kind

#: The fields in which a group is stated and compared.
FIELDS = ("name", "description", "access_mode", "backend_roles", "add_all_backend_roles")

#: Those of them that say who may use the group; the server judges them together, so they are sent together.
ACCESS = ("access_mode", "backend_roles", "add_all_backend_roles")


class ModelGroup(Kind):
    LABEL = "model group"
    PATH = "/_plugins/_ml/model_groups"
    ID_FIELD = "model_group_id"
    UNKNOWN_CODE = "unknown_model_group"


def desired(options: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the options state."""
    fields = {name: value for name, value in without_none(options).items() if name in FIELDS}
    if not fields.get("add_all_backend_roles"):
        # Said with no, the server takes it for a wish to name roles.
        fields.pop("add_all_backend_roles", None)
    return fields


def observed(source: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields out of what the server answers; which roles were added all at once is not told."""
    fields = {name: source[name] for name in FIELDS if source.get(name) is not None}
    if source.get("access") is not None:
        fields["access_mode"] = source["access"]
    return fields


def diff(source: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The names of the stated fields that the stored group does not fulfil."""
    current = observed(source)
    return [name for name in wanted if not _same(name, current, wanted[name])]


def to_result(doc: Doc) -> dict[str, Any]:
    """A group as modules return it."""
    more = ("latest_version", "created_time", "last_updated_time", "owner")
    return {
        "model_group_id": doc.id,
        **observed(doc.source),
        **{name: doc.source[name] for name in more if name in doc.source},
    }


def delete_if_empty(run: Run, group: Doc) -> bool:
    """Delete the group unless models are in it, which the server itself refuses (409). Returns whether it is gone."""
    answer = run.client.change("DELETE", f"{ModelGroup.PATH}/{segment(group.id)}", accept=(404, 409))
    return answer.status != 409


def _same(name: str, current: Mapping[str, Any], want: Any) -> bool:
    have = current.get(name)
    if name == "backend_roles":
        return set(have or []) == set(want)
    if name == "add_all_backend_roles":
        return current.get("access_mode") == "restricted" and bool(current.get("backend_roles"))
    return same_text(have if have is not None else "", want)
