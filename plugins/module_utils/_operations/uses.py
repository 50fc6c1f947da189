# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Which objects of a cluster name others by their ids."""

from __future__ import annotations

from typing import Callable, Iterator, Mapping, NamedTuple, Sequence

from .._errors.exceptions import ApiError, Failure
from .._kinds import agent as agents
from .._kinds import pipeline as pipelines
from .._kinds.agent import Agent
from .._kinds.base import Doc, Kind
from .._kinds.memory_container import MemoryContainer
from .._kinds.model import Model
from .._kinds.snapshot import Snapshot
from .._runtime.run import Run
from .._values.compare import text_of

#: The kinds of users that have an id of their own, by their labels.
_KINDS: Mapping[str, type[Kind]] = {kind.LABEL: kind for kind in (Agent, Model, MemoryContainer)}

#: Why the user may not see some of the objects, although the task may delete others.
_NOT_READABLE = ("forbidden", "not_offered", "feature_disabled")

#: Maximum number of users that a message names. The details list all of them.
_MAX_IN_MESSAGE = 10


class User(NamedTuple):
    """An object that uses another one. The id of a pipeline is its type and name."""

    kind: str
    id: str
    name: str


def texts_with_ids(snapshot: Snapshot) -> Iterator[tuple[User, str]]:
    """The definitions of agents, memory containers and pipelines, and the guardrails of models, which may name any object by
    its id.

    A model's connector and group are in fields of their own, by which a snapshot finds it.
    """
    for doc in snapshot.all(Agent):
        yield User(Agent.LABEL, doc.id, doc.name), text_of(doc.source)
    for doc in snapshot.all(MemoryContainer):
        yield User(MemoryContainer.LABEL, doc.id, doc.name), text_of(doc.source)
    for (type_, name), body in snapshot.pipelines().items():
        yield User(pipelines.label(type_), f"{type_}/{name}", name), text_of(body)
    for doc in snapshot.all(Model):
        if doc.source.get("guardrails"):
            yield User(Model.LABEL, doc.id, doc.name), text_of(doc.source["guardrails"])


def check_unused(run: Run, kind: type[Kind], doc: Doc) -> None:
    """Raises Failure if agents, pipelines or guardrails name this object, which is to be deleted."""
    users = users_of(run, doc)
    if not users:
        return
    raise Failure(
        kind.IN_USE_CODE,
        f"{kind.title()} {doc.name!r} ({doc.id}) is used by {listed(users)}",
        id=doc.id,
        users=[user._asdict() for user in users],
    )


def listed(users: Sequence[User]) -> str:
    """The users in a message."""
    named = [f"{user.kind} {user.name!r}" + (f" ({user.id})" if user.kind in _KINDS else "") for user in users]
    if len(named) > _MAX_IN_MESSAGE:
        named[_MAX_IN_MESSAGE:] = [f"{len(named) - _MAX_IN_MESSAGE} others"]
    return ", ".join(named)


def users_of(run: Run, doc: Doc) -> list[User]:
    """The objects that name this one by its id. An executor that the server created for an agent counts as the agent.

    Warns of objects that may use it and that the user is not allowed to read. Raises Failure.
    """
    if isinstance(run.reader, Snapshot):
        # That of a stack, which has the whole cluster.
        return _with_owners(run.reader, _naming(run.reader, doc.id))
    snapshot = _read(run)
    # A search may return an object that was deleted or changed a moment ago.
    found = [(_KINDS[user.kind], user.id) for user in _naming(snapshot, doc.id) if user.kind in _KINDS]
    snapshot.refresh(run.client, found)
    return _with_owners(snapshot, _naming(snapshot, doc.id))


def _read(run: Run) -> Snapshot:
    """All objects that can name others, as far as the user is allowed to read them."""
    snapshot = Snapshot()

    def read(what: str, add: Callable[..., None], *arguments: object) -> None:
        try:
            add(*arguments)
        except ApiError as error:
            if error.code not in _NOT_READABLE:
                raise
            run.warn(f"It is not known whether {what}s use the object to delete: {error.message}")

    for kind in _KINDS.values():
        read(kind.LABEL, snapshot.add_all, run.client, kind)
    for type_ in pipelines.PATHS:
        read(pipelines.label(type_), snapshot.add_all_pipelines, run.client, type_)
    return snapshot


def _naming(snapshot: Snapshot, object_id: str) -> list[User]:
    return [user for user, text in texts_with_ids(snapshot) if object_id in text and user.id != object_id]


def _with_owners(snapshot: Snapshot, users: list[User]) -> list[User]:
    """The users, with agents in place of their executors."""
    owners = agents.owners_of_executors(snapshot.all(Agent))
    found = {}
    for user in users:
        owner = owners.get(user.id)
        found[owner.id if owner else user.id] = User(Agent.LABEL, owner.id, owner.name) if owner else user
    return list(found.values())
