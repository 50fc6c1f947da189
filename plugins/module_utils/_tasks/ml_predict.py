# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The task of ml_predict: ask a model and check its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from .._coordination.duplicates import find, need
from .._errors.exceptions import Failure
from .._kinds.model import Model
from .._operations import predict
from .._runtime import versions
from .._runtime.module import Module, typed
from .._runtime.run import Run

SPEC = {
    "model": {"type": "str", "required": True},
    "messages": {"type": "list", "elements": "dict"},
    "parameters": {"type": "dict", "default": {}},
    "text_docs": {"type": "list", "elements": "str"},
    "query_text": {"type": "str"},
    "expect_status": {"type": "list", "elements": "int", "default": [200]},
    "expect_content": {"type": "bool", "default": True},
    "expect_pattern": {"type": "str"},
    "predict_timeout": {"type": "float", "default": 180.0},
    "wait_timeout": {"type": "float", "default": 120.0},
}


@dataclass(frozen=True)
class Options:
    model: str
    messages: list[dict[str, Any]] | None
    parameters: Mapping[str, Any]
    text_docs: list[str] | None
    query_text: str | None
    expect_status: list[int]
    expect_content: bool
    expect_pattern: str | None
    predict_timeout: float
    wait_timeout: float


def execute(options: Options, run: Run) -> dict[str, Any]:
    """Ask the model. Raises Failure if there is no answer, or not the expected one."""
    request = _request(options)
    find_model = find if run.check_mode else need
    found = find_model(run, Model, options.model)
    _check_streaming(run, request.get("parameters", {}))
    if {"text_docs", "parameters"} <= set(request):
        versions.require(run.version, "text_parameters", "text_docs with parameters")
    result: dict[str, Any] = {"model_id": found.id if found else None, "request": request}
    if run.check_mode or found is None:
        return {**result, "asked": False, "content": predict.NOT_ASKED, "usage": None, "timings": None, "result": None}
    answer = predict.predict_with_retries(
        run,
        predict.Question(found.id, request, options.predict_timeout),
        predict.Expectation(tuple(options.expect_status), options.expect_content, options.expect_pattern),
        retry_for=options.wait_timeout,
    )
    return {
        **result,
        "asked": True,
        "content": answer.content,
        "reasoning": answer.reasoning,
        "usage": answer.usage,
        "timings": answer.timings,
        "status": answer.status,
        "elapsed": answer.elapsed,
        "result": answer.body,
    }


#: The parameters that the server reads with ``text_docs``; it ignores all others (AsymmetricTextEmbeddingParameters, 3.6).
_READ_WITH_TEXTS = ("content_type", "sparse_embedding_format")


def _request(options: Options) -> dict[str, Any]:
    """The body of the prediction. Raises Failure."""
    parameters = dict(options.parameters)
    if options.messages is not None:
        parameters["messages"] = options.messages
    if options.text_docs is None and options.query_text is not None:
        raise Failure("invalid_input", "query_text: needs 'text_docs', the texts to compare with it.")
    if not parameters and not options.text_docs:
        raise Failure("invalid_input", "messages, parameters or text_docs: one of them is required.")
    if options.text_docs is None:
        return {"parameters": parameters}
    read = () if options.query_text is not None else _READ_WITH_TEXTS
    others = sorted(set(parameters).difference(read))
    if others:
        names = ", ".join("'messages'" if name == "messages" else f"parameters.{name}" for name in others)
        raise Failure("invalid_input", f"text_docs: not with {names}, which the server would not read.")
    query = {} if options.query_text is None else {"query_text": options.query_text}
    return {**query, "text_docs": options.text_docs, **({"parameters": parameters} if parameters else {})}


def _check_streaming(run: Run, parameters: Mapping[str, Any]) -> None:
    if "stream" in parameters and versions.supports(run.version, "streaming"):
        raise Failure(
            "invalid_input",
            "parameters: 'stream', with any value, makes this version of OpenSearch stream to another API and return "
            "no answer to a prediction; write it into the connector's request body instead.",
        )


def check(options: Options) -> None:
    """Raises Failure for options that are invalid on every server."""
    _request(options)
    predict.check_pattern(options.expect_pattern)


MODULE = Module(SPEC, execute, typed(Options), check=check)
