# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_controller_info does: finds the models that have limits for single users, and reads the limits of each."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import find
from .._kinds import controller as controllers
from .._kinds.controller import Controller
from .._kinds.model import Model
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {"model": {"type": "str"}}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """The limits of one model or of all. Raises Failure."""
    if options["model"]:
        model = find(Model, run.client, options["model"])
        found = [model] if model else []
    else:
        found = controllers.models_with_limits(run.client)
    held = [(model, Controller.get(run.client, model.id)) for model in found]
    return {
        "controllers": [
            controllers.to_result(model, controllers.limits_of(controller)) for model, controller in held if controller
        ]
    }


MODULE = Module(OPTIONS, execute)
