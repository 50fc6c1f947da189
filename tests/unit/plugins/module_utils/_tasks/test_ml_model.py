# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of ml_model: from every observed state to every desired state, verified by the model's real state."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime.lease import DOCUMENT
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.models import (
    NEW,
    actions_of,
    add_chat_model,
    apply,
    count_requests,
)

Runner = Callable[..., dict[str, Any]]
STATES = ("REGISTERED", "DEPLOYED", "PARTIALLY_DEPLOYED", "DEPLOY_FAILED", "UNDEPLOYED")


@pytest.fixture
def cluster(cluster: FakeCluster) -> FakeCluster:
    """A cluster with the connector 'Local chat'."""
    cluster.add_connector()
    return cluster


class TestCreate:
    @pytest.mark.parametrize(
        ("register_deploy", "actions"),
        [("one_step", ["create", "register_and_deploy"]), ("two_step", ["create", "register", "deploy"])],
    )
    def test_one_step_and_two_steps_end_alike(
        self, cluster: FakeCluster, register_deploy: str, actions: list[str]
    ) -> None:
        result = apply(cluster, **NEW, register_deploy=register_deploy)
        assert actions_of(result) == actions
        [model] = cluster.models.values()
        assert model["model_state"] == "DEPLOYED"
        assert [group["name"] for group in cluster.groups.values()] == ["Chat"]
        assert count_requests(cluster, "/_deploy") == (register_deploy == "two_step")

    def test_by_default_two_steps_for_a_signed_request_only(self, cluster: FakeCluster) -> None:
        """Amazon's gateway ignores parameters in the URL of a signed POST."""
        assert actions_of(apply(cluster, **NEW)) == ["create", "register_and_deploy"]
        signed = {
            "auth_type": "aws_sigv4", "aws_region": "eu-central-1",
            "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI",
        }  # fmt: skip
        assert actions_of(apply(cluster, **{**NEW, "name": "Signed"}, **signed)) == ["create", "register", "deploy"]

    @pytest.mark.parametrize("state", ["present", "undeployed"])
    def test_without_a_deployment(self, cluster: FakeCluster, state: str) -> None:
        result = apply(cluster, **NEW, state=state)
        assert actions_of(result) == ["create", "register"]
        assert result["model"]["state"] == "REGISTERED"

    def test_in_a_group_by_name_or_id(self, cluster: FakeCluster) -> None:
        group_id = cluster.add_group("Chats")
        for name, group in (("A", "Chats"), ("B", group_id)):
            assert apply(cluster, **{**NEW, "name": name}, model_group=group)["model_group_id"] == group_id
        assert len(cluster.groups) == 1
        assert cluster.groups[group_id]["latest_version"] == 2

    def test_a_model_in_another_group_is_moved(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster)
        result = apply(cluster, name="Chat", model_group="Chats")
        assert actions_of(result) == ["create", "update"]
        assert len(cluster.models) == 1

    def test_the_request_body(self, cluster: FakeCluster) -> None:
        apply(cluster, **NEW, description="x", deploy_setting={"is_auto_deploy_enabled": False}, state="present")
        body = next(exchange.body for exchange in cluster.writes if exchange.path.endswith("models/_register"))
        assert body == {
            "name": "Chat",
            "function_name": "remote",
            "description": "x",
            "connector_id": next(iter(cluster.connectors)),
            "model_group_id": next(iter(cluster.groups)),
            "deploy_setting": {"is_auto_deploy_enabled": False},
        }

    def test_another_controller_registers_it_first(self, module: Runner, cluster: FakeCluster) -> None:
        """The task deletes its own one, starts over and changes the other one."""
        cluster.before("POST", "models/_register", lambda: add_chat_model(cluster, description="theirs"))
        result = module("ml_model", cluster, **NEW, description="ours")
        assert actions_of(result) == ["create", "update"]
        [model] = cluster.models.values()
        assert (model["description"], model["model_state"]) == ("ours", "DEPLOYED")

    def test_another_controller_registers_it_before_the_lease(self, module: Runner, cluster: FakeCluster) -> None:
        """What the task reads under the lease is final."""
        cluster.records_leases = True
        cluster.before("PUT", DOCUMENT, lambda: add_chat_model(cluster))
        assert not module("ml_model", cluster, **NEW)["changed"]
        assert len(cluster.models) == 1

    def test_without_waiting(self, cluster: FakeCluster) -> None:
        cluster.deploying_reads = 10**6
        result = apply(cluster, **NEW, wait=False)
        assert result["model"]["state"] == "DEPLOYING"
        assert result["changed"]

    def test_the_result_has_json_strings_parsed(self, cluster: FakeCluster) -> None:
        result = apply(cluster, **NEW, interface={"input": {"type": "object"}})
        assert result["model"]["interface"] == {"input": {"type": "object"}}
        assert "algorithm" in result["model"]
        json.dumps(result)


