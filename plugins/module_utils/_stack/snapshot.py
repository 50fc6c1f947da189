# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A snapshot of a cluster from a few large searches, and a client that answers the reads of tasks from it."""

from __future__ import annotations

import threading
from typing import Any, Iterable, Mapping

from .._errors.exceptions import ApiError
from .._http.client import Answer, Client, segment
from .._http.exchange import Request
from .._kinds.base import Doc

#: The last segment of paths under which the server creates an object with an id of its choice.
_CREATING = ("_create", "_register")


def lookup_keys(query: Mapping[str, Any]) -> set[tuple[str, str]] | None:
    """The (field, value) pairs of which a query finds every object with at least one; None for any other query."""
    if len(query) != 1:
        return None
    ((clause, condition),) = query.items()
    if clause == "ids":
        return {("_id", str(value)) for value in condition["values"]}
    if clause in ("term", "terms"):
        return _term_keys(clause, condition)
    if clause == "bool":
        return _should_keys(condition)
    return None


def _term_keys(clause: str, condition: Mapping[str, Any]) -> set[tuple[str, str]] | None:
    if len(condition) != 1:
        return None
    ((field, given),) = condition.items()
    values = [given] if clause == "term" else given
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return None
    suffix = ".keyword"
    return {(field[: -len(suffix)] if field.endswith(suffix) else field, value) for value in values}


def _should_keys(condition: Mapping[str, Any]) -> set[tuple[str, str]] | None:
    if set(condition) != {"should"}:
        return None
    found = [lookup_keys(part) for part in condition["should"]]
    return None if None in found else {key for part in found for key in part or ()}


class Snapshot:
    """Objects as they were read, and for which reads these objects are a complete answer.

    A write through :class:`CachedClient` drops what it may have changed. Safe for use by several threads.

    ``path`` is the path of a kind, such as Connector.PATH; ``target`` is the path and query of a GET.
    """

    #: The fields by which a snapshot finds objects.
    FIELDS = ("name", "connector_id", "model_group_id")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        #: Objects with the path of their kind, by the target of their GET.
        self._docs: dict[str, tuple[str, Doc]] = {}
        #: Targets of objects that are known not to exist, of stale objects, and of objects that are only planned.
        self._missing: set[str] = set()
        self._stale: set[str] = set()
        self._planned: set[str] = set()
        #: The ids of the objects with a (path, field, value), and those of which all objects are known.
        self._ids: dict[tuple[str, str, str], dict[str, None]] = {}
        self._complete: set[tuple[str, str, str]] = set()
        self._paths: set[str] = set()
        #: Answers to GETs of anything else, by their targets.
        self._answers: dict[str, Answer] = {}

    def copy(self) -> Snapshot:
        """An independent copy."""
        other = Snapshot()
        with self._lock:
            other._docs, other._answers = dict(self._docs), dict(self._answers)
            other._missing, other._stale, other._planned = set(self._missing), set(self._stale), set(self._planned)
            other._ids = {key: dict(ids) for key, ids in self._ids.items()}
            other._complete, other._paths = set(self._complete), set(self._paths)
        return other

    def add_found(self, path: str, query: Mapping[str, Any], found: Iterable[Doc]) -> None:
        """Add all objects that a search has found. Objects that the snapshot already has, or knows not to exist, stay
        as they are."""
        with self._lock:
            self._paths.add(path)
            self._complete |= {(path, *key) for key in lookup_keys(query) or ()}
            for doc in found:
                if _target(path, doc.id) not in self._docs and _target(path, doc.id) not in self._missing:
                    self._put(path, doc)

    def put(self, path: str, doc: Doc, *, planned: bool = False) -> None:
        """Add a created or ``planned`` object, the only one of its name."""
        with self._lock:
            self._put(path, doc)
            if planned:
                self._planned.add(_target(path, doc.id))
            self._complete |= {(path, "name", doc.name), (path, "_id", doc.id), (path, "connector_id", doc.id)}

    def remove(self, path: str, object_id: str) -> None:
        """Record that an object does not exist."""
        with self._lock:
            self._drop(_target(path, object_id))
            self._missing.add(_target(path, object_id))

    def mark_stale(self, targets: Iterable[str]) -> bool:
        """Have the next read of these objects go to the server, as a search may lag behind by a second. Planned objects
        cannot be read from the server and stay. Returns whether any object was marked."""
        with self._lock:
            stale = self._docs.keys() & (set(targets) - self._planned)
            self._stale |= stale
            return bool(stale)

    def put_answer(self, target: str, answer: Answer) -> None:
        """Add the answer to a GET of something that is not an object with an id."""
        with self._lock:
            self._answers[target] = answer

    def get(self, target: str) -> Answer | None:
        """The answer to a GET; None if it is not known."""
        with self._lock:
            if target in self._missing:
                return Answer(404, {})
            if target in self._docs and target not in self._stale:
                return Answer(200, self._docs[target][1].source)
            return self._answers.get(target)

    def refresh(self, target: str, answer: Answer | None) -> None:
        """Record the server's answer to a GET; None if the server answered 404."""
        with self._lock:
            if target not in self._docs:
                if answer is not None:
                    self._answers[target] = answer
                return
            path, doc = self._docs[target]
            self._stale.discard(target)
            if answer is None:
                self.remove(path, doc.id)
            else:
                self._put(path, Doc(doc.id, answer.body))

    def search(self, path: str, body: Mapping[str, Any]) -> list[Doc] | None:
        """What a search with this body finds; None if that is not known or does not fit on one page."""
        must = body.get("query", {}).get("bool", {}).get("must", [])
        found = self.find(path, must[0]) if len(must) == 1 else None
        return found if found is not None and len(found) < body["size"] else None

    def find(self, path: str, query: Mapping[str, Any]) -> list[Doc] | None:
        """What a query finds; None if that is not known."""
        keys = lookup_keys(query)
        with self._lock:
            if keys is None or not self._complete.issuperset((path, *key) for key in keys):
                return None
            ids = {object_id: None for key in sorted(keys) for object_id in self._ids.get((path, *key), ())}
            return [self._docs[_target(path, object_id)][1] for object_id in ids]

    def find_by(self, path: str, field: str, value: str) -> list[Doc]:
        """The known objects with this value in one of :attr:`FIELDS`."""
        with self._lock:
            return [self._docs[_target(path, found)][1] for found in self._ids.get((path, field, value), ())]

    def contains(self, path: str, reference: str) -> bool:
        """Whether an object with this name or id is known."""
        with self._lock:
            return any(self._ids.get((path, field, reference)) for field in ("name", "_id"))

    def forget_written(self, path: str, body: Any) -> None:
        """Drop what a write to this path may have changed. ``path`` may be below the path of a kind."""
        with self._lock:
            kind = next((known for known in self._paths if path.startswith(known + "/")), None)
            stale = path if kind is None else kind + "/"
            self._answers = {target: answer for target, answer in self._answers.items() if not target.startswith(stale)}
            if kind is None:
                return
            incomplete = _keys(body) if isinstance(body, dict) else set()
            first = path[len(kind) + 1 :].split("/")[0]
            if first not in _CREATING:
                target = f"{kind}/{first}"
                if target in self._docs:
                    doc = self._docs[target][1]
                    incomplete |= _keys(doc.source) | {("_id", doc.id)}
                self._drop(target)
            self._complete -= {(kind, *key) for key in incomplete}

    def _put(self, path: str, doc: Doc) -> None:
        target = _target(path, doc.id)
        self._drop(target)
        self._paths.add(path)
        self._docs[target] = (path, doc)
        for key in {("_id", doc.id), *_keys(doc.source)}:
            self._ids.setdefault((path, *key), {})[doc.id] = None

    def _drop(self, target: str) -> None:
        self._missing.discard(target)
        if target in self._docs:
            path, doc = self._docs.pop(target)
            for key in {("_id", doc.id), *_keys(doc.source)}:
                self._ids.get((path, *key), {}).pop(doc.id, None)


