# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_agent: changes in place, changes that need a new agent, and input that is refused before a write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import LISTING
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import connector

Runner = Callable[..., dict[str, Any]]
NAME = "ml_agent"
HOUSE = {"name": "House agent"}


@pytest.fixture
def house(cluster: FakeCluster) -> str:
    return cluster.add_agent(parameters={"a": "1", "b": "2"}, llm={"model_id": "m", "parameters": {"x": 1, "y": 2}})


def test_an_unchanged_agent_costs_a_search_and_a_get(module: Runner, cluster: FakeCluster, house: str) -> None:
    for check_mode in (False, True):
        cluster.exchanges.clear()
        result = module(
            NAME, cluster, **HOUSE, type="flow", tools=[LISTING], parameters={"a": 1, "b": 2}, check_mode=check_mode
        )
        assert (result["changed"], result["agent_id"]) == (False, house)
        assert result["agent"]["parameters"] == {"a": "1", "b": "2"}
        assert [(each.method, each.path.rsplit("/", 1)[1]) for each in cluster.exchanges] == [
            ("POST", "_search"),
            ("GET", house),
        ]


def test_only_changed_fields_are_sent(module: Runner, cluster: FakeCluster, house: str) -> None:
    result = module(NAME, cluster, **HOUSE, description="New", tools=[LISTING], parameters={"a": 1, "b": 3})
    assert result["agent_id"] == house
    assert [(write.method, write.body) for write in cluster.writes] == [
        ("PUT", {"description": "New", "parameters": {"a": "1", "b": "3"}})
    ]
    assert result["actions"][0]["fields"] == ["description", "parameters"]


