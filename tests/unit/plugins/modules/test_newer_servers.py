# SPDX-License-Identifier: GPL-3.0-or-later
"""What OpenSearch 3.7 and later add, according to the published source. The tests have run no such server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.server_errors import (
    classify,
    decode_error,
    remedy_details,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import (
    MUTUAL_TLS,
    PRIVATE_ENDPOINTS,
    VERTEX_AI,
    new_settings,
    requested_id,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, QUESTION, TRUSTED

SETTING = "opensearch_cluster_setting"
EXACT = r"^http://llm\.test:8080/v1/chat/completions$"


@pytest.fixture
def newer() -> FakeCluster:
    return FakeCluster("3.7.0")


class TestPrivateEndpoints:
    def test_a_private_backend_must_match_the_list(self, newer: FakeCluster) -> None:
        newer.add_model("Chat", newer.add_connector())
        assert execute(newer, "ml_predict", model="Chat", **QUESTION)["content"]
        execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: [r"^http://other\.test/.*$"]})
        # Deployed models keep the list.
        assert execute(newer, "ml_predict", model="Chat", **QUESTION)["content"]
        execute(newer, "ml_model", name="Chat", reload=True)
        with pytest.raises(Failure) as caught:
            execute(newer, "ml_predict", model="Chat", wait_timeout=0, **QUESTION)
        assert caught.value.code == "private_endpoint_refused"
        assert PRIVATE_ENDPOINTS in caught.value.remedy
        execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: [EXACT]}, list_mode="append")
        execute(newer, "ml_model", name="Chat", reload=True)
        assert execute(newer, "ml_predict", model="Chat", **QUESTION)["content"]

    def test_the_list_is_changed_as_other_lists(self, newer: FakeCluster) -> None:
        for mode, expected in (("append", [EXACT]), ("remove", [])):
            assert execute(newer, SETTING, settings={PRIVATE_ENDPOINTS: EXACT}, list_mode=mode)["changed"]
            assert newer.persistent[PRIVATE_ENDPOINTS] == expected

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0"])
    def test_37_adds_the_setting(self, version: str) -> None:
        cluster = FakeCluster(version)
        name = "opensearch_cluster_setting_info"
        assert execute(cluster, name, patterns=[PRIVATE_ENDPOINTS])["settings"] == {}
        with pytest.raises(Failure) as caught:
            execute(cluster, SETTING, settings={PRIVATE_ENDPOINTS: [EXACT], TRUSTED: [EXACT]})
        assert caught.value.code == "unknown_setting"
        assert cluster.writes == []

    def test_the_setting_is_listed(self, newer: FakeCluster) -> None:
        listed = execute(newer, "opensearch_cluster_setting_info", patterns=[PRIVATE_ENDPOINTS])
        assert listed["settings"] == {PRIVATE_ENDPOINTS: []}


class TestPatternsAreChecked:
    @pytest.mark.parametrize("version", ["3.7.0", "3.8.0", "3.9.0", "3.10.0", "4.0.0"])
    @pytest.mark.parametrize("mode", ["exact", "append"])
    @pytest.mark.parametrize("pattern", ["^http://(a+)+$", r"^http://(a)\1$", "^http://" + "a" * 250 + "$"])
    def test_an_unsafe_pattern_is_refused_before_it_is_sent(self, version: str, mode: str, pattern: str) -> None:
        cluster = FakeCluster(version)
        with pytest.raises(Failure, match=r"OpenSearch 3\.7 and later refuse the pattern") as caught:
            execute(cluster, SETTING, settings={TRUSTED: [pattern]}, list_mode=mode)
        assert caught.value.code == "unsafe_pattern"
        assert caught.value.remedy.startswith("Rewrite the pattern without ")
        assert cluster.writes == []

    @pytest.mark.parametrize(("version", "accepted"), [("3.7.0", False), ("3.8.0", False), ("3.9.0", True)])
    def test_39_accepts_optional_groups(self, version: str, accepted: bool) -> None:
        cluster = FakeCluster(version)
        optional = r"^http://llm(:\d+)?/.*$"
        if accepted:
            assert execute(cluster, SETTING, settings={TRUSTED: [optional]})["changed"]
            return
        with pytest.raises(Failure) as caught:
            execute(cluster, SETTING, settings={TRUSTED: [optional]})
        instead = r"^http://llm(:\d+|)/.*$"
        assert f"Write '{instead}', which matches the same." in caught.value.message
        assert execute(cluster, SETTING, settings={TRUSTED: [instead]})["changed"]

    @pytest.mark.parametrize("check_mode", [False, True])
    def test_an_older_version_is_warned_of_its_upgrade(self, check_mode: bool) -> None:
        cluster = FakeCluster("3.6.0")
        cluster.persistent[TRUSTED] = [r"^http://llm(:\d+)?/.*$"]
        result = execute(cluster, SETTING, settings={TRUSTED: [EXACT]}, list_mode="append", check_mode=check_mode)
        assert result["changed"]
        assert "An upgrade of a cluster with such a pattern replaces the whole list" in str(result["warnings"])
        assert execute(FakeCluster("3.6.0"), SETTING, settings={TRUSTED: [EXACT]})["warnings"] == []

    def test_the_risks_of_a_cluster_are_listed(self) -> None:
        cluster = FakeCluster("2.19.1")
        cluster.persistent[TRUSTED] = [EXACT, r"^http://llm(:\d+)?/.*$", "^http://(a+)+$"]
        name = "opensearch_cluster_setting_info"
        risky = execute(cluster, name, patterns=["plugins.ml_commons.*"])["risky_patterns"]
        assert [(risk["setting"], risk["refused_by"], risk["instead"]) for risk in risky] == [
            (TRUSTED, "OpenSearch 3.7 and 3.8", r"^http://llm(:\d+|)/.*$"),
            (TRUSTED, "OpenSearch 3.7 and later", None),
        ]
        assert execute(cluster, name, patterns=["cluster.*"])["risky_patterns"] == []

    def test_an_archived_list_is_warned_of(self, newer: FakeCluster) -> None:
        newer.persistent[f"archived.{TRUSTED}"] = ["^http://(a+)+$"]
        result = execute(newer, SETTING, settings={TRUSTED: [EXACT]}, list_mode="append")
        assert "set archived.* to null" in str(result["warnings"])


class TestTrustAtPredictions:
    """3.7 and later check each prediction, with the list of the time when the model was deployed."""

    @pytest.fixture
    def late(self, newer: FakeCluster) -> FakeCluster:
        """A model that was deployed before its endpoint was trusted, as after an upgrade."""
        connector_id = newer.add_connector()
        newer.persistent[TRUSTED] = []
        model_id = newer.add_model("Chat", connector_id, state="REGISTERED")
        newer.call("POST", f"{ML}/models/{model_id}/_deploy")
        for _read in range(5):
            newer.call("GET", f"{ML}/models/{model_id}")
        newer.persistent[TRUSTED] = [EXACT]
        return newer

    def test_a_late_pattern_counts_after_a_reload(self, late: FakeCluster) -> None:
        with pytest.raises(Failure) as caught:
            execute(late, "ml_predict", model="Chat", wait_timeout=0, **QUESTION)
        assert caught.value.code == "untrusted_endpoint"
        assert "run ml_model with 'reload: true'" in caught.value.remedy
        assert not execute(late, "ml_model", name="Chat")["changed"]
        planned = execute(late, "ml_model", name="Chat", reload=True, check_mode=True)
        late.exchanges.clear()
        reloaded = execute(late, "ml_model", name="Chat", reload=True)
        assert [action["action"] for action in reloaded["actions"]] == ["reload"]
        assert planned["actions"] == reloaded["actions"]
        # No gap: the model stays deployed.
        assert [exchange.method for exchange in late.writes] == ["PUT"]
        assert execute(late, "ml_predict", model="Chat", **QUESTION)["content"]

    def test_a_reload_does_not_undo_a_change_of_the_same_task(self, late: FakeCluster) -> None:
        other = late.add_connector("Other")
        execute(late, "ml_model", name="Chat", connector="Other", reload=True)
        assert [model["connector_id"] for model in late.models.values()] == [other]

    @pytest.mark.parametrize(
        ("stored", "sent"), [(None, {"is_enabled": True}), (True, {"name": "Inline"}), (False, {"name": "Inline"})]
    )
    def test_a_connector_of_the_models_own(self, newer: FakeCluster, stored: bool | None, sent: dict[str, Any]) -> None:
        """An update rebuilds the client if its 'is_enabled' differs from the stored one; absent is a value as well."""
        connector = newer.connectors[newer.add_connector()]
        model_id = newer.add_model("Inline", "", connector=connector)
        newer.models[model_id].pop("connector_id")
        newer.models[model_id].pop("is_enabled")
        if stored is not None:
            newer.models[model_id]["is_enabled"] = stored
        newer.exchanges.clear()
        execute(newer, "ml_model", name="Inline", reload=True)
        assert [exchange.body for exchange in newer.writes] == [sent]

    def test_a_model_that_is_not_deployed_is_only_deployed(self, late: FakeCluster) -> None:
        late.call("POST", f"{ML}/models/{next(iter(late.models))}/_undeploy")
        actions = execute(late, "ml_model", name="Chat", reload=True)["actions"]
        assert [action["action"] for action in actions] == ["deploy"]
        assert execute(late, "ml_predict", model="Chat", **QUESTION)["content"]

    @pytest.mark.parametrize("state", ["present", "undeployed", "absent"])
    def test_a_reload_needs_a_deployed_model(self, newer: FakeCluster, state: str) -> None:
        with pytest.raises(Failure, match="reload: only valid with 'state: deployed'"):
            execute(newer, "ml_model", name="Chat", state=state, reload=True)
        assert newer.exchanges == []

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0"])
    def test_older_versions_check_only_connectors(self, version: str) -> None:
        cluster = FakeCluster(version)
        cluster.add_model("Chat", cluster.add_connector())
        cluster.persistent[TRUSTED] = []
        assert execute(cluster, "ml_predict", model="Chat", **QUESTION)["content"]


class TestHeaders:
    ACTION = {"url": "http://llm.test:8080/v1/chat/completions", "request_body": "{}"}

    def connector(self, header: str, value: str = "Bearer ${parameters.token}", **more: Any) -> dict[str, Any]:
        return {"name": "C", "actions": [{**self.ACTION, "headers": {header: value}}], **more}

    @pytest.mark.parametrize("header", ["Authorization", "x-API-key", "Cookie", "HOST", "X-Forwarded-For"])
    def test_an_identifying_header_from_a_parameter(self, header: str) -> None:
        for version in ("3.7.0", "3.10.0"):
            cluster = FakeCluster(version)
            with pytest.raises(Failure) as caught:
                execute(cluster, "ml_connector", **self.connector(header, parameters={"token": "x"}))
            assert caught.value.code == "header_placeholder_refused"
            assert f"actions[0]: the header '{header}' takes its value from a parameter" in caught.value.message
            assert "write 'credential' instead of 'parameters'" in caught.value.remedy
            assert cluster.writes == []
        older = execute(FakeCluster("3.6.0"), "ml_connector", **self.connector(header, parameters={"token": "x"}))
        assert "After an upgrade, every prediction fails" in str(older["warnings"])

    def test_other_headers_may_have_parameters(self, newer: FakeCluster) -> None:
        given = self.connector("X-Tenant", "${parameters.tenant}")
        assert execute(newer, "ml_connector", **given)["warnings"] == []

    def test_no_header_of_an_mcp_connector_may(self, newer: FakeCluster) -> None:
        options = {"name": "M", "protocol": "mcp_sse", "url": "http://mcp.test", "credential": {"a": "b"}}
        with pytest.raises(Failure) as caught:
            execute(newer, "ml_connector", **options, mcp_headers={"X-Tenant": "${parameters.tenant}"})
        assert caught.value.code == "header_placeholder_refused"

    def test_the_server_refuses_them(self, newer: FakeCluster) -> None:
        body = {
            "version": "1",
            "protocol": "http",
            "credential": {"a": "b"},
            "parameters": {},
            **self.connector("Host"),
        }
        body["actions"][0].update(action_type="predict", method="POST")
        answer = newer.handle("POST", f"{ML}/connectors/_create", {}, body)
        assert (answer.status, b"for security reasons" in answer.content) == (400, True)

    def test_a_connector_of_an_older_version_fails_at_the_prediction(self, newer: FakeCluster) -> None:
        connector_id = newer.add_connector()
        newer.connectors[connector_id]["actions"][0]["headers"] = {"Cookie": "${parameters.model}"}
        newer.add_model("Chat", connector_id)
        with pytest.raises(Failure) as caught:
            execute(newer, "ml_predict", model="Chat", wait_timeout=0, **QUESTION)
        assert caught.value.code == "header_placeholder_refused"

    def test_a_header_without_its_parameter(self, newer: FakeCluster) -> None:
        connector_id = newer.add_connector()
        newer.connectors[connector_id]["actions"][0]["headers"] = {"X-Tenant": "${parameters.tenant}"}
        newer.add_model("Chat", connector_id)
        with pytest.raises(Failure, match="Header 'X-Tenant' contains unresolved placeholder") as caught:
            execute(newer, "ml_predict", model="Chat", wait_timeout=0, **QUESTION)
        assert caught.value.code == "placeholder_unfilled"


class TestMutualTls:
    """The gate of 3.9 for connectors with a client certificate; older versions ignore the field."""

    BODY = {
        "name": "C", "version": "1", "protocol": "http", "credential": {"a": "b"}, "parameters": {},
        "actions": [{"action_type": "predict", "method": "POST", "url": "https://llm.test/v1"}],
        "client_config": {"mutual_tls_enabled": True},
    }  # fmt: skip

    def test_the_gate(self) -> None:
        cluster = FakeCluster("3.9.0")
        answer = cluster.handle("POST", f"{ML}/connectors/_create", {}, self.BODY)
        kind, reason = decode_error(json.loads(answer.content))
        assert classify(answer.status, kind, reason).code == "feature_disabled"
        assert remedy_details("feature_disabled", reason) == {"setting": MUTUAL_TLS}
        execute(cluster, SETTING, settings={MUTUAL_TLS: True})
        cluster.call("POST", f"{ML}/connectors/_create", self.BODY)

    def test_only_http_has_it(self) -> None:
        answer = FakeCluster("3.9.0").handle(
            "POST", f"{ML}/connectors/_create", {}, {**self.BODY, "protocol": "aws_sigv4"}
        )
        assert b"Mutual TLS is not supported for connector protocol [aws_sigv4]" in answer.content


@pytest.mark.parametrize(
    ("version", "names"),
    [
        ("3.6.0", 0),
        ("3.7.0", 2),
        ("3.8.0", 11),
        ("3.9.0", 14),
        ("3.10.0", 14),
        ("4.0.0", 14),
    ],
)
def test_the_settings_of_each_version(version: str, names: int) -> None:
    assert len(new_settings(version)) == names


def test_a_connector_that_does_not_exist(newer: FakeCluster) -> None:
    """3.9 refuses a model's new connector that does not exist; older versions store it."""
    for version, status in (("3.8.0", 200), ("3.9.0", 404)):
        cluster = FakeCluster(version)
        model_id = cluster.add_model("Chat", cluster.add_connector())
        answer = cluster.handle("PUT", f"{ML}/models/{model_id}", {}, {"connector_id": "nowhere"})
        assert answer.status == status


