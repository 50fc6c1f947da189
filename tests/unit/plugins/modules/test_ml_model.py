# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_model from its arguments to its result. Its task is tested in module_utils/_tasks/test_ml_model.py."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT

Runner = Callable[..., dict[str, Any]]


def test_create_undeploy_and_delete(module: Runner, cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    args = {"name": "Chat", "connector": "Local chat"}
    check = module("ml_model", cluster, check_mode=True, **args)
    created = module("ml_model", cluster, **args)
    assert created["diff"] == check["diff"]
    assert (created["model"]["state"], created["connector_id"]) == ("DEPLOYED", connector_id)
    assert (created["model_id"], created["model_group_id"]) == (next(iter(cluster.models)), next(iter(cluster.groups)))
    assert not module("ml_model", cluster, **args)["changed"]
    assert module("ml_model", cluster, **args, state="undeployed")["model"]["state"] == "UNDEPLOYED"
    deleted = module("ml_model", cluster, name="Chat", state="absent", delete_empty_group=True)
    assert (deleted["model"], deleted["model_id"]) == (None, created["model_id"])
    assert (cluster.models, cluster.groups) == ({}, {})


def test_a_failed_deployment(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector()
    cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "no disk"})]
    result = module("ml_model", cluster, name="Chat", connector="Local chat")
    assert result["failed"]
    assert result["changed"]
    assert [action["action"] for action in result["actions"]] == ["create", "register_and_deploy"]
    assert result["failure"]["details"]["nodes"] == {"node-1": "no disk"}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({}, "one of the following is required: name, model_id"),
        ({"name": "x", "rate_limiter": {"limit": 5}}, "missing required arguments: unit found in rate_limiter"),
        ({"name": "x", "state": "started"}, "value of state must be one of"),
        ({"name": "x", "register_deploy": "three_step"}, "value of register_deploy must be one of"),
    ],
)
def test_refused_arguments(module: Runner, cluster: FakeCluster, args: dict[str, Any], text: str) -> None:
    result = module("ml_model", cluster, **args)
    assert result["failed"]
    assert text in result["msg"]
    assert cluster.exchanges == []


def test_an_option_and_the_definition_have_the_required_keys_together(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector()
    definition = {"name": "Chat", "connector_id": "Local chat", "rate_limiter": {"limit": 4, "unit": "MINUTES"}}
    made = module("ml_model", cluster, definition=definition, rate_limiter={"limit": 5})
    assert float(cluster.models[made["model_id"]]["rate_limiter"]["limit"]) == 5


CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "embedding_dimension": 3,
    "framework_type": "sentence_transformers",
    "all_config": {"a": 1},
    "additional_config": {"space_type": "l2"},
}