@pytest.mark.parametrize(
    ("version", "change", "reason"),
    [
        ("3.6.0", {"type": "conversational_flow"}, "its type is flow"),
        ("3.6.0", {"parameters": {"a": 1}}, "cannot remove parameters, and b must be removed"),
        ("3.6.0", {"llm": {"parameters": {"x": 1}}}, "cannot remove llm.parameters, and y must be removed"),
        ("3.6.0", {"tools": []}, "keeps its tools"),
        ("3.6.0", {"memory": {"type": "agentic_memory"}}, "changes only memory of the type"),
        ("3.6.0", {"memory": {"type": "conversation_index", "memory_container_id": "c"}}, "memory.memory_container_id"),
        ("3.6.0", {"context_management_name": "short"}, "the server ignores changes of context_management_name"),
        ("2.19.1", {"description": "New"}, "OpenSearch 2.19 cannot change agents, 3.1 and later can"),
        ("3.0.0", {"description": "New"}, "3.1 and later can"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_changes_that_need_a_new_agent(
    module: Runner, version: str, change: dict[str, Any], reason: str, check_mode: bool
) -> None:
    cluster = FakeCluster(version)
    old = cluster.add_agent(
        description="Old",
        app_type="chat",
        parameters={"a": "1", "b": "2"},
        llm={"model_id": "m", "parameters": {"x": 1, "y": 2}},
    )
    failure = module(NAME, cluster, **HOUSE, **change, check_mode=check_mode)["failure"]
    assert failure["code"] == "agent_not_changeable"
    assert reason in failure["message"]
    assert cluster.writes == []

    result = module(NAME, cluster, **HOUSE, **change, update_strategy="recreate", check_mode=check_mode)
    assert [(action["action"], action["replaced_id"]) for action in result["actions"]] == [("replace", old)]
    assert list(cluster.agents) == [old] if check_mode else [result["agent_id"]] == list(cluster.agents)
    if not check_mode:
        # The new agent keeps the fields that are not given.
        stored = cluster.agents[result["agent_id"]]
        assert stored["app_type"] == "chat"
        assert stored["description"] == change.get("description", "Old")
        assert stored["llm"]["model_id"] == "m"
        assert "_searchops" not in str(result)


def test_an_interrupted_replacement_is_finished(module: Runner, cluster: FakeCluster, house: str) -> None:
    new = cluster.add_agent(parameters={"_searchops": f'{{"replaces":["{house}"]}}'})
    cluster.agents[new]["created_time"] += 60_000
    for check_mode in (True, False):
        result = module(NAME, cluster, **HOUSE, parameters={}, check_mode=check_mode)
        assert [(action["action"], action["id"]) for action in result["actions"]] == [("delete", house)]
        assert result["agent_id"] == new
    assert list(cluster.agents) == [new]
    assert not module(NAME, cluster, **HOUSE, parameters={})["changed"]


def test_another_controller_registers_the_agent_first(module: Runner, cluster: FakeCluster) -> None:
    """It has no lock. Ours is deleted, and the task changes the other one."""
    cluster.before("POST", "/agents/_register", lambda: cluster.add_agent(description="Theirs"))
    result = module(NAME, cluster, **HOUSE, type="flow", tools=[LISTING], description="Ours")
    assert [action["action"] for action in result["actions"]] == ["update"]
    assert list(cluster.agents) == [result["agent_id"]]


def test_several_agents_with_one_name(module: Runner, cluster: FakeCluster, house: str) -> None:
    """Of two that controllers without the lock created at the same moment, the oldest counts."""
    other = cluster.add_agent()
    result = module(NAME, cluster, **HOUSE)
    assert (result["changed"], result["agent_id"]) == (False, house)
    assert f"{house} counts" in result["warnings"][0]
    cluster.agents[other]["created_time"] += 60_000
    failure = module(NAME, cluster, **HOUSE, state="absent")["failure"]
    assert (failure["code"], failure["details"]["ids"]) == ("ambiguous_name", [house, other])
    assert module(NAME, cluster, agent_id=other, state="absent")["changed"]
    assert list(cluster.agents) == [house]


@pytest.mark.parametrize("version", ["3.6.0"])
def test_the_executor_of_plans(module: Runner, version: str) -> None:
    cluster = FakeCluster(version)
    model = cluster.add_model("Chat", cluster.add_connector())
    args: dict[str, Any] = {
        **HOUSE,
        "type": "plan_execute_and_reflect",
        "llm": {"model_id": "Chat"},
        "tools": [LISTING],
    }
    created = module(NAME, cluster, **args)
    executor = created["agent"]["executor_agent_id"]
    assert set(cluster.agents) == {created["agent_id"], executor}
    assert "executor_agent_id" not in created["agent"]["parameters"]
    assert not module(NAME, cluster, **args, parameters={})["changed"]

    changed = module(NAME, cluster, **{**args, "tools": [{"type": "IndexMappingTool"}]}, description="New")
    assert len(changed["actions"]) == 1
    for agent_id in (created["agent_id"], executor):
        assert [tool["type"] for tool in cluster.agents[agent_id]["tools"]] == ["IndexMappingTool"]
        assert cluster.agents[agent_id]["llm"]["model_id"] == model
    assert cluster.agents[executor].get("description") != "New"

    # An executor that the user names is not deleted with the agent.
    other = cluster.add_agent("Other")
    planner = {**args, "name": "Second", "parameters": {"executor_agent_id": "${agent:Other}"}}
    assert module(NAME, cluster, **planner)["changed"]
    assert not module(NAME, cluster, **planner)["changed"]
    module(NAME, cluster, name="Second", state="absent")
    module(NAME, cluster, **HOUSE, state="absent")
    assert list(cluster.agents) == [other]


def test_models_are_found_by_name_or_id(module: Runner, cluster: FakeCluster) -> None:
    model = cluster.add_model("Chat", cluster.add_connector())
    tool = {"type": "MLModelTool", "parameters": {"model_id": "${model:Chat}"}}
    for reference in ("Chat", model, "${model:Chat}"):
        args = {**HOUSE, "type": "conversational", "llm": {"model_id": reference}, "tools": [tool]}
        result = module(NAME, cluster, **args)
        assert result["agent"]["llm"]["model_id"] == result["agent"]["tools"][0]["parameters"]["model_id"] == model
        assert result["changed"] is (reference == "Chat")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"name": "x" * 129, "type": "flow"}, "invalid_input"),
        ({"name": " ", "type": "flow"}, "invalid_input"),
        ({}, "invalid_input"),
        ({"type": "conversational"}, "invalid_input"),
        ({"type": "flow", "tools": [LISTING, LISTING]}, "invalid_input"),
        ({"type": "flow", "parameters": {"_searchops": "x"}}, "invalid_input"),
        ({"type": "flow", "tools": [{"type": "NoSuchTool"}]}, "unknown_tool"),
        ({"agent_id": "nope"}, "unknown_agent"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_input(module: Runner, cluster: FakeCluster, args: dict[str, Any], code: str, check_mode: bool) -> None:
    assert module(NAME, cluster, **{**HOUSE, **args}, check_mode=check_mode)["failure"]["code"] == code
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        # Its name up to OpenSearch 2.x.
        ("CatIndexTool", "ListIndexTool"),
        ("listindextool", "ListIndexTool"),
        ("List_Index", "ListIndexTool"),
        ("MLModel", "MLModelTool"),
        ("SearchIndicesTool", "SearchIndexTool"),
        ("WeatherTool", None),
    ],
)
def test_a_tool_that_the_cluster_does_not_have(
    module: Runner, cluster: FakeCluster, given: str, meant: str | None
) -> None:
    result = module(NAME, cluster, **{**HOUSE, "type": "flow", "tools": [{"type": given}]})
    question = f" (did you mean {meant!r}?)" if meant else ""
    assert f"this cluster has no {given}{question}. Its tools are AgentTool, " in result["msg"]


