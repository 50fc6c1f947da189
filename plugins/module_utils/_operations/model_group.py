# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Making model groups. Their names are unique on a cluster, as the server refuses a second one that it can see."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import AmbiguousName, back_off, one_or_none, resolve_name
from .._errors.exceptions import ApiError, Failure
from .._kinds.base import Doc, check_name
from .._kinds.model_group import ModelGroup
from .._runtime.run import Run

#: Seconds after which a group that somebody has made is not taken back any more because of another one of its name.
PASSING = 30.0

#: How often a group is made whose name is taken by one that is gone at the next look.
GROUP_CREATE_TRIES = 4


def ensure(run: Run, name: str) -> Doc:
    """The group of this name, made where it is missing. In check mode a missing one is told by an empty id."""
    found = resolve_name(run.client, lambda: one_or_none(ModelGroup, ModelGroup.all_named(run.client, name), name))
    if found:
        return found
    check_name("model_group", name)
    made = run.perform("create", ModelGroup.LABEL, name, lambda: create(run, {"name": name})[0])
    return made or Doc("", {"name": name})


def may_be_deleted(run: Run, group: Doc, used: int) -> bool:
    """Whether a group that was ``used`` for something new, in milliseconds since 1970, is gone or about to be taken back: of
    several that were made at once the oldest stays. One that was made by this task, or long before, takes no request."""
    if (ModelGroup.PATH, group.id) in run.created_by_stack:
        return False
    if used - group.created > PASSING * 1000:
        return False
    # A get tells the present, while the copy of the index that a search asks may not have seen yet what another one has.
    if ModelGroup.get(run.client, group.id) is None:
        return True
    found = ModelGroup.search(run.client, {"term": {"name.keyword": group.name}})
    others = ModelGroup.reread(run.client, [doc for doc in found if doc.id != group.id])
    # In the order of Kind.named, whose first one stays.
    return any((other.created, other.id) < (group.created, group.id) for other in others if other.name == group.name)


def create(run: Run, fields: Mapping[str, Any]) -> tuple[Doc, bool]:
    """The group, and whether it was made here."""
    name, attempt = fields["name"], 0
    while True:
        try:
            delete_own = partial(ModelGroup.delete, run)
            return create_once(run, Creation(ModelGroup, fields, f"{ModelGroup.PATH}/_register", delete_own=delete_own))
        except ApiError as error:
            attempt += 1
            if error.code != "group_name_taken":
                raise
            # Somebody made it between the look and the register: then it is the group that was wanted.
            try:
                found = resolve_name(
                    run.client, lambda: one_or_none(ModelGroup, ModelGroup.all_named(run.client, name), name)
                )
            except AmbiguousName as several:
                # There was none before.
                raise Failure("concurrent_change", several.message, **several.details) from error
            if found:
                return found, False
            # Or takes it back already; a group that cannot be seen keeps the name.
            if attempt == GROUP_CREATE_TRIES:
                raise
        back_off(run, attempt)
