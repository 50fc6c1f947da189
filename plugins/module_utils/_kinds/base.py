# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The base class of all resource kinds: their fields and their diff; find, read, verify, update and delete objects."""

from __future__ import annotations

import copy
import re
from contextlib import suppress
from fnmatch import fnmatchcase
from typing import Any, Collection, Iterable, Mapping

from .._errors.exceptions import ApiError, ConcurrentChange, Failure
from .._http.client import Client, segment
from .._runtime import versions
from .._runtime.reader import Doc, Key, Reader
from .._runtime.run import Run, WaitTimeout
from .._values.compare import canonical, contains, same_text, text_of, without_none
from .._values.masking import hidden

#: Maximum length of a name. The server stores longer names, but searches do not find them (``ignore_above`` of the
#: index mapping).
MAX_NAME_LENGTH = 256

#: Seconds within which a search finds a change. An index is refreshed once a second unless its settings change that.
SEARCH_LAG = 5.0


#: The option of all kinds for the fields of a request that this version of the collection does not know.
EXTRA_FIELDS_OPTION = {"extra_fields": {"type": "dict"}}

#: The parameter of a connector or an agent in which the collection keeps notes, as JSON. It fills no placeholder, and results do not show it.
NOTES_PARAMETER = "_searchops"

#: The places in a list, in the place of a field.
_NUMBERS = re.compile(r"\[[0-9]+\]")

#: The note with the extra fields that were sent, and the version that the server had then. Only for versions whose fields
#: are not known (:data:`.versions.LATEST_READ`).
EXTRA_NOTE = "extra"


def check_name(option: str, name: str, longest: int = MAX_NAME_LENGTH) -> None:
    """Raise Failure if ``name``, the value of ``option``, is blank or longer than ``longest`` characters."""
    if not name.strip() or len(name) > longest:
        raise Failure("invalid_input", f"{option}: must have 1 to {longest} characters, this one has {len(name)}.")


def deleted_during_change(what: str) -> Failure:
    """The Failure for an object that does not exist any more when the task reads it back."""
    return ConcurrentChange(f"{what} was deleted while this task was changing it.")


def created_after(doc: Doc, other: Doc) -> bool:
    return doc.created > other.created