@pytest.mark.parametrize(
    "args",
    [
        {"type": "plan_execute_and_reflect", "llm": {"model_id": "Chat"}},
        {"type": "flow", "parameters": {"_llm_interface": "openai/v1/chat/completions"}},
        {"type": "flow", "tools": [{**LISTING, "attributes": {"strict": True}}]},
    ],
)
def test_features_that_need_a_newer_server(module: Runner, args: dict[str, Any]) -> None:
    cluster = FakeCluster("2.19.1")
    cluster.add_model("Chat", cluster.add_connector())
    failure = module(NAME, cluster, **HOUSE, **args)["failure"]
    assert (failure["code"], "needs OpenSearch 3.0" in failure["message"]) == ("unsupported_version", True)
    assert cluster.writes == []


def test_a_missing_model(module: Runner, cluster: FakeCluster) -> None:
    args = {**HOUSE, "type": "conversational", "llm": {"model_id": "Chat"}}
    planned = module(NAME, cluster, **args, check_mode=True)
    assert "no model 'Chat' yet" in str(planned["warnings"])
    assert planned["diff"]["after"]["llm"] == {"model_id": "${model:Chat}"}
    assert module(NAME, cluster, **args)["failure"]["code"] == "unknown_model"


def test_a_name_or_an_id_is_required(module: Runner, cluster: FakeCluster) -> None:
    assert "one of the following is required: name, agent_id" in module(NAME, cluster, type="flow")["msg"]


