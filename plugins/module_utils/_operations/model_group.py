# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Create model groups. Their names are unique: the server refuses a second group if its search finds the first."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._coordination.create import Creation, create_once
from .._coordination.duplicates import find_named
from .._errors.exceptions import ApiError, ConcurrentChange
from .._kinds.base import Doc, check_name
from .._kinds.model_group import ModelGroup
from .._runtime.run import Run


def ensure(run: Run, name: str) -> Doc:
    """The group with this name, created if it does not exist. In check mode a missing group has an empty id."""
    found = find_named(run, ModelGroup, name)
    if found:
        return found
    check_name("model_group", name)
    created = run.perform("create", ModelGroup.LABEL, name, partial(create, run, {"name": name}))
    return created or Doc("", {"name": name})


def create(run: Run, fields: Mapping[str, Any]) -> Doc:
    """Create a group exactly once. Raises Failure, also if a group has the name that this user may not read."""
    delete_own = partial(ModelGroup.delete, run)
    try:
        return create_once(run, Creation(ModelGroup, fields, f"{ModelGroup.PATH}/_register", delete_own=delete_own))
    except ApiError as error:
        if error.code != "group_name_taken" or not ModelGroup.all_named(run.client, fields["name"]):
            raise
        raise ConcurrentChange(error.message, error.status) from error
