# SPDX-License-Identifier: GPL-3.0-or-later
"""The task of ml_connector: which differences count, what is sent, and what is refused before anything is sent."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector import resource as connectors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values import fingerprint
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.models import VERSION_CONFLICT
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import generated_id
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import (
    BODY,
    CHAT,
    HEADERS,
    KEYED,
    PRIVATE_IP,
    QUESTION,
    URL,
)

#: As another program creates it: without a fingerprint.
ONCE = {**KEYED, "update_credential": "on_create"}
SIGV4 = {"access_key": "a", "secret_key": "b", "region": "us-east-1", "service_name": "bedrock"}


def apply(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    return execute(cluster, "ml_connector", **options)


def refused(cluster: FakeCluster, **options: Any) -> Failure:
    """The failure, which precedes any write, in check mode as well."""
    before = cluster.snapshot()
    codes = []
    for check_mode in (True, False):
        with pytest.raises(Failure) as caught:
            execute(cluster, "ml_connector", check_mode=check_mode, **options)
        codes.append(caught.value.code)
    assert codes[0] == codes[1]
    assert cluster.snapshot() == before
    assert not [exchange for exchange in cluster.writes if exchange.status and exchange.status < 300]
    return caught.value


def add_two(cluster: FakeCluster) -> list[str]:
    """Two connectors with one name, created a minute after each other."""
    ids = [cluster.add_connector(), cluster.add_connector()]
    cluster.connectors[ids[1]]["created_time"] += 60_000
    return ids


class TestCreating:
    def test_placeholder_is_sent_without_a_credential(self, cluster: FakeCluster) -> None:
        result = apply(cluster, **CHAT)
        assert cluster.credentials[result["connector_id"]] == connectors.PLACEHOLDER_CREDENTIAL
        assert "headers" not in cluster.connectors[result["connector_id"]]["actions"][0]

    def test_timeouts_are_always_sent(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, **CHAT, client_config={"read_timeout": 60})["connector_id"]
        config = cluster.connectors[connector_id]["client_config"]
        assert (config["connection_timeout"], config["read_timeout"]) == (10, 60)

    def test_the_body(self, cluster: FakeCluster) -> None:
        apply(
            cluster,
            **{**CHAT, "parameters": {"n": 5, "list": [1]}},
            credential={"key": 7},
            update_credential="on_create",
        )
        [create] = cluster.writes
        assert create.body == {
            "name": "Local chat",
            "version": "1",
            "protocol": "http",
            "parameters": {"n": "5", "list": "[1]"},
            "actions": [{"action_type": "predict", "method": "POST", "url": URL, "request_body": BODY}],
            "client_config": connectors.CLIENT_CONFIG,
            "credential": {"key": "7"},
        }

    def test_mcp_needs_no_credential(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, name="Tools", protocol="mcp_sse", url="https://mcp.test/")["connector_id"]
        assert cluster.credentials[connector_id] == {}

    def test_connector_of_another_controller_is_updated(
        self, cluster: FakeCluster, module: Callable[..., dict[str, Any]]
    ) -> None:
        """It has no lease, and was first. The task starts over."""
        cluster.before("POST", "/_create", lambda: cluster.add_connector(parameters={"model": "other"}))
        result = module("ml_connector", cluster, **CHAT)
        assert [action["action"] for action in result["actions"]] == ["update"]
        assert list(cluster.connectors) == [result["connector_id"]]
        assert cluster.connectors[result["connector_id"]]["parameters"] == {"model": "tiny"}

    def test_connector_is_deleted_during_the_create(
        self, cluster: FakeCluster, module: Callable[..., dict[str, Any]]
    ) -> None:
        """Once, then always: the task starts over until the time for the lock is over."""
        cluster.before("GET", "", cluster.connectors.clear, times=2)
        assert module("ml_connector", cluster, **CHAT)["connector_id"] in cluster.connectors
        cluster.connectors.clear()
        cluster.before("GET", "", cluster.connectors.clear, times=999)
        assert module("ml_connector", cluster, **CHAT)["failure"]["code"] == "concurrent_change"


class TestUnchanged:
    @pytest.mark.parametrize(
        "options",
        [
            {"name": "Local chat"},
            CHAT,
            {**CHAT, "version": "1", "protocol": "http"},
            {**CHAT, "parameters": {"model": "tiny"}},
            {**CHAT, "actions": [{"url": URL, "request_body": BODY, "action_type": "predict", "method": "POST"}]},
            {"connector_id": generated_id(1, "connector")},
            {**CHAT, "credential": {"key": "other"}},
            {**CHAT, "add_all_backend_roles": True},
        ],
        ids=str,
    )
    def test_no_write(self, cluster: FakeCluster, options: dict[str, Any]) -> None:
        cluster.add_connector()
        result = apply(cluster, **options)
        assert not result["changed"]
        assert cluster.writes == []

    def test_two_requests(self, cluster: FakeCluster) -> None:
        cluster.add_connector()
        apply(cluster, **CHAT)
        assert [str(exchange) for exchange in cluster.exchanges] == [
            f"POST {ML}/connectors/_search 200",
            f"GET {ML}/connectors/{generated_id(1, 'connector')} 200",
        ]


class TestDrift:
    @pytest.mark.parametrize(
        ("options", "fields"),
        [
            ({"description": "New"}, ["description"]),
            ({"version": "2"}, ["version"]),
            ({"parameters": {"model": "tiny", "n": 1}}, ["parameters"]),
            ({"parameters": {"model": "other"}}, ["parameters"]),
            ({"client_config": {"read_timeout": 5}}, ["client_config"]),
            ({"actions": [{"url": URL}]}, ["actions"]),
            ({"actions": [{"url": URL, "request_body": BODY, "headers": {"A": 1}}]}, ["actions"]),
            ({"actions": [{"url": URL, "request_body": BODY, "post_process_function": "x"}]}, ["actions"]),
            ({"actions": [{"url": URL, "request_body": BODY, "method": "GET"}]}, ["actions"]),
            ({"actions": [*CHAT["actions"], {"url": URL, "action_type": "batch_predict"}]}, ["actions"]),
            ({"description": "New", "version": "2"}, ["description", "version"]),
        ],
        ids=str,
    )
    def test_is_updated_in_place(self, cluster: FakeCluster, options: dict[str, Any], fields: list[str]) -> None:
        connector_id = cluster.add_connector()
        result = apply(cluster, **{**CHAT, **options})
        [action] = result["actions"]
        assert (action["action"], action["fields"], action["id"]) == ("update", fields, connector_id)
        [write] = cluster.writes
        assert set(write.body) == set(fields)
        assert not apply(cluster, **{**CHAT, **options})["changed"]

    def test_a_model_is_deployed_just_before_the_update(
        self, cluster: FakeCluster, module: Callable[..., dict[str, Any]]
    ) -> None:
        """The server refuses the update. The task starts over and swaps the connector."""
        old = cluster.add_connector()
        cluster.before("PUT", old, lambda: cluster.add_model("Chat", old))
        result = module("ml_connector", cluster, **CHAT, description="New")
        assert [action["action"] for action in result["actions"]] == ["swap"]
        assert {model["connector_id"] for model in cluster.models.values()} == {result["connector_id"]}

    def test_client_config_keeps_keys_that_are_not_given(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector(client_config={"read_timeout": 99, "connection_timeout": 7})
        apply(cluster, **CHAT, client_config={"read_timeout": 5})
        config = cluster.connectors[connector_id]["client_config"]
        assert (config["read_timeout"], config["connection_timeout"]) == (5, 7)

    def test_removed_parameter_requires_a_new_connector(self, cluster: FakeCluster) -> None:
        old = cluster.add_connector(parameters={"model": "tiny", "stop": "x"})
        result = apply(cluster, **CHAT)
        assert result["actions"][0]["action"] == "swap"
        assert list(cluster.connectors) == [result["connector_id"]] != [old]
        assert result["connector"]["parameters"] == {"model": "tiny"}

    def test_changed_protocol_requires_a_new_connector(self, cluster: FakeCluster) -> None:
        cluster.add_connector()
        result = apply(cluster, **CHAT, protocol="aws_sigv4", credential=SIGV4)
        assert result["actions"][0]["action"] == "swap"
        assert result["connector"]["protocol"] == "aws_sigv4"

    def test_a_rename(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector()
        apply(cluster, connector_id=connector_id, name="New name")
        assert cluster.connectors[connector_id]["name"] == "New name"

    def test_access(self) -> None:
        stored = Connector.observed({"name": "x", "access": "restricted", "backend_roles": ["b", "a"]})
        assert Connector.diff(stored, {"access_mode": "restricted", "backend_roles": ["a", "b"]}) == []
        assert Connector.diff(stored, {"access_mode": "public", "backend_roles": ["a"]}) == [
            "access_mode",
            "backend_roles",
        ]

    def test_server_stores_another_value(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector()

        def meddle() -> None:
            if cluster.writes:
                cluster.connectors[connector_id]["description"] = "other"

        cluster.before("GET", connector_id, meddle, times=99)
        with pytest.raises(Failure, match="differs in description") as caught:
            apply(cluster, **CHAT, description="New")
        assert caught.value.code == "not_converged"


class TestCredential:
    def test_on_create_only(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, **ONCE)["connector_id"]
        assert not apply(cluster, **{**ONCE, "credential": {"key": "other"}})["changed"]
        assert cluster.credentials[connector_id] == {"key": "first-key-of-all"}

    def test_on_create_is_not_sent_with_another_change(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, **ONCE)["connector_id"]
        apply(cluster, **{**ONCE, "credential": {"key": "other"}}, description="New")
        assert cluster.credentials[connector_id] == {"key": "first-key-of-all"}

    def test_on_create_is_sent_once_the_actions_use_it(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, **CHAT)["connector_id"]
        [action] = apply(cluster, **ONCE)["actions"]
        assert (action["action"], action["fields"]) == ("update", ["actions", "credential"])
        assert cluster.credentials[connector_id]["key"] == "first-key-of-all"
        assert not apply(cluster, **{**ONCE, "credential": {"key": "other", "unused": "x"}})["changed"]

    @pytest.mark.parametrize("strategy", ["swap", "redeploy"])
    def test_on_create_is_sent_if_the_actions_use_another_key(self, cluster: FakeCluster, strategy: str) -> None:
        cluster.add_model("Chat", apply(cluster, **ONCE)["connector_id"])
        headers = {"Authorization": "Bearer ${credential.token}"}
        renamed = {**ONCE, "actions": [{**KEYED["actions"][0], "headers": headers}], "credential": {"token": "second"}}
        connector_id = apply(cluster, **renamed, update_strategy=strategy)["connector_id"]
        assert cluster.credentials[connector_id]["token"] == "second"
        assert not apply(cluster, **renamed, update_strategy=strategy)["changed"]

    def test_always(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, **ONCE)["connector_id"]
        for _count in range(2):
            result = apply(cluster, **{**ONCE, "credential": {"key": "other"}, "update_credential": "always"})
            assert result["actions"][0]["fields"] == ["credential"]
        assert cluster.credentials[connector_id] == {"key": "other"}

    def test_when_changed(self, cluster: FakeCluster) -> None:
        watched = {**KEYED, "update_credential": "when_changed"}
        connector_id = apply(cluster, **watched)["connector_id"]
        assert not apply(cluster, **watched)["changed"]
        result = apply(cluster, **{**watched, "credential": {"key": "other"}})
        assert result["actions"][0]["fields"] == ["credential"]
        assert result["diff"]["before"]["credential"] == "(hidden)"
        assert cluster.credentials[connector_id] == {"key": "other"}
        assert not apply(cluster, **{**watched, "credential": {"key": "other"}})["changed"]

    def test_a_changed_credential_is_noticed_by_default(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, **KEYED)["connector_id"]
        assert not apply(cluster, **KEYED)["changed"]
        assert apply(cluster, **{**KEYED, "credential": {"key": "other"}})["changed"]
        assert cluster.credentials[connector_id] == {"key": "other"}

    def test_without_a_fingerprint_nothing_is_sent_and_a_warning_says_so(self, cluster: FakeCluster) -> None:
        """Adoption of a connector of another program: nothing else differs."""
        connector_id = apply(cluster, **ONCE)["connector_id"]
        result = apply(cluster, **{**KEYED, "credential": {"key": "other"}})
        [warning] = result["warnings"]
        assert not result["changed"]
        assert warning.startswith(f"Connector 'Local chat' ({connector_id}): 'credential' was not compared")
        assert "Set 'update_credential: unless_same' to send it once and store its fingerprint." in warning
        assert cluster.credentials[connector_id] == {"key": "first-key-of-all"}

    def test_no_warning_for_a_credential_that_nothing_uses(self, cluster: FakeCluster) -> None:
        apply(cluster, **CHAT)
        result = apply(cluster, **CHAT, credential={"key": "unused"})
        assert (result["changed"], result["warnings"]) == (False, [])

    def test_without_a_fingerprint_another_change_sends_the_credential(self, cluster: FakeCluster) -> None:
        connector_id = apply(cluster, **ONCE)["connector_id"]
        changed = {**KEYED, "credential": {"key": "other"}, "description": "New"}
        [action] = apply(cluster, **changed)["actions"]
        assert action["fields"] == ["description", "credential"]
        assert cluster.credentials[connector_id] == {"key": "other"}
        again = apply(cluster, **changed)
        assert (again["changed"], again["warnings"]) == (False, [])

    @pytest.mark.parametrize("damaged", ["", "md5:c2FsdA==:aGFzaA==", "scrypt-15-8-1:c2FsdA==:aGFzaA=="])
    def test_unless_same_sends_a_credential_without_a_fingerprint(self, cluster: FakeCluster, damaged: str) -> None:
        connector_id = apply(cluster, **ONCE)["connector_id"]
        notes = json.dumps({"credential": damaged})
        cluster.connectors[connector_id]["parameters"]["_searchops"] = notes
        watched = {**KEYED, "update_credential": "unless_same"}
        assert apply(cluster, **watched)["changed"]
        assert not apply(cluster, **watched)["changed"]
        assert not apply(cluster, **KEYED)["changed"]

    @pytest.mark.parametrize("policy", ["always", "on_create"])
    def test_the_fingerprint_of_a_former_credential_is_removed(self, cluster: FakeCluster, policy: str) -> None:
        """Otherwise the former credential would count as the one that the connector has."""
        connector_id = apply(cluster, **KEYED)["connector_id"]
        headers = {"Authorization": "Bearer ${credential.key}", "X-Other": "${credential.other}"}
        uses_more = {**KEYED, "actions": [{**KEYED["actions"][0], "headers": headers}]}
        apply(cluster, **{**uses_more, "credential": {"key": "other", "other": "more"}}, update_credential=policy)
        assert cluster.credentials[connector_id] == {"key": "other", "other": "more"}
        former = {**uses_more, "credential": {"key": "first-key-of-all", "other": "more"}}
        assert apply(cluster, **former, update_credential="unless_same")["changed"]

    def test_a_python_without_scrypt(self, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fingerprint, "is_available", lambda: False)
        assert apply(cluster, **KEYED)["changed"]
        again = apply(cluster, **KEYED)
        assert not again["changed"]
        assert "hashlib.scrypt is missing or not allowed" in again["warnings"][0]
        assert apply(cluster, **KEYED, update_credential="unless_same")["changed"]

    def test_the_fingerprint_survives_other_changes(self, cluster: FakeCluster) -> None:
        watched = {**KEYED, "update_credential": "when_changed"}
        apply(cluster, **watched)
        apply(cluster, **{**watched, "parameters": {"model": "big"}})
        assert not apply(cluster, **{**watched, "parameters": {"model": "big"}})["changed"]
        apply(cluster, **{**watched, "parameters": {}})
        assert not apply(cluster, **{**watched, "parameters": {}})["changed"]

    def test_the_fingerprint_is_hidden(self, cluster: FakeCluster) -> None:
        result = apply(cluster, **KEYED, update_credential="when_changed")
        assert "scrypt" not in json.dumps(result)
        assert "scrypt" in json.dumps(cluster.connectors)

    def test_missing_credential_is_not_sent_on_its_own(self, cluster: FakeCluster) -> None:
        cluster.add_connector()
        assert not apply(cluster, **CHAT, update_credential="always")["changed"]


class TestStrategy:
    def test_fail(self, cluster: FakeCluster) -> None:
        cluster.add_model("Chat", cluster.add_connector())
        failure = refused(cluster, **CHAT, description="New", update_strategy="fail")
        assert failure.code == "connector_in_use"
        assert failure.details == {"models": list(cluster.models)}

    def test_fail_updates_an_unused_connector(self, cluster: FakeCluster) -> None:
        cluster.add_model("Chat", cluster.add_connector(), state="UNDEPLOYED")
        assert apply(cluster, **CHAT, description="New", update_strategy="fail")["actions"][0]["action"] == "update"

    def test_redeploy(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector()
        serving = cluster.add_model("Chat", connector_id)
        resting = cluster.add_model("Other", connector_id, state="UNDEPLOYED")
        result = apply(cluster, **CHAT, description="New", update_strategy="redeploy")
        assert result["connector_id"] == connector_id
        assert result["actions"][0]["models"] == [serving]
        assert cluster.models[serving]["model_state"] == "DEPLOYED"
        assert cluster.models[resting]["model_state"] == "UNDEPLOYED"

    def test_redeploy_deploys_the_models_again_after_a_failed_change(self, cluster: FakeCluster) -> None:
        cluster.persistent["plugins.ml_commons.trusted_connector_endpoints_regex"] = ["^http://llm.*$"]
        serving = cluster.add_model("Chat", cluster.add_connector())
        with pytest.raises(Failure) as caught:
            apply(cluster, name="Local chat", update_strategy="redeploy", actions=[{"url": "http://other.test/"}])
        assert caught.value.code == "untrusted_endpoint"
        assert cluster.call("GET", f"{ML}/models/{serving}")["model_state"] == "DEPLOYED"

    def test_redeploy_reports_a_failed_deployment(self, cluster: FakeCluster) -> None:
        cluster.add_model("Chat", cluster.add_connector())
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "out of memory"})]
        with pytest.raises(Failure, match="node node-1: out of memory") as caught:
            apply(cluster, **CHAT, description="New", update_strategy="redeploy")
        assert caught.value.code == "deploy_failed"

    def test_redeploy_repeats_a_disturbed_deployment(self, cluster: FakeCluster) -> None:
        model_id = cluster.add_model("Chat", cluster.add_connector())
        cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": VERSION_CONFLICT})]
        result = apply(cluster, **CHAT, description="New", update_strategy="redeploy")
        assert [action["action"] for action in result["actions"]] == ["repair", "redeploy"]
        assert cluster.models[model_id]["model_state"] == "DEPLOYED"

    def test_redeploy_repairs_a_partial_deployment(self, cluster: FakeCluster) -> None:
        model_id = cluster.add_model("Chat", cluster.add_connector())
        cluster.deploy_outcomes = [("PARTIALLY_DEPLOYED", {"node-2": "slow"})]
        apply(cluster, **CHAT, description="New", update_strategy="redeploy")
        assert cluster.models[model_id]["model_state"] == "DEPLOYED"


class TestAbsent:
    def test_deleted(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector()
        result = apply(cluster, name="Local chat", state="absent")
        assert (result["changed"], result["connector"], result["connector_id"]) == (True, None, connector_id)
        assert cluster.connectors == {}

    def test_deleted_already(self, cluster: FakeCluster) -> None:
        for options in ({"name": "Local chat"}, {"connector_id": "nope"}):
            assert not apply(cluster, **options, state="absent")["changed"]

    @pytest.mark.parametrize("state", ["DEPLOYED", "UNDEPLOYED", "REGISTERED"])
    def test_used(self, cluster: FakeCluster, state: str) -> None:
        cluster.add_model("Chat", cluster.add_connector(), state=state)
        failure = refused(cluster, name="Local chat", state="absent")
        assert failure.code == "connector_in_use"
        assert f"'Chat' ({next(iter(cluster.models))}, {state})" in failure.message

    def test_ambiguous(self, cluster: FakeCluster) -> None:
        add_two(cluster)
        assert refused(cluster, name="Local chat", state="absent").code == "ambiguous_name"


class TestRefusals:
    def test_unknown_id(self, cluster: FakeCluster) -> None:
        assert refused(cluster, connector_id="nope", **CHAT).code == "unknown_connector"

    @pytest.mark.parametrize("name", ["", "  ", "x" * 257])
    def test_name_that_no_search_finds(self, cluster: FakeCluster, name: str) -> None:
        assert refused(cluster, **{**CHAT, "name": name}).code == "invalid_input"

    def test_a_name_of_256(self, cluster: FakeCluster) -> None:
        options = {**CHAT, "name": "x" * 256}
        apply(cluster, **options)
        assert not apply(cluster, **options)["changed"]

    def test_no_actions(self, cluster: FakeCluster) -> None:
        assert refused(cluster, name="Local chat").code == "invalid_input"

    @pytest.mark.parametrize("url", ["", "llm.test/v1", "ftp://llm.test", "http://joe:pw@llm.test/"])
    def test_invalid_url(self, cluster: FakeCluster, url: str) -> None:
        failure = refused(cluster, **{**CHAT, "actions": [{"url": url}]})
        assert failure.code == "invalid_input"
        assert "actions[0]" in failure.message

    @pytest.mark.parametrize("field", ["name", "description"])
    def test_text_with_forbidden_characters(self, field: str) -> None:
        options = {**CHAT, field: "a & b"}
        failure = refused(FakeCluster("3.1.0"), **options)
        assert failure.code == "invalid_characters"
        assert apply(FakeCluster("3.0.0"), **options)["changed"]
        assert apply(FakeCluster("2.19.1"), **options)["changed"]

    @pytest.mark.parametrize(
        ("version", "options"),
        [
            ("2.19.1", {"name": "T", "protocol": "mcp_sse", "url": "https://mcp.test/"}),
            ("3.2.0", {"name": "T", "protocol": "mcp_streamable_http", "url": "https://mcp.test/"}),
            ("3.4.0", {**CHAT, "client_config": {"skip_ssl_verification": True}}),
            ("3.4.0", {**CHAT, "actions": [{"url": URL, "name": "chat"}]}),
        ],
    )
    def test_feature_of_a_newer_version(self, version: str, options: dict[str, Any]) -> None:
        assert refused(FakeCluster(version), **options).code == "unsupported_version"
        assert apply(FakeCluster("3.6.0"), **options)["changed"]

    def test_a_placeholder_without_a_credential(self, cluster: FakeCluster) -> None:
        actions = [{"url": URL, "headers": HEADERS}]
        for credential in ({"other": "x"}, {}):
            failure = refused(cluster, **{**CHAT, "actions": actions, "credential": credential})
            assert (failure.code, failure.details) == ("credential_missing", {"placeholder": "key"})
        assert refused(cluster, **{**CHAT, "actions": actions}).code == "credential_missing"

    def test_placeholder_without_a_parameter(self, cluster: FakeCluster) -> None:
        probe = {"prompt": "x"}
        failure = refused(cluster, **CHAT, probe=probe)
        assert (failure.code, failure.details) == ("placeholder_unfilled", {"placeholder": "messages"})
        assert refused(cluster, **{**CHAT, "parameters": {}}, probe=QUESTION).code == "placeholder_unfilled"

    def test_placeholders_are_only_checked_with_a_probe(self, cluster: FakeCluster) -> None:
        assert apply(cluster, **{**CHAT, "parameters": {}})["changed"]

    def test_a_placeholder_with_a_default(self, cluster: FakeCluster) -> None:
        body = '{"t": ${parameters.temperature:-0.5}, "messages": ${parameters.messages}}'
        assert apply(cluster, **{**CHAT, "actions": [{"url": URL, "request_body": body}]}, probe=QUESTION)["changed"]

    def test_an_untrusted_url(self) -> None:
        cluster = FakeCluster(trusted=())
        with pytest.raises(Failure) as caught:
            apply(cluster, **CHAT)
        assert caught.value.code == "untrusted_endpoint"

    def test_ambiguous(self, cluster: FakeCluster) -> None:
        ids = add_two(cluster)
        failure = refused(cluster, **CHAT, description="New")
        assert (failure.code, failure.details) == ("ambiguous_name", {"ids": ids})
        assert apply(cluster, **CHAT, description="New", connector_id=ids[1])["changed"]


class TestWarnings:
    @pytest.mark.parametrize(
        ("actions", "warning"),
        [
            ([{"url": "http://${parameters.host}/v1"}], "takes its host from a parameter"),
            ([{"url": "https://llm.test:11434/v1"}], "Ollama speaks plain HTTP"),
            ([{"url": URL, "headers": {"Authorization": "Bearer sk-secret"}}], "contains a plain secret"),
        ],
    )
    def test_of_risky_settings(self, cluster: FakeCluster, actions: Any, warning: str) -> None:
        cluster.persistent[PRIVATE_IP] = "true"
        result = execute(
            cluster,
            "ml_connector",
            check_mode=True,
            **{**CHAT, "actions": [{"request_body": "{}", **each} for each in actions]},
        )
        assert len(result["warnings"]) == 1
        assert warning in result["warnings"][0]
        assert "sk-secret" not in json.dumps(result)

    def test_of_a_parameter_named_stream(self, cluster: FakeCluster) -> None:
        result = apply(cluster, **{**CHAT, "parameters": {"model": "tiny", "stream": False}})
        assert "a parameter named 'stream'" in result["warnings"][0]

    def test_not_of_harmless_settings(self, cluster: FakeCluster) -> None:
        actions = [
            {
                "url": "http://llm.test/${parameters.path}",
                "headers": {"Authorization": "Bearer ${credential.key}"},
                "request_body": "{}",
            }
        ]
        result = execute(cluster, "ml_connector", **{**CHAT, "actions": actions}, credential={"key": "x"})
        assert result["warnings"] == []


def test_json_strings_are_shown_parsed(cluster: FakeCluster) -> None:
    result = apply(cluster, **{**CHAT, "parameters": {"stop": ["a", "b"], "model": "tiny"}})
    assert result["connector"]["parameters"]["stop"] == ["a", "b"]


def test_number_and_string_in_a_body_differ(cluster: FakeCluster) -> None:
    for body in ('{"temperature": "0"}', '{"temperature": 0}'):
        assert apply(cluster, **{**CHAT, "actions": [{"url": "http://llm.test/v1", "request_body": body}]})["changed"]
    spaced = '{ "temperature":0 }'
    assert not apply(cluster, **{**CHAT, "actions": [{"url": "http://llm.test/v1", "request_body": spaced}]})["changed"]


def test_parameter_of_the_notes_is_reserved(cluster: FakeCluster) -> None:
    assert "reserved" in refused(cluster, **{**CHAT, "parameters": {"_searchops": "mine"}}).message


def test_credential_with_a_line_break_in_a_header_is_refused(cluster: FakeCluster) -> None:
    actions = [{"url": "http://llm.test/v1", "headers": {"Authorization": "Bearer ${credential.key}"}}]
    failure = refused(cluster, **{**CHAT, "actions": actions, "credential": {"key": "from-a-file\n"}})
    assert (failure.code, "from-a-file" in failure.message) == ("invalid_input", False)


def test_removed_parameter_needs_the_credential(cluster: FakeCluster) -> None:
    actions = [{"url": "http://llm.test/v1", "headers": {"Authorization": "Bearer ${credential.key}"}}]
    apply(cluster, **{**CHAT, "actions": actions, "credential": {"key": "some-key"}})
    cluster.exchanges.clear()
    failure = refused(cluster, **{**CHAT, "actions": actions, "parameters": {}, "update_strategy": "redeploy"})
    assert failure.code == "credential_needed_to_replace"
    assert "redeploy" not in failure.remedy