class TestUnknownFields:
    """Fields and types that this version of the collection does not know."""

    BODY: dict[str, Any] = {
        **HOUSE,
        "type": "FLOW",
        "tools": [{**LISTING, "span": {"a": 1}, "description": ""}],
        "memory": {"type": "conversation_index", "span": 3},
        "parameters": {"small": 0.0001, "flag": True},
        "tier": {"a": 1},
        "created_time": 1700000000000,
    }

    @pytest.fixture
    def later(self, cluster: FakeCluster) -> FakeCluster:
        cluster.later_fields, cluster.later_types = {"tier", "span"}, {"later_type"}
        return cluster

    @pytest.fixture(params=["definition", "src", "options"])
    def args(self, request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
        """The same agent in three ways."""
        if request.param == "definition":
            return {"definition": self.BODY}
        if request.param == "src":
            (tmp_path / "agent.json").write_text("POST /_plugins/_ml/agents/_register\n" + json.dumps(self.BODY))
            return {"src": str(tmp_path / "agent.json")}
        options = {name: value for name, value in self.BODY.items() if name not in ("tier", "created_time")}
        return {
            **options,
            "tools": [{**LISTING, "extra_fields": {"span": {"a": 1}}}],
            "memory": {"type": "conversation_index", "extra_fields": {"span": 3}},
            "extra_fields": {"tier": {"a": 1}},
        }

    def test_they_are_sent_and_compared(self, module: Runner, later: FakeCluster, args: dict[str, Any]) -> None:
        created = module(NAME, later, **args)
        assert (created.get("msg"), created.get("warnings")) == (None, None)
        [stored] = later.agents.values()
        assert (stored["tier"], stored["memory"]["span"], stored["tools"][0]["span"]) == ({"a": 1}, 3, {"a": 1})
        assert not module(NAME, later, **args)["changed"]
        stored["tier"] = {"a": 2}
        assert module(NAME, later, **args)["actions"][0]["fields"] == ["tier"]
        assert [agent["tier"] for agent in later.agents.values()] == [{"a": 1}]

    def test_the_server_may_drop_them(self, module: Runner, cluster: FakeCluster, args: dict[str, Any]) -> None:
        created = module(NAME, cluster, **args)
        assert created["warnings"] == [
            "Agent 'House agent': OpenSearch 3.6 does not store tier, memory.span, tools[0].span. Remove it, or upgrade "
            "OpenSearch if a later version has it."
        ]
        for again in (module(NAME, cluster, **args), module("ml_stack", cluster, agents=[args])):
            assert (again.get("msg"), again["changed"], again["warnings"]) == (None, False, created["warnings"])
        other = FakeCluster()
        applied = module("ml_stack", other, agents=[args])
        assert (applied.get("msg"), applied["changed"], applied["warnings"]) == (None, True, created["warnings"])
        # A later version may store them.
        cluster.version, cluster.later_fields = "3.10.0", {"tier", "span"}
        assert module(NAME, cluster, **args)["changed"]
        assert not module(NAME, cluster, **args)["changed"]

    @pytest.mark.parametrize("change", [{"description": "New"}, {"type": "conversational_flow"}])
    def test_what_is_not_given_stays(self, module: Runner, later: FakeCluster, change: dict[str, Any]) -> None:
        module(NAME, later, definition=self.BODY)
        changed = module(NAME, later, **HOUSE, **change, update_strategy="recreate")
        [stored] = later.agents.values()
        assert changed["changed"]
        assert (stored["tier"], stored["memory"]["span"], stored["tools"][0]["span"]) == ({"a": 1}, 3, {"a": 1})

    def test_a_tool_keeps_a_field_that_is_not_given(self, module: Runner, later: FakeCluster) -> None:
        module(NAME, later, definition=self.BODY)
        assert not module(NAME, later, **HOUSE, tools=[LISTING])["changed"]
        assert module(NAME, later, **HOUSE, tools=[{**LISTING, "description": "Lists"}])["changed"]
        [stored] = later.agents.values()
        assert stored["tools"][0]["span"] == {"a": 1}

    def test_an_option_overrides_the_definition(self, module: Runner, later: FakeCluster) -> None:
        module(NAME, later, definition=self.BODY, name="Other", parameters={"small": 5}, extra_fields={"tier": 2})
        [stored] = later.agents.values()
        assert (stored["name"], stored["tier"]) == ("Other", 2)
        assert (stored["parameters"]["small"], stored["parameters"]["flag"]) == ("5", "true")

    def test_a_later_type(self, module: Runner, later: FakeCluster) -> None:
        assert module(NAME, later, **HOUSE, type="later_type")["agent"]["type"] == "later_type"
        refused = module(NAME, later, **HOUSE, type="unheard_of", update_strategy="recreate")["failure"]
        assert "Invalid Agent Type" in refused["message"]

    @pytest.mark.parametrize(
        ("type_", "meant"),
        [("conversationl", "conversational"), ("conversational-flow", "conversational_flow"), ("flows", "flow")],
    )
    def test_a_misspelt_type(self, module: Runner, cluster: FakeCluster, type_: str, meant: str) -> None:
        failure = module(NAME, cluster, **HOUSE, type=type_)["failure"]
        assert failure["message"] == f"type: there is no {type_!r}; did you mean '{meant}'?"
        assert cluster.exchanges == []

    @pytest.mark.parametrize("type_", ["conversational_v3", "flow_of_flows", "ag_ui2", "router"])
    def test_a_type_that_may_come(self, module: Runner, cluster: FakeCluster, type_: str) -> None:
        cluster.later_types = {type_}
        assert module(NAME, cluster, **HOUSE, type=type_).get("msg") is None

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ({**HOUSE, "extra_fields": {"llm": {}}}, "extra_fields: 'llm' has an option; write 'llm'"),
            ({**HOUSE, "extra_fields": {"is_hidden": True}}, "extra_fields: remove 'is_hidden'"),
            (
                {**HOUSE, "memory": {"type": "x", "extra_fields": {"window_size": 1}}},
                "memory.extra_fields: 'window_size' has an option; write 'memory.window_size'",
            ),
            (
                {**HOUSE, "tools": [LISTING, {"type": "x", "extra_fields": {"name": "y"}}]},
                "tools[1].extra_fields: 'name' has an option; write 'tools[1].name'",
            ),
            ({"definition": {"type": "flow"}}, "name: neither the options nor the definition give the agent a name"),
            ({**HOUSE, "definition": {"tools": {}}}, "definition: tools must be a list"),
            (
                {**HOUSE, "definition": {"tools": [{"name": "x"}]}},
                "definition: tools[0] must be a mapping with a 'type'",
            ),
            ({**HOUSE, "definition": {"llm": "x"}}, "definition: llm must be a mapping"),
            ({**HOUSE, "model": {"model_id": "x"}}, "missing required arguments: model_provider found in model"),
            (
                {**HOUSE, "memory": {"window_size": 2}, "definition": {"memory": {"session_id": "x"}}},
                "missing required arguments: type found in memory",
            ),
        ],
    )
    def test_invalid_input(self, module: Runner, cluster: FakeCluster, args: dict[str, Any], message: str) -> None:
        failure = module(NAME, cluster, **args)["failure"]
        assert (failure["code"], message in failure["message"]) == ("invalid_input", True), failure
        assert cluster.exchanges == []


