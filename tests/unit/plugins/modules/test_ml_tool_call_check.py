# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_tool_call_check from its arguments to its result. The verdicts are in module_utils/_operations/test_tool_calls.py."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]


def test_a_model_that_calls_tools(module: Runner, cluster: FakeCluster) -> None:
    tool_models.serve(cluster, tool_models.works)
    result = module("ml_tool_call_check", cluster, model="Agent model")
    assert (result["verdict"], result["works"], result["remedy"], result["asked"]) == ("works", True, "", True)
    assert [message["role"] for message in result["messages"]] == ["user", "assistant", "tool", "assistant"]
    assert (result["changed"], result["actions"]) == (False, [])
    assert len(cluster.predictions) == 2


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("no_call", "tool_not_called"), ("endless_calls", "tool_called_endlessly"), ("refused", "backend_without_tools")],
)
def test_a_defect_fails_or_warns(module: Runner, cluster: FakeCluster, verdict: str, code: str) -> None:
    tool_models.serve(cluster, tool_models.MODELS[verdict])
    result = module("ml_tool_call_check", cluster, model="Agent model")
    assert result["failed"]
    failure = result["failure"]
    assert (failure["code"], failure["details"]["verdict"]) == (code, verdict)
    assert failure["remedy"] in result["msg"]

    result = module("ml_tool_call_check", cluster, model="Agent model", on_defect="warn")
    assert (result["verdict"], result["works"]) == (verdict, False)
    assert result["remedy"] == failure["remedy"]
    [warning] = result["warnings"]
    assert result["evidence"] in warning


def test_the_number_of_predictions(module: Runner, cluster: FakeCluster) -> None:
    tool_models.serve(cluster, tool_models.MODELS["endless_calls"])
    module("ml_tool_call_check", cluster, model="Agent model", max_predictions=2)
    assert len(cluster.predictions) == 2
    result = module("ml_tool_call_check", cluster, model="Agent model", max_predictions=1)
    assert result["failure"]["code"] == "invalid_input"


def test_check_mode_does_not_ask(module: Runner, cluster: FakeCluster) -> None:
    tool_models.serve(cluster, tool_models.works)
    for name in ("Agent model", "Later"):
        result = module("ml_tool_call_check", cluster, check_mode=True, model=name)
        assert (result["asked"], result["verdict"], result["works"]) == (False, None, None)
        assert bool(result["model_id"]) is (name == "Agent model")
    assert cluster.predictions == []


def test_a_connector_that_sends_no_tools(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_model("Chat", cluster.add_connector())
    result = module("ml_tool_call_check", cluster, model="Chat")
    assert result["failure"]["code"] == "connector_without_tools"
    assert "capability: agent" in result["failure"]["remedy"]
    assert cluster.predictions == []


def test_an_old_server(module: Runner, cluster: FakeCluster) -> None:
    tool_models.serve(cluster, tool_models.works)
    cluster.version = "2.19.1"
    result = module("ml_tool_call_check", cluster, model="Agent model")
    assert result["failure"]["code"] == "unsupported_version"
    assert cluster.predictions == []
