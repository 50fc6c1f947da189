# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Parses the answer of a chat model.

Filters use this file, and Ansible imports all filters of a collection in each worker that needs one of them: so nothing
that is imported here may import the HTTP library requests.
"""

from __future__ import annotations

import re
from typing import Any, Mapping, NamedTuple

from .._errors.exceptions import Failure, describe_shape
from .._values.nested import map_scalars, parse_json, scalars

#: The beginning of a stream of server-sent events, and of a web page.
_EVENTS = re.compile(r"\s*(data|event): ?\S")
_WEB_PAGE = re.compile(r"\s*<(!doctype html|html)\b", re.IGNORECASE)


class Prediction(NamedTuple):
    """An answer.

    ``status``: the HTTP status of the backend. ``body``: its decoded JSON. ``elapsed``: how long the answer took, in
    seconds; None if this process did not ask for it. The other fields are parts of the body, or None.
    """

    status: int
    body: Any
    content: str | None
    reasoning: str | None
    usage: dict[str, Any] | None
    timings: dict[str, Any] | None
    tool_calls: list[dict[str, Any]]
    elapsed: float | None = None


def parse_prediction(body: Any) -> Prediction:
    """Parse ``{"inference_results": [{"output": [{"dataAsMap": ...}], "status_code": 200}]}``. Raises Failure.

    The body of several outputs, such as the vectors of several texts, is ``{"output": [...]}``.
    """
    try:
        results = body["inference_results"]
        outputs = [output.get("dataAsMap", output) for result in results for output in result["output"]]
        data = outputs[0] if len(outputs) < 2 else {"output": outputs}
        status = int(results[0].get("status_code", 200))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as exc:
        raise Failure(
            "not_opensearch", f"The server answered a prediction without a result: {describe_shape(body)}"
        ) from exc
    _check_is_json(data)
    return parse_backend_answer(data, status)


def _check_is_json(data: Any) -> None:
    """Raises Failure if the backend's answer is a stream or a web page.

    Where ML Commons cannot parse an answer, it returns the text as ``response`` (seen on 3.6.0 with a stream of lines).
    """
    text = data["response"] if isinstance(data, dict) and list(data) == ["response"] else None
    if not isinstance(text, str):
        return
    shown = f"The backend's answer is not a JSON object: {text[:200]!r}"
    if _EVENTS.match(text) or _is_stream_of_lines(text):
        raise Failure("backend_streams", shown)
    if _WEB_PAGE.match(text):
        raise Failure("backend_not_json", shown)


def _is_stream_of_lines(text: str) -> bool:
    """Whether the text is a chat answer in parts, one on each line, as Ollama sends it."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        parts = [parse_json(line) for line in lines]
    except ValueError:
        return False
    return len(parts) > 1 and all(isinstance(part, dict) and {"done", "choices"} & set(part) for part in parts)


def parse_backend_answer(data: Any, status: int = 200) -> Prediction:
    """Parse the backend's own answer."""
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


def parse_any(value: Any) -> Prediction | None:
    """Parse what a playbook can have: a result of ml_predict, an answer of ML Commons, or a chat completion.

    Returns None for a result of ml_predict in check mode, which has no answer. Raises Failure for any other value.
    """
    if isinstance(value, Mapping):
        if value.get("failed"):
            raise Failure("invalid_input", f"the prediction failed: {value.get('msg')}")
        if "inference_results" in value:
            return parse_prediction(value)
        if "result" in value and "model_id" in value:
            return None if value["result"] is None else parse_backend_answer(value["result"])
        if _is_answer(value):
            return parse_backend_answer(value)
    raise Failure(
        "invalid_input",
        f"expected a result of ml_predict, an answer of _predict or a chat completion, not: {str(value)[:200]}",
    )


def _is_answer(value: Mapping[str, Any]) -> bool:
    """Whether this is the answer of a chat server: by structure, as results of other tasks also have a ``content``."""
    output = value.get("output")
    return (
        not {"message", "response"}.isdisjoint(value)
        or any(isinstance(value.get(name), list) for name in ("choices", "content", "candidates"))
        or (isinstance(output, Mapping) and "message" in output)
    )


