# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_controller does: a model has exactly the stated limits of single users, or none."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import find
from .._errors.exceptions import Failure
from .._kinds import controller as controllers
from .._kinds.base import Doc
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "model": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "user_rate_limiter": {"type": "dict"},
    "wait_timeout": {"type": "float", "default": 300.0},
}


RULES = {"required_if": [("state", "present", ["user_rate_limiter"])]}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Bring the limits to the stated ones. Raises Failure."""
    wanted = None
    if options["state"] == "present":
        wanted = controllers.desired(options["user_rate_limiter"])
    model = find(Model, run.client, options["model"])
    held = Controller.get(run.client, model.id) if model else None
    if wanted is None:
        if model and held:
            run.perform("delete", Controller.LABEL, model.name, lambda: Controller.delete(run, held.id), id=held.id)
        return _result(model, held, None)
    if model is None:
        if not run.check_mode:
            raise Failure("unknown_model", f"There is no model of the name or id {options['model']!r}.")
        run.warn(f"There is no model {options['model']!r} yet; this check assumes that an earlier task makes it.")
        model = Doc("", {"name": options["model"]})
    # Limits that were written while the model was being deployed are kept, but the model forgets them (seen on 3.6.0).
    unknown = held is not None and not model.source.get("is_controller_enabled")
    if held is None or unknown or controllers.limits_of(held) != wanted:
        _write(options, run, model, held, wanted)
    return _result(model, held, wanted)


def _write(options: Mapping[str, Any], run: Run, model: Doc, held: Doc | None, wanted: Mapping[str, Any]) -> None:
    facts: dict[str, Any] = {"id": model.id} if model.id else {}
    run.perform(
        "update" if held else "create",
        Controller.LABEL,
        model.name,
        lambda: controllers.write(run, model, wanted, timeout=options["wait_timeout"]),
        **facts,
    )
    if run.check_mode:
        return
    stored = controllers.limits_of(Controller.get(run.client, model.id))
    left = sorted(user for user in {*stored, *wanted} if stored.get(user) != wanted.get(user))
    if left:
        raise Failure(
            "not_converged",
            f"The limits of model {model.name!r} ({model.id}) were written, yet differ for {', '.join(left)}.",
            users=left,
        )


def _result(model: Doc | None, held: Doc | None, wanted: Mapping[str, Any] | None) -> dict[str, Any]:
    limits = None if wanted is None else {user: wanted[user] for user in sorted(wanted)}
    return {
        "controller": controllers.to_result(model, limits) if model and limits is not None else None,
        "model_id": model.id or None if model else None,
        "diff": {
            "before": {"user_rate_limiter": controllers.limits_of(held)} if held else {},
            "after": {} if limits is None else {"user_rate_limiter": limits},
        },
    }


MODULE = Module(OPTIONS, execute, RULES)
