# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export of a real cluster: applied to the same cluster it changes nothing, and after a removal it recreates all objects."""

from __future__ import annotations

import json

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.agent import Agent
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.controller import Controller
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.memory_container import MemoryContainer
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model import Model
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.model_group import ModelGroup
from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import gateway_keys, guarded, until
from ansible_collections.searchops.opensearch_ml.tests.integration.test_ml_stack import declared

MODULE = "ml_stack_info"
SECTIONS = ["model_groups", "connectors", "models", "controllers", "memory_containers", "agents", "pipelines"]


@pytest.fixture
def export(module, name):
    def run(key):
        exported = module(MODULE, sections=SECTIONS, name_pattern=f"{name}*")
        assert module.recorder.writes == []
        text = json.dumps(exported["stack"])
        assert key not in text
        for variable in exported["variables"]:
            text = text.replace(f"{{{{ {variable} }}}}", key)
        return exported, json.loads(text)

    return run


def test_export_remove_and_apply(cluster, module, snapshot, export, name):
    key = gateway_keys()[0]
    desired = declared(name)
    desired["connectors"].append(guarded(f"{name} key", key, description="Behind the gateway"))
    desired["models"].append(
        {
            "name": f"{name} key",
            "connector": f"{name} key",
            "rate_limiter": {"limit": 1000, "unit": "MINUTES"},
            "interface": {"input": {"type": "object", "properties": {"parameters": {"type": "object"}}}},
        }
    )
    desired["controllers"] = [{"model": f"{name} one", "user_rate_limiter": {"ann": {"limit": 10, "unit": "MINUTES"}}}]
    module("ml_stack", **desired)
    # A search for limits may show a state that is a second old.
    until(lambda: export(key)[0]["stack"]["controllers"] != [], "searches to see the limits")
    exported, filled = export(key)
    assert exported["left_out"] == []
    assert list(exported["variables"].values()) == [f"{name} key: api_key"]

    before = snapshot()
    again = module("ml_stack", **filled)
    assert (again["changed"], again["plan"]) == (False, [])
    assert module.recorder.writes == []
    assert snapshot() == before

    module("ml_stack", name=desired["name"], prune="managed")
    assert not any(snapshot().values())
    assert module("ml_stack", **filled)["changed"]
    assert cluster.answer(cluster.one("models", f"{name} key").id) == "Pong."
    until(lambda: export(key)[0]["stack"]["controllers"] != [], "searches to see the limits again")
    assert export(key)[0]["stack"] == exported["stack"]


@pytest.mark.full_on("2.19.1-tls")
def test_a_graph(module, name):
    desired = declared(name)
    module("ml_stack", **desired)
    graph = module(MODULE, format="graph")
    ours = {node["id"]: node["name"] for node in graph["nodes"] if node["name"].startswith(name)}
    edges = {
        (ours[edge["from"]], edge["relation"], ours[edge["to"]]) for edge in graph["edges"] if edge["from"] in ours
    }
    assert edges == {
        (f"{name} one", "calls through", f"{name} one"),
        (f"{name} two", "calls through", f"{name} two"),
        (f"{name} one", "is in", f"{name} group"),
        (f"{name} two", "is in", f"{name} two"),
        (f"{name} flow", "uses", f"{name} one"),
        (f"{name} answers", "uses", f"{name} two"),
    }
    assert {node["stack"] for node in graph["nodes"] if node["id"] in ours} == {desired["name"]}


