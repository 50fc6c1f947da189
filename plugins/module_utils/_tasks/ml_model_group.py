# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_model_group: find the group, create or update it, delete it if no models are in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from .._errors.exceptions import ApiError, Failure
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.base import EXTRA_FIELDS_OPTION, Doc, check_name
from .._kinds.cluster_setting import MODEL_ACCESS_CONTROL, warn_of_no_access_control
from .._kinds.model_group import ModelGroup
from .._operations import register
from .._operations.reconcile import Resource
from .._runtime.module import Module, typed


@dataclass(frozen=True)
class Options:
    """The module's own options."""

    name: str | None
    model_group_id: str | None
    state: str
    description: str | None
    access_mode: str | None
    backend_roles: Sequence[str] | None
    add_all_backend_roles: bool | None
    extra_fields: Mapping[str, Any] | None


SPEC = {
    "name": {"type": "str"},
    "model_group_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "description": {"type": "str"},
    "access_mode": {"type": "str", "choices": ["public", "private", "restricted"]},
    "backend_roles": {"type": "list", "elements": "str"},
    "add_all_backend_roles": {"type": "bool"},
    **EXTRA_FIELDS_OPTION,
}


RULES = {
    "required_one_of": [("name", "model_group_id")],
    "mutually_exclusive": [("backend_roles", "add_all_backend_roles")],
}


class _Resource(Resource[Options]):
    KIND = ModelGroup

    def desired(self, found: Doc | None) -> dict[str, Any]:
        fields = super().desired(found)
        if found is None and not (fields.get("description") or "").strip():
            fields.pop("description", None)
        return fields

    def check_create(self) -> None:
        self.check_text(self.fields)
        warn_of_no_access_control(self.run, self.fields, MODEL_ACCESS_CONTROL)

    def send_create(self) -> Doc:
        return register.create_group(self.run, self.fields)

    def check_change(self, found: Doc, changes: Mapping[str, Any]) -> None:
        if "description" in changes and not changes["description"].strip():
            raise Failure("invalid_input", "description: the server can change it, but not remove it.")
        self.check_text(changes)
        warn_of_no_access_control(self.run, changes, MODEL_ACCESS_CONTROL)
        if "name" in changes:
            self._check_name_free(found, changes["name"])

    def _check_name_free(self, found: Doc, name: str) -> None:
        """Raise Failure if another group has the name. In check mode the server is not asked to refuse it."""
        others = [doc for doc in ModelGroup.all_named(self.run.reader, name) if doc.id != found.id]
        if others:
            raise Failure(
                "group_name_taken",
                f"Model group {found.name!r} ({found.id}) cannot be renamed to {name!r}: {others[0].id} has that name.",
                ids=[doc.id for doc in others],
            )

    def change(self, found: Doc, diff: list[str]) -> Doc:
        after = super().change(found, diff)
        if set(diff) & set(groups.ACCESS):
            after.source["access"] = self.fields.get("access_mode", "restricted")
            after.source.pop("add_all_backend_roles", None)
        return after

    def update(self, found: Doc, changes: Mapping[str, Any]) -> None:
        if set(changes) & set(groups.ACCESS):
            changes = {**changes, **{name: self.fields[name] for name in groups.ACCESS if name in self.fields}}
        super().update(found, changes)

    def check_delete(self, found: Doc) -> None:
        """Raise Failure if models are in the group."""
        members = models.in_group(self.run.reader, found.id)
        if members:
            names = ", ".join(f"{doc.name!r} ({doc.id})" for doc in members)
            raise Failure(
                "group_in_use",
                f"{len(members)} models are in model group {found.name!r} ({found.id}): {names}",
                ids=[doc.id for doc in members],
            )

    def delete(self, found: Doc) -> None:
        try:
            super().delete(found)
        except ApiError as error:
            if error.code == "group_in_use":
                # Another controller has put a model into it after the check: report which one.
                self.check_delete(found)
            raise

    def result(self, found: Doc | None, after: Doc | None) -> dict[str, Any]:
        result = super().result(found, after)
        return {**result, "model_group_id": result["model_group_id"] or self.options.model_group_id}

    def shown(self, doc: Doc) -> dict[str, Any]:
        """With sorted roles. The server does not store ``add_all_backend_roles``."""
        fields = super().shown(doc)
        if self.absent:
            return {name: value for name, value in fields.items() if name in ("name", "description")}
        fields.pop("add_all_backend_roles", None)
        if "backend_roles" in fields:
            fields["backend_roles"] = sorted(set(fields["backend_roles"]))
        return fields


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    if options.state != "absent":
        if options.name is not None:
            check_name("name", options.name)
        ModelGroup.desired(vars(options))


MODULE = Module(SPEC, _Resource.execute, typed(Options), RULES, check=check)
