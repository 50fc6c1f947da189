# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What is known of a cluster from a few large searches, so that tasks can ask their many small questions of that."""

from __future__ import annotations

import threading
from typing import Any, Iterable, Mapping
from urllib.parse import quote, urlencode

from .._errors.exceptions import ApiError
from .._http.client import Answer, Client, segment
from .._kinds.base import Doc

#: Under these the server makes an object, whose id is not known before.
_MAKING = ("_create", "_register")


def keys_of(query: Mapping[str, Any]) -> set[tuple[str, str]] | None:
    """The fields and values of which a search is the union; None where it asks for anything else."""
    if len(query) != 1:
        return None
    ((clause, condition),) = query.items()
    if clause == "ids":
        return {("_id", str(value)) for value in condition["values"]}
    if clause in ("term", "terms") and len(condition) == 1:
        ((field, values),) = condition.items()
        values = [values] if clause == "term" else values
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return None
        return {(field[: -len(".keyword")] if field.endswith(".keyword") else field, value) for value in values}
    if clause == "bool" and set(condition) == {"should"}:
        found = [keys_of(part) for part in condition["should"]]
        return None if None in found else {key for part in found for key in part or ()}
    return None


class Snapshot:
    """Objects as they were when they were read, and which questions about them are answered by that.

    What was written since is no longer known. Safe for use by several threads.
    """

    #: The fields by which objects are looked for.
    FIELDS = ("name", "connector_id", "model_group_id")

    def __init__(self) -> None:
        self._lock = threading.RLock()
        #: What is there under a kind's path and an id, and what is known to be gone, by the target of its GET.
        self._docs: dict[str, tuple[str, Doc]] = {}
        self._gone: set[str] = set()
        self._doubted: set[str] = set()
        self._planned: set[str] = set()
        #: Which objects a key finds, and of which keys all objects are known.
        self._ids: dict[tuple[str, str, str], dict[str, None]] = {}
        self._covered: set[tuple[str, str, str]] = set()
        self._paths: set[str] = set()
        self._answers: dict[str, Answer] = {}

    def fork(self) -> Snapshot:
        """A copy that can be changed on its own."""
        forked = Snapshot()
        with self._lock:
            forked._docs, forked._answers = dict(self._docs), dict(self._answers)
            forked._gone, forked._doubted, forked._planned = set(self._gone), set(self._doubted), set(self._planned)
            forked._ids = {key: dict(ids) for key, ids in self._ids.items()}
            forked._covered, forked._paths = set(self._covered), set(self._paths)
        return forked

    def learn(self, path: str, query: Mapping[str, Any], found: Iterable[Doc]) -> None:
        """Take in what a search under a kind's path has found: all there is of what it asked for. What is known of an
        object already, or that it is gone, counts more."""
        with self._lock:
            self._paths.add(path)
            self._covered |= {(path, *key) for key in keys_of(query) or ()}
            for doc in found:
                if _target(path, doc.id) not in self._docs and _target(path, doc.id) not in self._gone:
                    self._put(path, doc)

    def put(self, path: str, doc: Doc, *, planned: bool = False) -> None:
        """Take in an object that was made, or is ``planned``: the only one of its name."""
        with self._lock:
            self._put(path, doc)
            if planned:
                self._planned.add(_target(path, doc.id))
            self._covered |= {(path, "name", doc.name), (path, "_id", doc.id), (path, "connector_id", doc.id)}

    def remove(self, path: str, object_id: str) -> None:
        """Take in that an object is gone."""
        with self._lock:
            self._drop(_target(path, object_id))
            self._gone.add(_target(path, object_id))

    def doubt(self, targets: Iterable[str]) -> bool:
        """Have objects read anew before they are told of again, as a search may be a second behind. What is planned
        cannot be read. Returns whether there is anything to read."""
        with self._lock:
            doubted = self._docs.keys() & (set(targets) - self._planned)
            self._doubted |= doubted
            return bool(doubted)

    def answer(self, target: str, answer: Answer) -> None:
        """Keep the answer to a read that is no object's."""
        with self._lock:
            self._answers[target] = answer

    def read(self, target: str) -> Answer | None:
        """The answer to a GET, as far as it is known."""
        with self._lock:
            if target in self._gone:
                return Answer(404, {})
            if target in self._docs and target not in self._doubted:
                return Answer(200, self._docs[target][1].source)
            return self._answers.get(target)

    def reread(self, target: str, answer: Answer | None) -> None:
        """Take in what a GET has told; None where there is none."""
        with self._lock:
            if target not in self._docs:
                if answer is not None:
                    self._answers[target] = answer
                return
            path, doc = self._docs[target]
            self._doubted.discard(target)
            if answer is None:
                self.remove(path, doc.id)
            else:
                self._put(path, Doc(doc.id, answer.body))

    def search(self, path: str, body: Mapping[str, Any]) -> list[Doc] | None:
        """What a search of one page would find, as far as it is known."""
        must = body.get("query", {}).get("bool", {}).get("must", [])
        keys = keys_of(must[0]) if len(must) == 1 else None
        with self._lock:
            if keys is None or not self._covered.issuperset((path, *key) for key in keys):
                return None
            ids = {object_id: None for key in sorted(keys) for object_id in self._ids.get((path, *key), ())}
            found = [self._docs[_target(path, object_id)][1] for object_id in ids]
            return found if len(found) < body["size"] else None

    def having(self, path: str, field: str, value: str) -> list[Doc]:
        """The known objects with a value in one of :attr:`FIELDS`."""
        with self._lock:
            return [self._docs[_target(path, found)][1] for found in self._ids.get((path, field, value), ())]

    def holds(self, path: str, reference: str) -> bool:
        """Whether an object of this name or id is known."""
        with self._lock:
            return any(self._ids.get((path, field, reference)) for field in ("name", "_id"))

    def written(self, path: str, body: Any) -> None:
        """Forget what a write may have changed."""
        with self._lock:
            kind = next((known for known in self._paths if path.startswith(known + "/")), None)
            stale = path if kind is None else kind + "/"
            self._answers = {target: held for target, held in self._answers.items() if not target.startswith(stale)}
            if kind is None:
                return
            uncovered = _keys(body) if isinstance(body, dict) else set()
            first = path[len(kind) + 1 :].split("/")[0]
            if first not in _MAKING:
                target = f"{kind}/{first}"
                if target in self._docs:
                    doc = self._docs[target][1]
                    uncovered |= _keys(doc.source) | {("_id", doc.id)}
                self._drop(target)
            self._covered -= {(kind, *key) for key in uncovered}

    def _put(self, path: str, doc: Doc) -> None:
        target = _target(path, doc.id)
        self._drop(target)
        self._paths.add(path)
        self._docs[target] = (path, doc)
        for key in {("_id", doc.id), *_keys(doc.source)}:
            self._ids.setdefault((path, *key), {})[doc.id] = None

    def _drop(self, target: str) -> None:
        self._gone.discard(target)
        if target in self._docs:
            path, doc = self._docs.pop(target)
            for key in {("_id", doc.id), *_keys(doc.source)}:
                self._ids.get((path, *key), {}).pop(doc.id, None)