#: Shapes of agents, as other clients register them; a server without the type or the field refuses or drops it. MODEL and
#: CONNECTOR are replaced by ids.
AGENTS = {
    "flow": {"type": "flow", "tools": [{"type": "IndexMappingTool"}]},
    "tools": {
        "type": "conversational_flow",
        "app_type": "rag",
        "tools": [
            {
                "type": "MLModelTool",
                "name": "ask",
                "description": "[1]",
                "parameters": {
                    "model_id": "MODEL",
                    "n": 1,
                    "small": 0.0001,
                    "json": {"a": [1, "2", {"b": '{"c": 1}'}]},
                },
                "config": {"k": "v"},
                "include_output_in_agent_response": True,
            },
            {"type": "ConnectorTool", "parameters": {"connector_id": "CONNECTOR", "connector_action": "execute"}},
        ],
        "parameters": {"small": 0.0001, "large": 1e10, "flag": True, "none": "null"},
        "memory": {"type": "conversation_index", "session_id": "s", "window_size": 3},
    },
    "thinks": {"type": "CONVERSATIONAL", "llm": {"model_id": "MODEL", "parameters": {"max_iteration": 5, "t": 1e-7}}},
    "frontend": {"type": "ag_ui", "llm": {"model_id": "MODEL"}, "parameters": {"a": "b"}},
    "context": {
        "type": "flow",
        "tools": [{"type": "IndexMappingTool"}],
        "context_management": {
            "name": "short",
            "hooks": {"pre_llm": [{"type": "SlidingWindowManager", "config": {"max_messages": 6}}]},
        },
    },
    "container": {
        "type": "flow",
        "tools": [{"type": "IndexMappingTool"}],
        "memory": {"type": "agentic_memory", "memory_container_id": "CONTAINER"},
    },
}

MODEL = {
    "description": "Made elsewhere",
    "rate_limiter": {"limit": 0.5, "unit": "MINUTES"},
    "interface": {"input": {"type": "object", "properties": {"parameters": {"type": "object", "title": "[1]"}}}},
    "guardrails": {"type": "local_regex", "input_guardrail": {"regex": ["[1]", ".*forbidden.*"]}},
    "deploy_setting": {"is_auto_deploy_enabled": False, "model_ttl_minutes": 60},
    "model_config": {
        "model_type": "bert",
        "embedding_dimension": 3,
        "framework_type": "sentence_transformers",
        "pooling_mode": "MEAN",
        "all_config": '{"a": 1}',
        "additional_config": {"space_type": "l2"},
    },
}


def _objects_of_another_client(cluster, name):
    """Objects of many shapes, created by plain requests. Returns the names of the agents that the server accepts."""
    group = cluster.must(
        "POST", f"{_stack.ML}/model_groups/_register", {"name": f"{name} group", "description": "Of all"}
    )["model_group_id"]
    body = {
        "name": f"{name} chat",
        "version": 1.10,
        "protocol": "http",
        "credential": {"key": "not-a-key-77"},
        "parameters": {"small": 0.0001, "large": 1e10, "json": {"a": '{"b": [1]}'}, "flag": True},
        "client_config": {"read_timeout": 60, "retry_backoff_policy": "EXPONENTIAL_FULL_JITTER"},
        "actions": [
            {
                "action_type": each,
                "method": "post",
                "url": _stack.OLLAMA,
                "headers": {"Authorization": "Bearer ${credential.key}", "X-Number": 1},
                "request_body": '{ "messages" : ${parameters.messages} }',
            }
            for each in ("predict", "EXECUTE")
        ],
    }
    connector = cluster.must("POST", f"{_stack.ML}/connectors/_create", body)["connector_id"]
    # 2.19 parses the configuration of a remote model as that of a local one, which has no additional configuration.
    config = {key: value for key, value in MODEL["model_config"].items() if cluster.is_3 or key != "additional_config"}
    body = {
        **MODEL,
        "name": f"{name} chat",
        "function_name": "remote",
        "connector_id": connector,
        "model_config": config,
    }
    model = cluster.must("POST", f"{_stack.ML}/models/_register", {**body, "model_group_id": group})["model_id"]
    side = {"model_id": model, "response_validation_regex": "^no$"}
    body = {
        "guardrails": {"type": "model", "input_guardrail": side},
        "function_name": "remote",
        "connector_id": connector,
    }
    cluster.must("POST", f"{_stack.ML}/models/_register", {**body, "name": f"{name} guarded", "model_group_id": group})
    limits = {"user_rate_limiter": {"ann": {"limit": 0.5, "unit": "HOURS"}, "bob": {"limit": "7", "unit": "DAYS"}}}
    cluster.must("POST", f"{_stack.ML}/controllers/{model}", limits)
    container = "none"
    if cluster.is_3:
        body = {"name": f"{name} memory", "configuration": {"index_prefix": _stack.index_of(name)}}
        container = cluster.must("POST", f"{_stack.ML}/memory_containers/_create", body)["memory_container_id"]
    accepted = []
    for shape, agent in AGENTS.items():
        text = json.dumps({"name": f"{name} {shape}", "parameters": {}, **agent})
        text = text.replace("MODEL", model).replace("CONNECTOR", connector).replace("CONTAINER", container)
        body = json.loads(text)
        if cluster.send("POST", f"{_stack.ML}/agents/_register", body).status_code < 300:
            accepted.append(f"{name} {shape}")
    maps = {"input_map": [{"input": "[1]"}], "output_map": [{"vector": "data[0].embedding"}]}
    body = {
        "description": "Made elsewhere",
        "version": 3,
        "processors": [{"ml_inference": {"model_id": model, **maps}}],
    }
    cluster.must("PUT", f"/_ingest/pipeline/{name} vectors", body)
    return accepted


