# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The reconcile engine: find an object, compare it with the desired fields, write the difference, verify it."""

from __future__ import annotations

from difflib import get_close_matches
from functools import partial
from typing import Any, Callable, Generic, Mapping, TypeVar

from .._coordination.duplicates import find_named
from .._errors.exceptions import Failure
from .._kinds.base import EXTRA_NOTE, Doc, Kind, deleted_during_change, read_notes
from .._runtime import versions
from .._runtime.run import Run
from .references import resolve, restore_references

Options = TypeVar("Options")


class Resource(Generic[Options]):
    """One object that a task reconciles with its options. A subclass describes one kind.

    ``fields`` are the desired fields, as soon as the object has been searched for, and ``references`` the ids of the
    references in them. A document without an id is an object that does not exist yet, as in check mode.
    """

    KIND: type[Kind]

    def __init__(self, options: Options, run: Run) -> None:
        self.options = options
        self.run = run
        self.fields: dict[str, Any] = {}
        self.references: dict[str, str] = {}

    @classmethod
    def execute(cls, options: Options, run: Run) -> dict[str, Any]:
        """The task: reconcile the object, and return the result. Raises Failure."""
        resource = cls(options, run)
        found = resource.find()
        if resource.absent:
            deleted = found is None or resource.remove(found)
            resource.deleted(found)
            return resource.result(found, None if deleted else found)
        resource.fields = resource.desired(found)
        if found is None:
            after = resource.create()
        else:
            diff = resource.diff(found)
            after = resource.change(found, diff) if diff else found
        resource.reach_state(found or after)
        # A stack verifies all its objects at the end.
        if run.changed and not run.check_mode and not run.in_bulk:
            after = resource.verified(after)
        return resource.result(found, resource.awaited(after))

    @property
    def absent(self) -> bool:
        return bool(vars(self.options)["state"] == "absent")

    def perform(self, action: str, doc: Doc, do: Callable[[], Any], **facts: Any) -> Any:
        """Write by ``do``, and journal it as an action on the object. Returns None in check mode."""
        if doc.id:
            facts = {"id": doc.id, **facts}
        return self.run.perform(action, self.KIND.LABEL, doc.name, do, **facts)

    def find(self) -> Doc | None:
        """The object by the id that an option gives, else by its name; None if it does not exist. Raises Failure."""
        object_id = vars(self.options)[self.KIND.ID_FIELD]
        if object_id:
            return self.KIND.find_by_id(self.run.reader, object_id, required=not self.absent)
        return self.find_named(str(vars(self.options)["name"]))

    def find_named(self, name: str) -> Doc | None:
        return find_named(self.run, self.KIND, name)

    def desired(self, found: Doc | None) -> dict[str, Any]:
        """The desired fields. Raises Failure."""
        return self.KIND.desired(vars(self.options))

    def resolved(self, fields: dict[str, Any], found: Doc | None) -> dict[str, Any]:
        """The fields with ids in place of their references. Raises Failure."""

        def is_in_effect(fields: dict[str, Any]) -> bool:
            return found is not None and not self.KIND.diff(self.KIND.observed(found.source, fields), fields)

        resolved, self.references = resolve(self.run, fields, is_in_effect if found else None)
        return dict(resolved)

    def observed(self, doc: Doc) -> dict[str, Any]:
        return self.KIND.observed(doc.source, self.fields)

    def diff(self, doc: Doc) -> list[str]:
        """The names of the desired fields that differ."""
        return self.KIND.diff(self.observed(doc), self.KIND.without(self.fields, self.dropped(doc)))

    def dropped(self, doc: Doc) -> list[str]:
        """The desired extra fields that this server does not store, so that they are not compared; warns of them."""
        # A stack that verifies has just sent them.
        after_write = self.run.verifying and self.KIND.HAS_NOTES
        return self.not_stored(doc, after_write=after_write)

    def not_stored(self, doc: Doc, *, after_write: bool) -> list[str]:
        """The desired extra fields that the object lacks, as far as it is known that the server does not store them. Warns of
        them. ``after_write``: they were sent just now, which a note records, so that a later run knows it as well."""
        places = self.KIND.not_stored(self.observed(doc), self.fields)
        if places and not after_write:
            places = self.KIND.known_to_be_dropped(doc.source, self.fields, self.run.version)
        if places:
            self.run.warn(
                f"{self.KIND.title()} {doc.name!r}: OpenSearch {self.run.version} does not store "
                f"{', '.join(places)}. Remove it, or upgrade OpenSearch if a later version has it.{self._meant(places)}"
            )
        return places

    def dropped_by_write(self, doc: Doc) -> list[str]:
        """The extra fields that this run has sent, and the server is known to drop; warns of them. Raises Failure for others
        that it has not stored: a later run would send them again."""
        dropped = self.not_stored(doc, after_write=self.KIND.HAS_NOTES)
        lacking = [place for place in self.KIND.not_stored(self.observed(doc), self.fields) if place not in dropped]
        if lacking:
            raise Failure(
                "field_not_stored",
                f"{self.KIND.title()} {doc.name!r} ({doc.id}) was written, but OpenSearch {self.run.version} did "
                f"not store {', '.join(lacking)}.",
                fields=lacking,
            )
        return dropped

    def note_of_extra(self, desired: Mapping[str, Any], found: Doc | None) -> dict[str, Any]:
        """The note to write about fields that the collection does not know; empty if there were none and are none."""
        source = found.source if found else {}
        if self.KIND.unknown_places(desired) or EXTRA_NOTE in read_notes(source):
            return self.KIND.note_of_extra(source, desired, self.run.version)
        return {}

    def _meant(self, dropped: list[str]) -> str:
        """The known fields of which dropped ones may be a misspelling, as the end of a message."""
        known = {*self.KIND.FIELDS, *(name for names in self.KIND.NESTED.values() for name in names)}
        # A field that the server's version does not store may be a known one.
        names = {each: each.rpartition(".")[2] for each in dropped if each.rpartition(".")[2] not in known}
        near = {each: get_close_matches(name.lower(), known, 1, 0.85) for each, name in names.items()}
        return "".join(f" Did you mean {found[0]!r} by {each}?" for each, found in near.items() if found)

    def check_text(self, fields: Mapping[str, Any]) -> None:
        """Raises Failure if this server would refuse the name or the description."""
        for name in ("name", "description"):
            if name in fields:
                versions.check_text(self.run.version, name, fields[name])

    def check_create(self) -> None:
        """Raises Failure if the desired fields cannot be created."""

    def new(self) -> Doc:
        """The object before it is created."""
        return Doc("", self.fields)

    def create(self) -> Doc:
        """Create the object, and return it. Raises Failure."""
        self.check_create()
        new = self.new()
        return self.perform("create", new, self.send_create) or new

    def send_create(self) -> Doc:
        """Send the request that creates the object, and return it. Raises Failure."""
        raise NotImplementedError

    def change(self, found: Doc, diff: list[str]) -> Doc:
        """Change the fields in ``diff``, in place unless a subclass replaces the object. Returns the object after it, as far
        as that is known. Raises Failure."""
        changes = {name: self.fields[name] for name in diff}
        self.check_change(found, changes)
        self.perform("update", found, partial(self.update, found, changes), fields=diff)
        return Doc(found.id, {**found.source, **changes})

    def check_change(self, found: Doc, changes: Mapping[str, Any]) -> None:
        """Raises Failure for changes that the server would refuse or ignore."""

    def update(self, found: Doc, changes: Mapping[str, Any]) -> None:
        """Change fields of the object in place. Raises Failure."""
        self.KIND.update(self.run, found.id, changes)

    def reach_state(self, doc: Doc) -> None:
        """Bring the object from the state that it is in to the desired one, if the kind has states. Raises Failure."""

    def remove(self, found: Doc) -> bool:
        """Delete the object. Returns whether it does not exist after that; in check mode, whether it would not. Raises
        Failure."""
        self.check_delete(found)
        self.perform("delete", found, partial(self.delete, found))
        return True

    def check_delete(self, found: Doc) -> None:
        """Raises Failure if the object must not be deleted."""

    def delete(self, found: Doc) -> None:
        """Delete the object. Raises Failure."""
        self.KIND.delete(self.run, found.id)

    def deleted(self, found: Doc | None) -> None:
        """Delete what belongs to the object, whether it was found or not."""

    def verified(self, doc: Doc) -> Doc:
        """Read the object back after a write. Raises Failure if it was deleted or still differs.

        Fields that this version of the collection does not know may be dropped by the server, of which it warns.
        """
        label, found = self.KIND.title(), self.KIND.get(self.run.client, doc.id)
        if found is None:
            raise deleted_during_change(f"{label} {doc.id}")
        observed = self.observed(found)
        dropped = self.dropped_by_write(found)
        fields = self.KIND.diff(observed, self.KIND.without(self.fields, dropped))
        if fields:
            raise Failure(
                "not_converged",
                f"{label} {found.name!r} ({found.id}) was written, but still differs in {', '.join(fields)}.",
                fields=fields,
            )
        return found

    def awaited(self, after: Doc) -> Doc:
        """Wait for the effect of the writes. Returns the object after that."""
        return after

    def result(self, found: Doc | None, after: Doc | None) -> dict[str, Any]:
        """The result, from the object before and after the task. Its diff has the desired fields."""
        known = after or found
        return {
            self.KIND.LABEL.replace(" ", "_"): self.to_result(after) if after else None,
            **({self.KIND.ID_FIELD: (known and known.id) or None} if self.KIND.ID_FIELD else {}),
            "diff": {
                "before": self.shown(found) if found else {},
                "after": self.shown(after) if after else {},
            },
        }

    def to_result(self, after: Doc) -> dict[str, Any]:
        return self.KIND.to_result(after) if after.id else self.KIND.for_display(self.observed(after))

    def shown(self, doc: Doc) -> dict[str, Any]:
        """The side of the diff with this object: its desired fields, or all of an object to delete."""
        fields = self.observed(doc)
        wanted = fields if self.absent else self.fields
        side = self.KIND.for_display(self._without_dropped({name: fields[name] for name in wanted if name in fields}))
        return dict(restore_references(side, self.references))

    def _without_dropped(self, fields: dict[str, Any]) -> dict[str, Any]:
        """The fields without those that are known to be dropped: in check mode, they are among them."""
        places = self.KIND.not_stored({}, fields) if self.run.check_mode else []
        return self.KIND.without(fields, [each for each in places if self.KIND.is_dropped_by(self.run.version, each)])