#: The keys of a document's score in a rerank result, by server.
_SCORES = ("relevance_score", "score")


def answer_shape(body: Any) -> str | None:
    """What a backend's answer is by its structure: "text" of a chat model or a completion, "embedding" or "rerank"; None
    for any other structure. Also of the answers that ML Commons makes of them (``post_process_function``)."""
    if not isinstance(body, Mapping) or not body:
        return "text"
    if _is_several(body):
        return answer_shape(body["output"][0])
    if "data_type" in body and "data" in body:
        return "rerank" if body.get("name") == "similarity" else "embedding"
    if "embedding" in body or "embeddings" in body or "embedding" in _first(body.get("data")):
        return "embedding"
    if not _first(body.get("results")).keys().isdisjoint(_SCORES):
        return "rerank"
    return "text" if "choices" in body or _is_answer(body) else None


def numbers_in(body: Mapping[str, Any]) -> bool:
    """Whether an answer of the shape embedding or rerank has any vector or score; each of them, if it has several outputs."""
    if _is_several(body):
        return all(isinstance(output, Mapping) and numbers_in(output) for output in body["output"])
    values = [body.get("embedding"), body.get("embeddings")]
    for item in [*_list(body.get("data")), *_list(body.get("results"))]:
        # Not the other numbers of an item, such as its index.
        values += [item.get(key) for key in ("embedding", *_SCORES)] if isinstance(item, Mapping) else [item]
    return any(isinstance(value, (int, float)) and not isinstance(value, bool) for value in scalars(values))


def _is_several(body: Mapping[str, Any]) -> bool:
    """Whether a body is that of several outputs of :func:`parse_prediction`."""
    return list(body) == ["output"] and isinstance(body["output"], list) and len(body["output"]) > 1


def _first(items: Any) -> Mapping[str, Any]:
    first = next(iter(_list(items)), None)
    return first if isinstance(first, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def usage(prediction: Prediction) -> dict[str, Any]:
    """The number of tokens of each kind. ML Commons turns integers into floats; here they are integers again."""
    return {name: map_scalars(value, _whole) for name, value in (prediction.usage or {}).items()}


def tool_calls(prediction: Prediction) -> list[dict[str, Any]]:
    """The tool calls that the model asks for, each with ``id``, ``name`` and decoded ``arguments``. Raises Failure."""
    calls = []
    for call in prediction.tool_calls:
        function = call.get("function")
        if not isinstance(function, dict) or not function.get("name"):
            raise Failure("invalid_input", f"a tool call has no function name: {str(call)[:200]}")
        calls.append(
            {
                "id": call.get("id"),
                "name": str(function["name"]),
                "arguments": _arguments(function["name"], function.get("arguments")),
            }
        )
    return calls


def _first_message(data: Any) -> dict[str, Any]:
    """The message of a chat completion, or the equivalent part of another kind of answer."""
    if not isinstance(data, dict):
        return {}
    choices = data.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        return message if isinstance(message, dict) else {"content": choices[0].get("text")}
    candidate = _first(data.get("candidates")).get("content")
    if isinstance(candidate, dict):
        # Gemini's own API.
        return {"content": candidate.get("parts")}
    if isinstance(data.get("content"), list):
        # Anthropic's own API.
        return {"content": data["content"]}
    # That of Bedrock's Converse is in the output; that of Ollama's own API is not.
    output = data.get("output")
    message = (output if isinstance(output, dict) else data).get("message")
    return message if isinstance(message, dict) else {"content": data.get("response")}


def _text(content: Any) -> str | None:
    """The content as one text; some models return a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else None


def _arguments(name: str, arguments: Any) -> dict[str, Any]:
    """The decoded arguments. OpenAI's API returns them as JSON in a string, Ollama's own API as an object."""
    if isinstance(arguments, str):
        try:
            arguments = parse_json(arguments or "{}")
        except ValueError as exc:
            raise Failure("invalid_input", f"the arguments for {name} are not JSON: {arguments[:200]!r}") from exc
    if not isinstance(arguments or {}, dict):
        raise Failure("invalid_input", f"the arguments for {name} are not an object: {str(arguments)[:200]}")
    return arguments or {}


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