class CachedClient(Client):
    """A client that sends only what the memory cannot answer, over the connections of another one.

    Where it may write, it tells each thing from memory once only: whoever asks again waits for a change.
    """

    def __init__(self, client: Client, memory: Snapshot, *, read_only: bool) -> None:
        vars(self).update(vars(client))
        self.reads = self.writes = 0
        self.memory = memory
        self._read_only = self.is_cached = read_only
        self._told: set[Any] = set()
        #: The targets of the reads that were answered from memory.
        self.recalled: set[str] = set()

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: tuple[int, ...] = ()) -> Answer:
        target = path + ("?" + urlencode(query, quote_via=quote) if query else "")
        known = self.memory.read(target) if self._may_recall(target) else None
        if known is None:
            return self._read(target, path, query, accept)
        self.recalled.add(target)
        if known.status >= 400 and known.status not in accept:
            raise ApiError("api_error", f"GET {path}: there is none.", known.status, "", "")
        return known

    def _read(self, target: str, path: str, query: Mapping[str, str] | None, accept: tuple[int, ...]) -> Answer:
        try:
            answer = super().get(path, query, accept=accept)
        except ApiError as error:
            if self._read_only and error.status == 404:
                self.memory.reread(target, None)
            raise
        # What the server is does not change, and each task of a set asks for it.
        if self._read_only or target == "/":
            self.memory.reread(target, answer)
        return answer

    def search(self, path: str, body: Mapping[str, Any], *, accept: tuple[int, ...] = ()) -> Answer:
        kind = path.rpartition("/_search")[0]
        found = self.memory.search(kind, body) if self._may_recall((path, str(body))) else None
        if found is None:
            return super().search(path, body, accept=accept)
        return Answer(200, {"hits": {"hits": [{"_id": doc.id, "_source": doc.source} for doc in found]}})

    def create(self, path: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None) -> Answer:
        try:
            return super().create(path, body, query)
        finally:
            self.memory.written(path, body)

    def change(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, accept: tuple[int, ...] = ()
    ) -> Answer:
        try:
            return super().change(method, path, body, accept=accept)
        finally:
            self.memory.written(path, body)

    def _may_recall(self, question: Any) -> bool:
        if self._read_only:
            return True
        first = question not in self._told
        self._told.add(question)
        return first


def _target(path: str, object_id: str) -> str:
    return f"{path}/{segment(object_id)}"


def _keys(source: Mapping[str, Any]) -> set[tuple[str, str]]:
    """What an object is found by, its id aside."""
    return {(field, source[field]) for field in Snapshot.FIELDS if isinstance(source.get(field), str)}
