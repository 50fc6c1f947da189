# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of opensearch_pipeline: create, replace or delete a search or ingest pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Callable, Mapping

from .._endpoints import blueprint
from .._errors.exceptions import Failure
from .._kinds import pipeline as pipelines
from .._kinds.base import Doc, deleted_during_change
from .._kinds.pipeline import Pipeline
from .._operations.reconcile import Resource
from .._operations.references import check_ids, check_ids_replaced, restore_references
from .._runtime.module import Module, typed
from .._runtime.reader import Reader
from .._values.masking import hidden

SPEC = {
    "name": {"type": "str", "required": True},
    "type": {"type": "str", "required": True, "choices": ["search", "ingest"]},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "description": {"type": "str"},
    "version": {"type": "int"},
    "definition": {"type": "dict"},
    "src": {"type": "path"},
}

RULES = {
    "required_if": [("state", "present", ["definition", "src"], True)],
    "mutually_exclusive": [("definition", "src")],
}


@dataclass(frozen=True)
class Options:
    name: str
    type: str
    state: str
    description: str | None
    version: int | None
    definition: Mapping[str, Any] | None


def parse(params: Mapping[str, Any]) -> Options:
    """The typed options of validated parameters. Raises Failure for a file that cannot be read."""
    return typed(Options)(blueprint.with_body(params, "pipelines"))


class _Resource(Resource[Options]):
    KIND = Pipeline

    def perform(self, action: str, doc: Doc, do: Callable[[], Any], **facts: Any) -> Any:
        return self.run.perform(action, pipelines.label(self.options.type), self.options.name, do, **facts)

    def find(self) -> Doc | None:
        return self._read(self.run.reader)

    def _read(self, reader: Reader) -> Doc | None:
        body = reader.fact(pipelines.read, self.options.type, self.options.name)
        return None if body is None else Doc("", body)

    def desired(self, found: Doc | None) -> dict[str, Any]:
        return self.resolved(_body(self.options), found)

    def create(self) -> Doc:
        return self._write("create", self.diff(Doc("", {})))

    def change(self, found: Doc, diff: list[str]) -> Doc:
        return self._write("update", diff)

    def _write(self, action: str, diff: list[str]) -> Doc:
        check_ids(self.run, self.fields, "definition")
        if self.run.check_mode:
            pipelines.check_processors(self.run.reader, self.options.type, self.fields)
        put = partial(pipelines.put, self.run.client, self.options.type, self.options.name, self.fields)
        self.perform(action, self.new(), put, fields=diff)
        self._note(self.fields)
        return self.new()

    def deleted(self, found: Doc | None) -> None:
        self._note(None)

    def _note(self, body: Any) -> None:
        self.run.reader.note_fact(body, pipelines.read, self.options.type, self.options.name)

    def delete(self, found: Doc) -> None:
        pipelines.delete(self.run.client, self.options.type, self.options.name)

    def verified(self, doc: Doc) -> Doc:
        found, subject = (
            self._read(self.run.server),
            f"{pipelines.label(self.options.type).capitalize()} {self.options.name!r}",
        )
        if found is None:
            raise deleted_during_change(subject)
        if self.diff(found):
            raise Failure(
                "not_converged", f"{subject} was written, but still differs: it is {str(hidden(found.source))[:500]}."
            )
        return found

    def to_result(self, after: Doc) -> dict[str, Any]:
        return pipelines.to_result(self.options.type, self.options.name, after.source)

    def shown(self, doc: Doc) -> dict[str, Any]:
        return dict(hidden(restore_references(doc.source, self.references)))


def _body(options: Options) -> dict[str, Any]:
    """The desired body, with references."""
    return pipelines.desired(options.definition, options.description, options.version)


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    body = _body(options)
    pipelines.check(options.type, options.name, body)
    check_ids_replaced(body, "definition")


MODULE = Module(SPEC, _Resource.execute, parse, RULES, check=check, objects="pipelines")
