# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of ml_model: to each state from each state, by the model's real state and not by what answers say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds import model as models
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import deploy as deployment
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import deploy_errors as deploy_reasons
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._operations import register
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.models import VERSION_CONFLICT
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, make_run

NEW = {"name": "Chat", "connector": "Local chat"}
STATES = ("REGISTERED", "DEPLOYED", "PARTIALLY_DEPLOYED", "DEPLOY_FAILED", "UNDEPLOYED")


@pytest.fixture
def ready(cluster: FakeCluster) -> FakeCluster:
    cluster.add_connector()
    return cluster


def apply(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_model", **options)


def served(cluster: FakeCluster, state: str = "DEPLOYED", **fields: Any) -> str:
    return cluster.add_model("Chat", next(iter(cluster.connectors)), state=state, **fields)


def did(result: dict[str, Any]) -> list[str]:
    return [action["action"] for action in result["actions"]]


def requests(cluster: FakeCluster, ending: str) -> int:
    return sum(exchange.path.endswith(ending) for exchange in cluster.exchanges)


class TestRegistering:
    @pytest.mark.parametrize(
        ("register_deploy", "actions"),
        [("one_step", ["create", "register_and_deploy"]), ("two_step", ["create", "register", "deploy"])],
    )
    def test_both_ways_lead_to_the_same(self, ready: FakeCluster, register_deploy: str, actions: list[str]) -> None:
        result = apply(ready, **NEW, register_deploy=register_deploy)
        assert did(result) == actions
        [model] = ready.models.values()
        assert model["model_state"] == "DEPLOYED"
        assert [group["name"] for group in ready.groups.values()] == ["Chat"]
        assert requests(ready, "/_deploy") == (register_deploy == "two_step")

    @pytest.mark.parametrize("state", ["present", "undeployed"])
    def test_without_deploying(self, ready: FakeCluster, state: str) -> None:
        result = apply(ready, **NEW, state=state)
        assert did(result) == ["create", "register"]
        assert result["model"]["state"] == "REGISTERED"

    def test_into_a_group_by_name_or_id(self, ready: FakeCluster) -> None:
        group_id = ready.add_group("Chats")
        for name, group in (("A", "Chats"), ("B", group_id)):
            assert apply(ready, **{**NEW, "name": name}, model_group=group)["model_group_id"] == group_id
        assert len(ready.groups) == 1
        assert ready.groups[group_id]["latest_version"] == 2

    def test_one_of_the_name_in_another_group(self, ready: FakeCluster) -> None:
        served(ready)
        result = apply(ready, name="Chat", model_group="Chats")
        assert did(result) == ["create", "update"]
        assert len(ready.models) == 1

    def test_the_body(self, ready: FakeCluster) -> None:
        apply(ready, **NEW, description="x", deploy_setting={"is_auto_deploy_enabled": False}, state="present")
        body = next(exchange.body for exchange in ready.writes if exchange.path.endswith("models/_register"))
        assert body == {
            "name": "Chat",
            "function_name": "remote",
            "description": "x",
            "connector_id": next(iter(ready.connectors)),
            "model_group_id": next(iter(ready.groups)),
            "deploy_setting": {"is_auto_deploy_enabled": False},
        }

    @pytest.mark.parametrize("fault", ["lost_after", "lost_before", "gateway_after", "unavailable"])
    def test_a_lost_answer(self, ready: FakeCluster, fault: str) -> None:
        ready.before("POST", "models/_register", lambda: ready.inject(fault))
        apply(ready, **NEW)
        assert [model["model_state"] for model in ready.models.values()] == ["DEPLOYED"]
        assert next(iter(ready.groups.values()))["latest_version"] == 1

    def test_somebody_registers_the_same(self, ready: FakeCluster) -> None:
        ready.before("POST", "models/_register", lambda: served(ready, description="theirs"))
        result = apply(ready, **NEW, description="ours")
        assert did(result) == ["create", "adopt", "update"]
        [model] = ready.models.values()
        assert (model["description"], model["model_state"]) == ("ours", "DEPLOYED")

    def test_the_wait_goes_by_the_models_state(self, ready: FakeCluster) -> None:
        ready.deploying_reads = 7
        assert apply(ready, **NEW)["model"]["state"] == "DEPLOYED"

    def test_disabled_from_the_start(self) -> None:
        """2.19 overlooks it at the registration."""
        for version in ("2.19.1", "3.6.0"):
            cluster = FakeCluster(version)
            cluster.add_connector()
            # Longer than the look for others lasts: a write before the deployment begins would spoil it.
            cluster.starting_reads = 6
            result = apply(cluster, **NEW, is_enabled=False)
            assert result["model"]["is_enabled"] is False
            assert did(result) == ["create", "register_and_deploy"]
            assert not apply(cluster, **NEW, is_enabled=False)["changed"]

    def test_without_waiting(self, ready: FakeCluster) -> None:
        ready.deploying_reads = 10**6
        result = apply(ready, **NEW, wait=False)
        assert result["model"]["state"] == "DEPLOYING"
        assert result["changed"]


class TestFromStateToState:
    @pytest.mark.parametrize("before", STATES)
    @pytest.mark.parametrize("state", ["present", "deployed", "undeployed", "absent"])
    def test_every_pair(self, ready: FakeCluster, before: str, state: str) -> None:
        model_id = served(ready, before)
        result = apply(ready, name="Chat", state=state)
        after = ready.models.get(model_id, {}).get("model_state")
        live = before in ("DEPLOYED", "PARTIALLY_DEPLOYED")
        if state == "present":
            assert (did(result), after) == ([], before)
        elif state == "deployed":
            expected = {"DEPLOYED": [], "PARTIALLY_DEPLOYED": ["repair"]}.get(before, ["deploy"])
            assert (did(result), after) == (expected, "DEPLOYED")
        elif state == "undeployed":
            assert (did(result), after) == (["undeploy"] if live else [], "UNDEPLOYED" if live else before)
        else:
            assert (did(result), after) == (["delete"], None)
            assert requests(ready, "/_undeploy") == live

    @pytest.mark.parametrize("state", ["undeployed", "absent"])
    def test_an_unheeded_order_is_repeated(self, ready: FakeCluster, state: str) -> None:
        model_id = served(ready)
        ready.ignored_undeploys = 2
        result = apply(ready, name="Chat", state=state)
        assert did(result) == [{"undeployed": "undeploy", "absent": "delete"}[state]]
        assert requests(ready, "/_undeploy") == 3
        assert ready.models.get(model_id, {}).get("model_state") == {"undeployed": "UNDEPLOYED", "absent": None}[state]

    def test_orders_that_stay_unheeded(self, ready: FakeCluster) -> None:
        served(ready)
        ready.ignored_undeploys = 100
        with pytest.raises(Failure, match="to be undeployed: not reached within 20 s; last seen: model_state DEPLOYED"):
            apply(ready, name="Chat", state="undeployed", wait_timeout=20)
        assert requests(ready, "/_undeploy") == 4

    @pytest.mark.parametrize("state", ["deployed", "undeployed", "absent"])
    def test_from_the_middle_of_a_deployment(self, ready: FakeCluster, state: str) -> None:
        model_id = served(ready, "REGISTERED")
        ready.call("POST", f"{ML}/models/{model_id}/_deploy")
        result = apply(ready, name="Chat", state=state)
        after = ready.models.get(model_id, {}).get("model_state")
        assert after == {"deployed": "DEPLOYED", "undeployed": "UNDEPLOYED", "absent": None}[state]
        assert did(result) == {"deployed": [], "undeployed": ["undeploy"], "absent": ["delete"]}[state]
        assert requests(ready, "/_deploy") == 0

    def test_deploying_without_waiting(self, ready: FakeCluster) -> None:
        model_id = served(ready, "REGISTERED")
        ready.call("POST", f"{ML}/models/{model_id}/_deploy")
        assert did(apply(ready, name="Chat", wait=False)) == []

    def test_left_by_its_ttl(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED", deploy_setting={"model_ttl_minutes": 5})
        assert did(apply(ready, name="Chat")) == []

    def test_a_ttl_of_none_is_no_excuse(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED", deploy_setting={"is_auto_deploy_enabled": True})
        assert did(apply(ready, name="Chat")) == ["deploy"]

    def test_a_prediction_deploys_it_while_it_is_removed(self, ready: FakeCluster) -> None:
        model_id = served(ready)

        def revive() -> None:
            ready.models[model_id]["model_state"] = "DEPLOYED"

        ready.before("DELETE", model_id, revive)
        apply(ready, name="Chat", state="absent")
        assert ready.models == {}


class TestDeployments:
    def test_a_failure_names_each_node(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED")
        ready.deploy_outcomes = [("DEPLOY_FAILED", {"node-2": "no memory", "node-1": "no disk"})]
        with pytest.raises(
            Failure, match="served by 0 of 1 nodes: node node-1: no disk; node node-2: no memory"
        ) as caught:
            apply(ready, name="Chat")
        assert caught.value.code == "deploy_failed"
        assert caught.value.details == {
            "nodes": {"node-2": "no memory", "node-1": "no disk"},
            "model_state": "DEPLOY_FAILED",
        }

    def test_a_failure_of_one_step_is_found_by_the_model(self, ready: FakeCluster) -> None:
        ready.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "no disk"})]
        with pytest.raises(Failure, match="node node-1: no disk"):
            apply(ready, **NEW)

    def test_after_a_failure_the_next_run_deploys_it(self, ready: FakeCluster) -> None:
        """Without an undeploy in between, the nodes would refuse it as a duplicate."""
        ready.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "no disk"})]
        with pytest.raises(Failure):
            apply(ready, **NEW)
        assert did(apply(ready, **NEW)) == ["deploy"]

    def test_it_is_removed_by_somebody_at_the_end(self, ready: FakeCluster) -> None:
        model_id = served(ready, "UNDEPLOYED")
        ready.before("POST", "/_deploy", lambda: ready.before("GET", model_id, ready.models.clear))
        with pytest.raises(Failure, match="was deleted while this task was changing it") as caught:
            apply(ready, name="Chat", wait=False)
        assert caught.value.code == "concurrent_change"

    def test_somebody_writes_the_model_while_it_deploys(self, ready: FakeCluster) -> None:
        model_id = served(ready, "UNDEPLOYED")
        ready.deploy_outcomes = [("DEPLOY_FAILED", {"cluster": f"[{model_id}]: {VERSION_CONFLICT}"})]
        result = apply(ready, name="Chat")
        assert did(result) == ["deploy", "repair"]
        assert result["model"]["state"] == "DEPLOYED"

    def test_what_is_disturbed_again_by_somebody_who_mends_it_too(self, ready: FakeCluster) -> None:
        """Both have seen it fail, and the other one begins anew a moment later."""
        model_id = served(ready, "UNDEPLOYED")
        ready.deploy_outcomes = [("DEPLOY_FAILED", {})] * 2

        def they() -> None:
            if requests(ready, "/_deploy") == 2 and ready.models[model_id]["model_state"] == "DEPLOY_FAILED":
                ready._stuck.discard(model_id)
                ready._deploy(model_id)

        ready.before("GET", model_id, they, times=99)
        result = apply(ready, name="Chat")
        assert did(result) == ["deploy", "repair"]
        assert result["model"]["state"] == "DEPLOYED"

    def test_one_that_no_node_has_a_reason_for_is_deployed_anew(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED")
        ready.deploy_outcomes = [("DEPLOY_FAILED", {})]
        assert did(apply(ready, name="Chat")) == ["deploy", "repair"]
        ready.add_model("Other", next(iter(ready.connectors)), state="UNDEPLOYED")
        ready.deploy_outcomes = [("DEPLOY_FAILED", {})] * 2
        with pytest.raises(Failure, match="no node gave a reason"):
            apply(ready, name="Other")

    def test_such_a_conflict_again_is_a_failure(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED")
        ready.deploy_outcomes = [("DEPLOY_FAILED", {"cluster": VERSION_CONFLICT})] * 3
        with pytest.raises(Failure, match="version conflict"):
            apply(ready, name="Chat")
        assert requests(ready, "/_deploy") == 2

    def test_a_conflict_beside_another_reason_is_a_failure(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED")
        ready.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": VERSION_CONFLICT, "node-2": "no memory"})]
        with pytest.raises(Failure, match="no memory"):
            apply(ready, name="Chat")
        assert requests(ready, "/_deploy") == 1

    def test_a_vanished_connector(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED")
        ready.connectors.clear()
        with pytest.raises(Failure, match="Failed to find connector:"):
            apply(ready, name="Chat")

    def test_partial_is_waited_for_then_mended_once(self, ready: FakeCluster) -> None:
        ready.deploy_outcomes = [("PARTIALLY_DEPLOYED", {"node-2": "slow"})]
        result = apply(ready, **NEW)
        assert did(result) == ["create", "register_and_deploy", "repair"]
        assert result["model"]["state"] == "DEPLOYED"

    def test_partial_for_a_moment_is_not_mended(self, ready: FakeCluster) -> None:
        model_id = served(ready, "UNDEPLOYED")
        ready.deploy_outcomes = [("PARTIALLY_DEPLOYED", {})]
        reads = []

        def complete() -> None:
            reads.append(1)
            if len(reads) == 8:
                ready.models[model_id]["model_state"] = "DEPLOYED"

        ready.before("GET", model_id, complete, times=99)
        assert did(apply(ready, name="Chat")) == ["deploy"]

    def test_partial_by_turns_is_mended(self, ready: FakeCluster) -> None:
        """As a model is for good that lost a node while it was deployed: under way and partial, each for ten seconds."""
        model_id = served(ready, "DEPLOYING")
        reads = []

        def turn() -> None:
            reads.append(1)
            if not requests(ready, "/_deploy"):
                # A read every two seconds.
                ready.models[model_id]["model_state"] = ("DEPLOYING", "PARTIALLY_DEPLOYED")[len(reads) // 5 % 2]

        ready.before("GET", model_id, turn, times=999)
        assert did(apply(ready, name="Chat", wait_timeout=60)) == ["repair"]
        assert ready.models[model_id]["model_state"] == "DEPLOYED"

    def test_a_model_goes_on_serving_while_it_is_mended(self, ready: FakeCluster) -> None:
        served(ready, "PARTIALLY_DEPLOYED")
        assert did(apply(ready, name="Chat")) == ["repair"]
        assert (requests(ready, "/_deploy"), requests(ready, "/_undeploy")) == (1, 0)

    @pytest.mark.parametrize("outcome", ["PARTIALLY_DEPLOYED", "DEPLOY_FAILED"])
    def test_one_that_stays_partial_is_undeployed_first(self, ready: FakeCluster, outcome: str) -> None:
        served(ready, "PARTIALLY_DEPLOYED")
        ready.deploy_outcomes = [(outcome, {"node-2": "Duplicate deploy model task"})]
        assert did(apply(ready, name="Chat")) == ["repair"]
        assert (requests(ready, "/_deploy"), requests(ready, "/_undeploy")) == (2, 1)

    def test_one_that_may_not_be_deployed_is_not_taken_away(self, ready: FakeCluster) -> None:
        model_id = served(ready, "PARTIALLY_DEPLOYED")
        ready.before("POST", "/_deploy", lambda: ready.inject("error"))
        with pytest.raises(Failure) as caught:
            apply(ready, name="Chat")
        assert caught.value.code == "api_error"
        assert requests(ready, "/_undeploy") == 0
        assert ready.models[model_id]["model_state"] == "PARTIALLY_DEPLOYED"

    def test_partial_even_when_mended(self, ready: FakeCluster) -> None:
        served(ready, "PARTIALLY_DEPLOYED")
        ready.deploy_outcomes = [("PARTIALLY_DEPLOYED", {"node-2": "no memory"})] * 2
        with pytest.raises(Failure, match=r"is PARTIALLY_DEPLOYED.*node node-2: no memory") as caught:
            apply(ready, name="Chat")
        assert caught.value.code == "deploy_failed"
        assert requests(ready, "/_deploy") == 2

    def test_partial_without_waiting(self, ready: FakeCluster) -> None:
        served(ready, "PARTIALLY_DEPLOYED")
        assert did(apply(ready, name="Chat", wait=False)) == ["repair"]
        assert requests(ready, "/_deploy") == 1

    def test_a_timeout_tells_the_last_state(self, ready: FakeCluster) -> None:
        ready.deploying_reads = 10**6
        with pytest.raises(Failure, match="not reached within 20 s; last seen: model_state DEPLOYING") as caught:
            apply(ready, **NEW, wait_timeout=20)
        assert caught.value.code == "wait_timeout"

    def test_a_timeout_tells_the_reasons_if_there_are_any(self, ready: FakeCluster) -> None:
        ready.deploying_reads = 10**6
        ready.deploy_outcomes = [("DEPLOYED", {"node-1": "still trying"})]
        with pytest.raises(Failure, match=r"is DEPLOYING.*node node-1: still trying"):
            apply(ready, **NEW, wait_timeout=20)

    def test_it_vanishes_while_it_is_waited_for(self, ready: FakeCluster) -> None:
        model_id = served(ready, "UNDEPLOYED")
        ready.before("POST", "/_deploy", lambda: ready.before("GET", model_id, ready.models.clear))
        with pytest.raises(Failure, match="was deleted while this task waited for it") as caught:
            apply(ready, name="Chat")
        assert caught.value.code == "concurrent_change"

    def test_one_that_is_never_begun(self, ready: FakeCluster) -> None:
        """The node went that was to begin it (seen on 3.6.0)."""
        ready.starting_reads = 10**6
        result = apply(ready, **NEW)
        assert did(result) == ["create", "register_and_deploy", "repair"]
        assert result["model"]["state"] == "DEPLOYED"

    def test_it_vanishes_before_it_is_deployed(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED")
        ready.before("POST", "/_deploy", ready.models.clear)
        with pytest.raises(Failure, match="was deleted before it was deployed") as caught:
            apply(ready, name="Chat")
        assert caught.value.code == "concurrent_change"

    @pytest.mark.parametrize("register_deploy", ["one_step", "two_step"])
    @pytest.mark.parametrize("moment", ["/models/_register", "/_deploy"])
    def test_its_connector_is_taken_back_by_somebody_else(
        self, ready: FakeCluster, register_deploy: str, moment: str
    ) -> None:
        """It was there when the task looked for it."""
        if moment == "/_deploy" and register_deploy == "one_step":
            served(ready, "UNDEPLOYED")
        ready.before("POST", moment, ready.connectors.clear)
        with pytest.raises(
            Failure, match=r"Another controller deleted connector .* Failed to find connector"
        ) as caught:
            apply(ready, **NEW, register_deploy=register_deploy)
        assert caught.value.code == "concurrent_change"

    def test_its_group_is_taken_back_before_it_is_registered(self, ready: FakeCluster) -> None:
        """It was there when the task looked for it (seen on three nodes with eight controllers)."""
        ready.add_group("Shelf")
        ready.before("POST", "/models/_register", ready.groups.clear)
        with pytest.raises(Failure, match=r"Another controller deleted model group .* Response is empty") as caught:
            apply(ready, **NEW, model_group="Shelf")
        assert caught.value.code == "concurrent_change"

    @pytest.mark.parametrize("register_deploy", ["one_step", "two_step"])
    @pytest.mark.parametrize(("gone", "other"), [(True, None), (True, "older"), (True, "younger"), (False, "older")])
    def test_its_group_is_taken_back_afterwards(
        self, ready: FakeCluster, register_deploy: str, gone: bool, other: str | None
    ) -> None:
        """Others have registered theirs in the group that stays: two models of one name would be left."""
        own = self.grouped(ready, gone=gone, other=other)
        with pytest.raises(Failure, match=rf"Model group 'Shelf' \({own}\) is a duplicate") as caught:
            apply(ready, **NEW, model_group="Shelf", register_deploy=register_deploy)
        assert caught.value.code == "concurrent_change"
        assert ready.models == {}

    def test_its_group_is_the_one_that_stays(self, ready: FakeCluster) -> None:
        own = self.grouped(ready, gone=False, other="younger")
        apply(ready, **NEW, model_group="Shelf")
        assert [model["model_group_id"] for model in ready.models.values()] == [own]

    @staticmethod
    def grouped(ready: FakeCluster, *, gone: bool, other: str | None) -> str:
        """A group that was made just now; once a model is registered in it, it goes, or another one comes to be seen."""
        own = ready.add_group("Shelf")

        def seen() -> None:
            if other:
                created = ready.groups[own]["created_time"] + (1 if other == "younger" else -1)
                ready.groups["other"] = {"name": "Shelf", "access": "private", "created_time": created}
            if gone:
                del ready.groups[own]

        def registered() -> None:
            ready.before("GET", f"/model_groups/{own}", seen)

        ready.before("POST", "/models/_register", registered)
        return own

    @pytest.mark.parametrize(("age", "looks"), [(29, 2), (31, 1)])
    def test_only_a_young_group_is_looked_at_again(self, ready: FakeCluster, age: int, looks: int) -> None:
        group = ready.add_group("Shelf")
        # The model is made a second later.
        ready.groups[group]["created_time"] -= (age - 1) * 1000
        apply(ready, **NEW, model_group="Shelf")
        assert requests(ready, "/model_groups/_search") == looks

    def test_an_own_group_is_not_looked_at_again(self, ready: FakeCluster) -> None:
        apply(ready, **NEW, model_group="Shelf")
        looks = requests(ready, "/model_groups/_search")
        apply(ready, **{**NEW, "name": "Other"}, model_group="Shelf")
        assert requests(ready, "/model_groups/_search") == looks + 2

    @pytest.mark.parametrize(
        ("error", "reasons"),
        [
            ('{"n": "r"}', {"n": "r"}),
            ("plain", {"cluster": "plain"}),
            ("[1]", {"cluster": "[1]"}),
            ("", {}),
        ],
    )
    def test_the_reasons_in_a_task(self, ready: FakeCluster, error: str, reasons: dict[str, str]) -> None:
        ready.tasks["t"] = {"model_id": "m", "task_type": "DEPLOY_MODEL", "create_time": 1, "error": error}
        run = make_run(ready)
        assert deploy_reasons.node_reasons(run.client, "m", "t") == reasons
        assert deploy_reasons.node_reasons(run.client, "m") == reasons
        assert deploy_reasons.node_reasons(run.client, "m", "gone") == {}


class TestDrift:
    @pytest.mark.parametrize(
        ("options", "stored"),
        [
            ({"description": "New"}, "New"),
            ({"is_enabled": False}, False),
            ({"rate_limiter": {"limit": 5, "unit": "MINUTES"}}, {"limit": "5.0", "unit": "MINUTES"}),
            ({"interface": {"input": {"type": "object"}}}, {"input": '{"type":"object"}'}),
            ({"deploy_setting": {"model_ttl_minutes": 9}}, {"model_ttl_minutes": 9}),
            (
                {"guardrails": {"input_guardrail": {"regex": ["x"]}}},
                {"type": "local_regex", "input_guardrail": {"regex": ["x"]}},
            ),
        ],
        ids=str,
    )
    def test_is_mended_in_place(self, ready: FakeCluster, options: dict[str, Any], stored: Any) -> None:
        model_id = served(ready)
        [field] = options
        result = apply(ready, name="Chat", **options)
        assert did(result) == ["update"]
        assert result["actions"][0]["fields"] == [field]
        assert ready.models[model_id][field] == stored
        assert ready.models[model_id]["model_state"] == "DEPLOYED"
        assert did(apply(ready, name="Chat", **options)) == []

    def test_another_connector(self, ready: FakeCluster) -> None:
        model_id = served(ready)
        other = ready.add_connector("Better chat")
        for reference in ("Better chat", other):
            apply(ready, name="Chat", connector=reference)
            assert ready.models[model_id]["connector_id"] == other
        assert ready.versions[model_id] == 2

    def test_a_rename(self, ready: FakeCluster) -> None:
        model_id = served(ready)
        apply(ready, model_id=model_id, name="New name")
        assert ready.models[model_id]["name"] == "New name"

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize("how", ["renamed", "moved"])
    def test_a_name_that_another_model_of_the_group_has(self, ready: FakeCluster, how: str, check_mode: bool) -> None:
        connector = next(iter(ready.connectors))
        shelf, elsewhere = ready.add_group("Shelf"), ready.add_group("Elsewhere")
        other = ready.add_model("Taken", connector, model_group_id=shelf)
        moved = how == "moved"
        model_id = ready.add_model(
            "Taken" if moved else "Chat", connector, model_group_id=elsewhere if moved else shelf
        )
        stated = {"model_group": "Shelf"} if moved else {"name": "Taken"}
        with pytest.raises(Failure) as caught:
            apply(ready, check_mode=check_mode, model_id=model_id, **stated)
        assert (caught.value.code, caught.value.details) == ("model_name_taken", {"ids": [other]})
        assert ready.writes == []

    def test_a_name_that_a_model_of_another_group_has(self, ready: FakeCluster) -> None:
        ready.add_model("Taken", next(iter(ready.connectors)), model_group_id=ready.add_group("Shelf"))
        model_id = served(ready)
        for actions in (["update"], []):
            assert did(apply(ready, model_id=model_id, name="Taken")) == actions

    def test_with_a_deployment(self, ready: FakeCluster) -> None:
        served(ready, "UNDEPLOYED")
        assert did(apply(ready, name="Chat", description="New")) == ["update", "deploy"]

    def test_while_it_is_being_deployed(self, ready: FakeCluster) -> None:
        model_id = served(ready, "REGISTERED")
        ready.call("POST", f"{ML}/models/{model_id}/_deploy")
        assert did(apply(ready, name="Chat", description="New")) == ["update"]

    def test_the_server_stores_something_else(self, ready: FakeCluster) -> None:
        model_id = served(ready)

        def meddle() -> None:
            if ready.writes:
                ready.models[model_id]["description"] = "other"

        ready.before("GET", model_id, meddle, times=99)
        with pytest.raises(Failure, match="differs in description") as caught:
            apply(ready, name="Chat", description="New")
        assert caught.value.code == "not_converged"


class TestUnchanged:
    def test_without_a_write(self, ready: FakeCluster) -> None:
        served(ready, description="x")
        result = apply(ready, **NEW, description="x", model_group="Chat", is_enabled=True)
        assert not result["changed"]
        assert ready.writes == []

    def test_everything_that_was_stated_at_first(self, ready: FakeCluster) -> None:
        options = {
            **NEW,
            "rate_limiter": {"limit": 1.5, "unit": "SECONDS"},
            "interface": {"input": {"type": "object", "properties": {"b": {}, "a": {"minimum": 1}}}},
            "deploy_setting": {"is_auto_deploy_enabled": True},
        }
        apply(ready, **options)
        assert not apply(ready, **options)["changed"]


class TestAbsent:
    def test_gone_already(self, ready: FakeCluster) -> None:
        for options in ({"name": "Chat"}, {"model_id": "nope"}):
            assert not apply(ready, **options, state="absent")["changed"]

    def test_somebody_else_deletes_it_first(self, ready: FakeCluster) -> None:
        model_id = served(ready)
        run = make_run(ready)
        ready.models.clear()
        deployment.undeploy_and_delete(run, model_id, 10.0)

    def test_from_the_middle_of_a_deployment_that_searches_do_not_see(self, ready: FakeCluster) -> None:
        model_id = served(ready, "REGISTERED")
        ready.call("POST", f"{ML}/models/{model_id}/_deploy")
        states: list[str] = []
        ready.before("POST", "/_undeploy", lambda: states.append(ready.models[model_id]["model_state"]))
        deployment.undeploy_and_delete(make_run(ready), model_id, 10.0)
        assert states == ["DEPLOYED"]
        assert ready.models == {}

    def test_the_group_stays_unless_asked(self, ready: FakeCluster) -> None:
        served(ready)
        apply(ready, name="Chat", state="absent")
        assert len(ready.groups) == 1

    def test_with_its_group(self, ready: FakeCluster) -> None:
        served(ready)
        assert did(apply(ready, name="Chat", state="absent", delete_empty_group=True)) == ["delete", "delete"]
        assert ready.groups == {}

    def test_the_group_alone_is_left(self, ready: FakeCluster) -> None:
        ready.add_group("Chat")
        assert did(apply(ready, name="Chat", state="absent", delete_empty_group=True)) == ["delete"]
        assert not apply(ready, name="Chat", state="absent", delete_empty_group=True)["changed"]

    def test_a_group_with_others_stays(self, ready: FakeCluster) -> None:
        group_id = ready.add_group("Chats")
        served(ready, model_group_id=group_id)
        ready.add_model("Other", next(iter(ready.connectors)), model_group_id=group_id)
        options = {"name": "Chat", "state": "absent", "model_group": "Chats", "delete_empty_group": True}
        assert did(apply(ready, **options)) == ["delete"]
        assert list(ready.groups) == [group_id]

    def test_a_group_that_somebody_fills_at_the_last_moment(self, ready: FakeCluster) -> None:
        served(ready)
        [group_id] = ready.groups
        ready.before("DELETE", group_id, lambda: ready.add_model("Other", "x", model_group_id=group_id))
        ready.connectors["x"] = next(iter(ready.connectors.values()))
        result = apply(ready, name="Chat", state="absent", delete_empty_group=True)
        assert list(ready.groups) == [group_id]
        assert did(result) == ["delete"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "code"),
        [
            ({"name": "Chat"}, "invalid_input"),
            ({"name": " ", "connector": "Local chat"}, "invalid_input"),
            ({"name": "x" * 257, "connector": "Local chat"}, "invalid_input"),
            ({"model_id": "nope"}, "unknown_model"),
            ({"name": "a & b", "connector": "Local chat"}, "invalid_characters"),
            ({**NEW, "description": "<b>"}, "invalid_characters"),
        ],
    )
    def test_before_anything_is_written(self, ready: FakeCluster, options: dict[str, Any], code: str) -> None:
        for check_mode in (True, False):
            with pytest.raises(Failure) as caught:
                execute(ready, "ml_model", check_mode=check_mode, **options)
            assert caught.value.code == code
        assert ready.writes == []

    def test_an_unknown_connector(self, cluster: FakeCluster) -> None:
        with pytest.raises(Failure) as caught:
            apply(cluster, **NEW)
        assert caught.value.code == "unknown_connector"
        check = execute(cluster, "ml_model", check_mode=True, **NEW)
        assert "assumes that an earlier task creates it" in check["warnings"][0]
        assert check["changed"]

    def test_refused_texts_of_a_change(self, ready: FakeCluster) -> None:
        served(ready)
        with pytest.raises(Failure) as caught:
            apply(ready, name="Chat", description="<b>")
        assert caught.value.code == "invalid_characters"

    def test_an_ambiguous_name(self, ready: FakeCluster) -> None:
        first = served(ready)
        second = served(ready, model_group_id=ready.add_group("Chats"))
        with pytest.raises(Failure) as caught:
            apply(ready, name="Chat", state="absent")
        assert (caught.value.code, caught.value.details) == ("ambiguous_name", {"ids": [first, second]})
        apply(ready, name="Chat", model_group="Chats", state="absent")
        assert list(ready.models) == [first]

    def test_an_inline_connector(self, ready: FakeCluster) -> None:
        model_id = served(ready)
        ready.models[model_id]["connector"] = {"name": "inside"}
        del ready.models[model_id]["connector_id"]
        with pytest.raises(Failure) as caught:
            apply(ready, **NEW)
        assert caught.value.code == "inline_connector"
        assert not apply(ready, name="Chat")["changed"]


def test_the_result_takes_json_out_of_strings(ready: FakeCluster) -> None:
    result = apply(ready, **NEW, interface={"input": {"type": "object"}})
    assert result["model"]["interface"] == {"input": {"type": "object"}}
    assert "algorithm" in result["model"]
    json.dumps(result)


CHAT_MODEL = {"name": "Chat", "connector": "Local chat"}


def test_a_schema_that_is_loosened_is_a_change(ready: FakeCluster) -> None:
    strict = {"type": "object", "required": ["parameters"], "additionalProperties": False}
    for schema in (strict, {"type": "object"}):
        assert apply(ready, **CHAT_MODEL, interface={"input": schema})["changed"]
        assert not apply(ready, **CHAT_MODEL, interface={"input": schema})["changed"]


def test_a_model_in_another_group_is_never_deleted(ready: FakeCluster) -> None:
    apply(ready, **CHAT_MODEL, model_group="Mine")
    for group in ("Mine too", "Nobody's"):
        assert not apply(ready, **CHAT_MODEL, model_group=group, state="absent")["changed"]
    assert len(ready.models) == 1
    assert apply(ready, **CHAT_MODEL, model_group="Mine", state="absent")["changed"]
    assert not ready.models


@pytest.mark.parametrize(("brings_itself_back", "actions"), [(True, []), (False, ["deploy"])])
def test_an_idle_model_counts_as_deployed_only_if_a_prediction_brings_it_back(
    ready: FakeCluster, brings_itself_back: bool, actions: list[str]
) -> None:
    setting = {"model_ttl_minutes": 60, "is_auto_deploy_enabled": brings_itself_back}
    apply(ready, **CHAT_MODEL, deploy_setting=setting)
    next(iter(ready.models.values()))["model_state"] = "UNDEPLOYED"
    assert did(apply(ready, **CHAT_MODEL, deploy_setting=setting)) == actions


def test_a_group_whose_name_is_too_long_is_refused(ready: FakeCluster) -> None:
    with pytest.raises(Failure, match="model_group"):
        apply(ready, **CHAT_MODEL, model_group="g" * 257)
    assert not ready.models


def test_models_of_connectors_are_found_on_every_version() -> None:
    """3.x analyses the field and knows its words in lower case; 2.19 keeps the id whole."""
    query = models.connector_query(["nH9-C6IBQpKL7wbg5p2u", "QexaDKIBXD2OATL0GEu7"])
    assert query == {
        "terms": {
            "connector_id": ["QexaDKIBXD2OATL0GEu7", "c6ibqpkl7wbg5p2u", "nH9-C6IBQpKL7wbg5p2u", "qexadkibxd2oatl0geu7"]
        }
    }


@pytest.mark.parametrize("own_group", [True, False])
def test_what_is_taken_back_takes_the_group_along_that_was_made_for_it(own_group: bool) -> None:
    """Two models of one name that are registered at once may get a group each (seen on 3.6.0), or share one."""
    cluster = FakeCluster()
    connector = cluster.add_connector("C")
    theirs = cluster.add_group("Chat")
    ours = cluster.add_group("Chat too") if own_group else theirs
    cluster.groups[ours]["name"] = "Chat"
    kept = cluster.add_model("Chat", connector, model_group_id=theirs)
    taken = cluster.add_model("Chat", connector, model_group_id=ours)
    register.delete_with_group(make_run(cluster), taken, {}, 30.0)
    assert (list(cluster.models), list(cluster.groups)) == ([kept], [theirs])


def test_what_is_taken_back_leaves_a_group_that_was_stated() -> None:
    cluster = FakeCluster()
    group = cluster.add_group("Shelf")
    taken = cluster.add_model("Chat", cluster.add_connector("C"), model_group_id=group)
    register.delete_with_group(make_run(cluster), taken, {"model_group_id": group}, 30.0)
    assert (list(cluster.models), list(cluster.groups)) == ([], [group])
