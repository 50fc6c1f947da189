# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a task of ml_model speaks of: the model, and the group and the connector that are stated for it.

The model is read anew, as no search tells its state as it is now. A group or connector that it has already takes a
search alone; one that it shall be given, or be deleted with, is read anew as well.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._coordination.duplicates import find, need, one_or_none, resolve_name
from .._kinds.base import Doc
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations.undeletable_connector import drop_superseded
from .._runtime.run import Run


def model_and_group(options: Mapping[str, Any], run: Run) -> tuple[Doc | None, Doc | None]:
    """The model if it exists, and the stated group; a group that is to be made has an empty id. Raises Failure."""
    return resolve_name(run.client, lambda: _model_and_group(options, run))


def _model_and_group(options: Mapping[str, Any], run: Run) -> tuple[Doc | None, Doc | None]:
    goes, by_id = options["state"] == "absent", bool(options["model_id"])
    named = _by_id(options, run) if by_id else Model.all_named(run.client, options["name"])
    if goes and (by_id or not named) and not options["delete_empty_group"]:
        # Nobody asks for the group.
        return named[0] if named else None, None
    group = _group(options, run, named[0] if len(named) == 1 and not goes else None)
    # What is to go must be in the stated group. What is to be there may be moved into it, unless several have the name.
    if group is not None and not by_id and (len(named) > 1 or goes):
        named = [doc for doc in named if doc.source.get("model_group_id") == group.id]
    return one_or_none(Model, named, options["name"]), group


def connector(options: Mapping[str, Any], run: Run, model: Doc | None) -> Doc | None:
    """The stated connector; in check mode one that is not there yet has an empty id. Raises Failure."""
    reference = options["connector"]
    if not reference:
        return None
    look = find if run.check_mode else need
    in_use = partial(drop_superseded, run.client)
    found = look(Connector, run.client, reference, known_id=_held(model, "connector_id"), tie_break=in_use)
    if found is None:
        run.warn(f"There is no connector {reference!r} yet; this check assumes that an earlier task makes it.")
    return found or Doc("", {"name": reference})


def _by_id(options: Mapping[str, Any], run: Run) -> list[Doc]:
    found = Model.find_by_id(run.client, options["model_id"], required=options["state"] != "absent")
    return [found] if found else []


def _group(options: Mapping[str, Any], run: Run, model: Doc | None) -> Doc | None:
    name = options["model_group"]
    if not name:
        return None
    return find(ModelGroup, run.client, name, known_id=_held(model, "model_group_id")) or Doc("", {"name": name})


def _held(model: Doc | None, field: str) -> str | None:
    return model.source.get(field) if model else None
