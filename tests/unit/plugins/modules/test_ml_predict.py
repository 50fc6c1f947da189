# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_predict from its arguments to its result. Details are in module_utils/_operations/test_predict.py."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import QUESTION

Runner = Callable[..., dict[str, Any]]


@pytest.fixture
def served(cluster: FakeCluster) -> FakeCluster:
    cluster.add_model("Chat", cluster.add_connector())
    return cluster


def test_an_answer(module: Runner, served: FakeCluster) -> None:
    result = module("ml_predict", served, model="Chat", **QUESTION, expect_pattern="[Ss]catter")
    assert result["content"] == "Light is scattered."
    assert (result["changed"], result["actions"], result["status"]) == (False, [], 200)


def test_check_mode_sends_no_prediction(module: Runner, served: FakeCluster) -> None:
    result = module("ml_predict", served, check_mode=True, model="Chat", **QUESTION)
    assert (result["content"], result["request"]) == ("(not asked in check mode)", {"parameters": QUESTION})
    assert served.predictions == []


def test_a_failure(module: Runner, served: FakeCluster) -> None:
    def backend(*sent: Any) -> Any:
        raise Refused(404, "Error from remote service: model 'tiny' not found, try pulling it first")

    served.backend = backend
    result = module("ml_predict", served, model="Chat", **QUESTION)
    assert result["failed"]
    assert result["failure"]["code"] == "backend_model_missing"
    assert result["changed"] is False