class Kind:
    """One kind of object. Subclasses describe its fields and its REST API."""

    #: The name of the kind in messages and actions.
    LABEL = ""
    #: Path of the kind's REST API, without a slash at the end.
    PATH = ""
    #: The field with the id in the answer to a create.
    ID_FIELD = ""
    #: Failure code if no object is found.
    UNKNOWN_CODE = ""
    #: Failure code if other objects use one that is to be deleted.
    IN_USE_CODE = ""
    #: Conditions that no object of this kind meets; every search excludes them.
    MUST_NOT: tuple[dict[str, Any], ...] = ()
    #: The fields with ids of other objects, by which searches find objects of this kind.
    REFERENCES: tuple[str, ...] = ()
    #: The fields that are desired and compared.
    FIELDS: tuple[str, ...] = ()
    #: Further fields of a result.
    READ_ONLY_FIELDS: tuple[str, ...] = ("created_time", "last_updated_time")
    #: The fields that only the server sets, beyond :attr:`READ_ONLY_FIELDS`.
    SERVER_FIELDS: tuple[str, ...] = ()
    #: Whether the server refreshes the index after an update, from the version with the feature "visible_updates" on.
    VISIBLE_UPDATES = True
    #: Field -> the names within it that this version of the collection knows; a path such as ``a.b`` for a field within one.
    #: A list of mappings is a field as well. What is within other fields is not checked.
    NESTED: Mapping[str, Collection[str]] = {}
    #: Field -> the option that sets it, for the fields that an option of another name sets or that are not compared.
    OPTION_OF: Mapping[str, str] = {}
    #: The fields that some supported versions store and others drop -> the feature, up to :data:`.versions.LATEST_READ`. A
    #: field within another one is written as ``actions.name``.
    STORED_SINCE: Mapping[str, str] = {}
    #: Whether objects of this kind have a place for the notes of the collection.
    HAS_NOTES = False

    @classmethod
    def title(cls) -> str:
        """The name of the kind at the beginning of a sentence."""
        return cls.LABEL[:1].upper() + cls.LABEL[1:]

    @classmethod
    def desired(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that the options give, in the form in which the server stores them. Raises Failure."""
        known = {name: value for name, value in without_none(options).items() if name in cls.FIELDS}
        return {**known, **cls._extra_fields(options)}

    @classmethod
    def _extra_fields(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of the option ``extra_fields``. Raises Failure for a field that is not for this option."""
        extra = without_none(options.get("extra_fields"))
        for name in extra:
            if name in cls.FIELDS or name in cls.OPTION_OF:
                raise Failure(
                    "invalid_input", f"extra_fields: {name!r} has an option; write '{cls.OPTION_OF.get(name, name)}'."
                )
            if name in cls.own_fields():
                raise Failure("invalid_input", f"extra_fields: remove {name!r}, which only the server sets.")
        return extra

    @classmethod
    def observed(cls, source: Mapping[str, Any], desired: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The fields of an object as the server returns it. ``desired``: the fields that they are compared with, from which
        the extra fields follow."""
        names = dict.fromkeys((*cls.FIELDS, *cls.extra_names(desired or {})))
        return {name: source[name] for name in names if source.get(name) is not None}

    @classmethod
    def extra_names(cls, fields: Iterable[str]) -> list[str]:
        """The names of the fields that this version of the collection does not know, and that the server does not set."""
        known = {*cls.FIELDS, *cls.OPTION_OF, *cls.own_fields()}
        return [name for name in fields if name not in known]

    @classmethod
    def own_fields(cls) -> set[str]:
        """The names of the fields that only the server sets."""
        return {cls.ID_FIELD, *cls.READ_ONLY_FIELDS, *cls.SERVER_FIELDS}

    @classmethod
    def not_stored(cls, observed: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
        """The desired extra fields that the object does not have, those in other fields as ``tools[0].name``. After a write:
        those that the server dropped."""
        places = [name for name in cls.extra_names(desired) if name not in observed]
        for path, known in cls.NESTED.items():
            stored = dict(_mappings_at(observed, path))
            for place, fields in _mappings_at(desired, path):
                names = (name for name in fields if name not in known and name not in stored.get(place, {}))
                places += [f"{place}.{name}" for name in names]
        return places

    @classmethod
    def unknown_places(cls, fields: Mapping[str, Any]) -> list[str]:
        """The extra fields, written as :meth:`not_stored` returns them."""
        return cls.not_stored({}, fields)

    @classmethod
    def note_of_extra(
        cls, source: Mapping[str, Any], desired: Mapping[str, Any], version: versions.Version
    ) -> dict[str, Any]:
        """The note for a write to a server of this version: the extra fields that were sent to it. Empty if its source shows
        which of them it drops.

        ``source`` is the object before the write. Its note still holds for the fields that are not desired now.
        """
        if version <= versions.LATEST_READ:
            return {}
        kept = [place for place in _noted_fields(source, version) if re.split(r"[.\[]", place)[0] not in desired]
        return {EXTRA_NOTE: {"version": str(version), "fields": kept + cls.unknown_places(desired)}}

    @classmethod
    def known_to_be_dropped(
        cls, source: Mapping[str, Any], desired: Mapping[str, Any], version: versions.Version
    ) -> list[str]:
        """The desired extra fields that the object lacks because a server of this version does not store them.

        Up to :data:`.versions.LATEST_READ`, the server's source shows which these are. Of a later version, they are those in
        the notes: they were sent to it before. An object without a place for notes has none.
        """
        noted = _noted_fields(source, version)
        lacking = cls.not_stored(cls.observed(source, desired), desired)
        return [place for place in lacking if place in noted or cls.is_dropped_by(version, place)]

    @classmethod
    def is_dropped_by(cls, version: versions.Version, place: str) -> bool:
        """Whether the source of this version shows that the server drops the extra field, which :meth:`not_stored` returned."""
        feature = cls.STORED_SINCE.get(_NUMBERS.sub("", place))
        return version <= versions.LATEST_READ and not (feature and versions.supports(version, feature))

    @classmethod
    def without(cls, desired: Mapping[str, Any], places: Iterable[str]) -> dict[str, Any]:
        """The desired fields without those that :meth:`not_stored` returned."""
        kept: dict[str, Any] = _without_places(desired, "", set(places))
        return kept

    @classmethod
    def to_options(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields as options: what is in them and has no option is in ``extra_fields`` there."""
        options: dict[str, Any] = copy.deepcopy(dict(fields))
        for path, known in cls.NESTED.items():
            for _place, within in _mappings_at(options, path):
                extra = {name: within.pop(name) for name in list(within) if name not in (*known, "extra_fields")}
                within.update({"extra_fields": extra} if extra else {})
        return options

    @classmethod
    def diff(cls, observed: Mapping[str, Any], desired: Mapping[str, Any]) -> list[str]:
        """The names of the desired fields whose observed value differs."""
        return [name for name, value in desired.items() if not cls.same(name, observed.get(name), value)]

    @classmethod
    def same(cls, name: str, observed: Any, desired: Any) -> bool:
        """Whether a field has the desired value."""
        if name == "backend_roles":
            return set(observed or []) == set(desired)
        if name == "parameters":
            return same_texts(observed or {}, desired)
        if cls.extra_names([name]):
            # The server may add defaults, as it does in the fields that the collection knows.
            return observed is not None and contains(observed, desired)
        return same_text(observed if observed is not None else "", desired)

    @classmethod
    def for_display(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields as results and diffs show them, with secrets masked."""
        shown: dict[str, Any] = hidden(dict(fields))
        return shown

    @classmethod
    def to_result(cls, doc: Doc) -> dict[str, Any]:
        """The object as modules return it."""
        return {
            cls.ID_FIELD: doc.id,
            **cls.for_display(cls.observed(doc.source)),
            **{name: doc.source[name] for name in cls.READ_ONLY_FIELDS if name in doc.source},
        }

    @classmethod
    def get(cls, client: Client, object_id: str) -> Doc | None:
        """Read one object by its id; None if it does not exist."""
        try:
            answer = client.get(f"{cls.PATH}/{segment(object_id)}")
        except ApiError as error:
            if error.status == 404 and error.code in (cls.UNKNOWN_CODE, "api_error"):
                return None
            raise
        if not isinstance(answer.body, dict):
            raise Failure("not_opensearch", f"The answer to a read of {cls.LABEL} {object_id} is not a JSON object.")
        return Doc(object_id, answer.body)

    @classmethod
    def find_by_id(cls, reader: Reader, object_id: str, *, required: bool) -> Doc | None:
        """Read the object whose id an option gives. Raises Failure if it is ``required`` and does not exist."""
        found = reader.get(cls, object_id)
        if found is None and required:
            raise Failure(cls.UNKNOWN_CODE, f"There is no {cls.LABEL} with the id {object_id!r}.")
        return found

    @classmethod
    def search(cls, client: Client, query: Mapping[str, Any]) -> list[Doc]:
        """All objects that match ``query``. Empty if the index does not exist yet."""
        own_kind = {"bool": {"must": [query], "must_not": list(cls.MUST_NOT)}}
        try:
            found = client.search_all(f"{cls.PATH}/_search", own_kind, cls.LABEL)
        except ApiError as error:
            if error.status == 404 and ("index_not_found" in error.kind or "no such index" in error.reason):
                return []
            raise
        return [Doc(object_id, source) for object_id, source in found.items()]

    @classmethod
    def keys_of(cls, doc: Doc) -> set[Key]:
        """The keys by which searches find an object."""
        values = ((field, doc.source.get(field)) for field in ("name", *cls.REFERENCES))
        return {("_id", doc.id), *((field, value) for field, value in values if isinstance(value, str))}

    @classmethod
    def query_for(cls, keys: Iterable[Key]) -> dict[str, Any]:
        """The query for all objects with at least one of the keys. It may match more objects than those."""
        values: dict[str, list[str]] = {}
        for field, value in sorted(keys):
            values.setdefault(field, []).append(value)
        queries = [cls._field_query(field, each) for field, each in values.items()]
        return queries[0] if len(queries) == 1 else {"bool": {"should": queries}}

    @classmethod
    def _field_query(cls, field: str, values: list[str]) -> dict[str, Any]:
        if field == "_id":
            return {"ids": {"values": values}}
        return {"terms": {"name.keyword" if field == "name" else field: values}}

    @classmethod
    def having(cls, reader: Reader, keys: Iterable[Key]) -> list[Doc]:
        """All objects with at least one of the keys, re-read."""
        keys = set(keys)
        found = reader.reread(cls, reader.find(cls, keys))
        return [doc for doc in found if not keys.isdisjoint(cls.keys_of(doc))]

    @classmethod
    def all_named(cls, reader: Reader, name: str) -> list[Doc]:
        """All objects with exactly this name, the oldest first."""
        return sorted(cls.having(reader, [("name", name)]), key=lambda doc: doc.creation_order)

    @classmethod
    def select(cls, reader: Reader, *, object_id: str | None, name: str | None, pattern: str | None) -> list[Doc]:
        """The objects with this id, with this name, or with names that match a shell pattern; all by default."""
        if object_id:
            doc = reader.get(cls, object_id)
            return [doc] if doc else []
        if name:
            return cls.all_named(reader, name)
        return [doc for doc in reader.all(cls) if pattern is None or fnmatchcase(doc.name, pattern)]

    @classmethod
    def update(cls, run: Run, object_id: str, fields: Mapping[str, Any]) -> None:
        """Change one object and wait until searches find the change, as a later search may use a changed field."""
        run.client.change("PUT", f"{cls.PATH}/{segment(object_id)}", fields)
        run.reader.note_changed(cls, object_id, fields)
        if cls.VISIBLE_UPDATES and versions.supports(run.version, "visible_updates"):
            return
        doc = cls.get(run.client, object_id)
        if doc is None:
            return
        since, keys = doc.source.get("last_updated_time") or 0, cls.keys_of(doc)

        def is_current(found: list[Doc]) -> bool:
            # Seen on 2.19.1: a change of a model group does not change the time.
            return not found or (
                (found[0].source.get("last_updated_time") or 0) >= since and cls.keys_of(found[0]) == keys
            )

        # A timeout is not a failure: the change is done, and the index may be refreshed less often.
        with suppress(WaitTimeout):
            run.wait_until(
                lambda: cls.search(run.client, {"ids": {"values": [object_id]}}),
                is_current,
                what=f"searches to find the change of {cls.LABEL} {object_id}",
                describe=lambda found: "not found yet",
                timeout=SEARCH_LAG,
            )

    @classmethod
    def delete(cls, run: Run, object_id: str, *, timeout: float = 30.0, body: Mapping[str, Any] | None = None) -> None:
        """Delete one object and wait until it does not exist any more. Succeeds if it does not exist."""
        answer = run.client.change("DELETE", f"{cls.PATH}/{segment(object_id)}", body, accept=(404,))
        run.reader.note_deleted(cls, object_id)
        if answer.status == 404 or answer.body.get("result") in ("deleted", "not_found"):
            return
        run.wait_until(
            lambda: cls.get(run.client, object_id),
            lambda doc: doc is None,
            what=f"{cls.LABEL} {object_id} to be deleted",
            describe=lambda doc: "it still exists",
            timeout=timeout,
        )


def same_texts(observed: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether two mappings have the same keys, with the same values as text."""
    return observed.keys() == desired.keys() and all(same_text(observed[name], desired[name]) for name in desired)


def nested_extra_fields(params: Mapping[str, Any], spec: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """The validated parameters with the ``extra_fields`` within other options merged into these. Raises Failure for one
    that has an option. The own ``extra_fields`` of the parameters stay as they are."""
    merged = dict(params)
    for name, option in spec.items():
        value = merged.get(name)
        if "options" in option and isinstance(value, list):
            items = enumerate(value)
            merged[name] = [_with_extra_fields(item, option["options"], f"{place}{name}[{n}]") for n, item in items]
        elif "options" in option:
            merged[name] = _with_extra_fields(value, option["options"], f"{place}{name}")
    return merged


def _with_extra_fields(params: Any, spec: Mapping[str, Any], place: str) -> Any:
    if not isinstance(params, Mapping):
        return params
    fields = nested_extra_fields(params, spec, f"{place}.")
    extra = fields.pop("extra_fields", None) or {}
    known = [name for name in extra if name in spec]
    if known:
        raise Failure("invalid_input", f"{place}.extra_fields: {known[0]!r} has an option; write '{place}.{known[0]}'.")
    return {**fields, **extra}


def _mappings_at(fields: Mapping[str, Any], path: str) -> list[tuple[str, Any]]:
    """The mappings in the field of this path, each with its place, such as ``tools[0]``."""
    level: list[tuple[str, Any]] = [("", fields)]
    for name in path.split("."):
        found = [(f"{place}.{name}" if place else name, each[name]) for place, each in level if each.get(name)]
        level = []
        for place, value in found:
            items = (
                [(f"{place}[{number}]", item) for number, item in enumerate(value)] if isinstance(value, list) else []
            )
            level += [(each, item) for each, item in items or [(place, value)] if isinstance(item, dict)]
    return level


def _without_places(value: Any, place: str, places: set[str]) -> Any:
    if isinstance(value, Mapping):
        prefix = f"{place}." if place else ""
        kept = {name: item for name, item in value.items() if f"{prefix}{name}" not in places}
        return {name: _without_places(item, f"{prefix}{name}", places) for name, item in kept.items()}
    if isinstance(value, list):
        return [_without_places(item, f"{place}[{number}]", places) for number, item in enumerate(value)]
    return value


def read_notes(source: Mapping[str, Any]) -> dict[str, Any]:
    """The notes on an object, from what the server returned of it. Empty if it has no valid ones."""
    notes = canonical((source.get("parameters") or {}).get(NOTES_PARAMETER))
    return notes if isinstance(notes, dict) else {}


def _noted_fields(source: Mapping[str, Any], version: versions.Version) -> list[str]:
    """The extra fields in the note, if they were sent to a server of this version."""
    note = read_notes(source).get(EXTRA_NOTE)
    if not isinstance(note, dict) or note.get("version") != str(version):
        return []
    return [str(place) for place in note.get("fields") or []]


def with_notes(parameters: Mapping[str, Any], notes: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters to send for an object with these notes."""
    return {**parameters, NOTES_PARAMETER: text_of(dict(notes))}


def replaced_ids(source: Mapping[str, Any]) -> list[str]:
    """The ids of the objects that this one was created to replace, from its notes. Each of them may still exist."""
    notes = read_notes(source)
    # Before 1.0.0, 'replaces' had one id and 'before' had those of earlier objects.
    given = [notes.get("before"), notes.get("replaces")]
    return [str(each) for value in given for each in (value if isinstance(value, list) else [value]) if each]


def supersedes(new: Doc, old: Doc) -> bool:
    """Whether ``new`` was created to replace ``old``. A younger object may have got the id of one that was replaced."""
    return new is not old and old.id in replaced_ids(new.source) and not created_after(old, new)


def check_no_notes(parameters: Mapping[str, Any] | None) -> None:
    """Raises Failure if the user's parameters use the reserved name."""
    if NOTES_PARAMETER in (parameters or {}):
        raise Failure(
            "invalid_input", f"parameters: the name {NOTES_PARAMETER} is reserved for notes of the collection."
        )
