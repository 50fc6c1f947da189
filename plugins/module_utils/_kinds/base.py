# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What all kinds share: looking up by name or id, reading back, changing, deleting until gone."""

from __future__ import annotations

from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from .._errors.exceptions import ApiError, Failure
from .._http import paging
from .._http.client import Client, segment
from .._runtime.run import Run, WaitTimeout

#: Names longer than this are stored but cannot be searched for (``ignore_above`` of the index mapping).
MAX_NAME_LENGTH = 256

#: How many objects of one name are read anew one by one; more than one is refused anyway.
MAX_REREAD = 20

#: Seconds within which a search sees a change; an index is refreshed once a second unless it is told otherwise.
SEARCH_LAG = 5.0


class Doc(NamedTuple):
    """One object on the cluster: its id and what the server says of it."""

    id: str
    source: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.source.get("name"))

    @property
    def created(self) -> int:
        """When it was made, in milliseconds since 1970 by the server's clock; 0 where it does not tell."""
        created: int = self.source.get("created_time") or 0
        return created

    @property
    def creation_order(self) -> tuple[int, str]:
        """Sorts objects of one name in the order in which they are looked at: the oldest first."""
        return self.created, self.id


def check_name(option: str, name: str, longest: int = MAX_NAME_LENGTH) -> None:
    """Raises Failure if the value of ``option`` cannot be the name of an object: it is blank or too long."""
    if not name.strip() or len(name) > longest:
        raise Failure("invalid_input", f"{option}: must have 1 to {longest} characters, this one has {len(name)}.")


def deleted_during_change(what: str) -> Failure:
    """The failure if an object does not exist any more when the task reads back what it wrote."""
    return Failure("concurrent_change", f"{what} was deleted while this task was changing it.")


def created_after(doc: Doc, other: Doc) -> bool:
    return doc.created > other.created


