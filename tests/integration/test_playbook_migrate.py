# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook migrate copies all objects to the other cluster, from the older to the newer version and back."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import connected
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    ML,
    chat,
    connector_body,
    gateway_keys,
    guarded,
    until,
)
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import run_module

COUNT = "plugins.ml_commons.monitoring_request_count"
TASKS = "plugins.ml_commons.max_register_model_tasks_per_node"


@pytest.fixture
def migrate(cluster, other, connection, tmp_path):
    """Runs the playbook from the test's server to the other one; returns its output and the number of changes."""

    def run(*arguments: str, **given: Any) -> tuple[str, int]:
        hidden = [each["password"] for each in (connection, connected(other)) if "password" in each]
        given = {"migrate_from": connection, "migrate_to": connected(other), **given}
        text, changed = run_playbook(tmp_path, "migrate", *arguments, hidden=hidden, **given)
        return text, changed[-1]

    return run


def exported(cluster: Any, name: str) -> dict[str, Any]:
    given = {**connected(cluster), "name_pattern": f"{name}*", "_ansible_check_mode": False}
    result = run_module("ml_stack_info", given)[0]
    assert not result.get("failed"), result
    return {part: result[part] for part in ("stack", "variables", "left_out")}


def reset(cluster: Any, settings: list[str]) -> None:
    if settings:
        cluster.put_settings(dict.fromkeys(settings))


def tool(name: str, model: str) -> dict[str, Any]:
    return {"type": "MLModelTool", "name": name, "parameters": {"model_id": f"${{model:{model}}}", "prompt": "Ping"}}


def everything(name: str) -> dict[str, Any]:
    """Items of each section, created by the collection."""
    return {
        "name": name.replace(" ", "-"),
        "settings": [{"settings": {COUNT: 120}}, {"settings": {TASKS: 9}, "scope": "transient"}],
        "model_groups": [{"name": f"{name} group", "description": "Models of ours"}],
        "connectors": [
            chat(f"{name} one", description="Plain, with a seed", parameters={"model": "tiny-chat", "seed": 7}),
            guarded(f"{name} key", gateway_keys()[0], update_credential="when_changed"),
            guarded(f"{name} key-", gateway_keys()[1], client_config={"read_timeout": 59, "max_retry_times": 1}),
        ],
        "models": [
            {
                "name": f"{name} one",
                "connector": f"{name} one",
                "model_group": f"{name} group",
                "rate_limiter": {"limit": 1000, "unit": "MINUTES"},
                "guardrails": {"input_guardrail": {"regex": ["(?s).*forbidden.*"]}},
                "interface": {"input": {"type": "object", "properties": {"parameters": {"type": "object"}}}},
            },
            {"name": f"{name} key", "connector": f"{name} key", "description": "Behind the gateway (with a key)"},
            {"name": f"{name} rests", "connector": f"{name} key-", "state": "undeployed", "is_enabled": False},
        ],
        "controllers": [{"model": f"{name} one", "user_rate_limiter": {"ann": {"limit": 9, "unit": "MINUTES"}}}],
        "agents": [
            {"name": f"{name} flow", "type": "flow", "tools": [tool("ask", f"{name} one")]},
            {
                "name": f"{name} asks",
                "type": "flow",
                "description": "Asks the other one",
                "tools": [{"type": "AgentTool", "name": "flow", "parameters": {"agent_id": f"${{agent:{name} flow}}"}}],
            },
            {
                "name": f"{name} thinks",
                "type": "conversational",
                "llm": {"model_id": f"{name} key", "parameters": {"max_iteration": 3}},
                "memory": {"type": "conversation_index"},
                "tools": [tool("ask", f"{name} key")],
            },
        ],
        "pipelines": [
            {
                "name": f"{name} answers",
                "type": "search",
                "definition": {
                    "description": "Answers",
                    "response_processors": [
                        {
                            "retrieval_augmented_generation": {
                                "model_id": f"${{model:{name} one}}",
                                "context_field_list": ["t"],
                            }
                        }
                    ],
                },
            },
            {
                "name": f"{name} asks",
                "type": "ingest",
                "definition": {
                    "processors": [
                        {
                            "ml_inference": {
                                "model_id": f"${{model:{name} key}}",
                                "function_name": "remote",
                                "model_input": '{"parameters": {"text": "{{ t }}"}}',
                                "input_map": [{"t": "t"}],
                                "output_map": [{"answer": "response"}],
                            }
                        }
                    ]
                },
            },
        ],
    }


def by_hand(cluster: Any, name: str) -> None:
    """Objects created by hand: with the server's defaults, and a key in plain text."""
    body = connector_body(f"{name} bare", headers={"X-Api-Key": "sk-in-the-open-of-a-test"})
    del body["client_config"]
    bare = cluster.must("POST", f"{ML}/connectors/_create", body)["connector_id"]
    cluster.make_model(f"{name} bare", bare)


