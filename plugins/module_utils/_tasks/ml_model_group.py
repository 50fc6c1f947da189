# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_model_group does: there, as stated, or gone unless models are in it."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import one_or_none, resolve_name
from .._errors.exceptions import ApiError, Failure
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.base import Doc, check_name
from .._kinds.model_group import ModelGroup
from .._operations.model_group import create
from .._runtime import versions
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
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


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the group to the stated state. Raises Failure."""
    found = _locate(options, run)
    if options["state"] == "absent":
        return _absent(options, run, found)
    wanted = groups.desired(options)
    if found is None:
        if not (wanted.get("description") or "").strip():
            wanted.pop("description", None)
        return _create(run, wanted)
    return _converge(run, found, wanted)


def _locate(options: Mapping[str, Any], run: Run) -> Doc | None:
    group_id, name = options["model_group_id"], options["name"]
    if not group_id:
        return resolve_name(run.client, lambda: one_or_none(ModelGroup, ModelGroup.all_named(run.client, name), name))
    return ModelGroup.find_by_id(run.client, group_id, required=options["state"] == "present")


def _create(run: Run, wanted: dict[str, Any]) -> dict[str, Any]:
    check_name("name", wanted["name"])
    _check_text(run, wanted)
    made = run.perform("create", ModelGroup.LABEL, wanted["name"], lambda: create(run, wanted))
    if made is None:
        return _result(None, Doc("", wanted), wanted)
    doc, ours = made
    if not ours:
        run.journal_as("adopt")
        return _converge(run, doc, wanted)
    return _result(None, _verified(run, doc.id, wanted), wanted)


def _converge(run: Run, found: Doc, wanted: dict[str, Any]) -> dict[str, Any]:
    differing = groups.diff(found.source, wanted)
    if not differing:
        return _result(found, found, wanted)
    if "description" in differing and not wanted["description"].strip():
        raise Failure("invalid_input", "description: the server can change it, but not take it away.")
    if "name" in differing:
        check_name("name", wanted["name"])
    _check_text(run, {field: wanted[field] for field in differing})
    if "name" in differing:
        _check_free(run, found, wanted["name"])
    changes = {
        name: value
        for name, value in wanted.items()
        if name in differing or (name in groups.ACCESS and set(differing) & set(groups.ACCESS))
    }
    run.perform(
        "update",
        ModelGroup.LABEL,
        found.name,
        lambda: ModelGroup.update(run, found.id, changes),
        id=found.id,
        fields=differing,
    )
    if run.check_mode:
        return _result(found, Doc(found.id, {**found.source, **_planned(changes)}), wanted)
    return _result(found, _verified(run, found.id, wanted), wanted)


def _planned(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What the server would store of the changes."""
    fields = {name: value for name, value in changes.items() if name != "add_all_backend_roles"}
    if "access_mode" in fields:
        fields["access"] = fields["access_mode"]
    elif set(changes) & set(groups.ACCESS):
        fields["access"] = "restricted"
    return fields


def _verified(run: Run, group_id: str, wanted: Mapping[str, Any]) -> Doc:
    """The group as it is stored. The answer to a change says 'Updated' whatever was done."""
    return ModelGroup.verified(run.client, group_id, lambda doc: groups.diff(doc.source, wanted))


def _check_text(run: Run, fields: Mapping[str, Any]) -> None:
    """Refuse what the server would."""
    for field in ("name", "description"):
        if field in fields:
            versions.check_text(run.version, field, fields[field])


def _check_free(run: Run, found: Doc, name: str) -> None:
    """The server refuses a name that is taken; so does a check, which does not ask it."""
    others = [doc for doc in ModelGroup.all_named(run.client, name) if doc.id != found.id]
    if others:
        raise Failure(
            "group_name_taken",
            f"Model group {found.name!r} ({found.id}) cannot become {name!r}: {others[0].id} has that name.",
            ids=[doc.id for doc in others],
        )


def _absent(options: Mapping[str, Any], run: Run, found: Doc | None) -> dict[str, Any]:
    before: dict[str, Any] = {}
    if found is not None:
        _check_empty(run, found)
        before = {
            name: value for name, value in groups.observed(found.source).items() if name in ("name", "description")
        }
        run.perform("delete", ModelGroup.LABEL, found.name, lambda: _delete(run, found), id=found.id)
    group_id = found.id if found else options["model_group_id"]
    return {"model_group": None, "model_group_id": group_id, "diff": {"before": before, "after": {}}}


def _delete(run: Run, found: Doc) -> None:
    try:
        ModelGroup.delete(run, found.id)
    except ApiError as error:
        if error.code == "group_in_use":
            # Somebody has put a model into it since it was looked at.
            _check_empty(run, found)
        raise


def _check_empty(run: Run, group: Doc) -> None:
    inside = models.in_group(run.client, group.id)
    if inside:
        told = ", ".join(f"{doc.name!r} ({doc.id})" for doc in inside)
        raise Failure(
            "group_in_use",
            f"{len(inside)} models are in model group {group.name!r} ({group.id}): {told}",
            ids=[doc.id for doc in inside],
        )


def _result(before: Doc | None, after: Doc, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model_group": groups.to_result(after) if after.id else dict(wanted),
        "model_group_id": after.id or None,
        "diff": {
            "before": _shown(before.source, wanted) if before else {},
            "after": _shown(after.source, wanted),
        },
    }


def _shown(source: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The stated fields, roles in one order; that all roles were added is not stored."""
    fields = {
        name: value
        for name, value in groups.observed(source).items()
        if name in wanted and name != "add_all_backend_roles"
    }
    if "backend_roles" in fields:
        fields["backend_roles"] = sorted(set(fields["backend_roles"]))
    return fields


MODULE = Module(OPTIONS, execute, RULES)