class TestStates:
    @pytest.mark.parametrize("before", STATES)
    @pytest.mark.parametrize("state", ["present", "deployed", "undeployed", "absent"])
    def test_every_pair(self, cluster: FakeCluster, before: str, state: str) -> None:
        model_id = add_chat_model(cluster, before)
        result = apply(cluster, name="Chat", state=state)
        after = cluster.models.get(model_id, {}).get("model_state")
        live = before in ("DEPLOYED", "PARTIALLY_DEPLOYED")
        if state == "present":
            assert (actions_of(result), after) == ([], before)
        elif state == "deployed":
            expected = {"DEPLOYED": [], "PARTIALLY_DEPLOYED": ["repair"]}.get(before, ["deploy"])
            assert (actions_of(result), after) == (expected, "DEPLOYED")
        elif state == "undeployed":
            assert (actions_of(result), after) == (["undeploy"] if live else [], "UNDEPLOYED" if live else before)
        else:
            assert (actions_of(result), after) == (["delete"], None)
            assert count_requests(cluster, "/_undeploy") == live

    @pytest.mark.parametrize("state", ["deployed", "undeployed", "absent"])
    def test_while_it_is_being_deployed(self, cluster: FakeCluster, state: str) -> None:
        model_id = add_chat_model(cluster, "REGISTERED")
        cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
        result = apply(cluster, name="Chat", state=state)
        after = cluster.models.get(model_id, {}).get("model_state")
        assert after == {"deployed": "DEPLOYED", "undeployed": "UNDEPLOYED", "absent": None}[state]
        assert actions_of(result) == {"deployed": [], "undeployed": ["undeploy"], "absent": ["delete"]}[state]
        assert count_requests(cluster, "/_deploy") == 0

    def test_while_it_is_being_deployed_without_waiting(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster, "REGISTERED")
        cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
        assert actions_of(apply(cluster, name="Chat", wait=False)) == []

    def test_another_controller_deletes_it_before_it_is_verified(self, module: Runner, cluster: FakeCluster) -> None:
        """Without a connector the task cannot register it again. It lists what it did before."""
        model_id = add_chat_model(cluster, "UNDEPLOYED")
        cluster.before("POST", "/_deploy", lambda: cluster.before("GET", model_id, cluster.models.clear))
        result = module("ml_model", cluster, name="Chat", wait=False)
        assert "there is no model 'Chat' yet" in result["msg"]
        assert (actions_of(result), result["changed"]) == (["deploy"], True)

    def test_the_next_run_deploys_it_after_a_failure(self, cluster: FakeCluster) -> None:
        """Without an undeploy in between, the nodes would refuse it as a duplicate."""
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "no disk"})]
        with pytest.raises(Failure):
            apply(cluster, **NEW)
        assert actions_of(apply(cluster, **NEW)) == ["deploy"]


