# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_controller_info: list the rate limits of single users, for one model or for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._coordination.duplicates import find
from .._kinds import controller as controllers
from .._kinds.base import Doc
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {"model": {"type": "str"}}


@dataclass(frozen=True)
class Options:
    model: str | None


def execute(options: Options, run: Run) -> dict[str, Any]:
    """The limits of one model or of all. Raises Failure."""
    found = [(model, Controller.get(run.client, model.id)) for model in _models(options, run)]
    return {
        "controllers": [
            controllers.to_result(model, Controller.observed(controller.source))
            for model, controller in found
            if controller
        ]
    }


def _models(options: Options, run: Run) -> list[Doc]:
    if not options.model:
        return controllers.models_with_limits(run.client)
    model = find(run, Model, options.model)
    return [model] if model else []


MODULE = Module(SPEC, execute, typed(Options))