class Kind:
    """One kind of object: where it lives, and how it is told apart from its neighbours."""

    #: As people call it, for messages and actions.
    LABEL = ""
    #: Under which its REST paths are, without a slash at the end.
    PATH = ""
    #: The field of a create's answer that holds the id.
    ID_FIELD = ""
    #: The code of the failure when none is found.
    UNKNOWN_CODE = ""
    #: For how long whoever made the oldest of several waits for the others to take theirs back, in seconds.
    DUPLICATE_TIMEOUT = 10.0
    #: Conditions that every search of this kind carries.
    MUST_NOT: tuple[dict[str, Any], ...] = ()

    @classmethod
    def get(cls, client: Client, object_id: str) -> Doc | None:
        """Read one object by its id; None where there is none."""
        try:
            answer = client.get(f"{cls.PATH}/{segment(object_id)}")
        except ApiError as error:
            if error.status == 404 and error.code in (cls.UNKNOWN_CODE, "api_error"):
                return None
            raise
        if not isinstance(answer.body, dict):
            raise Failure("not_opensearch", f"{cls.LABEL} {object_id} was asked for, and the answer is none.")
        return Doc(object_id, answer.body)

    @classmethod
    def find_by_id(cls, client: Client, object_id: str, *, required: bool) -> Doc | None:
        """Read the object whose id an option gives. Raises Failure if it is ``required`` and does not exist."""
        found = cls.get(client, object_id)
        if found is None and required:
            raise Failure(cls.UNKNOWN_CODE, f"There is no {cls.LABEL} with the id {object_id!r}.")
        return found

    @classmethod
    def verified(cls, client: Client, object_id: str, diff: Callable[[Doc], list[str]]) -> Doc:
        """Read an object back after a write.

        ``diff`` returns the names of the fields that do not have their desired value. Raises Failure if there are any, or
        if the object was deleted.
        """
        doc = cls.get(client, object_id)
        if doc is None:
            raise deleted_during_change(f"{cls.LABEL.capitalize()} {object_id}")
        fields = diff(doc)
        if fields:
            raise Failure(
                "not_converged",
                f"{cls.LABEL.capitalize()} {doc.name!r} ({doc.id}) was written, but still differs in {', '.join(fields)}.",
                fields=fields,
            )
        return doc

    @classmethod
    def search(cls, client: Client, query: Mapping[str, Any]) -> list[Doc]:
        """All objects that match. An index that does not exist yet holds none."""
        wanted = {"bool": {"must": [query], "must_not": list(cls.MUST_NOT)}}
        try:
            found = paging.search(lambda page: client.search(f"{cls.PATH}/_search", page).body, wanted, cls.LABEL)
        except ApiError as error:
            if error.status == 404 and ("index_not_found" in error.kind or "no such index" in error.reason):
                return []
            raise
        return [Doc(object_id, source) for object_id, source in found.items()]

    @classmethod
    def search_exact(cls, client: Client, field: str, values: Iterable[str], query: Mapping[str, Any]) -> list[Doc]:
        """All objects with one of the values in a field, as they are now. The search may match more than those."""
        values = set(values)
        found = cls.reread(client, cls.search(client, query))
        return [doc for doc in found if doc.source.get(field) in values]

    @classmethod
    def all_named(cls, client: Client, name: str) -> list[Doc]:
        """All objects of exactly this name, the oldest first."""
        found = cls.search_exact(client, "name", [name], {"term": {"name.keyword": name}})
        return sorted(found, key=lambda doc: doc.creation_order)

    @classmethod
    def reread(cls, client: Client, found: list[Doc]) -> list[Doc]:
        """The same objects as they are now, without those that are gone.

        What a search tells of an object may be a second old: 2.19 does not refresh the index after a change, and no
        version does when it notes a model's state. A get always tells the present.
        """
        if len(found) > MAX_REREAD:
            return found
        return [doc for doc in (cls.get(client, doc.id) for doc in found) if doc is not None]

    @classmethod
    def select(cls, client: Client, *, object_id: str | None, name: str | None, pattern: str | None) -> list[Doc]:
        """The objects of an id, of a name, or of names like a shell's pattern; all where nothing is asked for."""
        if object_id:
            doc = cls.get(client, object_id)
            return [doc] if doc else []
        if name:
            return cls.all_named(client, name)
        found = cls.search(client, {"match_all": {}})
        return [doc for doc in found if pattern is None or fnmatchcase(doc.name, pattern)]

    @classmethod
    def update(cls, run: Run, object_id: str, fields: Mapping[str, Any]) -> None:
        """Change one object, and wait until searches see it, as the next look-up may go by what was changed."""
        run.client.change("PUT", f"{cls.PATH}/{segment(object_id)}", fields)
        doc = cls.get(run.client, object_id)
        since = (doc.source.get("last_updated_time") or 0) if doc else 0
        # Where the index is refreshed more rarely the wait ends in vain; the change itself is done.
        with suppress(WaitTimeout):
            run.wait_until(
                lambda: cls.search(run.client, {"ids": {"values": [object_id]}}),
                lambda found: not found or (found[0].source.get("last_updated_time") or 0) >= since,
                what=f"searches to see the change of {cls.LABEL} {object_id}",
                describe=lambda found: "not seen yet",
                timeout=SEARCH_LAG,
            )

    @classmethod
    def delete(cls, run: Run, object_id: str, *, timeout: float = 30.0) -> None:
        """Delete one object and wait until it is gone. One that is gone already is no error."""
        run.client.change("DELETE", f"{cls.PATH}/{segment(object_id)}", accept=(404,))
        run.created[:] = [(path, doc) for path, doc in run.created if doc.id != object_id]
        run.wait_until(
            lambda: cls.get(run.client, object_id),
            lambda doc: doc is None,
            what=f"{cls.LABEL} {object_id} to be gone",
            describe=lambda doc: "still there",
            timeout=timeout,
        )