class TestUpdate:
    @pytest.mark.parametrize(
        ("options", "observed"),
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
    def test_a_changed_field(self, cluster: FakeCluster, options: dict[str, Any], observed: Any) -> None:
        model_id = add_chat_model(cluster)
        [field] = options
        result = apply(cluster, name="Chat", **options)
        assert actions_of(result) == ["update"]
        assert result["actions"][0]["fields"] == [field]
        assert cluster.models[model_id][field] == observed
        assert cluster.models[model_id]["model_state"] == "DEPLOYED"
        assert actions_of(apply(cluster, name="Chat", **options)) == []

    def test_another_connector(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster)
        other = cluster.add_connector("Better chat")
        for reference in ("Better chat", other):
            apply(cluster, name="Chat", connector=reference)
            assert cluster.models[model_id]["connector_id"] == other
        assert cluster.versions[model_id] == 2

    def test_a_rename(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster)
        apply(cluster, model_id=model_id, name="New name")
        assert cluster.models[model_id]["name"] == "New name"

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize("how", ["renamed", "moved"])
    def test_a_name_that_another_model_of_the_group_has(self, cluster: FakeCluster, how: str, check_mode: bool) -> None:
        connector = next(iter(cluster.connectors))
        shelf, elsewhere = cluster.add_group("Shelf"), cluster.add_group("Elsewhere")
        other = cluster.add_model("Taken", connector, model_group_id=shelf)
        moved = how == "moved"
        model_id = cluster.add_model(
            "Taken" if moved else "Chat", connector, model_group_id=elsewhere if moved else shelf
        )
        options = {"model_group": "Shelf"} if moved else {"name": "Taken"}
        with pytest.raises(Failure) as caught:
            apply(cluster, check_mode=check_mode, model_id=model_id, **options)
        assert (caught.value.code, caught.value.details) == ("model_name_taken", {"ids": [other]})
        assert cluster.writes == []

    def test_a_name_that_a_model_of_another_group_has(self, cluster: FakeCluster) -> None:
        cluster.add_model("Taken", next(iter(cluster.connectors)), model_group_id=cluster.add_group("Shelf"))
        model_id = add_chat_model(cluster)
        for actions in (["update"], []):
            assert actions_of(apply(cluster, model_id=model_id, name="Taken")) == actions

    def test_with_a_deployment(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, "UNDEPLOYED")
        assert actions_of(apply(cluster, name="Chat", description="New")) == ["update", "deploy"]

    def test_while_it_is_being_deployed(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster, "REGISTERED")
        cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
        assert actions_of(apply(cluster, name="Chat", description="New")) == ["update"]

    def test_the_server_stores_another_value(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster)

        def another_controller() -> None:
            if cluster.writes:
                cluster.models[model_id]["description"] = "other"

        cluster.before("GET", model_id, another_controller, times=99)
        with pytest.raises(Failure, match="differs in description") as caught:
            apply(cluster, name="Chat", description="New")
        assert caught.value.code == "not_converged"

    def test_a_keyword_removed_from_a_schema_is_a_change(self, cluster: FakeCluster) -> None:
        strict = {"type": "object", "required": ["parameters"], "additionalProperties": False}
        for schema in (strict, {"type": "object"}):
            assert apply(cluster, **NEW, interface={"input": schema})["changed"]
            assert not apply(cluster, **NEW, interface={"input": schema})["changed"]


class TestUnchanged:
    def test_without_a_write(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster, description="x")
        result = apply(cluster, **NEW, description="x", model_group="Chat", is_enabled=True)
        assert not result["changed"]
        assert cluster.writes == []

    def test_all_options_of_its_creation(self, cluster: FakeCluster) -> None:
        options = {
            **NEW,
            "rate_limiter": {"limit": 1.5, "unit": "SECONDS"},
            "interface": {"input": {"type": "object", "properties": {"b": {}, "a": {"minimum": 1}}}},
            "deploy_setting": {"is_auto_deploy_enabled": True},
        }
        apply(cluster, **options)
        assert not apply(cluster, **options)["changed"]


class TestAbsent:
    def test_it_does_not_exist(self, cluster: FakeCluster) -> None:
        for options in ({"name": "Chat"}, {"model_id": "nope"}):
            assert not apply(cluster, **options, state="absent")["changed"]

    def test_the_group_stays_by_default(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster)
        apply(cluster, name="Chat", state="absent")
        assert len(cluster.groups) == 1

    def test_with_its_group(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster)
        assert actions_of(apply(cluster, name="Chat", state="absent", delete_empty_group=True)) == [
            "delete",
            "delete",
        ]
        assert cluster.groups == {}

    def test_only_the_group_exists(self, cluster: FakeCluster) -> None:
        cluster.add_group("Chat")
        assert actions_of(apply(cluster, name="Chat", state="absent", delete_empty_group=True)) == ["delete"]
        assert not apply(cluster, name="Chat", state="absent", delete_empty_group=True)["changed"]

    def test_a_group_with_other_models_stays(self, cluster: FakeCluster) -> None:
        group_id = cluster.add_group("Chats")
        add_chat_model(cluster, model_group_id=group_id)
        cluster.add_model("Other", next(iter(cluster.connectors)), model_group_id=group_id)
        options = {"name": "Chat", "state": "absent", "model_group": "Chats", "delete_empty_group": True}
        assert actions_of(apply(cluster, **options)) == ["delete"]
        assert list(cluster.groups) == [group_id]

    def test_another_controller_puts_a_model_into_the_group(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster)
        [group_id] = cluster.groups
        cluster.before("DELETE", group_id, lambda: cluster.add_model("Other", "x", model_group_id=group_id))
        cluster.connectors["x"] = next(iter(cluster.connectors.values()))
        result = apply(cluster, name="Chat", state="absent", delete_empty_group=True)
        assert list(cluster.groups) == [group_id]
        assert actions_of(result) == ["delete"]

    def test_a_model_in_another_group_is_never_deleted(self, cluster: FakeCluster) -> None:
        apply(cluster, **NEW, model_group="Mine")
        for group in ("Mine too", "Other"):
            assert not apply(cluster, **NEW, model_group=group, state="absent")["changed"]
        assert len(cluster.models) == 1
        assert apply(cluster, **NEW, model_group="Mine", state="absent")["changed"]
        assert not cluster.models


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
    def test_before_anything_is_written(self, cluster: FakeCluster, options: dict[str, Any], code: str) -> None:
        for check_mode in (True, False):
            with pytest.raises(Failure) as caught:
                execute(cluster, "ml_model", check_mode=check_mode, **options)
            assert caught.value.code == code
        assert cluster.writes == []

    def test_a_group_name_that_is_too_long(self, cluster: FakeCluster) -> None:
        with pytest.raises(Failure, match="model_group"):
            apply(cluster, **NEW, model_group="g" * 257)
        assert not cluster.models

    def test_an_unknown_connector(self) -> None:
        cluster = FakeCluster()
        with pytest.raises(Failure) as caught:
            apply(cluster, **NEW)
        assert caught.value.code == "unknown_connector"
        check = execute(cluster, "ml_model", check_mode=True, **NEW)
        assert "assumes that an earlier task creates it" in check["warnings"][0]
        assert check["changed"]

    def test_invalid_characters_in_a_change(self, cluster: FakeCluster) -> None:
        add_chat_model(cluster)
        with pytest.raises(Failure) as caught:
            apply(cluster, name="Chat", description="<b>")
        assert caught.value.code == "invalid_characters"

    def test_an_ambiguous_name(self, cluster: FakeCluster) -> None:
        first = add_chat_model(cluster)
        cluster.models[first]["created_time"] = 1
        second = add_chat_model(cluster, model_group_id=cluster.add_group("Chats"))
        with pytest.raises(Failure) as caught:
            apply(cluster, name="Chat", state="absent")
        assert (caught.value.code, caught.value.details) == ("ambiguous_name", {"ids": [first, second]})
        apply(cluster, name="Chat", model_group="Chats", state="absent")
        assert list(cluster.models) == [first]

    def test_an_inline_connector(self, cluster: FakeCluster) -> None:
        model_id = add_chat_model(cluster)
        cluster.models[model_id]["connector"] = {"name": "inside"}
        del cluster.models[model_id]["connector_id"]
        with pytest.raises(Failure) as caught:
            apply(cluster, **NEW)
        assert caught.value.code == "inline_connector"
        assert not apply(cluster, name="Chat")["changed"]
