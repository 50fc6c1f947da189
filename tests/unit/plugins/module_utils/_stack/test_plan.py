# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a stack: from few reads, never from stale searches, and with the ownership label."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.declaration import Declaration, parse_items
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.plan import Purpose, make_plan
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.read_snapshot import (
    read_and_plan,
    read_snapshot,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.sections import Section
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import make_run, run_module
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import (
    actions_of,
    apply_stack,
    chat_stack,
    connector,
)


def test_connectors_in_use_are_swapped_and_models_updated_in_place(cluster: FakeCluster) -> None:
    apply_stack(cluster, **chat_stack())
    old = {body["name"]: id_ for id_, body in cluster.connectors.items()}
    cluster.exchanges.clear()
    changed = chat_stack(connectors=[connector("A", parameters={"model": "other"}), connector("B", description="New")])
    changed["models"][1]["description"] = "Changed"
    planned = apply_stack(cluster, check_mode=True, **changed)
    assert not cluster.writes
    result = apply_stack(cluster, **changed)
    assert actions_of(result) == actions_of(planned) == [
        ("swap", "connector", "A"), ("swap", "connector", "B"), ("update", "model", "Chat B"),
    ]  # fmt: skip
    assert result["plan"] == [
        "~ change connector 'A' (swap): parameters",
        "~ change connector 'B' (swap): description",
        "~ change model 'Chat B' (in place): description",
    ]
    assert result["changes"] == planned["changes"]
    new = {body["name"]: id_ for id_, body in cluster.connectors.items()}
    assert set(old.values()) & set(new.values()) == set()
    assert actions_of(apply_stack(cluster, **changed)) == []


def test_stale_search_results_cause_no_change(cluster: FakeCluster) -> None:
    apply_stack(cluster, **chat_stack())
    model_id = next(id_ for id_, body in cluster.models.items() if body["name"] == "Chat A")
    cluster.state_lag = 5
    cluster.call("POST", f"{ML}/models/{model_id}/_undeploy")
    cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
    cluster.models[model_id]["model_state"] = "DEPLOYED"
    assert actions_of(apply_stack(cluster, **chat_stack())) == []


def test_existing_object_keeps_its_label(cluster: FakeCluster) -> None:
    cluster.add_connector("A", description="Mine (stack: other)")
    apply_stack(cluster, **chat_stack(connectors=[connector("A", description="Ours"), connector("B")]))
    assert {body["name"]: body.get("description") for body in cluster.connectors.values()} == {
        "A": "Ours (stack: other)",
        "B": "(stack: chat)",
    }


def test_stack_without_a_name_labels_nothing(cluster: FakeCluster) -> None:
    apply_stack(cluster, **{**chat_stack(), "name": None})
    assert "stack:" not in cluster.snapshot()


@pytest.mark.parametrize("number", [3, 30])
def test_number_of_reads_does_not_grow_with_number_of_objects(cluster: FakeCluster, number: int) -> None:
    many = {
        "connectors": [connector(f"C{n}") for n in range(number)],
        "models": [{"name": f"M{n}", "connector": f"C{n}"} for n in range(number)],
    }
    apply_stack(cluster, **many)
    cluster.exchanges.clear()
    assert actions_of(apply_stack(cluster, **many)) == []
    assert len(cluster.exchanges) <= 5


def test_unreachable_cluster_is_not_a_problem_of_the_declaration(cluster: FakeCluster) -> None:
    # Only the tasks of items read this path.
    cluster.before("GET", "/", lambda: cluster.crash("refused", 0))
    with pytest.raises(Failure) as raised:
        apply_stack(cluster, **chat_stack())
    assert raised.value.code == "unreachable"
    assert cluster.writes == []


@pytest.mark.parametrize("version", ["3.6.0", "2.19.1"])
def test_plan_is_a_function_of_the_snapshot(version: str) -> None:
    cluster = FakeCluster(version)
    apply_stack(cluster, **chat_stack())
    client = make_run(cluster).client
    changed = chat_stack(connectors=[connector("A", description="New"), connector("B")], agents=[])
    declaration = Declaration(parse_items(changed).items)
    snapshot = read_snapshot(client, declaration, whole=True)
    purpose = Purpose("chat", "managed")
    plan = read_and_plan(client, declaration, snapshot, purpose)
    before, sent = snapshot.copy(), len(cluster.exchanges)
    assert make_plan(declaration, snapshot, purpose) == plan
    assert [step.actions[0]["action"] for step in plan.changing()] == ["swap", "delete"]
    assert (before.is_same(snapshot), len(cluster.exchanges)) == (True, sent)


@pytest.mark.parametrize("version", ["3.6.0", "2.19.1"])
def test_each_item_is_executed_for_the_plan_to_apply_and_to_verify(
    version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a run that has to take the lock, if no other controller writes until it has it."""
    executed: list[str] = []
    execute = Section.execute

    def count(self: Section, params: Any, run: Any) -> Any:
        executed.append(str(params["name"]))
        return execute(self, params, run)

    cluster = FakeCluster(version)
    stack = {option: each for option, each in chat_stack().items() if option in ("connectors", "models")}
    assert not run_module("ml_stack", stack, cluster, []).get("failed")
    monkeypatch.setattr(Section, "execute", count)
    stack["connectors"][0]["description"] = "New"
    result = run_module("ml_stack", stack, cluster, [])
    assert [action["action"] for action in result["actions"]] == ["swap"]
    # A first plan ends where it needs the version, which this server does not send with its answers.
    assert executed.count("A") <= 4
    assert executed.count("Chat B") <= 3


def test_absent_limits_of_a_model(cluster: FakeCluster) -> None:
    limits = {"model": "Chat", "user_rate_limiter": {"ann": {"limit": 1, "unit": "DAYS"}}}
    apply_stack(cluster, connectors=[connector("A")], models=[{"name": "Chat", "connector": "A"}], controllers=[limits])
    for check_mode in (True, False):
        done = apply_stack(cluster, check_mode=check_mode, controllers=[{"model": "Chat", "state": "absent"}])
        assert actions_of(done) == [("delete", "controller", "Chat")]


def test_agents_that_use_each_other_do_not_keep_others_from_their_order(cluster: FakeCluster) -> None:
    apply_stack(cluster, connectors=[connector("C")], models=[{"name": "A", "connector": "C"}])
    guardrails = {"type": "model", "input_guardrail": {"model_id": "A", "response_validation_regex": "x"}}
    apply_stack(cluster, models=[{"name": "B", "connector": "C", "guardrails": guardrails}])
    first = cluster.add_agent("First")
    second = cluster.add_agent("Second", tools=[{"type": "AgentTool", "parameters": {"agent_id": first}}])
    cluster.agents[first]["tools"] = [{"type": "AgentTool", "parameters": {"agent_id": second}}]
    gone = {"state": "absent", "delete_in_use": True}
    done = apply_stack(
        cluster,
        agents=[{"name": "First", **gone}, {"name": "Second", **gone}],
        models=[{"name": "A", "state": "absent"}, {"name": "B", "state": "absent"}],
    )
    assert [name for action, kind, name in actions_of(done) if kind in ("agent", "model")] == [
        "First",
        "Second",
        "B",
        "A",
    ]


@pytest.mark.parametrize("first", ["A", "B"])
@pytest.mark.parametrize("section", ["agents", "models"])
@pytest.mark.parametrize("by", ["absent", "managed", "all"])
def test_users_of_the_same_kind_are_deleted_first(cluster: FakeCluster, section: str, first: str, by: str) -> None:
    """An agent that another one asks, and the model of another one's guardrails."""
    used, user = ("A", "B") if first == "A" else ("B", "A")
    declared: dict[str, Any] = {"connectors": [connector("C")]}
    if section == "models":
        guardrails = {"type": "model", "input_guardrail": {"model_id": used, "response_validation_regex": "x"}}
        declared["models"] = [
            {"name": used, "connector": "C"},
            {"name": user, "connector": "C", "guardrails": guardrails},
        ]
    else:
        asks = {"type": "AgentTool", "parameters": {"agent_id": f"${{agent:{used}}}"}}
        declared["agents"] = [
            {"name": used, "type": "flow", "tools": [{"type": "ListIndexTool"}]},
            {"name": user, "type": "flow", "tools": [asks]},
        ]
    apply_stack(cluster, name="chat", **declared)
    if by == "absent":
        gone: dict[str, Any] = {section: [{"name": name, "state": "absent"} for name in ("A", "B")]}
    else:
        gone = {section: [], "prune": by, "prune_confirm": "double"}
    given = {"name": "chat", "connectors": declared["connectors"], **gone}
    planned = apply_stack(cluster, check_mode=True, **given)
    done = apply_stack(cluster, **given)
    kind = section[:-1]
    assert actions_of(done) == actions_of(planned)
    assert [action for action in actions_of(done) if action[1] == kind] == [
        ("delete", kind, user),
        ("delete", kind, used),
    ]
