# SPDX-License-Identifier: GPL-3.0-or-later
"""Predictions: parsing of answers, expectations, and retries while a backend is loading."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import chat_answer, predict
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations.predict import Expectation, Question
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import prediction as answer
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import QUESTION


@pytest.fixture
def served(cluster: FakeCluster) -> FakeCluster:
    cluster.add_model("Chat", cluster.add_connector())
    return cluster


def ask(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_predict", **{"model": "Chat", **QUESTION, **options})


def message(**fields: Any) -> dict[str, Any]:
    return answer({"choices": [{"message": {"role": "assistant", **fields}}]})


class TestParsing:
    @pytest.mark.parametrize(
        ("data", "content"),
        [
            ({"choices": [{"message": {"content": "hi"}}]}, "hi"),
            ({"choices": [{"message": {"content": [{"type": "text", "text": "h"}, {"text": "i"}, "x"]}}]}, "hi"),
            ({"choices": [{"text": "hi"}]}, "hi"),
            ({"choices": [{"message": None}]}, None),
            ({"choices": []}, None),
            ({"choices": "x"}, None),
            ({"message": {"content": "hi"}}, "hi"),
            ({"response": "hi"}, "hi"),
            (
                {"output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}}, "stopReason": "end_turn"},
                "hi",
            ),
            ({"type": "message", "content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}, "hi"),
            ({"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}}]}, "hi"),
            ({"choices": [{"message": {"content": 5}}]}, None),
            ({}, None),
            ([1], None),
            ("text", None),
        ],
    )
    def test_content(self, data: Any, content: str | None) -> None:
        assert chat_answer.parse_prediction(answer(data)).content == content

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (
                '{"message": {"content": "Po"}, "done": false}\n{"message": {"content": "ng"}, "done": true}\n',
                "backend_streams",
            ),
            ('data: {"choices": []}\n\ndata: [DONE]\n', "backend_streams"),
            ("event: message_start\ndata: {}\n", "backend_streams"),
            ("<!doctype html>\n<html></html>", "backend_not_json"),
            ("<HTML lang='en'>", "backend_not_json"),
        ],
    )
    def test_an_answer_that_is_no_json(self, text: str, code: str) -> None:
        """3.6.0 answers the first one with success, so that the raw stream was taken for the model's text."""
        with pytest.raises(Failure, match="not a JSON object") as caught:
            chat_answer.parse_prediction(answer({"response": text}))
        assert caught.value.code == code

    @pytest.mark.parametrize(
        "text",
        ["<think>x</think> hi", "data is text", "<p>html</p>", '{"a": 1}', '{"a": 1}\n{"b": 2}', "5\n6", "data:"],
    )
    def test_text_that_a_filter_has_taken_from_the_answer(self, text: str) -> None:
        assert chat_answer.parse_prediction(answer({"response": text})).content == text

    def test_the_other_fields(self) -> None:
        data = {
            "choices": [{"message": {"content": "hi", "reasoning_content": "hm"}}],
            "usage": {"total_tokens": 3},
            "timings": {"predicted_ms": 5},
        }
        read = chat_answer.parse_prediction(answer(data, 201))
        assert read == (201, data, "hi", "hm", {"total_tokens": 3}, {"predicted_ms": 5}, [], None)
        assert chat_answer.parse_prediction(message(content="x", reasoning="hm")).reasoning == "hm"

    def test_an_output_without_dataAsMap(self) -> None:
        body = {"inference_results": [{"output": [{"name": "response", "result": "x"}], "status_code": 200}]}
        assert chat_answer.parse_prediction(body).body == {"name": "response", "result": "x"}

    def test_several_outputs(self) -> None:
        """Of one request, or of one request for each text ('input_docs_processed_step_size')."""
        tensors = [{"name": "sentence_embedding", "data_type": "FLOAT32", "data": [number]} for number in (0.5, 0.25)]
        one = {"inference_results": [{"output": tensors, "status_code": 200}]}
        two = {"inference_results": [{"output": [tensor], "status_code": 200} for tensor in tensors]}
        for body in (one, two):
            assert chat_answer.parse_prediction(body).body == {"output": tensors}

    @pytest.mark.parametrize(
        "body",
        [{}, {"inference_results": []}, {"inference_results": [{"output": []}]}, [], "x", None, {"inference_results": [1]},
         {"inference_results": [{"output": ["x"]}]}, {"inference_results": [{"output": [{}], "status_code": "x"}]}],
    )  # fmt: skip
    def test_answers_that_are_not_predictions(self, body: Any) -> None:
        with pytest.raises(Failure, match="without a result") as caught:
            chat_answer.parse_prediction(body)
        assert caught.value.code == "not_opensearch"


