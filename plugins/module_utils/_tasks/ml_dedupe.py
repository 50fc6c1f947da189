# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_dedupe: report objects that share a name and, with 'apply', keep one of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._operations import dedupe, deploy
from .._operations.dedupe import Duplicate, DuplicateSet
from .._operations.swap import Swap
from .._runtime.module import Module, typed
from .._runtime.run import Run


@dataclass(frozen=True)
class Options:
    """The module's own options."""

    apply: bool
    name_pattern: str | None
    trust_credentials: bool
    probe: Mapping[str, Any] | None
    wait_timeout: float


SPEC = {
    "apply": {"type": "bool", "default": False},
    "name_pattern": {"type": "str"},
    "trust_credentials": {"type": "bool", "default": False},
    "probe": {"type": "dict"},
    "wait_timeout": {"type": "float", "default": 180.0},
}

#: The order of deletion: a model before its connector, and a group after its models.
_ORDER = (Model, Connector, ModelGroup)

#: Maximum number of problems in the message of a failure; its details contain all of them.
_MAX_PROBLEMS = 20


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Report which objects share a name; with 'apply' keep one of each name. Raises Failure."""
    found = dedupe.find_duplicates(run, options.name_pattern, trust_credentials=options.trust_credentials)
    # Before anything is deleted, as that changes the sets.
    result = [_to_result(duplicates) for duplicates in found]
    plan = [
        _plan_line(duplicates, other) for duplicates in _ordered(found) for other in duplicates.others if other.removed
    ]
    if options.apply:
        _check(found)
        for duplicates in _ordered(found):
            for other in duplicates.others:
                if other.removed:
                    _delete(options, run, duplicates, other)
                else:
                    name = _name(duplicates, other)
                    run.warn(f"{name} stays in addition to {duplicates.kept.doc.id}: {other.reason}.")
    prepared = "".join(f"{line}\n" for line in plan) if options.apply else ""
    return {"duplicates": result, "plan": plan, "leftovers": run.leftovers, "diff": {"prepared": prepared}}


def _ordered(found: list[DuplicateSet]) -> list[DuplicateSet]:
    return [duplicates for kind in _ORDER for duplicates in found if duplicates.kind is kind]


def _check(found: list[DuplicateSet]) -> None:
    """Raise Failure if objects must be the same and differ."""
    refused = [
        (duplicates, other) for duplicates in found for other in duplicates.others if other.fate == dedupe.REFUSE
    ]
    if refused:
        texts = [f"{_name(duplicates, other)}: {other.reason}" for duplicates, other in refused]
        raise Failure(
            "duplicates_differ",
            f"{len(refused)} duplicates cannot be removed, and nothing was changed: {'; '.join(texts[:_MAX_PROBLEMS])}",
            problems=[
                {
                    "kind": duplicates.kind.LABEL,
                    "name": duplicates.name,
                    "id": other.doc.id,
                    "message": other.reason,
                }
                for duplicates, other in refused
            ],
        )


def _delete(options: Options, run: Run, duplicates: DuplicateSet, other: Duplicate) -> None:
    doc, timeout = other.doc, options.wait_timeout
    if duplicates.kind is Model:
        run.perform(
            "delete", Model.LABEL, doc.name, partial(deploy.undeploy_and_delete, run, doc.id, timeout), id=doc.id
        )
    elif duplicates.kind is ModelGroup:
        delete = partial(groups.delete_if_empty, run, doc)
        run.perform("delete", ModelGroup.LABEL, doc.name, delete, had_effect=bool, id=doc.id)
    else:
        kept, users = duplicates.kept.doc, other.models
        swap = Swap(run, probe=options.probe, timeout=timeout)
        merge = partial(swap.merge, doc, kept, users)
        facts: dict[str, Any] = {"into": kept.id, "models": [model.id for model in users]} if users else {}
        run.perform(other.fate, Connector.LABEL, doc.name, merge, id=doc.id, **facts)


def _plan_line(duplicates: DuplicateSet, other: Duplicate) -> str:
    line = f"- delete {_name(duplicates, other)}"
    if other.fate == dedupe.MERGE:
        line += f", its {len(other.models)} models call through {duplicates.kept.doc.id}"
    return line


def _name(duplicates: DuplicateSet, other: Duplicate) -> str:
    return f"{duplicates.kind.LABEL} {duplicates.name!r} ({other.doc.id})"


def _to_result(duplicates: DuplicateSet) -> dict[str, Any]:
    return {
        "kind": duplicates.kind.LABEL,
        "name": duplicates.name,
        "kept": duplicates.kept.doc.id,
        "objects": [_object(duplicates, member) for member in duplicates.members],
    }


def _object(duplicates: DuplicateSet, member: Duplicate) -> dict[str, Any]:
    state = {"state": models.state_of(member.doc)} if duplicates.kind is Model else {}
    return {
        "id": member.doc.id,
        "created_time": member.doc.source.get("created_time"),
        **state,
        "users": [user._asdict() for user in member.users],
        "fate": member.fate,
        "reason": member.reason,
    }


MODULE = Module(SPEC, execute, typed(Options))