@pytest.mark.parametrize("version", ["3.10.0", "4.0.0"])
def test_an_unknown_version_behaves_as_the_newest(version: str) -> None:
    cluster = FakeCluster(version)
    created = execute(cluster, "ml_connector", **CHAT)
    assert created["connector_id"] == execute(FakeCluster("3.9.0"), "ml_connector", **CHAT)["connector_id"]


@pytest.mark.parametrize(
    ("requested", "reason"),
    [
        (" ", "connector id is invalid"),
        ("_a", "connector id must not start with '_'"),
        ("-a", "connector id must not start with '-'"),
        ("a" * 513, "connector id is too long, max length is 512"),
        ("a b", "connector id must contain only letters, digits"),
        ("taken", "connector id 'taken' already exists"),
    ],
)
def test_ids_that_the_fake_cluster_refuses(requested: str, reason: str) -> None:
    accepted, refused = requested_id("3.9.0", "connector", {"connector_id": requested}, {"taken"})
    assert accepted is None
    assert refused is not None
    assert refused[1].startswith(reason)


def test_a_create_does_not_overwrite() -> None:
    cluster = FakeCluster("3.9.0")
    cluster.add_connector(connector_id="mine")
    body = {**cluster.connectors["mine"], "connector_id": "mine", "credential": {"a": "b"}}
    answer = cluster.handle("POST", f"{ML}/connectors/_create", {}, body)
    assert answer.status == 409


