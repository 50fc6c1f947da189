# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_model_group: find the group, create or update it, delete it if no models are in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping, Sequence

from .._coordination.duplicates import find_named
from .._errors.exceptions import ApiError, Failure
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.base import Doc, check_name
from .._kinds.model_group import ModelGroup
from .._operations import model_group
from .._runtime import versions
from .._runtime.module import Module, typed
from .._runtime.run import Run


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


SPEC = {
    "name": {"type": "str"},
    "model_group_id": {"type": "str"},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "description": {"type": "str"},
    "access_mode": {"type": "str", "choices": ["public", "private", "restricted"]},
    "backend_roles": {"type": "list", "elements": "str"},
    "add_all_backend_roles": {"type": "bool"},
}


RULES = {
    "required_one_of": [("name", "model_group_id")],
    "mutually_exclusive": [("backend_roles", "add_all_backend_roles")],
}


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Reconcile the group with the options. Raises Failure."""
    found = _find(options, run)
    if options.state == "absent":
        return _absent(options, run, found)
    fields = groups.desired(vars(options))
    if found is None:
        if not (fields.get("description") or "").strip():
            fields.pop("description", None)
        return _create(run, fields)
    return _reconcile(run, found, fields)


def _find(options: Options, run: Run) -> Doc | None:
    if not options.model_group_id:
        return find_named(run, ModelGroup, str(options.name))
    return ModelGroup.find_by_id(run.client, options.model_group_id, required=options.state == "present")


def _create(run: Run, fields: dict[str, Any]) -> dict[str, Any]:
    check_name("name", fields["name"])
    _check_text(run, fields)
    created = run.perform("create", ModelGroup.LABEL, fields["name"], partial(model_group.create, run, fields))
    if created is None:
        return _result(None, Doc("", fields), fields)
    return _result(None, _verify(run, created.id, fields), fields)


def _reconcile(run: Run, found: Doc, fields: dict[str, Any]) -> dict[str, Any]:
    diff = groups.diff(found.source, fields)
    if not diff:
        return _result(found, found, fields)
    _check_changes(run, found, {name: fields[name] for name in diff})
    changes = {
        name: value
        for name, value in fields.items()
        if name in diff or (name in groups.ACCESS and set(diff) & set(groups.ACCESS))
    }
    update = partial(ModelGroup.update, run, found.id, changes)
    run.perform("update", ModelGroup.LABEL, found.name, update, id=found.id, fields=diff)
    if run.check_mode:
        return _result(found, Doc(found.id, {**found.source, **_stored(changes)}), fields)
    return _result(found, _verify(run, found.id, fields), fields)


def _check_changes(run: Run, found: Doc, changes: Mapping[str, Any]) -> None:
    """Raise Failure for changes that the server would refuse or ignore."""
    if "description" in changes and not changes["description"].strip():
        raise Failure("invalid_input", "description: the server can change it, but not remove it.")
    if "name" in changes:
        check_name("name", changes["name"])
    _check_text(run, changes)
    if "name" in changes:
        _check_name_free(run, found, changes["name"])


def _check_text(run: Run, fields: Mapping[str, Any]) -> None:
    for name in ("name", "description"):
        if name in fields:
            versions.check_text(run.version, name, fields[name])


def _check_name_free(run: Run, found: Doc, name: str) -> None:
    """Raise Failure if another group has the name. In check mode the server is not asked to refuse it."""
    others = [doc for doc in ModelGroup.all_named(run.client, name) if doc.id != found.id]
    if others:
        raise Failure(
            "group_name_taken",
            f"Model group {found.name!r} ({found.id}) cannot be renamed to {name!r}: {others[0].id} has that name.",
            ids=[doc.id for doc in others],
        )


def _stored(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the server stores for these changes."""
    fields = {name: value for name, value in changes.items() if name != "add_all_backend_roles"}
    if "access_mode" in fields:
        fields["access"] = fields["access_mode"]
    elif set(changes) & set(groups.ACCESS):
        fields["access"] = "restricted"
    return fields


def _verify(run: Run, group_id: str, fields: Mapping[str, Any]) -> Doc:
    """Read the group back after a write: the server answers 'Updated' to every change."""
    return ModelGroup.verified(run.client, group_id, lambda doc: groups.diff(doc.source, fields))


def _absent(options: Options, run: Run, found: Doc | None) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if found is not None:
        _check_empty(run, found)
        before = {
            name: value for name, value in groups.observed(found.source).items() if name in ("name", "description")
        }
        run.perform("delete", ModelGroup.LABEL, found.name, partial(_delete, run, found), id=found.id)
    group_id = found.id if found else options.model_group_id
    return {"model_group": None, "model_group_id": group_id, "diff": {"before": before, "after": {}}}


def _delete(run: Run, found: Doc) -> None:
    try:
        ModelGroup.delete(run, found.id)
    except ApiError as error:
        if error.code == "group_in_use":
            # Another controller has put a model into it after the check: report which one.
            _check_empty(run, found)
        raise


def _check_empty(run: Run, group: Doc) -> None:
    """Raise Failure if models are in the group."""
    members = models.in_group(run.client, group.id)
    if members:
        names = ", ".join(f"{doc.name!r} ({doc.id})" for doc in members)
        raise Failure(
            "group_in_use",
            f"{len(members)} models are in model group {group.name!r} ({group.id}): {names}",
            ids=[doc.id for doc in members],
        )


def _result(before: Doc | None, after: Doc, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_group": groups.to_result(after) if after.id else dict(fields),
        "model_group_id": after.id or None,
        "diff": {
            "before": _diff_side(before.source, fields) if before else {},
            "after": _diff_side(after.source, fields),
        },
    }


def _diff_side(source: Mapping[str, Any], desired_fields: Mapping[str, Any]) -> dict[str, Any]:
    """The desired fields of the group, with sorted roles. The server does not store ``add_all_backend_roles``."""
    fields = {
        name: value
        for name, value in groups.observed(source).items()
        if name in desired_fields and name != "add_all_backend_roles"
    }
    if "backend_roles" in fields:
        fields["backend_roles"] = sorted(set(fields["backend_roles"]))
    return fields


MODULE = Module(SPEC, execute, typed(Options), RULES)