def _absent(stack):
    """The declaration that deletes all items of this one. Limits go with their model."""
    kept = ("name", "type")
    return {
        section: [{**{key: item[key] for key in kept if key in item}, "state": "absent"} for item in items]
        for section, items in stack.items()
        if section not in ("controllers", "settings")
    }


def test_an_export_of_objects_that_another_client_made(cluster, module, snapshot, export, name):
    accepted = _objects_of_another_client(cluster, name)
    assert {f"{name} flow", f"{name} tools", f"{name} thinks"} <= set(accepted)
    cluster.refresh()
    exported, filled = export("not-a-key-77")
    assert exported["left_out"] == []
    assert [item["name"] for item in exported["stack"]["agents"]] == sorted(accepted)
    counts = [1, 1, 2, 1, 1 if cluster.is_3 else 0, 1]
    assert [len(exported["stack"][section]) for section in SECTIONS if section != "agents"] == counts
    sides = [each["guardrails"]["input_guardrail"] for each in exported["stack"]["models"]]
    assert "[1]" in sides[0]["regex"]
    assert sides[1]["model_id"] == f"${{model:{name} chat}}"
    for item in filled["connectors"]:
        # Nobody can compare the credential.
        item["update_credential"] = "on_create"

    before = snapshot()
    again = module("ml_stack", **filled)
    assert (again["plan"], module.recorder.writes) == ([], [])
    assert snapshot() == before

    module("ml_stack", **_absent({**filled, "agents": [{"name": item["name"]} for item in filled["agents"]]}))
    assert not any(snapshot().values())
    module("ml_stack", **filled)
    until(lambda: export("not-a-key-77")[0]["stack"]["controllers"] != [], "searches to see the limits")
    assert export("not-a-key-77")[0]["stack"] == exported["stack"]


def test_each_field_that_the_server_returns_is_known(cluster, module, name):
    """A field that is neither an option nor known as the server's own would be exported as an extra field."""
    accepted = _objects_of_another_client(cluster, name)
    found = [(Agent, cluster.one("agents", each).source) for each in accepted]
    for kind, section, each in (
        (ModelGroup, "model_groups", "group"),
        (Connector, "connectors", "chat"),
        (Model, "models", "chat"),
        *([(MemoryContainer, "memory_containers", "memory")] if cluster.is_3 else []),
    ):
        found.append((kind, cluster.one(section, f"{name} {each}").source))
    found.append((Controller, cluster.get("controllers", cluster.one("models", f"{name} chat").id)))
    for kind, source in found:
        assert (kind.LABEL, kind.extra_names(source)) == (kind.LABEL, [])
        assert kind.not_stored({}, kind.observed(source)) == []


#: What another client can create, and a stack refuses to.
REFUSED = {
    "function": {"pre_process_function": "connector.pre_process.openai.embeddings"},
    "placeholder": {"headers": {"Authorization": "Bearer <YOUR KEY>"}},
    "key in the body": {"request_body": '{"key": "${credential.key}"}'},
}


