# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Objects that share a name: who uses which, which one is kept, and what becomes of the others."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, Mapping, NamedTuple

from .._http.client import Client
from .._kinds import model as models
from .._kinds import model_group as groups
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.connector import resource as connectors
from .._kinds.connector.resource import Connector
from .._kinds.model import Model
from .._kinds.model_group import ModelGroup
from .._values.compare import text_of

#: What becomes of an object: ``merge`` points the models of a connector at the kept one and deletes it, ``stay`` leaves a
#: surplus one as it cannot be removed, ``refuse`` keeps the whole task from being done.
KEEP, MERGE, DELETE, STAY, REFUSE = "keep", "merge", "delete", "stay", "refuse"

#: The fields by which a model names what it calls through and what it is in.
_BY_ID = ("connector_id", "model_group_id")


class User(NamedTuple):
    """Who uses an object."""

    kind: str
    id: str
    name: str


class Duplicate:
    """One of several objects of a name. ``models`` name it in a field of theirs, which can name another one; ``holders``
    are users that cannot be pointed elsewhere."""

    def __init__(self, doc: Doc, using: list[Doc], holders: list[User]) -> None:
        self.doc = doc
        self.models = using
        self.holders = holders
        self.fate = KEEP
        self.reason = ""

    @property
    def users(self) -> list[User]:
        return [User(Model.LABEL, doc.id, doc.name) for doc in self.models] + self.holders

    @property
    def in_use(self) -> bool:
        """A model that serves counts: who asks it by its id cannot be seen."""
        return bool(self.users) or models.state_of(self.doc) in models.LIVE

    @property
    def removed(self) -> bool:
        return self.fate in (MERGE, DELETE)

    def rank(self) -> tuple[Any, ...]:
        """The first of all is kept: what cannot be replaced, then what most use, then what serves, then the oldest."""
        live = models.state_of(self.doc) in models.LIVE
        made = self.doc.created
        return (not self.holders, -len(self.users), not live, made, self.doc.id)

    def decide(self, fate: str, reason: str) -> None:
        self.fate, self.reason = fate, reason


class DuplicateSet(NamedTuple):
    """All objects of one kind and name, of models those of one group; the first is the one that is kept."""

    kind: type[Kind]
    name: str
    members: list[Duplicate]

    @property
    def kept(self) -> Duplicate:
        return self.members[0]

    @property
    def others(self) -> list[Duplicate]:
        return self.members[1:]


def find_duplicates(client: Client, pattern: str | None, *, trust_credentials: bool) -> list[DuplicateSet]:
    """Groups, connectors and models of which several have a name, with what is to become of each."""
    found = _Survey(client).namesakes(pattern)
    for each in found:
        each.kept.decide(KEEP, _why(each.kept))
    merged: dict[str, str] = {}
    for each in [each for each in found if each.kind is not Model]:
        for other in each.others:
            _decide(each.kind, each.kept, other, trust_credentials, merged)
            if each.kind is Connector and other.removed:
                merged[other.doc.id] = each.kept.doc.id
        if each.kind is Connector and _half_of_a_swap(each):
            for other in each.others:
                other.decide(STAY, "it is half of a change that was cut off or goes on; ml_connector ends it")
    for each in [each for each in found if each.kind is Model]:
        for other in each.others:
            _decide(Model, each.kept, other, trust_credentials, merged)
    going = {other.doc.id for each in found for other in each.others if other.removed}
    for other in [other for each in found if each.kind is Connector for other in each.others if other.removed]:
        other.models = [model for model in other.models if model.id not in going]
        other.fate = MERGE if other.models else DELETE
    return found


