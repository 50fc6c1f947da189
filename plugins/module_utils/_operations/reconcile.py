# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The reconcile engine: find an object, compare it with the desired fields, write the difference, verify it."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Mapping

from .._coordination.duplicates import find_named
from .._kinds.base import Doc, Kind
from .._runtime.run import Run


class Resource:
    """One object that a task reconciles with its options. A subclass describes one kind.

    ``fields`` are the desired fields, as soon as the object has been searched for. A document without an id is an object
    that does not exist yet, as in check mode.
    """

    KIND: type[Kind]

    def __init__(self, options: Any, run: Run) -> None:
        self.options = options
        self.run = run
        self.fields: dict[str, Any] = {}

    @classmethod
    def execute(cls, options: Any, run: Run) -> dict[str, Any]:
        """The task: reconcile the object, and return the result. Raises Failure."""
        return cls(options, run)._reconcile()

    def _reconcile(self) -> dict[str, Any]:
        found = self.find()
        if self.options.state == "absent":
            if found is not None:
                self.check_delete(found)
                self.perform("delete", found, partial(self.delete, found))
            return self.result(found, None)
        self.fields = self.desired(found)
        after = self._write(found)
        # A stack verifies all its objects at the end.
        if self.run.changed and not self.run.check_mode and not self.run.in_bulk:
            after = self.verified(after)
        return self.result(found, after)

    def _write(self, found: Doc | None) -> Doc:
        if found is None:
            self.check_create()
            new = Doc("", self.fields)
            return self.perform("create", new, self.create) or new
        diff = self.diff(found)
        return self.change(found, diff) if diff else found

    def perform(self, action: str, doc: Doc, do: Callable[[], Any], **facts: Any) -> Any:
        """Write by ``do``, and journal it as an action on the object. Returns None in check mode."""
        if doc.id:
            facts = {"id": doc.id, **facts}
        return self.run.perform(action, self.KIND.LABEL, doc.name, do, **facts)

    def find(self) -> Doc | None:
        """The object by the id that an option gives, else by its name; None if it does not exist. Raises Failure."""
        object_id = getattr(self.options, self.KIND.ID_FIELD)
        if object_id:
            return self.KIND.find_by_id(self.run.client, object_id, required=self.options.state != "absent")
        return self.find_named(str(self.options.name))

    def find_named(self, name: str) -> Doc | None:
        return find_named(self.run, self.KIND, name)

    def desired(self, found: Doc | None) -> dict[str, Any]:
        """The desired fields. Raises Failure."""
        return self.KIND.desired(vars(self.options))

    def observed(self, doc: Doc) -> dict[str, Any]:
        return self.KIND.observed(doc.source, self.fields)

    def diff(self, doc: Doc) -> list[str]:
        """The names of the desired fields that differ."""
        return self.KIND.diff(self.observed(doc), self.fields)

    def check_create(self) -> None:
        """Raises Failure if the desired fields cannot be created."""

    def create(self) -> Doc:
        """Create the object. Raises Failure."""
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

    def check_delete(self, found: Doc) -> None:
        """Raises Failure if the object must not be deleted."""

    def delete(self, found: Doc) -> None:
        """Delete the object. Raises Failure."""
        self.KIND.delete(self.run, found.id)

    def verified(self, doc: Doc) -> Doc:
        """Read the object back after a write. Raises Failure if it was deleted or still differs."""
        return self.KIND.verified(self.run.client, doc.id, self.diff)

    def result(self, found: Doc | None, after: Doc | None) -> dict[str, Any]:
        """The result, from the object before and after the task. Its diff has the desired fields."""
        known = after or found
        return {
            self.KIND.LABEL.replace(" ", "_"): self.to_result(after) if after else None,
            self.KIND.ID_FIELD: (known and known.id) or None,
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
        return self.KIND.for_display({name: value for name, value in fields.items() if name in (self.fields or fields)})
