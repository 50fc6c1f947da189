# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Predictions: the question as ML Commons wants it, and what can be read out of the answer."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Mapping, NamedTuple

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._client import Client, segment
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resources.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._waiter import Clock, Tell, silent

#: What passes by itself while a backend loads its model or a node takes a model in.
PASSING = frozenset({"backend_loading", "backend_busy", "backend_timeout", "model_not_deployed", "circuit_breaker"})


class Prediction(NamedTuple):
    """``status`` is the backend's; ``body`` its decoded JSON; the rest was found in it, or is None."""

    status: int
    body: Any
    content: str | None
    reasoning: str | None
    usage: dict[str, Any] | None
    timings: dict[str, Any] | None
    tool_calls: list[dict[str, Any]]


class Expectation(NamedTuple):
    status: tuple[int, ...] = (200,)
    content: bool = True
    pattern: str | None = None


def predict(client: Client, model_id: str, parameters: Mapping[str, Any], *, timeout: float) -> Prediction:
    """Ask once. ``timeout`` is in seconds and must outlast the connector's own. Raises Failure."""
    answer = client.ask(f"{Model.PATH}/{segment(model_id)}/_predict", {"parameters": dict(parameters)}, timeout=timeout)
    return read(answer.body)


def predict_patiently(
    client: Client,
    model_id: str,
    parameters: Mapping[str, Any],
    expected: Expectation,
    *,
    timeout: float,
    patience: float,
    clock: Clock,
    tell: Tell = silent,
) -> Prediction:
    """Ask, and ask again for ``patience`` seconds while the failure is one that passes. Raises Failure."""
    return patiently(
        lambda: predict(client, model_id, parameters, timeout=timeout),
        expected,
        patience=patience,
        clock=clock,
        tell=tell,
    )


def patiently(
    ask: Callable[[], Prediction],
    expected: Expectation,
    *,
    patience: float,
    clock: Clock,
    tell: Tell = silent,
) -> Prediction:
    """The answer of ``ask``, which is called again for ``patience`` seconds while the failure is one that passes.

    Raises Failure, also where the answer is not what was expected.
    """
    end, pause = clock.now() + patience, 0.5
    while True:
        try:
            prediction = ask()
            check(prediction, expected)
            return prediction
        except Failure as failure:
            if failure.code not in PASSING or clock.now() + pause > end:
                raise
            tell(f"waiting for an answer: {failure.message}")
        clock.sleep(pause)
        pause = min(pause * 1.5, 5.0)


def read(body: Any) -> Prediction:
    """Take ``{"inference_results": [{"output": [{"dataAsMap": ...}], "status_code": 200}]}`` apart."""
    try:
        result = body["inference_results"][0]
        output = result["output"][0]
        data = output.get("dataAsMap", output)
        status = int(result.get("status_code", 200))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as exc:
        raise Failure("not_opensearch", f"A prediction was answered without a result: {str(body)[:200]}") from exc
    return read_data(data, status)


def read_data(data: Any, status: int = 200) -> Prediction:
    """Take the backend's own answer apart."""
    message = _first_message(data)
    return Prediction(
        status,
        data,
        _text(message.get("content")),
        _text(message.get("reasoning_content") or message.get("reasoning")),
        data.get("usage") if isinstance(data, dict) else None,
        data.get("timings") if isinstance(data, dict) else None,
        [call for call in message.get("tool_calls") or [] if isinstance(call, dict)],
    )


def check_pattern(pattern: str | None) -> None:
    """Raises Failure where the pattern that is expected is no regular expression."""
    try:
        re.compile(pattern or "")
    except re.error as exc:
        raise Failure("invalid_pattern", f"expect_pattern: {pattern!r} does not compile: {exc}") from exc


def read_any(value: Any) -> Prediction | None:
    """Take apart what a playbook holds: the result of ml_predict, a raw answer of ML Commons, or a chat completion.

    None for a result of ml_predict in check mode, as nothing was asked. Raises Failure for anything else.
    """
    if isinstance(value, Mapping):
        if value.get("failed"):
            raise Failure("invalid_input", f"the prediction failed: {value.get('msg')}")
        if "inference_results" in value:
            return read(value)
        if "result" in value and "model_id" in value:
            return None if value["result"] is None else read_data(value["result"])
        if isinstance(value.get("choices"), list) or "message" in value or "response" in value:
            return read_data(value)
    raise Failure(
        "invalid_input",
        "a result of ml_predict, an answer of _predict or a chat completion is wanted, and this is neither: "
        f"{str(value)[:200]}",
    )


def usage(prediction: Prediction) -> dict[str, Any]:
    """The tokens that were used. ML Commons turns whole numbers into floats; here they are whole again."""
    return {name: _whole(value) for name, value in (prediction.usage or {}).items()}


def tool_calls(prediction: Prediction) -> list[dict[str, Any]]:
    """The tools that the model wants to be called: ``id``, ``name`` and the decoded ``arguments``. Raises Failure."""
    calls = []
    for call in prediction.tool_calls:
        function = call.get("function")
        if not isinstance(function, dict) or not function.get("name"):
            raise Failure("invalid_input", f"a tool call names no function: {str(call)[:200]}")
        calls.append(
            {
                "id": call.get("id"),
                "name": str(function["name"]),
                "arguments": _arguments(function["name"], function.get("arguments")),
            }
        )
    return calls


def check(prediction: Prediction, expected: Expectation) -> None:
    """Raises Failure where the answer is not what was expected."""
    if prediction.status not in expected.status:
        wanted = " or ".join(map(str, expected.status))
        raise Failure(
            "unexpected_status", f"The backend answered {prediction.status}, expected was {wanted}.", prediction.status
        )
    text = (prediction.content or "").strip()
    if expected.content and not text:
        if prediction.reasoning:
            raise Failure(
                "reasoning_only", "The model reasoned but gave no answer.", reasoning=prediction.reasoning[:500]
            )
        raise Failure("empty_content", f"The answer has no text: {str(prediction.body)[:300]}")
    if expected.pattern and not re.search(expected.pattern, text):
        raise Failure(
            "pattern_mismatch", f"The answer does not match {expected.pattern!r}: {text[:300]!r}", content=text
        )


def _first_message(data: Any) -> dict[str, Any]:
    """The message of a chat completion; for other shapes whatever comes nearest."""
    if not isinstance(data, dict):
        return {}
    choices = data.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        return message if isinstance(message, dict) else {"content": choices[0].get("text")}
    message = data.get("message")
    return message if isinstance(message, dict) else {"content": data.get("response")}


def _text(content: Any) -> str | None:
    """Text, also where it comes as a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else None


def _arguments(name: str, arguments: Any) -> dict[str, Any]:
    """OpenAI's servers send arguments as JSON in a string, Ollama's own API as an object."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError) as exc:
            raise Failure("invalid_input", f"the arguments for {name} are no JSON: {arguments[:200]!r}") from exc
    if not isinstance(arguments or {}, dict):
        raise Failure("invalid_input", f"the arguments for {name} are no object: {str(arguments)[:200]}")
    return arguments or {}


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value
