# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters that read predictions: every form of a prediction is accepted, anything else is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.searchops.opensearch_ml.plugins.filter import chat_answer, chat_tool_calls, chat_usage
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import prediction as answer
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import QUESTION

FILTERS: dict[str, Any] = {
    **chat_answer.FilterModule().filters(),
    **chat_usage.FilterModule().filters(),
    **chat_tool_calls.FilterModule().filters(),
}
#: What each filter returns if the answer has no such part.
NOTHING = {"chat_answer": "", "chat_usage": {}, "chat_tool_calls": []}

CALL = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern", "days": 2}'}}
DATA = {
    "choices": [{"message": {"role": "assistant", "content": "Wait.", "tool_calls": [CALL]}}],
    "usage": {"prompt_tokens": 12.0, "total_tokens": 37, "details": {"cached": 4.0, "share": 0.5}},
}


def asked(data: Any, *, check_mode: bool = False) -> dict[str, Any]:
    """The result of ml_predict for this answer of the backend."""
    cluster = FakeCluster()
    cluster.add_model("Chat", cluster.add_connector())
    cluster.backend = lambda *sent: answer(data)
    return execute(cluster, "ml_predict", check_mode=check_mode, model="Chat", **QUESTION, expect_content=False)


@pytest.mark.parametrize("value", [asked(DATA), answer(DATA), DATA], ids=["ml_predict", "_predict", "completion"])
def test_each_form_of_a_prediction_is_read(value: dict[str, Any]) -> None:
    assert FILTERS["chat_answer"](value) == "Wait."
    assert FILTERS["chat_usage"](value) == {
        "prompt_tokens": 12,
        "total_tokens": 37,
        "details": {"cached": 4, "share": 0.5},
    }
    assert isinstance(FILTERS["chat_usage"](value)["prompt_tokens"], int)
    assert FILTERS["chat_tool_calls"](value) == [
        {"id": "call_1", "name": "weather", "arguments": {"city": "Bern", "days": 2}}
    ]


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(
    "value",
    [
        asked(DATA, check_mode=True),
        asked({"choices": [{"message": {"content": None}}]}),
        {"choices": []},
        {"model": "tiny", "response": "", "done": True},
        {"type": "message", "content": [], "usage": {}},
        {"candidates": [{"content": {"role": "model"}}]},
        {"message": {"content": "", "tool_calls": None}},
    ],
    ids=["check mode", "null", "no choice", "completion", "Anthropic", "Gemini", "empty"],
)
def test_an_answer_without_the_part(name: str, value: dict[str, Any]) -> None:
    assert FILTERS[name](value) == NOTHING[name]


def test_answers_of_the_ollama_api() -> None:
    function = {"name": "weather", "arguments": {"city": "Bern"}}
    native = {"model": "m", "message": {"content": "", "tool_calls": [{"function": function}]}}
    assert FILTERS["chat_tool_calls"](native) == [{"id": None, **function}]
    assert FILTERS["chat_answer"]({"model": "m", "response": "hi"}) == "hi"


@pytest.mark.parametrize("arguments", ["", None, {}])
def test_a_tool_without_arguments(arguments: Any) -> None:
    message = {"tool_calls": [{"function": {"name": "now", "arguments": arguments}}]}
    assert FILTERS["chat_tool_calls"]({"message": message}) == [{"id": None, "name": "now", "arguments": {}}]


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ({"name": "f", "arguments": "{"}, "not JSON"),
        ({"name": "f", "arguments": "[1]"}, "not an object"),
        ({"name": "f", "arguments": [1]}, "not an object"),
        ({"arguments": "{}"}, "has no function name"),
        ("f", "has no function name"),
    ],
)
def test_invalid_tool_calls(function: Any, complaint: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"chat_tool_calls: .*{complaint}"):
        FILTERS["chat_tool_calls"]({"message": {"tool_calls": [{"function": function}]}})


@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("text", "expected a result of ml_predict"),
        (None, "expected a result of ml_predict"),
        ([], "expected a result of ml_predict"),
        ({}, "expected a result of ml_predict"),
        ({"changed": False, "result": "x"}, "expected a result of ml_predict"),
        # Results of other tasks.
        ({"status": 200, "content": "<html>", "json": {}}, "expected a result of ml_predict"),
        ({"rc": 0, "output": ["a"]}, "expected a result of ml_predict"),
        ({"inference_results": []}, "without a result"),
        ({"failed": True, "msg": "The model is gone", "result": None, "model_id": "m"}, "failed: The model is gone"),
    ],
)
def test_anything_else_is_refused(name: str, value: Any, complaint: str) -> None:
    with pytest.raises(AnsibleFilterError, match=f"{name}: .*{complaint}"):
        FILTERS[name](value)
