# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pruning deletes what is not declared, and keeps what is still used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import (
    actions_of,
    apply_stack,
    chat_stack,
    connector,
)


def test_managed_deletes_only_what_the_stack_created(cluster: FakeCluster) -> None:
    cluster.add_connector("Theirs")
    cluster.add_model("Their model", cluster.add_connector("Theirs too", description="(stack: chat2)"))
    none: dict[str, list[Any]] = {option: [] for option in ("model_groups", "controllers", "agents", "pipelines")}
    models = [{"name": "MX", "connector": "X"}]
    apply_stack(cluster, **chat_stack(name="other", connectors=[connector("X")], models=models, **none))
    before = json.loads(cluster.snapshot())
    apply_stack(cluster, **chat_stack())
    planned = apply_stack(cluster, name="chat", prune="managed", check_mode=True)
    result = apply_stack(cluster, name="chat", prune="managed")
    assert actions_of(result) == actions_of(planned)
    assert {action["action"] for action in result["actions"]} == {"delete"}
    assert {action["reason"] for action in result["actions"]} == {"It is on the cluster and not declared."}
    after = json.loads(cluster.snapshot())
    assert after[:7] == before[:7]
    assert actions_of(apply_stack(cluster, name="chat", prune="managed")) == []


def test_managed_keeps_objects_that_existed_before(cluster: FakeCluster) -> None:
    cluster.add_connector("A")
    apply_stack(cluster, **chat_stack())
    apply_stack(cluster, name="chat", prune="managed")
    assert [body["name"] for body in cluster.connectors.values()] == ["A"]


def test_connector_used_by_another_model_is_kept(cluster: FakeCluster) -> None:
    apply_stack(cluster, **chat_stack())
    connector_id = next(id_ for id_, body in cluster.connectors.items() if body["name"] == "A")
    cluster.add_model("Theirs", connector_id)
    result = apply_stack(cluster, name="chat", prune="managed")
    assert [body["name"] for body in cluster.connectors.values()] == ["A"]
    assert any("is kept, as model 'Theirs' uses it" in warning for warning in result["warnings"])


def test_objects_used_by_other_agents_and_guardrails_are_kept(cluster: FakeCluster) -> None:
    apply_stack(cluster, **chat_stack())
    ids = {body["name"]: id_ for id_, body in [*cluster.connectors.items(), *cluster.models.items()]}
    theirs = cluster.add_connector("Theirs")
    cluster.add_agent("Caller", tools=[{"type": "ListIndexTool", "parameters": {"connector_id": ids["A"]}}])
    guard = {"type": "model", "input_guardrail": {"model_id": ids["Chat B"], "response_validation_regex": "x"}}
    cluster.add_model("Their model", theirs, guardrails=guard)
    options = {"name": "chat", "prune": "managed"}
    planned = apply_stack(cluster, **options, check_mode=True)
    result = apply_stack(cluster, **options)
    assert actions_of(result) == actions_of(planned)
    assert sorted(body["name"] for body in cluster.connectors.values()) == ["A", "B", "Theirs"]
    assert sorted(body["name"] for body in cluster.models.values()) == ["Chat B", "Their model"]
    assert sorted(warning.partition(" (")[0] for warning in result["warnings"]) == [
        "connectors: 'A'", "connectors: 'B'", "models: 'Chat B'",
    ]  # fmt: skip
    assert actions_of(apply_stack(cluster, **options)) == []


@pytest.mark.parametrize("section", ["agents", "pipelines"])
def test_objects_used_by_newly_declared_items_are_kept(cluster: FakeCluster, section: str) -> None:
    both = chat_stack(agents=[], pipelines=[])
    apply_stack(cluster, **both)
    new: dict[str, Any] = {"name": "New"}
    if section == "agents":
        new.update(type="flow", tools=[{"type": "MLModelTool", "parameters": {"model_id": "${model:Chat B}"}}])
    else:
        new.update(type="ingest", definition={"processors": [{"ml_inference": {"model_id": "${model:Chat B}"}}]})
    less = {**both, "models": both["models"][:1], "prune": "managed", section: [new]}
    planned = apply_stack(cluster, **less, check_mode=True)
    result = apply_stack(cluster, **less)
    assert actions_of(result) == actions_of(planned)
    assert sorted(body["name"] for body in cluster.models.values()) == ["Chat A", "Chat B"]
    assert actions_of(apply_stack(cluster, **less)) == []


def test_executors_are_deleted_with_their_agents(cluster: FakeCluster) -> None:
    plan = {"type": "plan_execute_and_reflect", "llm": {"model_id": "Chat A"}, "parameters": {"x": "1"}}
    agents = [{"name": "Planner", **plan}, {"name": "Going", **plan}]
    apply_stack(cluster, **chat_stack(agents=agents))
    assert len(cluster.agents) == 4
    options = {"prune": "all", "prune_confirm": "double", "agents": agents[:1]}
    planned = apply_stack(cluster, **options, check_mode=True)
    result = apply_stack(cluster, **options)
    assert actions_of(result) == actions_of(planned) == [("delete", "agent", "Going")]
    assert result["warnings"] == []
    assert sorted(body["name"] for body in cluster.agents.values()) == ["Planner", "Planner (ReAct)"]


def test_all_deletes_everything_else_in_the_given_sections(cluster: FakeCluster) -> None:
    cluster.add_model("Theirs", cluster.add_connector("Theirs"))
    apply_stack(cluster, **chat_stack())
    result = apply_stack(
        cluster, prune="all", prune_confirm="double", connectors=[connector("B")], models=[], agents=[], pipelines=[],
    )  # fmt: skip
    assert (len(cluster.connectors), cluster.models, cluster.agents) == (1, {}, {})
    assert len(cluster.groups) == 3
    assert result["changed"]


def test_memory_containers_are_pruned_after_their_agents_and_before_their_models(cluster: FakeCluster) -> None:
    memory = {"type": "agentic_memory", "memory_container_id": "House memory"}
    apply_stack(
        cluster,
        **chat_stack(
            memory_containers=[{"name": "House memory", "configuration": {"llm_id": "Chat A"}}],
            agents=[{"name": "Flow", "type": "conversational_flow", "memory": memory}],
        ),
    )
    [container] = cluster.memory_containers.values()
    assert container["description"] == "(stack: chat)"
    result = apply_stack(cluster, name="chat", prune="managed")
    deleted = [name for _action, _kind, name in actions_of(result) if name in ("Flow", "House memory", "Chat A")]
    assert deleted[:3] == ["Flow", "House memory", "Chat A"]
    assert (cluster.memory_containers, cluster.memory_indexes) == ({}, {"default-sessions", "default-working"})


def test_a_memory_container_keeps_its_model(cluster: FakeCluster) -> None:
    apply_stack(cluster, **chat_stack())
    model = next(id_ for id_, body in cluster.models.items() if body["name"] == "Chat A")
    cluster.add_memory_container("Theirs", configuration={"llm_id": model})
    result = apply_stack(cluster, name="chat", prune="managed")
    assert [body["name"] for body in cluster.models.values()] == ["Chat A"]
    assert any(warning.startswith("models: 'Chat A'") for warning in result["warnings"])