class CachedClient(Client):
    """A client that sends only the reads that the snapshot cannot answer, over the connections of another client.

    While planning (``read_only``), the snapshot answers every read that it can. While applying, it answers each read
    once; a repeated read is a poll and goes to the server.
    """

    def __init__(self, client: Client, snapshot: Snapshot, *, read_only: bool) -> None:
        vars(self).update(vars(client))
        self.reads = self.writes = self.retries = 0
        self.snapshot = snapshot
        self._read_only = self.is_cached = read_only
        #: While applying: the reads so far.
        self._asked: set[Any] = set()
        #: The targets of the GETs that the snapshot has answered.
        self.served_from_snapshot: set[str] = set()

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: tuple[int, ...] = ()) -> Answer:
        target = Request("GET", path, query=query).target
        known = self.snapshot.get(target) if self._may_use_snapshot(target) else None
        if known is None:
            return self._get_from_server(target, path, query, accept)
        self.served_from_snapshot.add(target)
        if known.status >= 400 and known.status not in accept:
            raise ApiError("api_error", f"GET {path}: not found.", known.status, "", "")
        return known

    def _get_from_server(
        self, target: str, path: str, query: Mapping[str, str] | None, accept: tuple[int, ...]
    ) -> Answer:
        try:
            answer = super().get(path, query, accept=accept)
        except ApiError as error:
            if self._read_only and error.status == 404:
                self.snapshot.refresh(target, None)
            raise
        # Each task reads "/" for the server's version, which does not change.
        if self._read_only or target == "/":
            self.snapshot.refresh(target, answer)
        return answer

    def search(self, path: str, body: Mapping[str, Any], *, accept: tuple[int, ...] = ()) -> Answer:
        kind = path.rpartition("/_search")[0]
        found = self.snapshot.search(kind, body) if self._may_use_snapshot((path, str(body))) else None
        if found is None:
            return super().search(path, body, accept=accept)
        return Answer(200, {"hits": {"hits": [{"_id": doc.id, "_source": doc.source} for doc in found]}})

    def create(self, path: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None) -> Answer:
        try:
            return super().create(path, body, query)
        finally:
            self.snapshot.forget_written(path, body)

    def change(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        try:
            return super().change(method, path, body, query=query, accept=accept)
        finally:
            self.snapshot.forget_written(path, body)

    def _may_use_snapshot(self, read: Any) -> bool:
        if self._read_only:
            return True
        first = read not in self._asked
        self._asked.add(read)
        return first


def _target(path: str, object_id: str) -> str:
    return f"{path}/{segment(object_id)}"


def _keys(source: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The keys by which an object is found, except its id."""
    return {(field, source[field]) for field in Snapshot.FIELDS if isinstance(source.get(field), str)}
