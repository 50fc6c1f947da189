# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_controller: set or delete the rate limits of single users for a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .._coordination.duplicates import find
from .._errors.exceptions import Failure
from .._kinds import controller as controllers
from .._kinds.base import EXTRA_FIELDS_OPTION, Doc
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._operations.reconcile import Resource
from .._runtime.module import Module, typed

SPEC = {
    "model": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "user_rate_limiter": {"type": "dict"},
    **EXTRA_FIELDS_OPTION,
    "wait_timeout": {"type": "float", "default": 300.0},
}

RULES = {"required_if": [("state", "present", ["user_rate_limiter"])]}


@dataclass(frozen=True)
class Options:
    model: str
    state: str
    user_rate_limiter: Mapping[str, Any] | None
    extra_fields: Mapping[str, Any] | None
    wait_timeout: float


class _Resource(Resource[Options]):
    KIND = Controller
    _model: Doc | None = None
    #: The fields that the options do not give.
    _kept: Mapping[str, Any] = {}

    def find(self) -> Doc | None:
        self._model = find(self.run, Model, self.options.model)
        found = self.run.reader.get(Controller, self._model.id) if self._model else None
        return found and self._controller(found.source)

    @property
    def model(self) -> Doc:
        """The model; one that an earlier task creates has no id in check mode. Raises Failure."""
        if self._model is None:
            if not self.run.check_mode:
                raise Failure("unknown_model", f"There is no model with the name or id {self.options.model!r}.")
            self.run.warn_missing(Model.LABEL, self.options.model)
            self._model = Doc("", {"name": self.options.model})
        return self._model

    def _controller(self, fields: Mapping[str, Any]) -> Doc:
        return Doc(self.model.id, {**fields, "name": self.model.name})

    def desired(self, found: Doc | None) -> dict[str, Any]:
        fields = Controller.desired(vars(self.options))
        # A write replaces all fields.
        kept = Controller.extra_names(found.source) if found else []
        self._kept = {name: found.source[name] for name in kept if found and name != "name"}
        return fields

    def diff(self, doc: Doc) -> list[str]:
        # The server keeps limits that were written during a deployment, but the model ignores them (seen on 3.6.0).
        ignored = not self.model.source.get("is_controller_enabled")
        return sorted({*super().diff(doc), *(["user_rate_limiter"] if ignored else [])})

    def new(self) -> Doc:
        return self._controller(self.fields)

    def send_create(self) -> Doc:
        fields = {**self._kept, **self.fields}
        controllers.write(self.run, self.model, fields, timeout=self.options.wait_timeout)
        return self.new()

    def change(self, found: Doc, diff: list[str]) -> Doc:
        self.perform("update", found, self.send_create)
        return self.new()

    def verified(self, doc: Doc) -> Doc:
        found = Controller.get(self.run.client, doc.id)
        if found:
            self.dropped_by_write(self._controller(found.source))
        observed, desired = controllers.limits_of(found), controllers.limits_of(doc)
        users = sorted(user for user in {*observed, *desired} if observed.get(user) != desired.get(user))
        if users:
            raise Failure(
                "not_converged",
                f"The limits of model {doc.name!r} ({doc.id}) still differ for {', '.join(users)} after the write.",
                users=users,
            )
        return doc

    def result(self, found: Doc | None, after: Doc | None) -> dict[str, Any]:
        return {**super().result(found, after), "model_id": (self._model and self._model.id) or None}

    def to_result(self, after: Doc) -> dict[str, Any]:
        return controllers.to_result(self.model, self.observed(after))

    def shown(self, doc: Doc) -> dict[str, Any]:
        return Controller.for_display(self.observed(doc))


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    if options.state == "present":
        Controller.desired(vars(options))


MODULE = Module(SPEC, _Resource.execute, typed(Options), RULES, check=check)