def test_what_a_stack_would_refuse_is_left_out(cluster, module, snapshot, export, name):
    """With what uses it; the rest can be applied."""
    module("ml_stack", **declared(name))
    for number, fault in enumerate(REFUSED.values()):
        action = {"action_type": "predict", "method": "POST", "url": _stack.OLLAMA, "request_body": "{}", **fault}
        body = {"name": f"{name} bad {number}", "version": "1", "protocol": "http", "credential": {"key": "x"}}
        made = cluster.must("POST", f"{_stack.ML}/connectors/_create", {**body, "actions": [action]})
        model = cluster.make_model(f"{name} bad {number}", made["connector_id"])
        tools = [{"type": "MLModelTool", "name": "ask", "parameters": {"model_id": model}}]
        agent = {"name": f"{name} bad {number}", "type": "flow", "tools": tools}
        cluster.must("POST", f"{_stack.ML}/agents/_register", agent)
    cluster.refresh()
    exported, filled = export("not-a-key-77")
    left_out = [(each["section"], each["name"]) for each in exported["left_out"]]
    assert left_out == [
        (section, f"{name} bad {number}")
        for section in ("connectors", "models", "agents")
        for number in range(len(REFUSED))
    ]
    assert all("No stack can declare it" in each["reason"] for each in exported["left_out"][: len(REFUSED)])
    assert module("ml_stack", **filled)["plan"] == []
    module("ml_stack", name=declared(name)["name"], prune="managed")
    applied = module("ml_stack", **filled)
    assert applied["changed"]


#: The URLs of the providers, to which no request is sent.
PROVIDERS = [
    r"^https://api\.openai\.com/v1/chat/completions$",
    r"^https://bedrock-runtime\.us-east-1\.amazonaws\.com/.*$",
]


@pytest.fixture
def _unified_agents(module):
    """Switch the API on that registers a model with an agent, which is off before 3.9, and trust the providers."""
    setting = "plugins.ml_commons.unified_agent_api_enabled"
    module("opensearch_cluster_setting", settings={setting: True})
    module("opensearch_cluster_setting", settings={_stack.TRUSTED: PROVIDERS}, list_mode="append")
    yield
    module("opensearch_cluster_setting", settings={_stack.TRUSTED: PROVIDERS}, list_mode="remove")
    module("opensearch_cluster_setting", settings={setting: True}, state="absent")


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
@pytest.mark.usefixtures("_unified_agents")
@pytest.mark.parametrize(
    ("provider", "keys"),
    [
        ("openai/v1/chat/completions", {"openai_api_key": "sk-of-nobody-77"}),
        ("bedrock/converse", {"access_key": "AKIA-of-nobody", "secret_key": "sk-of-nobody-77"}),
    ],
)
def test_an_agent_with_a_model(cluster, module, snapshot, export, name, provider, keys):
    """Its credential gets variables, and what the server has registered for it is no part of the declaration."""
    model = {"model_id": name, "model_provider": provider, "credential": keys, "model_parameters": {"top_p": "0.5"}}
    memory = {"type": "conversation_index"}
    body = {
        "name": name,
        "type": "conversational",
        "model": model,
        "memory": memory,
        "tools": [{"type": "ListIndexTool"}],
    }
    cluster.must("POST", f"{_stack.ML}/agents/_register", body)
    try:
        cluster.refresh()
        exported, filled = export("sk-of-nobody-77")
        assert exported["left_out"] == []
        assert list(exported["variables"].values()) == [f"{name}: {key}" for key in keys]
        [item] = exported["stack"]["agents"]
        assert {key: item["model"][key] for key in ("model_id", "model_provider", "model_parameters")} == {
            key: model[key] for key in ("model_id", "model_provider", "model_parameters")
        }
        assert (exported["stack"]["models"], exported["stack"]["model_groups"]) == ([], [])
        again = module("ml_stack", **filled)
        assert (again["plan"], module.recorder.writes) == ([], [])
        alone = module(
            "ml_agent", definition={**body, "model": {**model, "credential": dict.fromkeys(keys, "another-key")}}
        )
        assert not alone["changed"]
        for result in (again, alone):
            assert "model.credential was not compared with the stored one" in str(result["warnings"])
        module("ml_agent", name=name, state="absent")
        module("ml_stack", **filled)
        cluster.refresh()
        assert export("sk-of-nobody-77")[0]["stack"] == exported["stack"]
    finally:
        cluster.must("DELETE", f"{_stack.ML}/agents/{cluster.one('agents', name).id}")
        for section in ("models", "model_groups"):
            for each in cluster.named(section, f"Auto-generated model for {name}"):
                cluster.must("DELETE", f"{_stack.ML}/{section}/{each.id}")