OPENAI_EMBEDDING = {"object": "list", "data": [{"index": 0, "embedding": [0.5, -0.5]}], "usage": {}}


def processed(name: str) -> dict[str, Any]:
    """An answer that ML Commons has made of the backend's by the connector's 'post_process_function'."""
    output = {"name": name, "data_type": "FLOAT32", "shape": [2], "data": [0.5, -0.5]}
    return {"inference_results": [{"output": [output], "status_code": 200}]}


def tensors(*values: list[float]) -> dict[str, Any]:
    """An answer with several vectors."""
    outputs = [{"name": "sentence_embedding", "data_type": "FLOAT32", "data": each} for each in values]
    return {"inference_results": [{"output": outputs, "status_code": 200}]}


class TestExpectations:
    @pytest.mark.parametrize(
        ("reply", "options", "code"),
        [
            (message(content="hi"), {"expect_status": [201]}, "unexpected_status"),
            (message(content=""), {}, "empty_content"),
            (message(content=" \n"), {}, "empty_content"),
            (message(content=None), {}, "empty_content"),
            (message(content="", reasoning_content="Hmm"), {}, "reasoning_only"),
            (message(content=None, reasoning="Hmm", refusal=None), {}, "reasoning_only"),
            (answer(OPENAI_EMBEDDING), {"expect_pattern": "x"}, "pattern_mismatch"),
            (answer({"data": [{"index": 0, "embedding": []}]}), {}, "empty_numbers"),
            (answer({"results": [{"index": 0, "relevance_score": None}]}), {}, "empty_numbers"),
            (answer({"flagged": False}), {}, "unknown_shape"),
            (tensors([0.5], []), {}, "empty_numbers"),
            (message(content="hi"), {"expect_pattern": "^ho$"}, "pattern_mismatch"),
            (message(content=""), {"expect_content": False, "expect_pattern": "x"}, "pattern_mismatch"),
        ],
    )
    def test_an_unexpected_answer_fails(
        self, served: FakeCluster, reply: Any, options: dict[str, Any], code: str
    ) -> None:
        served.backend = lambda *sent: reply
        with pytest.raises(Failure) as caught:
            ask(served, **options)
        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("reply", "options"),
        [
            (message(content=""), {"expect_content": False}),
            (answer({"choices": []}, 202), {"expect_content": False, "expect_status": [200, 202]}),
            (message(content="Light is scattered."), {"expect_pattern": "[Ss]catter"}),
            (answer({"choices": [{"text": "Light"}]}), {}),
            (answer(OPENAI_EMBEDDING), {}),
            (answer({"embeddings": [[0.5, -0.5]]}), {}),
            (tensors([0.5], [0.25]), {}),
            (answer({"results": [{"index": 0, "relevance_score": 0.9}]}), {}),
            (processed("sentence_embedding"), {}),
            (processed("similarity"), {}),
        ],
    )
    def test_an_expected_answer(self, served: FakeCluster, reply: Any, options: dict[str, Any]) -> None:
        served.backend = lambda *sent: reply
        assert not ask(served, **options)["changed"]


def test_the_result(served: FakeCluster) -> None:
    result = ask(served, parameters={"temperature": 0})
    [model_id] = served.models
    assert result["model_id"] == model_id
    assert result["content"] == "Light is scattered."
    assert result["usage"]["total_tokens"] == 8
    assert result["elapsed"] == 0.0
    assert result["request"] == {"parameters": {**QUESTION, "temperature": 0}}
    assert result["actions"] == []


def test_check_mode_sends_no_prediction(served: FakeCluster) -> None:
    result = ask(served, check_mode=True)
    assert served.predictions == []
    assert (result["content"], result["result"]) == ("(not asked in check mode)", None)
    assert result["request"] == {"parameters": QUESTION}
    assert "elapsed" not in result


def test_check_mode_accepts_a_missing_model(cluster: FakeCluster) -> None:
    assert ask(cluster, check_mode=True)["model_id"] is None
    with pytest.raises(Failure) as caught:
        ask(cluster)
    assert caught.value.code == "unknown_model"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"messages": None}, "invalid_input"),
        ({"expect_pattern": "("}, "invalid_pattern"),
    ],
)
def test_refused_before_anything_is_sent(served: FakeCluster, options: dict[str, Any], code: str) -> None:
    options = {name: value for name, value in {"model": "Chat", **QUESTION, **options}.items() if value is not None}
    with pytest.raises(Failure) as caught:
        execute(served, "ml_predict", **options)
    assert caught.value.code == code
    assert served.exchanges == []


