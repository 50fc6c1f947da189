# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_agent_execute: the request, the parsed answer, and input that is refused."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import run_agent
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused, error, hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, get, post

Runner = Callable[..., dict[str, Any]]
NAME = "ml_agent_execute"
AGENT = "/_plugins/_ml/agents"
ASK = {"agent": "House agent", "question": "Why?"}


@pytest.mark.parametrize("answer", [{"response": "Because."}, "Because."])
def test_an_answer(module: Runner, cluster: FakeCluster, answer: Any) -> None:
    agent_id = cluster.add_agent()
    cluster.agent_answer = answer
    result = module(NAME, cluster, **ASK, parameters={"n": 1}, expect_pattern="^Bec")
    assert (result["changed"], result["actions"], result["content"]) == (False, [], "Because.")
    assert result["memory"] == {"memory_id": "mem-1", "parent_interaction_id": "int-1"}
    assert cluster.agent_runs == [(agent_id, {"n": 1, "question": "Why?"})]


def test_check_mode_runs_no_agent(module: Runner, cluster: FakeCluster) -> None:
    for agent_id in (None, cluster.add_agent()):
        result = module(NAME, cluster, **ASK, check_mode=True)
        if agent_id:
            assert (result["agent_id"], result["content"]) == (agent_id, "(not asked in check mode)")
        assert result["request"] == {"parameters": {"question": "Why?"}}
    assert cluster.agent_runs == []


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"agent": "nope", "question": "x"}, "unknown_agent"),
        ({"agent": "House agent"}, "invalid_input"),
        ({**ASK, "expect_pattern": "("}, "invalid_pattern"),
    ],
)
def test_bad_input(module: Runner, cluster: FakeCluster, args: dict[str, Any], code: str) -> None:
    cluster.add_agent()
    assert module(NAME, cluster, **args)["failure"]["code"] == code
    assert cluster.agent_runs == []


def test_an_unexpected_answer(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_agent()
    assert module(NAME, cluster, **ASK, expect_pattern="red")["failure"]["code"] == "pattern_mismatch"
    cluster.agent_answer = ""
    assert module(NAME, cluster, **ASK)["failure"]["code"] == "empty_content"
    assert module(NAME, cluster, **ASK, expect_content=False)["content"] == ""


def test_the_details_of_a_failed_run(module: Runner, script: Callable[..., Script]) -> None:
    source = {"name": "House agent", "type": "flow"}
    refused = error(400, "IllegalArgumentException", "Invalid Request")
    refused["error"]["details"] = "Tool not found: ListIndexTool"
    steps = script(
        post(f"{AGENT}/_search").answers(200, hits(("a1", source))),
        get(f"{AGENT}/a1").answers(200, source),
        post(f"{AGENT}/a1/_execute").answers(400, refused),
    )
    failure = module(NAME, steps, **ASK)["failure"]
    assert (failure["code"], "ListIndexTool" in failure["message"]) == ("unknown_tool", True)


def test_a_loading_backend_is_retried(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_agent()
    source = {
        "status": 503,
        "error": {"type": "x", "reason": "System Error", "details": "Error from remote service: loading"},
    }
    plain = cluster._agents_post_execute
    failures = [2]

    def loading(*args: Any, **kwargs: Any) -> Any:
        failures[0] -= 1
        if failures[0] >= 0:
            refused = Refused(503, "")
            refused.body = source
            raise refused
        return plain(*args, **kwargs)

    cluster._agents_post_execute = loading  # type: ignore[method-assign] # for this test alone
    assert module(NAME, cluster, **ASK)["content"] == "Because of scattering."


def test_outputs_of_tools() -> None:
    outputs = [{"name": "memory_id", "result": "m"}, {"name": "first", "result": "1"}, {"name": "chat", "result": "2"}]
    assert run_agent.parse({"inference_results": [{"output": outputs}]}).content == "2"
    assert run_agent.parse({"inference_results": []}).content is None
    with pytest.raises(Failure):
        run_agent.parse({"x": 1})