class TestModelOfAProvider:
    """The unified agent API: the server registers the model."""

    MODEL: dict[str, Any] = {
        "model_id": "m",
        "model_provider": "p",
        "credential": {"key": "s3cret-of-the-provider"},
        "model_parameters": {"top": 1},
    }

    def test_create_and_again(self, module: Runner, cluster: FakeCluster) -> None:
        args = {**HOUSE, "type": "conversational", "model": self.MODEL, "tools": [LISTING]}
        created = module(NAME, cluster, **args)
        assert "s3cret-of-the-provider" not in json.dumps(created)
        assert cluster.writes[0].body["model"]["credential"] == self.MODEL["credential"]
        assert not module(NAME, cluster, **args, parameters={})["changed"]

    def test_the_servers_own_answer_as_a_definition(self, module: Runner, cluster: FakeCluster) -> None:
        """The llm that it has names the model that the server has registered for the agent's 'model'."""
        source = module(NAME, cluster, **HOUSE, type="conversational", model=self.MODEL, tools=[LISTING])
        [stored] = cluster.agents.values()
        definition = {"type": "conversational", "llm": {"model_id": "registered"}, "tools": [LISTING]}
        definition["model"] = {name: stored["model"][name] for name in ("model_id", "model_provider")}
        key = {"credential": self.MODEL["credential"]}
        assert not module(NAME, cluster, **HOUSE, definition=definition)["changed"]
        copied = module(NAME, cluster, name="Copy", definition=definition, model=key)
        assert (copied.get("msg"), copied["changed"]) == (None, True)
        assert "llm" not in cluster.writes[-1].body
        assert cluster.writes[-1].body["model"] == {**definition["model"], **key}
        assert copied["agent_id"] != source["agent_id"]

    def test_another_key_is_not_noticed_in_silence(self, module: Runner, cluster: FakeCluster) -> None:
        args = {**HOUSE, "type": "conversational", "model": self.MODEL}
        assert "warnings" not in module(NAME, cluster, **args)
        again = module(NAME, cluster, **{**args, "model": {**self.MODEL, "credential": {"key": "another-key"}}})
        assert not again["changed"]
        [warning] = again["warnings"]
        assert "model.credential was not compared with the stored one" in warning
        # Only a new agent, which gets the key.
        other = {**self.MODEL, "model_id": "n"}
        replaced = module(NAME, cluster, **{**args, "model": other}, update_strategy="recreate")
        assert replaced["changed"]
        assert "warnings" not in replaced

    @pytest.mark.parametrize("left_in", ["your_model_id_from_step_3", "<MODEL_ID>", "{{model}}"])
    def test_a_model_that_the_reader_was_to_name(self, module: Runner, cluster: FakeCluster, left_in: str) -> None:
        failure = module(NAME, cluster, **HOUSE, type="conversational", model={**self.MODEL, "model_id": left_in})[
            "failure"
        ]
        assert failure["code"] == "placeholder_left_in"
        assert failure["message"].startswith(f"model.model_id: {left_in!r} was not replaced by the provider's name")
        assert cluster.exchanges == []

    def test_the_key_of_an_example(self, module: Runner, cluster: FakeCluster) -> None:
        model = {
            **self.MODEL,
            "credential": {"access_key": "...", "secret_key": "{{secret_key}}", "region": "eu-west-3"},
        }
        [warning] = module(NAME, cluster, **HOUSE, type="conversational", model=model)["warnings"]
        assert warning.startswith(
            "model.credential.access_key, model.credential.secret_key: looks like a value of an example"
        )

    @pytest.mark.parametrize("change", [{"model_id": "n"}, {"model_parameters": {"top": 2}}])
    def test_a_change_needs_a_new_agent(self, module: Runner, cluster: FakeCluster, change: dict[str, Any]) -> None:
        args = {**HOUSE, "type": "conversational", "model": self.MODEL}
        module(NAME, cluster, **args)
        args["model"] = {**self.MODEL, **change}
        assert "the server ignores changes of model" in module(NAME, cluster, **args)["failure"]["message"]
        assert module(NAME, cluster, **args, update_strategy="recreate")["changed"]
        assert not module(NAME, cluster, **args)["changed"]

    def test_another_change_keeps_the_model(self, module: Runner, cluster: FakeCluster) -> None:
        module(NAME, cluster, **HOUSE, type="conversational", model=self.MODEL)
        module(NAME, cluster, **HOUSE, type="conversational_flow", update_strategy="recreate")
        [stored], [model_id] = cluster.agents.values(), cluster.models
        assert (stored["llm"]["model_id"], stored["parameters"]["_llm_interface"]) == (model_id, "p/interface")


