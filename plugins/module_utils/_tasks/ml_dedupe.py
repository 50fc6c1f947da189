# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_dedupe does: tells of objects that share a name and, on request, leaves one of each."""

from __future__ import annotations

from functools import partial
from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations import dedupe
from .._operations import deploy as deployment
from .._operations.dedupe import Duplicate, DuplicateSet
from .._operations.swap import Swap
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "apply": {"type": "bool", "default": False},
    "name_pattern": {"type": "str"},
    "trust_credentials": {"type": "bool", "default": False},
    "probe": {"type": "dict"},
    "wait_timeout": {"type": "float", "default": 180.0},
}

#: A model goes before the connector that it calls through, and a group when nothing is in it.
_ORDER = (Model, Connector, ModelGroup)

#: How many problems a message tells; all of them are in the details.
_TOLD = 20


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Tell who shares a name with whom; with 'apply' leave one of each. Raises Failure."""
    found = dedupe.find_duplicates(run.client, options["name_pattern"], trust_credentials=options["trust_credentials"])
    # As it was found: what is done changes it.
    told = [_told(each) for each in found]
    plan = [_line(each, other) for each in _ordered(found) for other in each.others if other.removed]
    if options["apply"]:
        _check(found)
        for each in _ordered(found):
            for other in each.others:
                if other.removed:
                    _remove(options, run, each, other)
                else:
                    run.warn(f"{_named(each, other)} stays beside {each.kept.doc.id}: {other.reason}.")
    prepared = "".join(f"{line}\n" for line in plan) if options["apply"] else ""
    return {"duplicates": told, "plan": plan, "diff": {"prepared": prepared}}


def _ordered(found: list[DuplicateSet]) -> list[DuplicateSet]:
    return [each for kind in _ORDER for each in found if each.kind is kind]


def _check(found: list[DuplicateSet]) -> None:
    """Raises Failure where two would have to be the same and are not."""
    refused = [(each, other) for each in found for other in each.others if other.fate == dedupe.REFUSE]
    if refused:
        texts = [f"{_named(each, other)}: {other.reason}" for each, other in refused]
        raise Failure(
            "duplicates_differ",
            f"{len(refused)} cannot be removed, nothing was done: {'; '.join(texts[:_TOLD])}",
            problems=[
                {"kind": each.kind.LABEL, "name": each.name, "id": other.doc.id, "message": other.reason}
                for each, other in refused
            ],
        )


def _remove(options: Mapping[str, Any], run: Run, each: DuplicateSet, other: Duplicate) -> None:
    doc, kept, timeout = other.doc, each.kept.doc, options["wait_timeout"]
    if each.kind is Model:
        run.perform(
            "delete", Model.LABEL, doc.name, partial(deployment.undeploy_and_delete, run, doc.id, timeout), id=doc.id
        )
    elif each.kind is ModelGroup:
        delete = partial(groups.delete_if_empty, run, doc)
        run.perform("delete", ModelGroup.LABEL, doc.name, delete, had_effect=bool, id=doc.id)
    else:
        swap = Swap(run, probe=options["probe"], timeout=timeout)
        merge = partial(swap.merge, doc, kept, other.models)
        facts: dict[str, Any] = (
            {"into": kept.id, "models": [model.id for model in other.models]} if other.models else {}
        )
        run.perform(other.fate, Connector.LABEL, doc.name, merge, id=doc.id, **facts)


def _line(each: DuplicateSet, other: Duplicate) -> str:
    if other.fate == dedupe.MERGE:
        return f"- delete {_named(each, other)}, its {len(other.models)} models call through {each.kept.doc.id}"
    return f"- delete {_named(each, other)}"


def _named(each: DuplicateSet, other: Duplicate) -> str:
    return f"{each.kind.LABEL} {each.name!r} ({other.doc.id})"


def _told(each: DuplicateSet) -> dict[str, Any]:
    return {
        "kind": each.kind.LABEL,
        "name": each.name,
        "kept": each.kept.doc.id,
        "objects": [_object(each, member) for member in each.members],
    }


def _object(each: DuplicateSet, member: Duplicate) -> dict[str, Any]:
    state = {"state": models.state_of(member.doc)} if each.kind is Model else {}
    return {
        "id": member.doc.id,
        "created_time": member.doc.source.get("created_time"),
        **state,
        "users": [user._asdict() for user in member.users],
        "fate": member.fate,
        "reason": member.reason,
    }


MODULE = Module(OPTIONS, execute)
