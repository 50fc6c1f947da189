# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which object a name means. The server does not keep names unique, so several objects may share one."""

from __future__ import annotations

from typing import Any

from .._errors.exceptions import Failure
from .._kinds import model as models
from .._kinds.base import Doc, Kind, supersedes
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._runtime.reader import Reader
from .._runtime.run import Run

#: Objects that were created within this time, in seconds, were created by controllers that did not see each other's.
SAME_MOMENT = 10.0

#: The kinds whose duplicates ml_dedupe deletes.
DEDUPED = (Connector, Model, ModelGroup)


class AmbiguousName(Failure):
    """Several objects have one name, and none of them is the one that it means."""

    def __init__(self, kind: type[Kind], docs: list[Doc], name: str) -> None:
        ids = [doc.id for doc in docs]
        super().__init__(
            "ambiguous_name", f"{len(docs)} {kind.LABEL}s have the name {name!r}: {', '.join(ids)}.", ids=ids
        )


def pick(run: Run, kind: type[Kind], found: list[Doc], name: str) -> Doc | None:
    """The one of these objects that their name means; None if there are none.

    Of several it is the one that models use, then one that no other of them has superseded, then the oldest. A superseded
    connector that alone is used is one whose swap was interrupted. Raises :class:`AmbiguousName` for objects that were
    not created at the same moment, and for models of different groups, as these may be meant to differ.
    """
    if len(found) < 2:
        return found[0] if found else None
    current = [doc for doc in found if not any(supersedes(new, doc) for new in found)]
    created = [doc.created for doc in current]
    groups = {doc.source.get("model_group_id") for doc in current}
    apart = not all(created) or max(created) - min(created) > SAME_MOMENT * 1000
    if len(current) > 1 and (apart or len(groups) > 1):
        raise AmbiguousName(kind, current, name)
    used = _used_ids(run.reader, kind, [doc.id for doc in found])
    candidates = [doc for doc in found if doc.id in used] or found
    latest = [doc for doc in candidates if not any(supersedes(new, doc) for new in candidates)]
    kept = min(latest, key=lambda doc: doc.creation_order)
    others = ", ".join(doc.id for doc in current if doc is not kept)
    if len(current) > 1:
        remedy = f"the module ml_dedupe deletes {others}" if kind in DEDUPED else f"delete {others}"
        run.warn(
            f"{len(current)} {kind.LABEL}s have the name {name!r}, created at the same moment by controllers without the "
            f"lock. {kept.id} counts; {remedy}."
        )
    return kept


def find(run: Run, kind: type[Kind], reference: str, *, known_id: str | None = None) -> Doc | None:
    """The object with this name or, if no object has the name, with this id; None if there is no such object.

    If the search finds only the object with ``known_id``, it is not read again: nothing refers to another one because of it.
    Raises Failure if the name is ambiguous.
    """
    found = run.reader.find(kind, [("name", reference), ("_id", reference)])
    if [doc.id for doc in found] != [known_id]:
        found = run.reader.reread(kind, found)
    return pick_named_or_id(run, kind, found, reference)


def pick_named_or_id(run: Run, kind: type[Kind], found: list[Doc], reference: str) -> Doc | None:
    """The one of these objects with this name or, if none has the name, with this id. Raises Failure as :func:`pick`."""
    named = [doc for doc in found if doc.name == reference]
    return pick(run, kind, named, reference) or next((doc for doc in found if doc.id == reference), None)


def find_named(run: Run, kind: type[Kind], name: str) -> Doc | None:
    """The object with this name, or None. Raises Failure if the name is ambiguous."""
    return pick(run, kind, kind.all_named(run.reader, name), name)


def need(run: Run, kind: type[Kind], reference: str, **known: Any) -> Doc:
    """As :func:`find`, but raises Failure if there is no such object."""
    found = find(run, kind, reference, **known)
    if found is None:
        raise unknown(kind, reference)
    return found


def unknown(kind: type[Kind], reference: str) -> Failure:
    """The failure if no object has this name or id."""
    return Failure(kind.UNKNOWN_CODE, f"There is no {kind.LABEL} with the name or id {reference!r}.")


def find_id(run: Run, kind: type[Kind], reference: str) -> str:
    """The id of the object with this name or id; the reference itself if no such object exists, as it may be the id of a
    deleted one. Raises Failure if the name is ambiguous."""
    found = find(run, kind, reference)
    return found.id if found else reference


def _used_ids(reader: Reader, kind: type[Kind], ids: list[str]) -> set[str]:
    """Those of the connectors or model groups that models refer to."""
    if kind is Connector:
        return {str(model.source.get("connector_id")) for model in models.using_connectors(reader, ids)}
    if kind is ModelGroup:
        found = Model.having(reader, [("model_group_id", each) for each in ids])
        return {str(model.source.get("model_group_id")) for model in found}
    return set()