def test_the_configuration_of_a_model(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector()
    args: dict[str, Any] = {"name": "Vectors", "connector": "Local chat", "model_config": CONFIG}
    created = module("ml_model", cluster, **args)
    [stored] = cluster.models.values()
    assert (stored["model_config"]["framework_type"], stored["model_config"]["all_config"]) == (
        "SENTENCE_TRANSFORMERS",
        '{"a":1}',
    )
    assert created["model"]["model_config"] == CONFIG
    assert not module("ml_model", cluster, **args)["changed"]
    args["model_config"] = {**CONFIG, "embedding_dimension": 4}
    assert module("ml_model", cluster, **args)["actions"][0]["fields"] == ["model_config"]
    assert not module("ml_model", cluster, **args)["changed"]


VECTORS = {"model_type": "TEXT_EMBEDDING", "embedding_dimension": 768}


@pytest.mark.parametrize(
    ("version", "config", "fault"),
    [
        ("3.6.0", VECTORS, "lacks framework_type (one of sentence_transformers, huggingface_transformers, "),
        ("3.6.0", {**VECTORS, "framework_type": "x"}, "additional_config.space_type (such as l2 or cosinesimil)"),
        (
            "3.6.0",
            {**VECTORS, "framework_type": "x", "additional_config": {"space_type": "l2"}},
            "framework_type: 'x' is none of sentence_transformers,",
        ),
        (
            "3.6.0",
            {"embedding_dimension": 768},
            "lacks model_type (such as TEXT_EMBEDDING), which OpenSearch 3.6 requires.",
        ),
        ("2.19.1", {"model_type": "bert"}, "lacks embedding_dimension (the length of the vectors), framework_type"),
    ],
)
def test_a_configuration_that_the_server_refuses(
    module: Runner, version: str, config: dict[str, Any], fault: str
) -> None:
    """The server does so after a group was created for the model."""
    cluster = FakeCluster(version)
    cluster.add_connector()
    for check_mode in (True, False):
        args: dict[str, Any] = {"name": "Vectors", "connector": "Local chat", "model_config": config}
        failure = module("ml_model", cluster, check_mode=check_mode, **args)["failure"]
        assert (failure["code"], fault in failure["message"]) == ("invalid_input", True), failure
    assert cluster.groups == {}


class TestUnknownFields:
    """Fields that this version of the collection does not know, at any depth."""

    ARGS: dict[str, Any] = {
        "name": "Chat",
        "connector": "Local chat",
        "extra_fields": {"tier": "gold"},
        "deploy_setting": {"is_auto_deploy_enabled": True, "extra_fields": {"span": 1}},
        "guardrails": {"input_guardrail": {"regex": ["x"], "extra_fields": {"span": []}}},
    }

    def test_they_are_sent_compared_and_kept(self, module: Runner, cluster: FakeCluster) -> None:
        cluster.add_connector()
        cluster.later_fields = {"tier"}
        module("ml_model", cluster, **self.ARGS)
        [stored] = cluster.models.values()
        assert (stored["tier"], stored["deploy_setting"]["span"]) == ("gold", 1)
        assert stored["guardrails"]["input_guardrail"] == {"regex": ["x"], "span": []}
        assert not module("ml_model", cluster, **self.ARGS)["changed"]
        module("ml_model", cluster, name="Chat", description="New")
        assert (stored["description"], stored["tier"]) == ("New", "gold")

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0"])
    @pytest.mark.parametrize("extra", [ARGS["extra_fields"], {"deploy": "true"}, {"access_mode": "public"}])
    def test_the_server_may_drop_them(self, module: Runner, version: str, extra: dict[str, Any]) -> None:
        cluster = FakeCluster(version)
        cluster.add_connector()
        args = {
            **self.ARGS,
            "deploy_setting": {"is_auto_deploy_enabled": True},
            "guardrails": None,
            "extra_fields": extra,
        }
        created = module("ml_model", cluster, **args)
        [name] = extra
        assert f"does not store {name}. Remove it" in str(created["warnings"])
        for again in (module("ml_model", cluster, **args), module("ml_stack", cluster, models=[args])):
            assert (again["changed"], again["warnings"]) == (False, created["warnings"])
        stack = {"connectors": [CHAT], "models": [args]}
        other = FakeCluster(version)
        assert module("ml_stack", other, **stack)["warnings"] == created["warnings"]
        assert not module("ml_stack", other, **stack)["changed"]

    def test_a_later_version_drops_them(self, module: Runner) -> None:
        """Nothing would tell the next run that they were sent already."""
        cluster = FakeCluster("3.10.0")
        cluster.add_connector()
        failure = module("ml_model", cluster, **{**self.ARGS, "extra_fields": {"tier": 1}})["failure"]
        assert (failure["code"], failure["details"]["fields"]) == ("field_not_stored", ["tier"])

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ({"extra_fields": {"connector_id": "x"}}, "extra_fields: 'connector_id' has an option; write 'connector'."),
            ({"extra_fields": {"model_state": "x"}}, "extra_fields: remove 'model_state', which only the server sets."),
            (
                {"guardrails": {"input_guardrail": {"extra_fields": {"regex": []}}}},
                "guardrails.input_guardrail.extra_fields: 'regex' has an option; write 'guardrails.input_guardrail.regex'.",
            ),
        ],
    )
    def test_a_field_with_an_option(
        self, module: Runner, cluster: FakeCluster, args: dict[str, Any], message: str
    ) -> None:
        assert module("ml_model", cluster, name="Chat", **args)["failure"]["message"] == message
        assert cluster.exchanges == []
