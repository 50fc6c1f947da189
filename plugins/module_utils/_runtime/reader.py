# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a task looks up before it decides what to write: on the server, or in a snapshot of the cluster."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, NamedTuple, Protocol, Tuple, TypeVar

from .._http.client import Client

Fact = TypeVar("Fact")

#: A field by which objects are found, and its value. The field of an id is "_id".
Key = Tuple[str, str]

#: Maximum number of objects that are re-read one by one. Several objects of one name are refused anyway.
MAX_REREAD = 20


class Doc(NamedTuple):
    """One object on the cluster: its id and its fields as the server returns them."""

    id: str
    source: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.source.get("name"))

    @property
    def created(self) -> int:
        """Time of creation in milliseconds since 1970, by the server's clock. 0 if the server does not return it."""
        created: int = self.source.get("created_time") or 0
        return created

    @property
    def creation_order(self) -> tuple[int, str]:
        """Sort key: the oldest first."""
        return self.created, self.id


class Findable(Protocol):
    """What a reader needs of a kind of object."""

    def get(self, client: Client, object_id: str) -> Doc | None:
        """One object by its id; None if it does not exist."""

    def search(self, client: Client, query: Mapping[str, Any]) -> list[Doc]:
        """All objects that match the query."""

    def query_for(self, keys: Iterable[Key]) -> dict[str, Any]:
        """The query for all objects with at least one of the keys. It may match others as well."""

    def keys_of(self, doc: Doc) -> set[Key]:
        """The keys by which an object is found."""


class Reader:
    """Reads the server. Tasks look objects up by a reader, which may be a snapshot; they wait for states and read back
    what they wrote by the client. All methods raise Failure."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def get(self, kind: Findable, object_id: str) -> Doc | None:
        """One object by its id; None if it does not exist."""
        return kind.get(self.client, object_id)

    def find(self, kind: Findable, keys: Iterable[Key]) -> list[Doc]:
        """All objects with at least one of the keys, in a state that may be a second old."""
        keys = set(keys)
        found = kind.search(self.client, kind.query_for(keys))
        return [doc for doc in found if not keys.isdisjoint(kind.keys_of(doc))]

    def reread(self, kind: Findable, found: list[Doc]) -> list[Doc]:
        """The same objects with their present fields, without those that were deleted.

        A search may return a state that is a second old: 2.19 does not refresh the index after a change, and no version
        does after it writes a model's state. A GET always returns the present state.
        """
        if len(found) > MAX_REREAD:
            return found
        return [doc for doc in (self.get(kind, each.id) for each in found) if doc is not None]

    def all(self, kind: Findable) -> list[Doc]:
        """All objects of a kind."""
        return kind.search(self.client, {"match_all": {}})

    def fact(self, read: Callable[..., Fact], *arguments: str) -> Fact:
        """What ``read`` reads with a client and the arguments, of anything that is not an object with an id."""
        return read(self.client, *arguments)

    def note_fact(self, value: Any, read: Callable[..., Any], *arguments: str) -> None:
        """Called when the task has changed a fact, or would change it in check mode."""

    def note_created(self, kind: Findable, doc: Doc) -> None:
        """Called when the task has created an object."""

    def note_changed(self, kind: Findable, object_id: str, fields: Mapping[str, Any]) -> None:
        """Called when the task has changed these fields of an object, and maybe others."""

    def note_deleted(self, kind: Findable, object_id: str) -> None:
        """Called when the task has deleted an object."""
