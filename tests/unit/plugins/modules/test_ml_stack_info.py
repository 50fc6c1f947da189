# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export changes nothing where it comes from, makes the same set elsewhere, and holds no secret."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.plugins.module_utils._stack.test_ml_stack import (
    ACTION,
    stack,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_stack_info"

LITERAL = {**ACTION, "headers": {"Authorization": "Bearer sk-in-the-open-77"}}


def filled(module: Runner, cluster: FakeCluster, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The export, and it with every variable filled in."""
    exported = module(MODULE, cluster, **options)
    assert exported["changed"] is False
    text = json.dumps(exported["stack"])
    for variable in exported["variables"]:
        assert f"{{{{ {variable} }}}}" in text
        text = text.replace(f"{{{{ {variable} }}}}", f"filled-{variable}")
    return exported, json.loads(text)


def laid(module: Runner, cluster: FakeCluster, **more: Any) -> None:
    # One after the other, as the ids are compared too.
    result = module("ml_stack", cluster, parallel=1, **stack(**more))
    assert not result.get("failed"), result


def test_applied_where_it_comes_from_it_changes_nothing(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    cluster.persistent["plugins.ml_commons.only_run_on_ml_node"] = "false"
    exported, declared = filled(module, cluster)
    assert exported["left_out"] == []
    assert [len(declared[section]) for section in declared] == [1, 2, 2, 2, 1, 1, 1]
    assert exported["variables"] == {"a_key": "A: key", "b_key": "B: key"}
    assert "stack: chat" not in json.dumps(declared)
    again = module("ml_stack", cluster, **declared)
    assert (again.get("msg"), again["changed"]) == (None, False), again


def test_on_an_empty_cluster_it_makes_the_same(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    exported, declared = filled(module, cluster)
    other = FakeCluster()
    made = module("ml_stack", other, parallel=1, **declared)
    assert not made.get("failed"), made
    assert module(MODULE, other)["stack"] == exported["stack"]


def test_a_connector_of_others_with_its_method_in_lower_case(module: Runner, cluster: FakeCluster) -> None:
    cluster.connectors[cluster.add_connector("Theirs", actions=[{**ACTION, "method": "post"}])]["access"] = "PUBLIC"
    _exported, declared = filled(module, cluster)
    again = module("ml_stack", cluster, **declared)
    assert (again.get("msg"), again["changed"]) == (None, False), again


def test_no_secret(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_connector("Open", actions=[LITERAL])
    exported = module(MODULE, cluster)
    assert "sk-in-the-open-77" not in json.dumps(exported)
    assert exported["variables"] == {"open_authorization": "Open: Authorization"}


def there_and_back(
    module: Runner, cluster: FakeCluster, other: FakeCluster | None = None
) -> list[tuple[str, str, str]]:
    """What is left out of the export, which must change nothing at home and make the same elsewhere."""
    exported, declared = filled(module, cluster)
    again = module("ml_stack", cluster, **declared)
    assert (again.get("msg"), again["changed"]) == (None, False), again
    other = other or FakeCluster()
    made = module("ml_stack", other, **declared)
    assert not made.get("failed"), made
    assert module(MODULE, other)["stack"] == exported["stack"]
    return [(each["section"], each["name"], each["reason"]) for each in exported["left_out"]]


@pytest.mark.parametrize("state", ["DEPLOYED", "UNDEPLOYED", "REGISTERED", "DEPLOY_FAILED"])
def test_a_model_in_any_state(module: Runner, cluster: FakeCluster, state: str) -> None:
    cluster.add_model("Chat", cluster.add_connector("Chat"), state=state)
    assert there_and_back(module, cluster) == []


def test_a_model_that_rests_until_it_is_asked_again(module: Runner, cluster: FakeCluster) -> None:
    rests = {"deploy_setting": {"is_auto_deploy_enabled": True, "model_ttl_minutes": 5}}
    cluster.add_model("Chat", cluster.add_connector("Chat"), state="UNDEPLOYED", **rests)
    assert there_and_back(module, cluster) == []
    assert module(MODULE, cluster)["stack"]["models"][0]["state"] == "deployed"


@pytest.mark.parametrize("versions", [("2.19.1", "3.6.0"), ("3.6.0", "2.19.1")])
@pytest.mark.parametrize("config", [None, {}, {"read_timeout": 60}])
def test_timeouts_that_somebody_else_left_to_the_server(
    module: Runner, versions: tuple[str, str], config: dict[str, Any] | None
) -> None:
    home, other = map(FakeCluster, versions)
    home.add_connector("Chat", **({} if config is None else {"client_config": config}))
    assert there_and_back(module, home, other) == []


def test_what_cannot_be_stated(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("Twice")
    cluster.add_connector("Twice")
    cluster.add_model("Chat", connector)
    orphan = cluster.add_model("Orphan", connector)
    cluster.models[orphan]["connector_id"] = "gone"
    cluster.models[orphan]["is_controller_enabled"] = True
    cluster.controllers[orphan] = {"user_rate_limiter": {"ann": {"limit": "10.0", "unit": "MINUTES"}}}
    assert there_and_back(module, cluster) == [
        ("connectors", "Twice", "2 have this name."),
        ("connectors", "Twice", "2 have this name."),
        ("models", "Chat", "It uses connector 'Twice', which is one of 2 of this name."),
        ("models", "Orphan", "Its connector is gone."),
    ]


def _tool(**parameters: str) -> list[dict[str, Any]]:
    return [{"type": "MLModelTool", "parameters": parameters}]


def test_what_refers_to_what_cannot_be_stated(module: Runner) -> None:
    # Later versions take no such names.
    cluster = FakeCluster("2.19.1")
    connector = cluster.add_connector("A")
    good = cluster.add_model("Good", connector)
    twins = [cluster.add_model("Twin", connector) for _time in range(2)]
    orphan = cluster.add_model("Orphan", connector)
    cluster.models[orphan]["connector_id"] = "gone"
    guarded = {"type": "model", "input_guardrail": {"model_id": good, "response_validation_regex": "x"}}
    cluster.add_model("Guarded", connector, guardrails=guarded)
    odd = cluster.add_model("Odd} name", connector)
    cluster.add_agent("Fine", tools=_tool(model_id=good))
    lost = cluster.add_agent("Lost", tools=_tool(model_id="of-a-model-that-is-gone"))
    cluster.add_agent("Thinker", type="conversational", llm={"model_id": "gone-too"}, parameters={})
    cluster.add_agent("Asks Lost", tools=[{"type": "AgentTool", "parameters": {"agent_id": lost}}])
    cluster.add_agent("Asks twin", tools=_tool(model_id=twins[0]))
    cluster.add_agent("Asks odd", tools=_tool(model_id=odd))
    cluster.add_agent("Calls", tools=[{"type": "ListIndexTool", "parameters": {"connector_id": connector}}])
    cluster.add_agent("Told later", tools=_tool(model_id="${parameters.model}"))
    for name, model in (("fine", good), ("orphaned", orphan)):
        body = {"processors": [{"ml_inference": {"model_id": model}}]}
        cluster.call("PUT", f"/_ingest/pipeline/{name}", body)
    assert there_and_back(module, cluster, FakeCluster("2.19.1")) == [
        ("models", "Guarded", "Its guardrails name a model by its id."),
        ("models", "Orphan", "Its connector is gone."),
        ("models", "Twin", "2 have this name."),
        ("models", "Twin", "2 have this name."),
        ("agents", "Asks Lost", "It uses agent 'Lost', which is left out."),
        ("agents", "Asks odd", "It uses model 'Odd} name', whose name no reference can hold."),
        ("agents", "Asks twin", "It uses model 'Twin', which is one of 2 of this name."),
        ("agents", "Calls", "It names connector 'A' by its id."),
        ("agents", "Lost", "It uses of-a-model-that-is-gone, which is gone."),
        ("agents", "Thinker", "It uses gone-too, which is gone."),
        ("pipelines", "orphaned", "It uses model 'Orphan', which is left out."),
    ]


def test_a_local_model_is_named_as_well(module: Runner, cluster: FakeCluster) -> None:
    local = cluster.add_model("Embeddings", cluster.add_connector("A"))
    cluster.models[local]["algorithm"] = "TEXT_EMBEDDING"
    body = {"processors": [{"ml_inference": {"model_id": local, "field_map": {"text": f"of {local}-v2"}}}]}
    cluster.call("PUT", "/_ingest/pipeline/vectors", body)
    exported, declared = filled(module, cluster)
    assert declared["pipelines"][0]["definition"]["processors"] == [
        {"ml_inference": {"model_id": "${model:Embeddings}", "field_map": {"text": f"of {local}-v2"}}}
    ]
    assert exported["left_out"] == []
    assert module("ml_stack", cluster, **declared)["changed"] is False
    failed = module("ml_stack", FakeCluster(), **declared)
    assert "There is no model 'Embeddings', neither declared nor on the cluster." in failed["msg"]


def test_a_part(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    cluster.add_connector("Theirs")
    of_stack = module(MODULE, cluster, name="chat")["stack"]
    assert [item["name"] for item in of_stack["connectors"]] == ["A", "B"]
    assert of_stack["settings"] == []
    some = module(MODULE, cluster, sections=["connectors"], name_pattern="T*")["stack"]
    assert [[item["name"] for item in items] for items in some.values()] == [["Theirs"]]


def test_a_graph(module: Runner, cluster: FakeCluster) -> None:
    laid(module, cluster)
    graph = module(MODULE, cluster, format="graph")
    assert graph["cluster"] == {"name": "double", "version": cluster.version}
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    told = {(names[edge["from"]], edge["relation"], names[edge["to"]]) for edge in graph["edges"]}
    assert told == {
        ("Chat A", "calls through", "A"), ("Chat B", "calls through", "B"),
        ("Chat A", "is in", "Group"), ("Chat B", "is in", "Chat B"),
        ("Flow", "uses", "Chat A"), ("answers", "uses", "Chat B"),
    }  # fmt: skip
    assert {node["stack"] for node in graph["nodes"]} == {"chat"}


def test_a_graph_of_what_a_stack_does_not_make(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("Search")
    local = cluster.add_model("Embeddings", connector)
    cluster.models[local].update(algorithm="TEXT_EMBEDDING", connector_id=None)
    agent = cluster.add_agent("Calls", tools=[{"type": "ListIndexTool", "parameters": {"connector_id": connector}}])
    cluster.call("PUT", "/_ingest/pipeline/vectors", {"processors": [{"ml_inference": {"model_id": local}}]})
    graph = module(MODULE, cluster, format="graph")
    assert {local, connector, agent, "ingest/vectors"} <= {node["id"] for node in graph["nodes"]}
    edges = {(edge["from"], edge["relation"], edge["to"]) for edge in graph["edges"]}
    assert {(agent, "uses", connector), ("ingest/vectors", "uses", local)} <= edges


def test_a_graph_without_the_right_to_see_the_cluster(cluster: FakeCluster) -> None:
    handle = cluster.handle

    def guarded(method: str, path: str, *more: Any) -> Any:
        if path == "/":
            reason = "no permissions for [cluster:monitor/main]"
            body = {"error": {"type": "security_exception", "reason": reason}, "status": 403}
            return RawAnswer(403, {}, json.dumps(body).encode())
        return handle(method, path, *more)

    cluster.handle = guarded  # type: ignore[method-assign] # of this one cluster
    assert execute(cluster, "ml_stack_info", format="graph")["cluster"] == {"name": None, "version": None}
