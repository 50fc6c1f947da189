# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether a chat model calls a tool as an agent needs it, shown by one conversation.

The conversation is that of an agent with ``_llm_interface: openai/v1/chat/completions``: a question, a call of the tool, the
tool's result, the answer. The rules are those of ml-commons from 3.0 to 3.8 (AgentUtils and
OpenaiV1ChatCompletionsFunctionCalling).
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple

from .._endpoints.providers import TOOLS_PARAMETER
from .._errors.exceptions import Failure
from .._values.compare import without_none
from .._values.nested import parse_json
from .chat_answer import Prediction

WORKS = "works"

#: Verdict -> the code of the failure, whose remedy the catalogue has.
CODES: Mapping[str, str] = {
    "no_call": "tool_not_called",
    "call_in_text": "tool_call_in_text",
    "broken_arguments": "tool_arguments_broken",
    "unusable_call": "tool_call_unusable",
    "result_ignored": "tool_result_ignored",
    "endless_calls": "tool_called_endlessly",
    "refused": "backend_without_tools",
}

NAME, ARGUMENT = "look_up_code_word", "room"
TOOL = {
    "type": "function",
    "function": {
        "name": NAME,
        "description": "Returns the secret code word of a room.",
        "parameters": {
            "type": "object",
            "properties": {ARGUMENT: {"type": "string", "description": "The name of the room"}},
            "required": [ARGUMENT],
        },
    },
}
#: What no model can know without the tool.
CODE_WORD = "amber-417"
QUESTION = f"What is the code word of the room kitchen? Call {NAME} to find out, then answer with the code word."

#: A call that the server did not recognize as one, so that it is in the text: of Hermes and Qwen, Mistral, Llama, and as JSON.
_CALL_IN_TEXT = re.compile(
    rf'<tool_call>|\[TOOL_CALLS\]|<function=|<\|python_tag\|>|"(?:name|function)"\s*:\s*"{NAME}"'
)


class Conversation(NamedTuple):
    """What a model did. ``evidence`` is a sentence; ``messages`` are those that were sent and received, the oldest first."""

    verdict: str
    evidence: str
    messages: list[dict[str, Any]]


#: Sends messages to the model, with the tool or without. Raises Failure.
Ask = Callable[[List[Dict[str, Any]], bool], Prediction]


def parameters(messages: list[dict[str, Any]], *, with_tool: bool) -> dict[str, Any]:
    """The parameters of a prediction, as an agent sends them."""
    if not with_tool:
        return {"messages": messages}
    offer = f', "tools": {json.dumps([TOOL])}, "parallel_tool_calls": false'
    return {"messages": messages, TOOLS_PARAMETER: offer, "no_escape_params": TOOLS_PARAMETER}


def converse(ask: Ask, max_predictions: int) -> Conversation:
    """Ask the question, answer the calls of the tool, and judge. Raises Failure if the model does not answer at all."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": QUESTION}]
    for _number in range(max_predictions):
        try:
            answer = ask(messages, True)
        except Failure as failure:
            _check_answers_without_tools(ask, failure)
            return Conversation("refused", failure.message, messages)
        message = _message(answer)
        if not answer.tool_calls:
            return Conversation(*_judge_text(answer, called=len(messages) > 1), [*messages, message])
        # An agent sends the whole message back, with the first call only.
        call = answer.tool_calls[0]
        message = {**message, "tool_calls": [call]}
        defect = _defect_of_call(call, answer)
        if defect:
            return Conversation(*defect, [*messages, message])
        messages = [*messages, message, {"role": "tool", "tool_call_id": call["id"], "content": CODE_WORD}]
    return Conversation(
        "endless_calls", f"The model called the tool {max_predictions} times and gave no answer.", messages
    )


def _check_answers_without_tools(ask: Ask, refusal: Failure) -> None:
    """Raises the refusal if the server refuses the question without the tool as well, so that it is not about tools."""
    if not refusal.code.startswith(("backend_", "context_")):
        raise refusal
    try:
        ask([{"role": "user", "content": QUESTION}], False)
    except Failure:
        raise refusal from None


def _message(answer: Prediction) -> dict[str, Any]:
    """The message of a chat completion. Raises Failure for any other answer."""
    message = _choice(answer).get("message")
    if not isinstance(message, Mapping):
        raise Failure("no_chat_completion", f"The answer is not a chat completion: {str(answer.body)[:300]}")
    return without_none({**message, "role": "assistant"})


def _choice(answer: Prediction) -> Mapping[str, Any]:
    choices = answer.body.get("choices") if isinstance(answer.body, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else {}


def _judge_text(answer: Prediction, *, called: bool) -> tuple[str, str]:
    """The verdict on an answer without a call, and its reason. ``called``: the model has called the tool before."""
    text = (answer.content or "").strip()
    shown = f"The model answered: {text[:300]!r}" if text else "The model gave an empty answer."
    if _CALL_IN_TEXT.search(text):
        return "call_in_text", shown
    if not called:
        return "no_call", shown
    if CODE_WORD not in text:
        return "result_ignored", f"{shown}. The tool's result was {CODE_WORD!r}."
    return WORKS, shown


def _defect_of_call(call: Mapping[str, Any], answer: Prediction) -> tuple[str, str] | None:
    """The verdict on a call that an agent cannot carry out, and its reason; None if it can."""
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    reason = _choice(answer).get("finish_reason")
    if reason != "tool_calls":
        return "unusable_call", f"The call has the finish_reason {reason!r}; an agent only notices 'tool_calls'."
    if not call.get("id"):
        return "unusable_call", "The call has no id, which an agent needs to return the result."
    if function.get("name") != NAME:
        return "unusable_call", f"The model called {str(function.get('name'))[:100]!r}; the only tool is {NAME!r}."
    given = function.get("arguments")
    try:
        arguments = parse_json(given) if isinstance(given, str) else given
    except ValueError as exc:
        return "broken_arguments", f"The arguments are not JSON ({exc}): {str(given)[:300]!r}"
    if not isinstance(arguments, Mapping) or not isinstance(arguments.get(ARGUMENT), str):
        return "broken_arguments", f"The arguments are not an object with the text {ARGUMENT!r}: {str(given)[:300]!r}"
    return None