@pytest.mark.full_on("3.6.0")
@pytest.mark.usefixtures("settings_restored")
def test_all_of_a_cluster(cluster, module, migrate, other, snapshot, recorder, name):
    # Ignore what only one of the versions has.
    reset(cluster, [each for each in cluster.settings()["persistent"] if other.effective(each) is None])
    reset(other, [each for each in other.settings()["persistent"] if each not in cluster.settings()["persistent"]])
    module("ml_stack", **everything(name))
    by_hand(cluster, name)
    until(lambda: exported(cluster, name)["stack"]["controllers"] != [], "searches to see the limits")
    desired = exported(cluster, name)
    assert desired["left_out"] == []
    before, settings = snapshot(), cluster.settings()

    recorder.clear()
    text, _changed = migrate(fails=True, migrate_name_pattern=f"{name}*")
    variables = re.findall(r"(\w+) \((it [^()]*)\)[,.]", text)
    assert sorted(dict(variables).items()) == sorted(desired["variables"].items())
    assert len(desired["variables"]) == 3
    assert not other.named("connectors", f"{name} one")

    keys = {f"{name} key: api_key": 0, f"{name} key-: api_key": 1}
    values = {
        variable: gateway_keys()[keys[what]] if what in keys else "sk-in-the-open-of-a-test"
        for variable, what in desired["variables"].items()
    }
    given = {"migrate_name_pattern": f"{name}*", **values}
    assert migrate("--check", **given)[1] == 1
    assert not other.named("connectors", f"{name} one")
    assert migrate(**given)[1] == 1
    for each in ("one", "key"):
        assert other.answer(other.one("models", f"{name} {each}").id) == "Pong."
    assert other.state_of(other.one("models", f"{name} rests").id) != "DEPLOYED"
    until(lambda: exported(other, name)["stack"]["controllers"] != [], "searches to see the limits")
    assert exported(other, name) == desired

    text, changed = migrate(**given)
    assert changed == 0
    assert "Everything is there." in text
    assert recorder.writes == []
    assert (snapshot(), cluster.settings()) == (before, settings)


def refused(migrate: Any, other: Any, name: str, **given: Any) -> str:
    """The message with which the playbook refuses, both in check mode and in a real run, without a change on the other server."""
    settings = other.settings()
    texts = [migrate(*mode, fails=True, migrate_name_pattern=f"{name}*", **given)[0] for mode in (["--check"], [])]
    for kind in ("model_groups", "connectors", "models", "agents"):
        assert other.find(kind, {"prefix": {"name.keyword": name}}) == []
    assert (other.pipelines(name), other.settings()) == ({}, settings)
    return str(texts[1])


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
@pytest.mark.usefixtures("settings_restored")
def test_what_the_older_version_refuses(cluster, module, migrate, other, name):
    mcp = "plugins.ml_commons.mcp_connector_enabled"
    tools = [{"type": "IndexMappingTool", "parameters": {"index": "x"}}]
    module(
        "ml_stack",
        settings=[{"settings": {mcp: True}}],
        connectors=[
            chat(f"{name} one"),
            chat(f"{name} open", client_config={"skip_ssl_verification": True}),
            {"name": f"{name} mcp", "protocol": "mcp_sse", "url": "http://gateway:8080/"},
        ],
        models=[{"name": f"{name} one", "connector": f"{name} one"}],
        agents=[
            {
                "name": f"{name} plan",
                "type": "plan_execute_and_reflect",
                "llm": {"model_id": f"{name} one"},
                "tools": tools,
            },
            {
                "name": f"{name} calls",
                "type": "conversational",
                "llm": {"model_id": f"{name} one"},
                "parameters": {"_llm_interface": "openai/v1/chat/completions"},
                "memory": {"type": "conversation_index"},
                "tools": tools,
            },
        ],
    )
    text = refused(migrate, other, name)
    for message in (
        f"This cluster has no setting '{mcp}'",
        f"'{name} open': client_config.skip_ssl_verification needs OpenSearch 3.5; this cluster has 2.19",
        f"'{name} mcp': protocol: mcp_sse needs OpenSearch 3.0; this cluster has 2.19",
        f"'{name} plan': type: plan_execute_and_reflect needs OpenSearch 3.0; this cluster has 2.19",
        f"'{name} calls': parameters: _llm_interface (function calling) needs OpenSearch 3.0; this cluster has 2.19",
    ):
        assert message in text, message


@pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)
def test_what_the_newer_version_refuses(cluster, module, migrate, other, name):
    module(
        "ml_stack",
        connectors=[chat(f"{name} [one]"), chat(f"{name} two", description="50% more")],
        models=[{"name": f"{name} #1", "connector": f"{name} two"}],
        model_groups=[{"name": f"{name} {{group}}"}],
    )
    text = refused(migrate, other, name, migrate_sections=["model_groups", "connectors", "models"])
    for message in (
        f"name: '{name} [one]' contains",
        "description: '50% more' contains %",
        f"name: '{name} {{group}}' contains",
    ):
        assert message in text, message
