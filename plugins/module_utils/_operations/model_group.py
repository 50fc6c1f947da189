# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Create model groups. Their names are unique: the server refuses a second group if its search finds the first."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import AmbiguousName, back_off, one_or_none, resolve_name
from .._errors.exceptions import ApiError, Failure
from .._kinds.base import Doc, check_name
from .._kinds.model_group import ModelGroup
from .._runtime.run import Run

#: Seconds after its creation for which a group may still be deleted as the duplicate of another one.
DUPLICATE_WINDOW = 30.0

#: How often a create is tried if the server refuses the name as taken, yet no group with it is found.
GROUP_CREATE_TRIES = 4


def find(run: Run, name: str) -> Doc | None:
    """The group with this name, or None. Raises Failure if several have it."""
    return resolve_name(run.client, partial(_find_once, run, name))


def _find_once(run: Run, name: str) -> Doc | None:
    return one_or_none(ModelGroup, ModelGroup.all_named(run.client, name), name)


def ensure(run: Run, name: str) -> Doc:
    """The group with this name, created if it does not exist. In check mode a missing group has an empty id."""
    found = find(run, name)
    if found:
        return found
    check_name("model_group", name)
    created = run.perform("create", ModelGroup.LABEL, name, partial(create, run, {"name": name}))
    return created[0] if created else Doc("", {"name": name})


def may_be_deleted(run: Run, group: Doc, used: int) -> bool:
    """True if a group was deleted, or may be deleted as a duplicate: of several with one name the oldest stays.

    ``used``: when this task put a model into it, in milliseconds since 1970. No request is sent for a group that this
    stack created, or that was created long before.
    """
    if (ModelGroup.PATH, group.id) in run.created_by_stack:
        return False
    if used - group.created > DUPLICATE_WINDOW * 1000:
        return False
    # A GET returns the present state; the shard copy that a search reads may not have a recent change yet.
    if ModelGroup.get(run.client, group.id) is None:
        return True
    found = ModelGroup.search(run.client, {"term": {"name.keyword": group.name}})
    others = ModelGroup.reread(run.client, [doc for doc in found if doc.id != group.id])
    return any(other.creation_order < group.creation_order for other in others if other.name == group.name)


def create(run: Run, fields: Mapping[str, Any]) -> tuple[Doc, bool]:
    """Create a group exactly once. Returns it, and whether this task created it."""
    delete_own = partial(ModelGroup.delete, run)
    creation = Creation(ModelGroup, fields, f"{ModelGroup.PATH}/_register", delete_own=delete_own)
    attempt = 0
    while True:
        try:
            return create_once(run, creation)
        except ApiError as error:
            attempt += 1
            if error.code != "group_name_taken":
                raise
            found = _find_after_refusal(run, fields["name"], error)
            if found:
                return found, False
            # Another controller deletes it again, or a group that this user may not read has the name.
            if attempt == GROUP_CREATE_TRIES:
                raise
        back_off(run, attempt)


def _find_after_refusal(run: Run, name: str, refusal: ApiError) -> Doc | None:
    """The group that another controller created after this task found none."""
    try:
        return find(run, name)
    except AmbiguousName as several:
        # All of them are new.
        raise Failure("concurrent_change", several.message, **several.details) from refusal
