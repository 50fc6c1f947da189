# SPDX-License-Identifier: GPL-3.0-or-later
"""The options definition and src of ml_model: a pasted body."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

BODY = {
    "name": "Chat",
    "function_name": "remote",
    "description": "From a tutorial",
    "connector_id": "Local chat",
    "model_group_id": "Chats",
    "is_enabled": True,
    "rate_limiter": {"limit": "4", "unit": "MINUTES"},
    "guardrails": {"type": "local_regex", "input_guardrail": {"regex": ["secret"]}},
}
OPTIONS = {
    "name": "Chat",
    "description": "From a tutorial",
    "connector": "Local chat",
    "model_group": "Chats",
    "is_enabled": True,
    "rate_limiter": {"limit": 4, "unit": "MINUTES"},
    "guardrails": {"type": "local_regex", "input_guardrail": {"regex": ["secret"]}},
}


@pytest.fixture(autouse=True)
def connector(cluster: FakeCluster) -> str:
    return cluster.add_connector()


def apply(cluster: FakeCluster, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_model", check_mode=check_mode, **options)


def test_a_body_is_the_same_as_options(cluster: FakeCluster) -> None:
    planned = apply(cluster, check_mode=True, definition=BODY)
    made = apply(cluster, definition=BODY)
    assert (planned["actions"], planned["diff"], made["warnings"]) == (made["actions"], made["diff"], [])
    for options in ({"definition": BODY}, OPTIONS):
        assert not apply(cluster, **options)["changed"]


def test_a_file(cluster: FakeCluster, tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text("POST /_plugins/_ml/models/_register?deploy=true\n" + json.dumps(BODY))
    assert apply(cluster, src=str(file))["changed"]
    assert not apply(cluster, **OPTIONS)["changed"]


def test_options_override_and_complete(cluster: FakeCluster) -> None:
    apply(
        cluster, definition={**BODY, "connector_id": "a1eMb4kBJ1eYAeTMAljY"}, connector="Local chat", description="Ours",
        rate_limiter={"limit": 5, "unit": "MINUTES"}, deploy_setting={"is_auto_deploy_enabled": False},
    )  # fmt: skip
    [model] = cluster.models.values()
    assert (model["description"], float(model["rate_limiter"]["limit"])) == ("Ours", 5)
    assert model["deploy_setting"]["is_auto_deploy_enabled"] is False


def test_what_a_get_returns_can_be_pasted(cluster: FakeCluster, connector: str) -> None:
    model_id = cluster.add_model("Chat", connector)
    answer = {**cluster.models[model_id], "model_id": model_id, "algorithm": "REMOTE", "planning_worker_node_count": 1}
    assert not apply(cluster, definition=answer)["changed"]


def test_an_unknown_field_is_sent(cluster: FakeCluster) -> None:
    made = apply(cluster, definition={**BODY, "quota": {"tokens": 5}})
    assert "quota" in json.dumps([write.body for write in cluster.writes])
    assert "does not store quota" in str(made["warnings"])


def test_in_a_stack(cluster: FakeCluster) -> None:
    stack = {"name": "house", "models": [{"name": "Chat", "definition": BODY}], "model_groups": [{"name": "Chats"}]}
    planned = execute(cluster, "ml_stack", check_mode=True, **stack)
    done = execute(cluster, "ml_stack", **stack)
    assert (done["changed"], planned["plan"]) == (True, done["plan"])
    assert not execute(cluster, "ml_stack", **stack)["changed"]
    [model] = cluster.models.values()
    assert model["description"].startswith("From a tutorial")


def test_a_stack_finds_a_wrong_connector_and_a_missing_name(cluster: FakeCluster) -> None:
    wrong = {"models": [{"name": "Chat", "definition": {**BODY, "connector_id": "gone"}}]}
    for given, message in (
        (wrong, "no connector 'gone'"),
        ({"models": [{"definition": BODY}]}, "name: is required in a"),
    ):
        with pytest.raises(Failure, match=message):
            execute(cluster, "ml_stack", **given)
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("field", "left_in"),
    [
        ("connector_id", "<CONNECTOR_ID>"),
        ("connector_id", "YOUR_CONNECTOR_ID_FROM_STEP_3"),
        ("connector_id", "your_connector_id"),
        ("model_group_id", "<MODEL_GROUP_ID>"),
    ],
)
def test_an_id_that_the_reader_was_to_replace(cluster: FakeCluster, field: str, left_in: str) -> None:
    cluster.add_connector("Local chat")
    option = field.replace("_id", "")
    with pytest.raises(Failure) as caught:
        apply(cluster, definition={**BODY, field: left_in})
    assert caught.value.code == "placeholder_left_in"
    assert caught.value.message == (
        f"definition.{field}: {left_in!r} was not replaced by an id. Write '{option}: NAME' next to the definition instead."
    )
    assert cluster.exchanges == []
    assert apply(cluster, definition={**BODY, field: left_in}, **{option: "Local chat"})["changed"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_id_of_a_group_of_another_cluster(cluster: FakeCluster, check_mode: bool) -> None:
    """It is not the name of a new group."""
    cluster.add_connector("Local chat")
    with pytest.raises(Failure) as caught:
        apply(cluster, definition={**BODY, "model_group_id": "UylKsZQBts7fa6byEx2M"}, check_mode=check_mode)
    assert caught.value.code == "unknown_model_group"
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({**BODY, "name": None}, "name: neither the options nor the definition give the model a name"),
        ({**BODY, "name": 1}, "definition: name must be text"),
        ({**BODY, "rate_limiter": {"limit": "many"}}, "rate_limiter.limit must be a number"),
        ({**BODY, "function_name": "TEXT_EMBEDDING"}, "kind TEXT_EMBEDDING, which runs on the nodes"),
        ({"name": "Chat", "algorithm": "SPARSE_ENCODING"}, "kind SPARSE_ENCODING, which runs on the nodes"),
        (
            {"name": "amazon/neural-sparse/tokenizer", "version": "1.0.1", "model_format": "TORCH_SCRIPT"},
            "has a 'model_format', so it runs on the nodes",
        ),
        ({"name": "Chat", "connector": "x"}, "the model has a connector of its own"),
        (
            {"name": "Chat", "connector": {"protocol": "http", "actions": []}},
            "the body of a model with a connector in it",
        ),
        ({"llm": {}, "tools": []}, "definition is the body of an agent. Use ml_agent"),
    ],
)
def test_refused(cluster: FakeCluster, definition: Any, message: str) -> None:
    with pytest.raises(Failure, match=message) as caught:
        apply(cluster, definition=definition)
    assert caught.value.code == "invalid_input"
    assert cluster.exchanges == []
