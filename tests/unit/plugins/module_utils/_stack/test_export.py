# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export changes nothing on its own cluster, creates the same on another, and contains no secret."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import generated_id
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import ACTION, apply_chat_stack

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_stack_info"

#: The id of the first object, if that is a memory container.
CONTAINER = generated_id(1, "container")

LITERAL = {**ACTION, "headers": {"Authorization": "Bearer sk-in-the-open-77"}}


def export_and_fill(module: Runner, cluster: FakeCluster, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The export, and its stack with the key of the connectors for each variable."""
    exported = module(MODULE, cluster, **options)
    assert exported["changed"] is False
    text = json.dumps(exported["stack"])
    for variable in exported["variables"]:
        assert f"{{{{ {variable} }}}}" in text
        text = text.replace(f"{{{{ {variable} }}}}", "s3cret-1")
    return exported, json.loads(text)


def test_export_changes_nothing_on_the_same_cluster(module: Runner, cluster: FakeCluster) -> None:
    apply_chat_stack(module, cluster)
    cluster.persistent["plugins.ml_commons.only_run_on_ml_node"] = "false"
    exported, declared = export_and_fill(module, cluster)
    assert exported["left_out"] == []
    assert [len(declared[section]) for section in declared] == [1, 2, 2, 2, 1, 0, 1, 1]
    assert exported["variables"] == {"a_key": "A: key", "b_key": "B: key"}
    assert "stack: chat" not in json.dumps(declared)
    again = module("ml_stack", cluster, **declared)
    assert (again.get("msg"), again["changed"]) == (None, False), again


def test_export_creates_the_same_on_an_empty_cluster(module: Runner, cluster: FakeCluster) -> None:
    apply_chat_stack(module, cluster)
    exported, declared = export_and_fill(module, cluster)
    other = FakeCluster()
    applied = module("ml_stack", other, parallel=1, **declared)
    assert not applied.get("failed"), applied
    assert module(MODULE, other)["stack"] == exported["stack"]


def test_connector_with_its_method_in_lower_case(module: Runner, cluster: FakeCluster) -> None:
    cluster.connectors[cluster.add_connector("Theirs", actions=[{**ACTION, "method": "post"}])]["access"] = "PUBLIC"
    _exported, declared = export_and_fill(module, cluster)
    again = module("ml_stack", cluster, **declared)
    assert (again.get("msg"), again["changed"]) == (None, False), again


def test_export_contains_no_secret(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector("Open", actions=[LITERAL])
    exported = module(MODULE, cluster)
    assert "sk-in-the-open-77" not in json.dumps(exported)
    assert exported["variables"] == {"open_authorization": "Open: Authorization"}


def export_and_apply(
    module: Runner, cluster: FakeCluster, other: FakeCluster | None = None
) -> list[tuple[str, str, str]]:
    """What the export leaves out. The export must change nothing on ``cluster``, and create the same on ``other``."""
    exported, declared = export_and_fill(module, cluster)
    again = module("ml_stack", cluster, **declared)
    assert (again.get("msg"), again["changed"]) == (None, False), again
    other = other or FakeCluster()
    applied = module("ml_stack", other, **declared)
    assert not applied.get("failed"), applied
    assert module(MODULE, other)["stack"] == exported["stack"]
    return [(each["section"], each["name"], each["reason"]) for each in exported["left_out"]]


@pytest.mark.parametrize("state", ["DEPLOYED", "UNDEPLOYED", "REGISTERED", "DEPLOY_FAILED"])
def test_model_in_any_state(module: Runner, cluster: FakeCluster, state: str) -> None:
    cluster.add_model("Chat", cluster.add_connector("Chat"), state=state)
    assert export_and_apply(module, cluster) == []


def test_model_that_is_undeployed_until_its_next_request(module: Runner, cluster: FakeCluster) -> None:
    idle = {"deploy_setting": {"is_auto_deploy_enabled": True, "model_ttl_minutes": 5}}
    cluster.add_model("Chat", cluster.add_connector("Chat"), state="UNDEPLOYED", **idle)
    assert export_and_apply(module, cluster) == []
    assert module(MODULE, cluster)["stack"]["models"][0]["state"] == "deployed"


@pytest.mark.parametrize("versions", [("2.19.1", "3.6.0"), ("3.6.0", "2.19.1")])
@pytest.mark.parametrize("config", [None, {}, {"read_timeout": 60}])
def test_connector_without_client_config(
    module: Runner, versions: tuple[str, str], config: dict[str, Any] | None
) -> None:
    source, other = map(FakeCluster, versions)
    source.add_connector("Chat", **({} if config is None else {"client_config": config}))
    assert export_and_apply(module, source, other) == []


def test_objects_that_cannot_be_declared_are_left_out(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("Twice")
    cluster.add_connector("Twice")
    cluster.add_model("Chat", connector)
    orphan = cluster.add_model("Orphan", connector)
    cluster.models[orphan]["connector_id"] = "gone"
    cluster.models[orphan]["is_controller_enabled"] = True
    cluster.controllers[orphan] = {"user_rate_limiter": {"ann": {"limit": "10.0", "unit": "MINUTES"}}}
    assert export_and_apply(module, cluster) == [
        ("connectors", "Twice", "2 have this name."),
        ("connectors", "Twice", "2 have this name."),
        ("models", "Chat", "It uses connector 'Twice', which is one of 2 of this name."),
        ("models", "Orphan", "Its connector is gone."),
        ("controllers", "Orphan", "Its model is left out."),
    ]


@pytest.mark.parametrize("used", ["by nothing", "by a model", "by an agent"])
def test_a_connector_whose_deletion_the_server_refused_after_its_key_was_changed(
    module: Runner, cluster: FakeCluster, used: str
) -> None:
    old = cluster.add_connector("Chat")
    new = cluster.add_connector("Chat", parameters={"model": "tiny", "_searchops": f'{{"replaces": ["{old}"]}}'})
    cluster.add_model("Chat", new)
    if used == "by a model":
        cluster.add_model("Other", old)
    if used == "by an agent":
        cluster.add_agent("Other", tools=[{"type": "McpTool", "parameters": {"connector_id": old}}])
    exported = module(MODULE, cluster)
    left_out = {(each["section"], each["id"]): each["reason"] for each in exported["left_out"]}
    if used == "by nothing":
        assert [each["name"] for each in exported["stack"]["connectors"]] == ["Chat"]
        assert left_out == {("connectors", old): f"{new} has replaced it; a later run of its task deletes it."}
    else:
        assert left_out["connectors", old] == left_out["connectors", new] == "2 have this name."


def _tool(**parameters: str) -> list[dict[str, Any]]:
    return [{"type": "MLModelTool", "parameters": parameters}]


def _guardrails(model_id: str) -> dict[str, Any]:
    return {"type": "model", "input_guardrail": {"model_id": model_id, "response_validation_regex": "x"}}


def test_objects_with_references_to_left_out_objects_are_left_out(module: Runner) -> None:
    # Later versions refuse such names.
    cluster = FakeCluster("2.19.1")
    connector = cluster.add_connector("A")
    good = cluster.add_model("Good", connector)
    twins = [cluster.add_model("Twin", connector) for _time in range(2)]
    orphan = cluster.add_model("Orphan", connector)
    cluster.models[orphan]["connector_id"] = "gone"
    for name, model in (("Guarded", good), ("Guarded by orphan", orphan), ("Guarded by none", "gone-four")):
        cluster.add_model(name, connector, guardrails=_guardrails(model))
    twice = cluster.add_model("Orphan's", connector, guardrails=_guardrails(orphan))
    cluster.add_model("Guarded twice", connector, guardrails=_guardrails(twice))
    one = cluster.add_model("One of two", connector)
    cluster.models[one]["guardrails"] = _guardrails(cluster.add_model("Two", connector, guardrails=_guardrails(one)))
    odd = cluster.add_model("Odd} name", connector)
    cluster.add_agent("Fine", tools=_tool(model_id=good))
    lost = cluster.add_agent("Lost", tools=_tool(model_id="of-a-model-that-is-gone"))
    cluster.add_agent("Thinker", type="conversational", llm={"model_id": "gone-too"}, parameters={})
    cluster.add_agent("Asks Lost", tools=[{"type": "AgentTool", "parameters": {"agent_id": lost}}])
    cluster.add_agent("Asks twin", tools=_tool(model_id=twins[0]))
    cluster.add_agent("Asks odd", tools=_tool(model_id=odd))
    cluster.add_agent("Calls", tools=[{"type": "ListIndexTool", "parameters": {"connector_id": "gone-three"}}])
    cluster.add_agent("Given later", tools=_tool(model_id="${parameters.model}"))
    for name, model in (("fine", good), ("orphaned", orphan)):
        body = {"processors": [{"ml_inference": {"model_id": model}}]}
        cluster.call("PUT", f"/_ingest/pipeline/{name}", body)
    assert export_and_apply(module, cluster, FakeCluster("2.19.1")) == [
        ("models", "Guarded by none", "It uses gone-four, which is gone."),
        ("models", "Guarded by orphan", "It uses model 'Orphan', which is left out."),
        ("models", "Guarded twice", 'It uses model "Orphan\'s", which is left out.'),
        ("models", "One of two", "Its guardrails name it, directly or through other models."),
        ("models", "Orphan", "Its connector is gone."),
        ("models", "Orphan's", "It uses model 'Orphan', which is left out."),
        ("models", "Twin", "2 have this name."),
        ("models", "Twin", "2 have this name."),
        ("models", "Two", "Its guardrails name it, directly or through other models."),
        ("agents", "Asks Lost", "It uses agent 'Lost', which is left out."),
        ("agents", "Asks odd", "It uses model 'Odd} name', whose name no reference can hold."),
        ("agents", "Asks twin", "It uses model 'Twin', which is one of 2 of this name."),
        ("agents", "Calls", "It uses gone-three, which is gone."),
        ("agents", "Lost", "It uses of-a-model-that-is-gone, which is gone."),
        ("agents", "Thinker", "It uses gone-too, which is gone."),
        ("pipelines", "orphaned", "It uses model 'Orphan', which is left out."),
    ]


def test_models_of_guardrails_are_referred_to_by_name(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("A")
    checker = cluster.add_model("Checker", connector)
    cluster.add_model("Asked", connector, guardrails=_guardrails(checker))
    [asked, _checker] = module(MODULE, cluster)["stack"]["models"]
    assert asked["guardrails"] == _guardrails("${model:Checker}")
    assert export_and_apply(module, cluster) == []


def test_local_models_are_referred_to_by_name(module: Runner, cluster: FakeCluster) -> None:
    local = cluster.add_model("Embeddings", cluster.add_connector("A"))
    cluster.models[local]["algorithm"] = "TEXT_EMBEDDING"
    body = {"processors": [{"ml_inference": {"model_id": local, "field_map": {"text": f"of {local}-v2"}}}]}
    cluster.call("PUT", "/_ingest/pipeline/vectors", body)
    exported, declared = export_and_fill(module, cluster)
    assert declared["pipelines"][0]["definition"]["processors"] == [
        {"ml_inference": {"model_id": "${model:Embeddings}", "field_map": {"text": f"of {local}-v2"}}}
    ]
    assert [(each["section"], each["name"], each["reason"]) for each in exported["left_out"]] == [
        ("models", "Embeddings", "It is a local model, and the module ml_model manages remote ones.")
    ]
    assert module("ml_stack", cluster, **declared)["changed"] is False
    failed = module("ml_stack", FakeCluster(), **declared)
    assert "There is no model 'Embeddings', neither declared nor on the cluster." in failed["msg"]


#: Shapes of agents, as other clients register them.
AGENTS: dict[str, dict[str, Any]] = {
    "flow": {"tools": [{"type": "ListIndexTool"}]},
    "numbers": {"parameters": {"small": 0.0001, "large": 1e10, "flag": True, "json": {"a": [1]}}, "tools": []},
    "app": {"app_type": "rag", "description": "Two (2)"},
    "type in capitals": {"type": "CONVERSATIONAL_FLOW"},
    "frontend": {"type": "ag_ui", "parameters": {"x": "y"}},
    "second version": {"type": "conversational_v2", "memory": {"type": "agentic_memory", "memory_container_id": CONTAINER}},
    "memory": {"memory": {"type": "conversation_index", "session_id": "s", "window_size": 3}},
    "context": {"context_management": {"name": "short", "hooks": {"pre_llm": [{"type": "T", "config": {"n": 3}}]}}},
    "context by name": {"context_management_name": "short"},
    "tool": {
        "tools": [
            {
                "type": "MLModelTool", "name": "ask", "description": "Asks", "parameters": {"n": 1},
                "attributes": {"input_schema": {"type": "object"}}, "config": {"k": "v"},
                "include_output_in_agent_response": True,
            }
        ]
    },
    "of a later version": {"tier": {"a": 1}, "memory": {"type": "later_memory", "span": 4}, "type": "later_type"},
    "tool of a later version": {"tools": [{"type": "ListIndexTool", "span": {"a": 1}}]},
}  # fmt: skip


def cluster_of_shapes(version: str) -> FakeCluster:
    cluster = FakeCluster(version)
    cluster.later_fields, cluster.later_types = {"tier", "span"}, {"later_type"}
    return cluster


@pytest.mark.parametrize("shape", sorted(AGENTS))
def test_agents_of_any_shape(module: Runner, shape: str) -> None:
    cluster = cluster_of_shapes("3.6.0")
    cluster.add_memory_container()
    cluster.add_agent(**{"name": shape, **AGENTS[shape]})
    assert export_and_apply(module, cluster, cluster_of_shapes("3.6.0")) == []


def test_references_to_connectors(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("A")
    mcp = json.dumps([{"mcp_connector_id": connector}])
    tools = [{"type": "ListIndexTool", "parameters": {"connector_id": connector}}]
    cluster.add_agent("Calls", tools=tools, parameters={"mcp_connectors": mcp})
    assert export_and_apply(module, cluster) == []
    [agent] = module(MODULE, cluster)["stack"]["agents"]
    assert agent["tools"][0]["parameters"] == {"connector_id": "${connector:A}"}
    assert agent["parameters"] == {"mcp_connectors": [{"mcp_connector_id": "${connector:A}"}]}


def test_an_agent_with_a_model_of_a_provider(module: Runner, cluster: FakeCluster) -> None:
    """Its credential gets a variable, and what the server has registered for it is no part of the declaration."""
    model = {"model_id": "m", "model_provider": "p", "credential": {"openai_api_key": "s3cret-1"}}
    for name, parameters in (("Unified", {}), ("Tuned", {"temperature": "0.5"})):
        tuned = {"model_parameters": parameters} if parameters else {}
        cluster.add_agent(name, type="conversational", model={**model, **tuned}, parameters={"x": "y"}, tools=[])
    assert export_and_apply(module, cluster) == []
    exported = module(MODULE, cluster)
    assert exported["variables"] == {
        "tuned_openai_api_key": "Tuned: openai_api_key",
        "unified_openai_api_key": "Unified: openai_api_key",
    }
    assert exported["stack"]["agents"][0] == {
        "name": "Tuned",
        "type": "conversational",
        "model": {
            "model_id": "m",
            "model_provider": "p",
            "model_parameters": {"temperature": "0.5"},
            "credential": {"openai_api_key": "{{ tuned_openai_api_key }}"},
        },
        "parameters": {"x": "y"},
    }
    assert (exported["stack"]["models"], exported["stack"]["model_groups"]) == ([], [])
    for model_id in list(cluster.models):
        del cluster.models[model_id]
    assert export_and_apply(module, cluster) == [
        ("agents", name, "It was registered with a 'model', and what the server registered for it is gone.")
        for name in ("Tuned", "Unified")
    ]


MODELS: dict[str, dict[str, Any]] = {
    "config": {
        "model_config": {
            "model_type": "bert", "embedding_dimension": 3, "framework_type": "SENTENCE_TRANSFORMERS",
            "pooling_mode": "MEAN", "normalize_result": False, "all_config": '{"a": 1}',
            "additional_config": {"space_type": "l2"},
        }
    },
    "guardrails": {
        "guardrails": {
            "type": "local_regex",
            "input_guardrail": {"stop_words": [{"index_name": "w", "source_fields": ["t"], "span": 1}], "regex": ["x"]},
            "span": 2,
        }
    },
    "limit": {"rate_limiter": {"limit": "0.0001", "unit": "DAYS", "span": 3}},
    "of a later version": {"tier": {"a": 1}, "deploy_setting": {"is_auto_deploy_enabled": False, "span": 2}},
}  # fmt: skip


@pytest.mark.parametrize("shape", sorted(MODELS))
def test_models_of_any_shape(module: Runner, shape: str) -> None:
    cluster = cluster_of_shapes("3.6.0")
    cluster.add_model("Chat", cluster.add_connector("Chat"), **MODELS[shape])
    assert export_and_apply(module, cluster, cluster_of_shapes("3.6.0")) == []


def test_groups_controllers_and_connectors_with_fields_of_a_later_version(module: Runner) -> None:
    cluster = cluster_of_shapes("3.9.0")
    action = {**ACTION, "span": 1, "supports_structured_output": True}
    connector = cluster.add_connector(
        "Chat", actions=[action], client_config={"span": 2}, tier=[1], provisioned_by="tool"
    )
    model = cluster.add_model("Chat", connector, provisioned_by="tool")
    cluster.groups[cluster.models[model]["model_group_id"]]["tier"] = "gold"
    limits = {"user_rate_limiter": {"ann": {"limit": 1, "unit": "DAYS"}}, "tier": 5}
    cluster.call("POST", f"/_plugins/_ml/controllers/{model}", limits)
    assert export_and_apply(module, cluster, cluster_of_shapes("3.9.0")) == []
    exported = module(MODULE, cluster)["stack"]
    extra = {section: exported[section][0]["extra_fields"] for section in ("connectors", "models", "controllers")}
    assert extra == {
        "connectors": {"provisioned_by": "tool", "tier": [1]},
        "models": {"provisioned_by": "tool"},
        "controllers": {"tier": 5},
    }


MEMORY: dict[str, Any] = {
    "name": "House memory",
    "configuration": {
        "llm_id": "Chat",
        "embedding_model_id": "Chat",
        "embedding_model_type": "TEXT_EMBEDDING",
        "embedding_dimension": 8,
        "strategies": [{"type": "SEMANTIC", "namespace": ["user_id"]}],
    },
}
REMEMBERING: dict[str, Any] = {
    "name": "Assistant",
    "type": "conversational",
    "llm": {"model_id": "Chat"},
    "memory": {"type": "agentic_memory", "memory_container_id": "House memory"},
}


def test_memory_containers_and_the_agents_that_use_them(module: Runner, cluster: FakeCluster) -> None:
    module(
        "ml_connector",
        cluster,
        name="Chat",
        actions=[ACTION],
        credential={"key": "s3cret-1"},
        parameters={"model": "x"},
    )
    module("ml_model", cluster, name="Chat", connector="Chat")
    cluster.later_fields = {"quota", "span"}
    strategy = {**MEMORY["configuration"]["strategies"][0], "extra_fields": {"span": 2}}
    configuration = {**MEMORY["configuration"], "strategies": [strategy], "extra_fields": {"quota": 1}}
    for name, args in (("ml_memory_container", {**MEMORY, "configuration": configuration}), ("ml_agent", REMEMBERING)):
        done = module(name, cluster, **args)
        assert not done.get("failed"), done
    other = FakeCluster()
    other.later_fields = cluster.later_fields
    assert export_and_apply(module, cluster, other) == []
    [container] = module(MODULE, cluster)["stack"]["memory_containers"]
    assert container["configuration"]["llm_id"] == "${model:Chat}"
    assert container["configuration"]["extra_fields"] == {"quota": 1}
    assert "id" not in container["configuration"]["strategies"][0]
    [agent] = module(MODULE, cluster)["stack"]["agents"]
    assert agent["memory"]["memory_container_id"] == "${memory_container:House memory}"


def test_secrets_of_memory_containers_are_variables(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_memory_container(configuration={"parameters": {"api_key": "sk-in-the-open"}})
    exported = module(MODULE, cluster)
    [container] = exported["stack"]["memory_containers"]
    assert container["configuration"]["parameters"]["api_key"] in [
        f"{{{{ {name} }}}}" for name in exported["variables"]
    ]
    assert "sk-in-the-open" not in str(exported)


def test_a_container_whose_model_is_gone_is_left_out(module: Runner, cluster: FakeCluster) -> None:
    container = cluster.add_memory_container(configuration={"llm_id": "gone"})
    cluster.add_agent("Assistant", memory={"type": "agentic_memory", "memory_container_id": container})
    left_out = {each["name"]: each["reason"] for each in module(MODULE, cluster)["left_out"]}
    assert left_out == {
        "House memory": "It uses gone, which is gone.",
        "Assistant": "It uses memory container 'House memory', which is left out.",
    }


def test_what_no_option_can_hold_is_left_out(module: Runner, cluster: FakeCluster) -> None:
    model = cluster.add_model("Chat", cluster.add_connector("Chat"))
    half = {"user_rate_limiter": {"ann": {"limit": "1.0"}}}
    cluster.controllers[model] = {"model_id": model, **half}
    cluster.models[model]["is_controller_enabled"] = True
    cluster.add_connector("x" * 257)
    [long, limits] = export_and_apply(module, cluster)
    assert long[::2] == ("connectors", "Its name has more than 256 characters, so that no search finds it.")
    assert limits[:2] == ("controllers", "Chat")
    assert "ann: must have 'limit' and 'unit'" in limits[2]


def test_a_setting_that_cannot_be_declared_keeps_no_other_one_out(module: Runner, cluster: FakeCluster) -> None:
    trusted = "plugins.ml_commons.trusted_connector_endpoints_regex"
    cluster.persistent.update({trusted: ["http://ollama:11434"], "plugins.ml_commons.only_run_on_ml_node": "false"})
    exported = module(MODULE, cluster)
    assert "plugins.ml_commons.only_run_on_ml_node" in exported["stack"]["settings"][0]["settings"]
    [left] = exported["left_out"]
    assert (left["section"], left["name"]) == ("settings", trusted)
    assert "a pattern must match the whole URL" in left["reason"]
