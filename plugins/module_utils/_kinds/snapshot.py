# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A snapshot of a cluster: objects and facts as they were read at one moment, found as a task looks them up."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterable, Mapping

from .._http.client import Client
from .._runtime import versions
from .._runtime.reader import Fact, Reader
from . import pipeline as pipelines
from .agent import Agent
from .base import Doc, Key, Kind
from .connector.resource import Connector
from .memory_container import MemoryContainer, all_containers
from .model import Model
from .model_group import ModelGroup


class Unread(Exception):
    """A snapshot without a client does not have what a look-up asks for: objects with these keys, or these facts, each a
    function that reads and its arguments."""

    def __init__(self, keys: Iterable[tuple[type[Kind], Key]] = (), facts: Iterable[tuple[Any, ...]] = ()) -> None:
        super().__init__("unread")
        self.keys, self.facts = list(keys), list(facts)


class Snapshot(Reader):
    """Answers look-ups from memory. What it does not have it reads from the server if it has a ``client``, and raises
    :class:`Unread` otherwise. Safe for use by several threads."""

    def __init__(self, client: Client | None = None) -> None:
        self._server = Reader(client) if client else None
        self._lock = threading.RLock()
        self._docs: dict[tuple[type[Kind], str], Doc] = {}
        #: The ids of the objects with a key, the keys of which all objects are known, and the kinds that are known wholly.
        self._ids: dict[tuple[type[Kind], Key], dict[str, None]] = {}
        self._complete: set[tuple[type[Kind], Key]] = set()
        self._whole: set[type[Kind]] = set()
        self._facts: dict[tuple[Any, ...], Any] = {}
        #: Objects that are only planned, and those that were written since they were read.
        self._planned: set[tuple[type[Kind], str]] = set()
        self._written: set[tuple[type[Kind], str]] = set()
        self._loaded: list[Unread] = []
        #: The objects that :meth:`refresh` has read.
        self.refreshed: set[tuple[type[Kind], str]] = set()
        #: The objects that look-ups have re-read since the last :meth:`take_used`.
        self._used: set[tuple[type[Kind], str]] = set()

    @classmethod
    def of_cluster(cls, client: Client) -> Snapshot:
        """All objects of a cluster that a stack can declare, by one search per kind, and all pipelines. Raises Failure."""
        snapshot = cls(client)
        for kind in (ModelGroup, Connector, Model, Agent):
            snapshot.add_all(client, kind)
        snapshot._add(MemoryContainer, all_containers(client))
        snapshot._whole.add(MemoryContainer)
        for type_ in pipelines.PATHS:
            snapshot.add_all_pipelines(client, type_)
        return snapshot

    def copy(self, client: Client | None = None) -> Snapshot:
        """An independent copy, which reads what it does not have by ``client``."""
        other = Snapshot(client)
        with self._lock:
            other._docs, other._facts, other._whole = dict(self._docs), dict(self._facts), set(self._whole)
            other._ids = {key: dict(ids) for key, ids in self._ids.items()}
            other._complete, other._planned = set(self._complete), set(self._planned)
        return other

    def read_again(self, client: Client, again: Snapshot) -> Snapshot:
        """``again``, which was read as this snapshot was at first, with all that was added to this one since."""
        again.load(client, self._loaded)
        again.refresh(client, self.refreshed)
        return again

    def is_same(self, other: Snapshot) -> bool:
        """Whether the objects and facts are the same, so that a plan on them is."""
        return self._docs == other._docs and self._facts == other._facts

    # Look-ups

    def get(self, kind: Any, object_id: str) -> Doc | None:
        with self._lock:
            self._used.add((kind, object_id))
            if self._server and (kind, object_id) in self._written:
                self._replace(kind, object_id, self._server.get(kind, object_id))
            known = self._is_known(kind, object_id)
            return self._docs.get((kind, object_id)) if known else self.fact(kind.get, object_id)

    def find(self, kind: Any, keys: Iterable[Key]) -> list[Doc]:
        with self._lock:
            keys = sorted(set(keys))
            unknown = [key for key in keys if (kind, key) not in self._complete and kind not in self._whole]
            if unknown:
                self._require(Unread(keys=[(kind, key) for key in unknown]))
            ids = dict.fromkeys(object_id for key in keys for object_id in self._ids.get((kind, key), ()))
            return [self._docs[kind, object_id] for object_id in ids]

    def all(self, kind: Any) -> list[Doc]:
        """All objects of a kind, in a snapshot of a whole cluster."""
        with self._lock:
            return [doc for (each, _id), doc in self._docs.items() if each is kind]

    def visible(self, kind: type[Kind]) -> list[Doc]:
        """As :meth:`all`, without hidden objects, sorted by name."""
        docs = [doc for doc in self.all(kind) if not doc.source.get("is_hidden")]
        return sorted(docs, key=lambda doc: (doc.name, *doc.creation_order))

    def fact(self, read: Callable[..., Fact], *arguments: str) -> Fact:
        key = (read, *arguments)
        with self._lock:
            if key not in self._facts:
                self._require(Unread(facts=[key]))
            found: Fact = self._facts[key]
            return found

    def pipelines(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(type, name) -> body of all pipelines, in a snapshot of a whole cluster: sorted by name within each type."""
        with self._lock:
            facts = [(key[1:], body) for key, body in self._facts.items() if key[0] == pipelines.read]
            return {(type_, name): body for (type_, name), body in facts if body is not None}

    def take_used(self) -> set[tuple[type[Kind], str]]:
        """The objects that look-ups have re-read since the last call, without those that are only planned."""
        used, self._used = self._used & self._docs.keys(), set()
        return used - self._planned

    # What was read

    def load(self, client: Client, unread: Iterable[Unread]) -> None:
        """Read what is missing: one search per kind. What the snapshot has already stays as it is."""
        server, unread = Reader(client), list(unread)
        with self._lock:
            self._loaded += unread
            if client.server_versions:
                # This needs no request.
                self.put_fact(versions.read_version(client), versions.read_version)
            for kind in dict.fromkeys(kind for each in unread for kind, _key in each.keys):
                keys = {key for each in unread for other, key in each.keys if other is kind}
                self.add(kind, keys, server.reread(kind, self._unknown(kind, server.find(kind, keys))))
            for fact in dict.fromkeys(fact for each in unread for fact in each.facts):
                if fact not in self._facts:
                    self._facts[fact] = server.fact(*fact)

    def add(self, kind: type[Kind], keys: Iterable[Key], found: Iterable[Doc]) -> None:
        """Add all objects with one of the keys. Objects that the snapshot has already stay as they are."""
        with self._lock:
            self._add(kind, self._unknown(kind, found))
            self._complete |= {(kind, key) for key in keys}

    def add_all(self, client: Client, kind: type[Kind]) -> None:
        """Add all objects of a kind, by one search. Raises Failure."""
        self._add(kind, kind.search(client, {"match_all": {}}))
        self._whole.add(kind)

    def add_all_pipelines(self, client: Client, type_: str) -> None:
        """Add all pipelines of a type. Raises Failure."""
        self.add_pipelines(type_, pipelines.read_all(client, type_))

    def add_pipelines(self, type_: str, found: Mapping[str, Any], names: Iterable[str] = ()) -> None:
        """Add pipelines of a type. Those with these ``names`` do not exist if they are unknown."""
        for name in sorted({*found, *names}):
            self._facts.setdefault((pipelines.read, type_, name), found.get(name))

    def put_fact(self, value: Any, read: Callable[..., Any], *arguments: str) -> None:
        key = (read, *arguments)
        with self._lock:
            self._facts[key] = value

    def note_fact(self, value: Any, read: Callable[..., Any], *arguments: str) -> None:
        self.put_fact(value, read, *arguments)

    def forget_fact(self, read: Callable[..., Any]) -> None:
        """Forget a fact that a write has changed."""
        with self._lock:
            self._facts.pop((read,), None)

    def refresh(self, client: Client, used: Iterable[tuple[type[Kind], str]]) -> bool:
        """Read objects again by their ids. Returns whether one has changed since the search that found it."""
        before, used = dict(self._docs), set(used)
        self.refreshed |= used
        for kind, object_id in sorted(used, key=lambda each: (each[0].LABEL, each[1])):
            self._replace(kind, object_id, kind.get(client, object_id))
        return before != self._docs

    # What was written, or is planned

    def put_planned(self, kind: type[Kind], doc: Doc) -> None:
        """Add an object as a planned step will leave it."""
        with self._lock:
            self.note_created(kind, doc)
            self._planned.add((kind, doc.id))

    def note_created(self, kind: Any, doc: Doc) -> None:
        with self._lock:
            shares_its_name = self._ids.get((kind, ("name", doc.name)))
            self._replace(kind, doc.id, doc)
            self._complete |= {(kind, ("name", doc.name)), (kind, ("_id", doc.id))}
            if shares_its_name:
                # Which one the name means depends on the time of creation, which only the server knows.
                self._written.add((kind, doc.id))

    def note_changed(self, kind: Any, object_id: str, fields: Mapping[str, Any]) -> None:
        with self._lock:
            known = self._docs.get((kind, object_id))
            if known:
                self._replace(kind, object_id, Doc(object_id, {**known.source, **fields}))
            self._written.add((kind, object_id))

    def note_deleted(self, kind: Any, object_id: str) -> None:
        self._replace(kind, object_id, None)

    def _require(self, unread: Unread) -> None:
        if self._server is None:
            raise unread
        self.load(self._server.client, [unread])

    def _is_known(self, kind: type[Kind], object_id: str) -> bool:
        """Whether it is known if the object exists."""
        return (kind, object_id) in self._docs or kind in self._whole or (kind, ("_id", object_id)) in self._complete

    def _unknown(self, kind: type[Kind], found: Iterable[Doc]) -> list[Doc]:
        return [doc for doc in found if not self._is_known(kind, doc.id)]

    def _add(self, kind: type[Kind], found: Iterable[Doc]) -> None:
        for doc in found:
            self._replace(kind, doc.id, doc)

    def _replace(self, kind: type[Kind], object_id: str, doc: Doc | None) -> None:
        """Put the object in the place of the one with its id; None if it does not exist any more."""
        with self._lock:
            self._written.discard((kind, object_id))
            old = self._docs.pop((kind, object_id), None)
            for key in kind.keys_of(old) if old else ():
                self._ids[kind, key].pop(object_id)
            if doc is None:
                self._complete.add((kind, ("_id", object_id)))
                return
            self._docs[kind, object_id] = doc
            for key in kind.keys_of(doc):
                self._ids.setdefault((kind, key), {})[object_id] = None
