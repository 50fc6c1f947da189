# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_controller: set or delete the rate limits of single users for a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Mapping

from .._coordination.duplicates import find
from .._errors.exceptions import Failure
from .._kinds import controller as controllers
from .._kinds.base import Doc
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "model": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "user_rate_limiter": {"type": "dict"},
    "wait_timeout": {"type": "float", "default": 300.0},
}

RULES = {"required_if": [("state", "present", ["user_rate_limiter"])]}


@dataclass(frozen=True)
class Options:
    model: str
    state: str
    user_rate_limiter: Mapping[str, Any] | None
    wait_timeout: float


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Apply the desired limits, or delete all. Raises Failure."""
    present = options.state == "present"
    desired = controllers.desired(options.user_rate_limiter or {}) if present else None
    model = find(run, Model, options.model)
    found = Controller.get(run.client, model.id) if model else None
    if desired is None:
        return _absent(run, model, found)
    if model is None:
        model = _planned_model(options, run)
    _reconcile(options, run, model, found, desired)
    return _result(model, found, desired)


def _absent(run: Run, model: Doc | None, found: Doc | None) -> dict[str, Any]:
    if model and found:
        run.perform("delete", Controller.LABEL, model.name, partial(Controller.delete, run, found.id), id=found.id)
    return _result(model, found, None)


def _planned_model(options: Options, run: Run) -> Doc:
    """The model that an earlier task creates, without an id. Raises Failure outside check mode."""
    if not run.check_mode:
        raise Failure("unknown_model", f"There is no model with the name or id {options.model!r}.")
    run.warn_missing(f"model {options.model!r}")
    return Doc("", {"name": options.model})


def _reconcile(options: Options, run: Run, model: Doc, found: Doc | None, desired: Mapping[str, Any]) -> None:
    """Write the limits if they differ."""
    # The server keeps limits that were written during a deployment, but the model ignores them (seen on 3.6.0).
    ignored = found is not None and not model.source.get("is_controller_enabled")
    if found is not None and not ignored and controllers.limits_of(found) == desired:
        return
    facts: dict[str, Any] = {"id": model.id} if model.id else {}
    run.perform(
        "update" if found else "create",
        Controller.LABEL,
        model.name,
        partial(controllers.write, run, model, desired, timeout=options.wait_timeout),
        **facts,
    )
    if not run.check_mode:
        _verify(run, model, desired)


def _verify(run: Run, model: Doc, desired: Mapping[str, Any]) -> None:
    """Read the limits after a write. Raises Failure if they still differ."""
    observed = controllers.limits_of(Controller.get(run.client, model.id))
    users = sorted(user for user in {*observed, *desired} if observed.get(user) != desired.get(user))
    if users:
        raise Failure(
            "not_converged",
            f"The limits of model {model.name!r} ({model.id}) still differ for {', '.join(users)} after the write.",
            users=users,
        )


def _result(model: Doc | None, found: Doc | None, desired: Mapping[str, Any] | None) -> dict[str, Any]:
    limits = None if desired is None else {user: desired[user] for user in sorted(desired)}
    return {
        "controller": controllers.to_result(model, limits) if model and limits is not None else None,
        "model_id": model.id or None if model else None,
        "diff": {
            "before": {"user_rate_limiter": controllers.limits_of(found)} if found else {},
            "after": {} if limits is None else {"user_rate_limiter": limits},
        },
    }


MODULE = Module(SPEC, execute, typed(Options), RULES)
