# SPDX-License-Identifier: GPL-3.0-or-later
"""A connector by a published blueprint or a provider: overridden fields, placeholders, masked secrets."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, Callable

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import blueprint
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import BLUEPRINT

Runner = Callable[..., dict[str, Any]]

URL = BLUEPRINT["actions"][0]["url"]
OWN = {"name": "Local chat", "credential": {"openAI_key": "a-secret-of-the-test"}}


@pytest.fixture
def connector(module: Runner, cluster: FakeCluster) -> Runner:
    return partial(module, "ml_connector", cluster)


class TestBlueprint:
    def test_a_pasted_blueprint_with_a_name_and_a_key(
        self, connector: Runner, cluster: FakeCluster, tmp_path: Path
    ) -> None:
        file = tmp_path / "blueprint.json"
        file.write_text(json.dumps(BLUEPRINT))
        for source in ({"definition": BLUEPRINT}, {"src": str(file)}):
            planned = connector(check_mode=True, **source, **OWN)
            created = connector(**source, **OWN)
            assert planned["changed"] is created["changed"] is ("definition" in source)
            assert planned["diff"] == created["diff"]
            stored = created["connector"]
            assert stored["parameters"] == {
                "model": "qwen3:4b", "temperature": "0.5", "stop": "null", "deep": {"a": [1, True, "ü"]},
            }  # fmt: skip
            assert stored["actions"][0]["headers"]["X-Number"] == "1"
            assert OWN["credential"]["openAI_key"] not in str(created)

    def test_placeholders_are_refused_with_their_places(self, connector: Runner, cluster: FakeCluster) -> None:
        failed = connector(definition=BLUEPRINT)
        assert failed["failure"]["code"] == "placeholder_left_in"
        assert failed["failure"]["details"]["places"] == ["name", "credential.openAI_key"]
        assert cluster.writes == []

    def test_options_override_fields_and_join_mappings(self, connector: Runner, cluster: FakeCluster) -> None:
        stored = connector(
            definition=BLUEPRINT, **OWN, description="Ours", parameters={"model": "other"},
            client_config={"read_timeout": 7},
        )["connector"]  # fmt: skip
        assert (stored["description"], stored["parameters"]["model"]) == ("Ours", "other")
        assert stored["parameters"]["temperature"] == "0.5"
        assert stored["client_config"]["read_timeout"] == 7

    def test_an_unknown_field_in_the_place_of_a_required_one_is_named(self, connector: Runner) -> None:
        action = {name: value for name, value in BLUEPRINT["actions"][0].items() if name != "url"}
        failed = connector(definition={**BLUEPRINT, "actions": [{**action, "uri": "https://a.test/x"}]}, **OWN)
        message = failed["failure"]["message"]
        assert "missing required arguments: url" in message
        assert "actions[0] has the unknown 'uri'; did you mean 'url'" in message

    def test_fields_that_the_server_would_ignore_cause_a_warning(self, connector: Runner, cluster: FakeCluster) -> None:
        body = {
            **BLUEPRINT,
            "comment": "x",
            "client_config": {"read_timeout": "9", "surplus": 1, "retry_backoff_policy": "CONSTANT"},
            "actions": [{**BLUEPRINT["actions"][0], "note": "x"}],
        }
        created = connector(definition=body, **OWN)
        assert created["changed"]
        assert "comment, actions[0].note, client_config.surplus" in " ".join(created["warnings"])
        assert not connector(definition=body, **OWN)["changed"]

    @pytest.mark.parametrize(
        "fields",
        [
            {"actions": "none"},
            {"actions": ["none"]},
            {"actions": [{"action_type": "predict"}]},
            {"actions": [{"action_type": "nonsense", "url": URL}]},
            {"client_config": {"read_timeout": "soon"}},
            {"client_config": {"retry_backoff_policy": "never"}},
            {"parameters": 5},
        ],
    )
    def test_an_invalid_body_is_refused(self, connector: Runner, cluster: FakeCluster, fields: dict[str, Any]) -> None:
        failed = connector(definition={**BLUEPRINT, **fields}, **OWN)
        assert failed["failure"]["code"] == "invalid_input"
        assert "definition" in failed["msg"]
        assert cluster.exchanges == []

    @pytest.mark.parametrize("method", ["post", "Post", "PATCH", "patch"])
    def test_a_method_in_any_case(self, connector: Runner, cluster: FakeCluster, method: str) -> None:
        body = {**BLUEPRINT, "actions": [{**BLUEPRINT["actions"][0], "method": method}]}
        assert connector(definition=body, **OWN)["connector"]["actions"][0]["method"] == method.upper()
        assert not connector(definition=body, **OWN)["changed"]

    def test_a_method_in_another_case_is_no_change(self, connector: Runner, cluster: FakeCluster) -> None:
        connector(definition=BLUEPRINT, **OWN)
        [stored] = cluster.connectors.values()
        stored["actions"][0]["method"] = "post"
        assert not connector(definition=BLUEPRINT, **OWN)["changed"]

    def test_blanks_around_a_request_body_are_no_change(self, connector: Runner, cluster: FakeCluster) -> None:
        """Another client stores them; the placeholders keep the body from being JSON."""
        text = '{"messages": ${parameters.messages}}'
        body = {**BLUEPRINT, "actions": [{**BLUEPRINT["actions"][0], "request_body": f"\n  {text}\n  "}]}
        assert connector(definition=body, **OWN)["connector"]["actions"][0]["request_body"] == text
        [stored] = cluster.connectors.values()
        stored["actions"][0]["request_body"] = f"\n  {text}\n  "
        assert not connector(definition=body, **OWN)["changed"]

    @pytest.mark.parametrize(("value", "text"), [(5, "5"), (0, "0"), (True, "true"), (False, "false"), (0.5, "0.5")])
    def test_a_request_body_that_is_not_text(
        self, connector: Runner, cluster: FakeCluster, value: Any, text: str
    ) -> None:
        body = {**BLUEPRINT, "actions": [{**BLUEPRINT["actions"][0], "request_body": value}]}
        assert connector(definition=body, **OWN)["connector"]["actions"][0]["request_body"] == text
        assert not connector(definition=body, **OWN)["changed"]

    def test_an_access_mode_in_capitals(self, connector: Runner, cluster: FakeCluster) -> None:
        body = {**BLUEPRINT, "access_mode": "PUBLIC"}
        assert connector(check_mode=True, definition=body, **OWN)["diff"]["after"]["access_mode"] == "public"
        connector(definition=BLUEPRINT, **OWN)
        [stored] = cluster.connectors.values()
        for access in ("public", "PUBLIC"):
            stored["access"] = access
            assert not connector(definition=body, **OWN)["changed"]

    def test_secrets_in_a_body_are_masked(self, connector: Runner, cluster: FakeCluster, tmp_path: Path) -> None:
        secret = "a-secret-of-the-body"
        body = {
            **BLUEPRINT,
            "name": "Local chat",
            "credential": {"openAI_key": secret},
            "actions": [{**BLUEPRINT["actions"][0], "headers": {"api-key": "another-secret"}}],
        }
        file = tmp_path / "blueprint.json"
        file.write_text(json.dumps(body))
        for source in ({"definition": body}, {"src": str(file)}, {"definition": {**body, "parameters": 5}}):
            result = json.dumps(connector(**source))
            assert secret not in result
            assert "another-secret" not in result

    def test_an_invalid_file_is_not_quoted(
        self, connector: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The loader without libyaml quotes the line in its message.
        monkeypatch.setattr(blueprint, "_load_yaml", partial(yaml.load, Loader=yaml.SafeLoader))
        file = tmp_path / "blueprint.yml"
        file.write_text("name: Local chat\ncredential: {key: a-secret-of-the-body: x}\n")
        failed = connector(name="Local chat", src=str(file))
        assert failed["failure"]["code"] == "invalid_input"
        assert "line 2" in failed["msg"]
        assert "a-secret-of-the-body" not in json.dumps(failed)

    def test_fields_of_another_protocol(self, connector: Runner, cluster: FakeCluster) -> None:
        created = connector(definition={**BLUEPRINT, "url": URL, "headers": {"X-A": "1"}}, **OWN)
        assert "such a connector has no url, headers; the server would ignore it" in " ".join(created["warnings"])
        failed = connector(definition=BLUEPRINT, **OWN, url=URL, update_strategy="fail", description="other")
        assert (failed["failure"]["code"], failed["msg"][:4]) == ("invalid_input", "url:")

    def test_absent_by_the_definitions_name(self, connector: Runner, cluster: FakeCluster) -> None:
        cluster.add_connector("Local chat")
        assert connector(definition={**BLUEPRINT, "name": "Local chat"}, state="absent")["changed"]

    def test_a_name_is_required(self, connector: Runner, cluster: FakeCluster) -> None:
        body = {name: value for name, value in BLUEPRINT.items() if name != "name"}
        failed = connector(definition=body)
        assert (failed["failure"]["code"], failed["msg"][:5]) == ("invalid_input", "name:")


class TestProvider:
    SHORT: dict[str, Any] = {
        "name": "Local chat", "provider": "ollama", "base_url": "http://llm.example.internal:11434", "model": "qwen3:4b",
    }  # fmt: skip

    def test_a_provider_is_short_for_the_full_body(self, connector: Runner, cluster: FakeCluster) -> None:
        created = connector(**self.SHORT)
        assert created["changed"]
        full_body = {
            "name": "Local chat",
            "parameters": {"model": "qwen3:4b"},
            "actions": [
                {
                    "url": "http://llm.example.internal:11434/v1/chat/completions",
                    "headers": {"Content-Type": "application/json"},
                    "request_body": '{"model": "${parameters.model}", "messages": ${parameters.messages}}',
                }
            ],
        }
        assert not connector(**full_body)["changed"]
        assert not connector(**self.SHORT)["changed"]

    def test_with_a_key(self, connector: Runner, cluster: FakeCluster) -> None:
        created = connector(**self.SHORT, api_key="a-secret-of-the-test")
        assert created["connector"]["actions"][0]["headers"]["Authorization"] == "Bearer ${credential.api_key}"
        assert "a-secret-of-the-test" not in json.dumps(created)

    def test_a_hosted_provider_requires_a_key(self, connector: Runner, cluster: FakeCluster) -> None:
        for options in ({}, {"api_key": ""}, {"credential": {"other": "x"}}):
            failed = connector(name="Local chat", provider="openai", model="gpt-4o-mini", **options)
            assert failed["failure"]["code"] == "api_key_missing"
            assert (
                failed["msg"] == "api_key: provider 'openai' requires a key. Set 'api_key' to your key of the provider."
            )
        assert cluster.exchanges == []

    @pytest.mark.parametrize(
        "options", [{"credential": {"api_key": "s3cret-1"}}, {"actions": [{"url": "https://api.openai.com/v1/x"}]}]
    )
    def test_a_key_that_is_given_otherwise_or_not_used(
        self, connector: Runner, cluster: FakeCluster, options: dict[str, Any]
    ) -> None:
        done = connector(name="Local chat", provider="openai", model="gpt-4o-mini", **options)
        assert done["changed"], done

    @pytest.mark.parametrize(
        "options", [{"base_url": "http://llm"}, {"model": "m"}, {"extra_body": {"n": 1}}, {"capability": "chat"}]
    )
    def test_options_of_a_provider_without_a_provider(
        self, connector: Runner, cluster: FakeCluster, options: dict[str, Any]
    ) -> None:
        failed = connector(name="Local chat", **options)
        assert failed["failure"]["code"] == "invalid_input"
        assert next(iter(options)) in failed["msg"]

    def test_a_model_is_required(self, connector: Runner, cluster: FakeCluster) -> None:
        assert connector(name="Local chat", provider="ollama")["msg"].startswith("model:")

    def test_absent_requires_only_the_name(self, connector: Runner, cluster: FakeCluster) -> None:
        assert not connector(name="Local chat", provider="azure_openai", state="absent")["changed"]

    def test_an_empty_probe_is_none(self, connector: Runner, cluster: FakeCluster) -> None:
        assert connector(**self.SHORT, probe={})["changed"]