class _Survey:
    """A cluster's objects as one search for each kind tells them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._docs: dict[type[Kind], list[Doc]] = {
            kind: kind.search(client, {"match_all": {}}) for kind in (ModelGroup, Connector, Model, Agent)
        }
        self._texts = [(User(Agent.LABEL, doc.id, doc.name), text_of(doc.source)) for doc in self._docs[Agent]]
        for type_ in pipelines.PATHS:
            for name, body in pipelines.read_all(client, type_).items():
                self._texts.append((User(pipelines.label(type_), f"{type_}/{name}", name), text_of(body)))
        # A guardrail names a model, too.
        for doc in self._docs[Model]:
            rest = {name: value for name, value in doc.source.items() if name not in _BY_ID}
            self._texts.append((User(Model.LABEL, doc.id, doc.name), text_of(rest)))

    def namesakes(self, pattern: str | None) -> list[DuplicateSet]:
        found = []
        for kind, field in ((ModelGroup, "model_group_id"), (Connector, "connector_id"), (Model, "")):
            for docs in self._of_one_name(kind, pattern):
                # A search may be a second behind a change.
                members = [self._namesake(doc, field) for doc in kind.reread(self._client, docs)]
                if len(members) > 1:
                    found.append(DuplicateSet(kind, members[0].doc.name, sorted(members, key=Duplicate.rank)))
        return found

    def _of_one_name(self, kind: type[Kind], pattern: str | None) -> list[list[Doc]]:
        by_name: dict[tuple[str, str], list[Doc]] = {}
        for doc in self._docs[kind]:
            wanted = pattern is None or fnmatchcase(doc.name, pattern)
            if wanted and not doc.source.get("is_hidden") and (kind is not Model or _remote(doc)):
                group = str(doc.source.get("model_group_id")) if kind is Model else ""
                by_name.setdefault((doc.name, group), []).append(doc)
        return [by_name[key] for key in sorted(by_name) if len(by_name[key]) > 1]

    def _namesake(self, doc: Doc, field: str) -> Duplicate:
        using = [model for model in self._docs[Model] if field and model.source.get(field) == doc.id]
        holders = [user for user, text in self._texts if user.id != doc.id and doc.id in text]
        return Duplicate(doc, using, holders)


def _why(kept: Duplicate) -> str:
    if kept.users:
        return f"{len(kept.users)} use it"
    return "it serves" if kept.in_use else "it is the oldest"


def _remote(doc: Doc) -> bool:
    """Local models of one name and group are versions of one another, and meant to be."""
    return str(doc.source.get("algorithm")).upper() == "REMOTE"


def _half_of_a_swap(each: DuplicateSet) -> bool:
    docs = [member.doc for member in each.members]
    return any(connectors.is_replacement_pair(old, new) for new in docs for old in docs)


def _decide(kind: type[Kind], kept: Duplicate, other: Duplicate, trusted: bool, merged: Mapping[str, str]) -> None:
    if other.holders:
        user = other.holders[0]
        return other.decide(STAY, f"{user.kind} {user.name!r} names its id")
    if kind is ModelGroup and other.models:
        return other.decide(STAY, f"{len(other.models)} models are in it")
    # What nobody uses goes beside one that is used, whatever it holds; else the two must be the same.
    if other.in_use or not kept.in_use:
        fields = _differing(kind, kept.doc.source, other.doc.source, merged)
        if fields:
            return other.decide(REFUSE, f"it differs from {kept.doc.id} in {', '.join(fields)}")
        if kind is Connector and not trusted and connectors.needs_credential(connectors.observed(other.doc.source)):
            return other.decide(REFUSE, f"whether its credential is that of {kept.doc.id} cannot be seen")
    return other.decide(DELETE, f"{kept.doc.id} is kept")


def _differing(
    kind: type[Kind], kept: Mapping[str, Any], other: Mapping[str, Any], merged: Mapping[str, str]
) -> list[str]:
    if kind is Model:
        first, second = (models.for_display({**source, **_through(source, merged)}) for source in (kept, other))
        return [name for name in models.FIELDS if first.get(name) != second.get(name)]
    if kind is Connector:
        one, two = connectors.observed(kept), connectors.observed(other)
        return sorted({*connectors.diff(one, two), *connectors.diff(two, one)})
    return sorted({*groups.diff(kept, groups.observed(other)), *groups.diff(other, groups.observed(kept))})


def _through(source: Mapping[str, Any], merged: Mapping[str, str]) -> dict[str, Any]:
    """What the model will call through, once the connectors are merged."""
    connector_id = source.get("connector_id")
    return {"connector_id": merged.get(str(connector_id), connector_id)}
