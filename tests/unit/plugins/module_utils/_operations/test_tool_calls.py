# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdicts on models that call tools in each way."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import tool_calls
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations.chat_answer import (
    Prediction,
    parse_backend_answer,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models

Messages = list[dict[str, Any]]


def asked(model: Any, seen: list[Messages] | None = None) -> Any:
    """The function that asks a model, as the server does with the parameters of a prediction."""

    def ask(messages: Messages, with_tool: bool) -> Prediction:
        parameters = tool_calls.parameters(messages, with_tool=with_tool)
        if seen is not None:
            seen.append(parameters["messages"])
        status, answer = model(tool_models.request_of(parameters))
        if status != 200:
            raise Failure("backend_rejected", answer["error"]["message"], status)
        return parse_backend_answer(answer)

    return ask


@pytest.mark.parametrize("name", tool_models.MODELS)
def test_verdicts(name: str) -> None:
    found = tool_calls.converse(asked(tool_models.MODELS[name]), 4)
    assert found.verdict == name.split(":")[0]
    assert found.evidence.strip()
    assert found.messages[0]["content"] == tool_calls.QUESTION


def test_every_verdict_has_a_remedy_and_a_model() -> None:
    assert {name.split(":")[0] for name in tool_models.MODELS} == {tool_calls.WORKS, *tool_calls.CODES}
    assert all(CATALOGUE[code].remedy for code in tool_calls.CODES.values())


def test_the_conversation_of_an_agent() -> None:
    seen: list[Messages] = []
    found = tool_calls.converse(asked(tool_models.works, seen), 4)
    assert [[message["role"] for message in messages] for messages in seen] == [
        ["user"],
        ["user", "assistant", "tool"],
    ]
    [call] = seen[1][1]["tool_calls"]
    assert seen[1][2] == {"role": "tool", "tool_call_id": call["id"], "content": tool_calls.CODE_WORD}
    assert "content" not in seen[1][1]
    assert tool_calls.CODE_WORD in found.messages[-1]["content"]


def test_only_the_first_of_several_calls_counts() -> None:
    def several(request: Any) -> Any:
        status, body = tool_models.works(request)
        calls = body["choices"][0]["message"].get("tool_calls")
        if calls:
            calls.append({"id": "call_2"})
        return status, body

    assert tool_calls.converse(asked(several), 4).verdict == "works"


def test_arguments_as_an_object() -> None:
    def model(request: Any) -> Any:
        if tool_models.results(request):
            return tool_models.works(request)
        function = {"name": tool_calls.NAME, "arguments": {"room": "kitchen"}}
        return tool_models.call(request, function=function)

    assert tool_calls.converse(asked(model), 4).verdict == "works"


def test_a_model_that_refuses_everything_has_no_verdict() -> None:
    with pytest.raises(Failure) as raised:
        tool_calls.converse(asked(tool_models.is_broken), 4)
    assert raised.value.code == "backend_rejected"


@pytest.mark.parametrize(
    "failure", [Failure("model_disabled", "Model is disabled."), Failure("forbidden", "No permission.", 403)]
)
def test_a_failure_that_is_not_of_the_backend_has_no_verdict(failure: Failure) -> None:
    def ask(messages: Messages, with_tool: bool) -> Prediction:
        assert with_tool, "was asked again"
        raise failure

    with pytest.raises(Failure) as raised:
        tool_calls.converse(ask, 4)
    assert raised.value is failure


@pytest.mark.parametrize("body", [{"data": [{"embedding": [1.0]}]}, {"choices": []}, {"choices": [1]}, [], "text"])
def test_an_answer_that_is_no_chat(body: Any) -> None:
    with pytest.raises(Failure) as raised:
        tool_calls.converse(lambda messages, with_tool: parse_backend_answer(body), 4)
    assert raised.value.code == "no_chat_completion"