def test_streaming_is_refused_by_versions_that_never_answer() -> None:
    for version, refused in (("2.19.1", False), ("3.6.0", True)):
        cluster = FakeCluster(version)
        cluster.add_model("Chat", cluster.add_connector())
        if not refused:
            assert ask(cluster, parameters={"stream": False})["content"]
            continue
        with pytest.raises(Failure, match="'stream'") as caught:
            ask(cluster, parameters={"stream": False})
        assert caught.value.code == "invalid_input"
        assert cluster.predictions == []


def failing(*refusals: Refused, then: Any = None) -> Callable[..., Any]:
    remaining = list(refusals)

    def backend(*sent: Any) -> Any:
        if remaining:
            raise remaining.pop(0)
        return then or message(content="at last")

    return backend


LOADING = Refused(503, 'Error from remote service: {"error": {"message": "Loading model"}}')
BUSY = Refused(429, "Error from remote service: too many requests")
TIMEOUT = Refused(500, "Error communicating with remote model: Read timed out")
#: Of 3.8 and later, from the published source.
POOL = Refused(
    429, "Error communicating with remote model: Acquire operation took longer than the configured maximum time"
)


class TestRetries:
    def test_transient_failures_are_retried(self, served: FakeCluster) -> None:
        served.backend = failing(LOADING, BUSY, TIMEOUT, POOL)
        assert ask(served)["content"] == "at last"
        assert len(served.predictions) == 5

    @pytest.mark.parametrize(
        ("refusal", "code"),
        [
            (Refused(401, "Error from remote service: wrong key"), "backend_unauthorized"),
            (Refused(404, "Error from remote service: model 'x' not found"), "backend_model_missing"),
            (Refused(500, "Error communicating with remote model: Connection refused: a/b:1"), "backend_refused"),
            (Refused(400, "Remote inference host name has private ip address: a"), "private_address_refused"),
            (Refused(403, "Model is disabled."), "model_disabled"),
            (Refused(429, "Request is throttled at model level."), "rate_limited"),
        ],
    )
    def test_other_failures_are_raised_at_once(self, served: FakeCluster, refusal: Refused, code: str) -> None:
        served.backend = failing(refusal)
        with pytest.raises(Failure) as caught:
            ask(served)
        assert caught.value.code == code
        assert len(served.predictions) == 1

    def test_retries_end_after_the_timeout(self, served: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
        served.backend = failing(*[LOADING] * 99)
        clock = FakeClock()
        run = make_run(served, clock=clock)
        [model_id] = served.models
        lines: list[str] = []
        monkeypatch.setattr(run, "report_waiting", lines.append)
        with pytest.raises(Failure) as caught:
            predict.predict_with_retries(
                run, Question(model_id, {"parameters": QUESTION}, 9.0), Expectation(), retry_for=20.0
            )
        assert lines == [f"waiting for an answer: {caught.value.message}"] * len(clock.slept)
        assert caught.value.code == "backend_loading"
        assert 10 < sum(clock.slept) <= 20
        assert run.client.retries == len(clock.slept) == len(served.predictions) - 1
        assert max(clock.slept) == 5.0

    def test_elapsed_is_the_time_of_the_last_try(self, served: FakeCluster) -> None:
        """Without failed tries and the pauses between tries."""
        clock = FakeClock()
        reply = failing(LOADING, BUSY)

        def slow(*sent: Any) -> Any:
            clock.time += 2.25
            return reply(*sent)

        served.backend = slow
        [model_id] = served.models
        run = make_run(served, clock=clock)
        answered = predict.predict_with_retries(
            run, Question(model_id, {"parameters": QUESTION}, 9.0), Expectation(), retry_for=60.0
        )
        assert answered.elapsed == 2.25
        assert clock.now() > 1000 + 3 * 2.25

    def test_a_lost_answer_is_not_retried(self, served: FakeCluster) -> None:
        served.fail_next("POST", "/_predict", "lost_after")
        with pytest.raises(Failure) as caught:
            ask(served)
        assert caught.value.code == "no_answer"
        assert len(served.predictions) == 1

    def test_the_timeout_of_one_answer_is_sent(self, script: Callable[..., Any]) -> None:
        from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import post

        sent = script(post("/_plugins/_ml/models/m/_predict").answers(200, message(content="hi")))
        predict.predict(make_run(sent).client, Question("m", {"parameters": QUESTION}, 77.0))
        assert sent.sent[0][4] == 77.0