class TestGoogleCloud:
    """Vertex AI, for which the server gets the tokens itself."""

    KEY = {"private_key": "s3cret-key", "client_email": "joe@project.test"}
    ARGS: dict[str, Any] = {
        "name": "Gemini",
        "protocol": "google_cloud",
        "parameters": {"project_id": "p", "model": "tiny"},
        "actions": CHAT["actions"],
    }

    @pytest.fixture
    def enabled(self) -> FakeCluster:
        cluster = FakeCluster("3.9.0")
        cluster.persistent[VERTEX_AI] = "true"
        return cluster

    @pytest.mark.parametrize(
        "more",
        [
            {"credential": KEY},
            {"credential": {**KEY, "token_uri": "https://oauth2.test/token"}},
            {"parameters": {"auth_mode": "adc", "model": "tiny"}},
        ],
    )
    def test_create_export_and_again(self, enabled: FakeCluster, more: dict[str, Any]) -> None:
        args = {**self.ARGS, **more}
        assert execute(enabled, "ml_connector", **args)["changed"]
        assert not execute(enabled, "ml_connector", **args)["changed"]
        exported = execute(enabled, "ml_stack_info")
        keys = list(self.KEY) if "credential" in more else []
        assert exported["left_out"] == []
        assert list(exported["variables"]) == [f"gemini_{key}" for key in keys]

    @pytest.mark.parametrize(
        ("more", "code", "text"),
        [
            ({}, "credential_missing", "needs private_key, client_email of a service account"),
            ({"credential": {"private_key": "x"}}, "credential_missing", "needs client_email of"),
            (
                {"credential": KEY, "parameters": {"auth_mode": "ADC"}},
                "invalid_input",
                "remove private_key, client_email; with the parameter 'auth_mode: adc'",
            ),
            (
                {"credential": KEY, "actions": []},
                "invalid_input",
                "a connector of protocol google_cloud needs at least one",
            ),
        ],
    )
    def test_refused(self, enabled: FakeCluster, more: dict[str, Any], code: str, text: str) -> None:
        with pytest.raises(Failure) as caught:
            execute(enabled, "ml_connector", **{**self.ARGS, **more})
        assert (caught.value.code, enabled.writes) == (code, [])
        assert text in caught.value.message

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0", "3.8.0"])
    def test_39_adds_the_protocol(self, version: str) -> None:
        cluster = FakeCluster(version)
        with pytest.raises(Failure, match=r"protocol: google_cloud needs OpenSearch 3\.9") as caught:
            execute(cluster, "ml_connector", **self.ARGS, credential=self.KEY)
        assert (caught.value.code, cluster.writes) == ("unsupported_version", [])

    def test_it_is_switched_off_by_default(self) -> None:
        with pytest.raises(Failure) as caught:
            execute(FakeCluster("3.9.0"), "ml_connector", **self.ARGS, credential=self.KEY)
        assert caught.value.code == "feature_disabled"
        assert VERTEX_AI in caught.value.remedy