def test_connectors_are_found_by_name(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("Chat")
    tools = [{**LISTING, "parameters": {"connector_id": "${connector:Chat}"}}]
    servers = [{"mcp_connector_id": "${connector:Chat}", "tool_filters": ["^get"]}]
    args = {**HOUSE, "type": "flow", "tools": tools, "parameters": {"mcp_connectors": servers}}
    created = module(NAME, cluster, **args)["agent"]
    assert created["tools"][0]["parameters"] == {"connector_id": connector}
    assert created["parameters"]["mcp_connectors"] == [{**servers[0], "mcp_connector_id": connector}]
    assert not module(NAME, cluster, **args)["changed"]
    missing = {**HOUSE, "parameters": {"x": "${connector:None}"}}
    assert module(NAME, cluster, **missing)["failure"]["code"] == "unknown_connector"


def test_a_stack_gives_agents_the_new_connector_after_a_swap(module: Runner, cluster: FakeCluster) -> None:
    def stack(seed: str) -> dict[str, Any]:
        tools = [{**LISTING, "parameters": {"connector_id": "${connector:A}"}}]
        return {
            "connectors": [connector("A", parameters={"model": "x", "seed": seed})],
            "models": [{"name": "Chat", "connector": "A"}],
            "agents": [{**HOUSE, "type": "flow", "tools": tools}],
        }

    module("ml_stack", cluster, **stack("1"))
    planned = module("ml_stack", cluster, **stack("2"), check_mode=True)
    swapped = module("ml_stack", cluster, **stack("2"))
    assert swapped.get("msg") is None
    assert swapped["plan"] == planned["plan"]
    assert [action["action"] for action in swapped["actions"]] == ["swap", "update"]
    [(connector_id, _body)], [agent] = cluster.connectors.items(), cluster.agents.values()
    assert agent["tools"][0]["parameters"] == {"connector_id": connector_id}
    assert not module("ml_stack", cluster, **stack("2"))["changed"]


def test_ids_of_tools(module: Runner, cluster: FakeCluster) -> None:
    """A name, a placeholder and an unknown id in the place of an id."""
    cluster.add_model("Chat", cluster.add_connector())

    def run(model_id: str) -> dict[str, Any]:
        tools = [{"type": "MLModelTool", "parameters": {"model_id": model_id, "prompt": "<your_prompt>"}}]
        return module(NAME, cluster, name="Ids", type="flow", tools=tools)

    assert run("YOUR_MODEL_ID")["failure"]["code"] == "placeholder_left_in"
    failure = run("Chat")["failure"]
    assert (failure["code"], "Write ${model:Chat}." in failure["message"]) == ("unknown_model", True)
    assert "no model with the id 'other'" in str(run("other")["warnings"])


@pytest.mark.parametrize(
    ("messages", "parameters", "llm", "warned"),
    [
        ("${parameters.messages}", {}, {}, True),
        ("${parameters.messages}", {}, {"messages": "[]"}, False),
        ("${parameters.messages}", {"messages": "[]"}, {}, False),
        ('[{"role": "user", "content": "${parameters.prompt}"}]', {}, {}, False),
    ],
)
@pytest.mark.parametrize("type_", ["conversational", "flow"])
def test_a_connector_for_chats(
    module: Runner,
    cluster: FakeCluster,
    messages: str,
    parameters: dict[str, Any],
    llm: dict[str, Any],
    warned: bool,
    type_: str,
) -> None:
    """An agent gives a prompt, and the server accepts one whose every run fails."""
    action = {
        "action_type": "predict",
        "method": "POST",
        "url": "http://llm.test/v1",
        "request_body": f'{{"m": {messages}}}',
    }
    cluster.add_model("Chat", cluster.add_connector(actions=[action], parameters=parameters))
    args = {**HOUSE, "type": type_, "llm": {"model_id": "Chat", "parameters": llm}}
    for check_mode in (True, False):
        warnings = module(NAME, cluster, check_mode=check_mode, **args).get("warnings", [])
        expected = "llm: the connector of model 'Chat' needs the parameter 'messages', which an agent does not give."
        assert [text.startswith(expected) for text in warnings] == [True] * (warned and type_ == "conversational")


def test_a_connector_for_chats_that_the_user_may_not_read(module: Runner, cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    cluster.add_model("Chat", connector_id)
    # Before and under the lease.
    cluster.before("GET", connector_id, lambda: cluster.inject("error"), times=2)
    result = module(NAME, cluster, **HOUSE, type="conversational", llm={"model_id": "Chat"})
    assert result["changed"]
    assert "warnings" not in result


def test_a_connector_for_chats_with_messages_that_stay(module: Runner, cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    models = [cluster.add_model(name, connector_id) for name in ("Chat", "Other")]
    cluster.add_agent(
        "House agent", type="CONVERSATIONAL", llm={"model_id": models[0], "parameters": {"messages": "[]"}}
    )
    done = module(NAME, cluster, **HOUSE, llm={"model_id": "Other"}, update_strategy="recreate")
    assert (done["changed"], done.get("warnings", [])) == (True, [])
    done = module(NAME, cluster, **HOUSE, llm={"parameters": {"messages": None, "t": 1}}, update_strategy="recreate")
    assert done["changed"]


def test_the_inputs_of_a_flow_framework_node(module: Runner, cluster: FakeCluster) -> None:
    model_id = cluster.add_model("Chat", cluster.add_connector())
    definition = {**HOUSE, "type": "conversational", "llm.parameters": {"max_iteration": "5"}, "llm.model_id": model_id}
    assert module(NAME, cluster, definition=definition)["changed"]
    [stored] = cluster.agents.values()
    assert stored["llm"] == {"model_id": model_id, "parameters": {"max_iteration": "5"}}
    assert not module(NAME, cluster, definition=definition)["changed"]


@pytest.mark.parametrize("as_text", [False, True])
def test_ids_of_mcp_connectors(module: Runner, cluster: FakeCluster, as_text: bool) -> None:
    """The server accepts any, and the agent then lacks the tools."""
    cluster.add_connector("Tools")

    def run(connector_id: str) -> dict[str, Any]:
        connectors: Any = [{"mcp_connector_id": connector_id}]
        parameters = {"mcp_connectors": json.dumps(connectors) if as_text else connectors}
        tools = [{"type": "ListIndexTool"}]
        return module(NAME, cluster, name="Ids", type="flow", tools=tools, parameters=parameters)

    for left_in in ("MCP_CONNECTOR_ID", "your_connector_id", "${your_connector_id}"):
        failure = run(left_in)["failure"]
        assert (failure["code"], "parameters.mcp_connectors" in failure["message"]) == ("placeholder_left_in", True)
    assert "Write ${connector:Tools}." in run("Tools")["failure"]["message"]
    assert "no connector with the id 'other'" in str(run("other")["warnings"])
