# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What ml_predict does: asks a model and checks the answer."""

from __future__ import annotations

from typing import Any, Mapping

from .._coordination.duplicates import find, need
from .._errors.exceptions import Failure
from .._kinds.model import Model
from .._operations import predict
from .._runtime import versions
from .._runtime.module import Module
from .._runtime.run import Run

OPTIONS = {
    "model": {"type": "str", "required": True},
    "messages": {
        "type": "list",
        "elements": "dict",
    },
    "parameters": {"type": "dict", "default": {}},
    "expect_status": {"type": "list", "elements": "int", "default": [200]},
    "expect_content": {"type": "bool", "default": True},
    "expect_pattern": {"type": "str"},
    "predict_timeout": {"type": "float", "default": 180.0},
    "wait_timeout": {"type": "float", "default": 120.0},
}


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """Ask the model. Raises Failure where there is no answer, or not the expected one."""
    parameters = dict(options["parameters"])
    if options["messages"] is not None:
        parameters["messages"] = options["messages"]
    if not parameters:
        raise Failure("invalid_input", "messages or parameters: one of them must say what to ask.")
    pattern = options["expect_pattern"]
    predict.check_pattern(pattern)
    reference = options["model"]
    found = find(Model, run.client, reference) if run.check_mode else need(Model, run.client, reference)
    if "stream" in parameters and versions.supports(run.version, "streaming"):
        raise Failure(
            "invalid_input",
            "parameters: 'stream', whatever its value, makes this version of OpenSearch stream to another API and leave "
            "a prediction without an answer; write it into the connector's request body instead.",
        )
    request = {"parameters": parameters}
    if run.check_mode or found is None:
        return {
            "model_id": found.id if found else None,
            "request": request,
            "content": None,
            "usage": None,
            "timings": None,
            "result": None,
        }
    answer = predict.predict_with_retries(
        run,
        predict.Question(found.id, parameters, options["predict_timeout"]),
        predict.Expectation(tuple(options["expect_status"]), options["expect_content"], pattern),
        retry_for=options["wait_timeout"],
    )
    return {
        "model_id": found.id,
        "request": request,
        "content": answer.content,
        "reasoning": answer.reasoning,
        "usage": answer.usage,
        "timings": answer.timings,
        "status": answer.status,
        "elapsed": answer.elapsed,
        "result": answer.body,
    }


MODULE = Module(OPTIONS, execute)
