# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_tool_call_check: let a model call a tool and judge how it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._coordination.duplicates import find, need
from .._endpoints.providers import TOOLS_PARAMETER
from .._errors.exceptions import Failure
from .._kinds.base import Doc
from .._kinds.model import Model
from .._operations import predict, tool_calls
from .._operations.agent_connector import sends_tools
from .._operations.chat_answer import Prediction
from .._runtime import versions
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "model": {"type": "str", "required": True},
    "max_predictions": {"type": "int", "default": 4},
    "on_defect": {"type": "str", "default": "fail", "choices": ["fail", "warn"]},
    "predict_timeout": {"type": "float", "default": 180.0},
    "wait_timeout": {"type": "float", "default": 120.0},
}


@dataclass(frozen=True)
class Options:
    model: str
    max_predictions: int
    on_defect: str
    predict_timeout: float
    wait_timeout: float


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Let the model call a tool. Raises Failure if it does not answer, and for a defect unless the options want a warning."""
    versions.require(run.version, "llm_interface", "A call of a tool by a model")
    find_model = find if run.check_mode else need
    found = find_model(run, Model, options.model)
    nothing: dict[str, Any] = {
        "asked": False,
        "verdict": None,
        "works": None,
        "evidence": None,
        "remedy": None,
        "messages": [],
    }
    if run.check_mode or found is None:
        return {"model_id": found.id if found else None, **nothing}
    _check_body(run, found)
    model_id = found.id

    def ask(messages: list[dict[str, Any]], with_tool: bool) -> Prediction:
        parameters = tool_calls.parameters(messages, with_tool=with_tool)
        question = predict.Question(model_id, {"parameters": parameters}, options.predict_timeout)
        expected = predict.Expectation(content=False)
        return predict.predict_with_retries(run, question, expected, retry_for=options.wait_timeout)

    seen = tool_calls.converse(ask, options.max_predictions)
    remedy = ""
    if seen.verdict != tool_calls.WORKS:
        defect = Failure(
            tool_calls.CODES[seen.verdict],
            f"Model {found.name!r} ({found.id}) does not call tools as an agent needs it: {seen.verdict}. {seen.evidence}",
            verdict=seen.verdict,
            evidence=seen.evidence,
        )
        if options.on_defect == "fail":
            raise defect
        remedy = defect.remedy
        run.warn(f"{defect.message} {remedy}")
    return {
        "model_id": found.id,
        "asked": True,
        "verdict": seen.verdict,
        "works": seen.verdict == tool_calls.WORKS,
        "evidence": seen.evidence,
        "remedy": remedy,
        "messages": seen.messages,
    }


def _check_body(run: Run, model: Doc) -> None:
    """Raises Failure if the connector of the model does not send the tools, so that no model could call any."""
    if not sends_tools(run.reader, model):
        raise Failure(
            "connector_without_tools",
            f"The connector of model {model.name!r} ({model.id}) does not send tools: its request body has no "
            f"${{parameters.{TOOLS_PARAMETER}:-}}.",
        )


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    if options.max_predictions < 2:
        raise Failure("invalid_input", "max_predictions: must be 2 or more, one for the call and one for the answer.")


MODULE = Module(SPEC, execute, typed(Options), check=check)
