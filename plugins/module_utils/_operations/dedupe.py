# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Find objects that share a name, what uses each of them, and which one is kept."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Mapping, NamedTuple

from .._kinds import model as models
from .._kinds.base import Doc, Kind, supersedes
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._kinds.snapshot import Snapshot
from .._runtime.run import Run
from .._values.compare import canonical
from .uses import User, texts_with_ids

#: The fates of an object. ``merge``: the models of a connector are changed to use the kept one, then it is deleted.
#: ``stay``: it is surplus, but cannot be deleted. ``refuse``: the whole task is refused because of it.
KEEP, MERGE, DELETE, STAY, REFUSE = "keep", "merge", "delete", "stay", "refuse"


class Duplicate:
    """One of several objects with one name.

    ``models``: the models that refer to it in a field that can be changed. ``fixed_users``: users that cannot be
    changed to use another object.
    """

    def __init__(self, doc: Doc, models_of_it: list[Doc], fixed_users: list[User]) -> None:
        self.doc = doc
        self.models = models_of_it
        self.fixed_users = fixed_users
        self.fate = KEEP
        self.reason = ""

    @property
    def users(self) -> list[User]:
        return [User(Model.LABEL, doc.id, doc.name) for doc in self.models] + self.fixed_users

    @property
    def in_use(self) -> bool:
        """True if it has users, or is a deployed model: clients may send it predictions by its id."""
        return bool(self.users) or models.is_live(self.doc)

    @property
    def removed(self) -> bool:
        return self.fate in (MERGE, DELETE)

    def rank(self) -> tuple[Any, ...]:
        """Sort key. The first object is kept: one with fixed users, else the most used, else a deployed one, else the
        oldest."""
        return (not self.fixed_users, -len(self.users), not models.is_live(self.doc), *self.doc.creation_order)

    def decide(self, fate: str, reason: str) -> None:
        self.fate, self.reason = fate, reason


class DuplicateSet(NamedTuple):
    """All objects of one kind with one name (of models: in one group), by rank. The first one is kept."""

    kind: type[Kind]
    name: str
    members: list[Duplicate]

    @property
    def kept(self) -> Duplicate:
        return self.members[0]

    @property
    def others(self) -> list[Duplicate]:
        return self.members[1:]


def find_duplicates(run: Run, pattern: str | None, *, trust_credentials: bool) -> list[DuplicateSet]:
    """Model groups, connectors and models that share a name, each with a fate.

    ``pattern``: shell pattern for the names; None for all. ``trust_credentials``: connectors may be merged although
    their credentials cannot be compared.
    """
    found = _duplicate_sets(run, pattern)
    merged: dict[str, str] = {}
    # Models come last: two that differ only in merged connectors are equal.
    for duplicates in found:
        duplicates.kept.decide(KEEP, _why_kept(duplicates.kept))
        for other in duplicates.others:
            _decide(duplicates, other, trust_credentials, merged)
        if duplicates.kind is Connector:
            merged.update({other.doc.id: duplicates.kept.doc.id for other in duplicates.others if other.removed})
            _leave_swap(duplicates)
    _forget_deleted_models(found)
    return found


def _duplicate_sets(run: Run, pattern: str | None) -> list[DuplicateSet]:
    snapshot = Snapshot.of_cluster(run.client)
    texts = list(texts_with_ids(snapshot))
    found = []
    for kind, field in ((ModelGroup, "model_group_id"), (Connector, "connector_id"), (Model, "")):
        for docs in _sharing_a_name(snapshot, kind, pattern):
            members = []
            # A search may lag a second behind a change.
            for doc in run.server.reread(kind, docs):
                users = snapshot.find(Model, [(field, doc.id)]) if field else []
                fixed_users = [user for user, text in texts if user.id != doc.id and doc.id in text]
                members.append(Duplicate(doc, users, fixed_users))
            if len(members) > 1:
                found.append(DuplicateSet(kind, members[0].doc.name, sorted(members, key=Duplicate.rank)))
    return found


def _sharing_a_name(snapshot: Snapshot, kind: type[Kind], pattern: str | None) -> list[list[Doc]]:
    """The objects that share a name. Local models of one name and group are versions of one model."""
    by_name: dict[tuple[str, str], list[Doc]] = {}
    for doc in snapshot.visible(kind):
        if (pattern is None or fnmatchcase(doc.name, pattern)) and (kind is not Model or models.is_remote(doc)):
            group = str(doc.source.get("model_group_id")) if kind is Model else ""
            by_name.setdefault((doc.name, group), []).append(doc)
    return [by_name[key] for key in sorted(by_name) if len(by_name[key]) > 1]


def _why_kept(kept: Duplicate) -> str:
    if kept.users:
        return f"{len(kept.users)} objects use it"
    return "it is deployed" if kept.in_use else "it is the oldest"


def _leave_swap(duplicates: DuplicateSet) -> None:
    """Leave the connectors of an unfinished swap to the module ml_connector."""
    docs = [member.doc for member in duplicates.members]
    if any(supersedes(new, old) for new in docs for old in docs):
        for other in duplicates.others:
            other.decide(
                STAY, "it belongs to a swap that was interrupted or is under way, which ml_connector will finish"
            )


def _forget_deleted_models(found: list[DuplicateSet]) -> None:
    """From each connector's users, remove the models that will be deleted: a connector without other users is deleted
    instead of merged."""
    deleted = {other.doc.id for duplicates in found for other in duplicates.others if other.removed}
    for duplicates in found:
        for other in duplicates.others if duplicates.kind is Connector else ():
            if other.removed:
                other.models = [model for model in other.models if model.id not in deleted]
                other.fate = MERGE if other.models else DELETE


def _decide(duplicates: DuplicateSet, other: Duplicate, trust_credentials: bool, merged: Mapping[str, str]) -> None:
    """Decide about an object that is not kept. ``merged``: id of a deleted connector -> id of the kept one."""
    kind, kept = duplicates.kind, duplicates.kept
    if other.fixed_users:
        user = other.fixed_users[0]
        return other.decide(STAY, f"{user.kind} {user.name!r} refers to its id")
    if kind is ModelGroup and other.models:
        return other.decide(STAY, f"{len(other.models)} models are in it")
    # An unused object is deleted even if it differs from one that is used. Otherwise the two must be the same.
    if other.in_use or not kept.in_use:
        fields = _diff(kind, kept.doc.source, other.doc.source, merged)
        if fields:
            return other.decide(REFUSE, f"it differs from {kept.doc.id} in {', '.join(fields)}")
        needs_trust = kind is Connector and connectors.needs_credential(Connector.observed(other.doc.source))
        if needs_trust and not trust_credentials:
            return other.decide(REFUSE, f"its credential cannot be compared with that of {kept.doc.id}")
    return other.decide(DELETE, f"{kept.doc.id} is kept")


def _diff(kind: type[Kind], kept: Mapping[str, Any], other: Mapping[str, Any], merged: Mapping[str, str]) -> list[str]:
    """The names of the fields in which two objects of a kind differ."""
    if kind is Model:
        first, second = (Model.observed({**source, **_connector_after(source, merged)}) for source in (kept, other))
        return [name for name in Model.FIELDS if canonical(first.get(name)) != canonical(second.get(name))]
    one, two = kind.observed(kept), kind.observed(other)
    return sorted({*kind.diff(one, two), *kind.diff(two, one)})


def _connector_after(source: Mapping[str, Any], merged: Mapping[str, str]) -> dict[str, Any]:
    """The connector of a model after the connectors are merged."""
    connector_id = source.get("connector_id")
    return {"connector_id": merged.get(str(connector_id), connector_id)}
