# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The graph of a cluster: its objects and what uses what."""

from __future__ import annotations

import json
from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.stacks import apply_chat_stack

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_stack_info"


def test_graph_of_a_stack(module: Runner, cluster: FakeCluster) -> None:
    apply_chat_stack(module, cluster)
    graph = module(MODULE, cluster, format="graph")
    assert graph["cluster"] == {"name": "double", "version": cluster.version}
    names = {node["id"]: node["name"] for node in graph["nodes"]}
    found = {(names[edge["from"]], edge["relation"], names[edge["to"]]) for edge in graph["edges"]}
    assert found == {
        ("Chat A", "calls through", "A"), ("Chat B", "calls through", "B"),
        ("Chat A", "is in", "Group"), ("Chat B", "is in", "Chat B"),
        ("Flow", "uses", "Chat A"), ("answers", "uses", "Chat B"),
    }  # fmt: skip
    assert {node["stack"] for node in graph["nodes"]} == {"chat"}


def test_graph_of_objects_that_no_stack_created(module: Runner, cluster: FakeCluster) -> None:
    connector = cluster.add_connector("Search")
    local = cluster.add_model("Embeddings", connector)
    cluster.models[local].update(algorithm="TEXT_EMBEDDING", connector_id=None)
    agent = cluster.add_agent("Calls", tools=[{"type": "ListIndexTool", "parameters": {"connector_id": connector}}])
    cluster.call("PUT", "/_ingest/pipeline/vectors", {"processors": [{"ml_inference": {"model_id": local}}]})
    guarded = cluster.add_model("Guarded", connector, guardrails={"input_guardrail": {"model_id": local}})
    graph = module(MODULE, cluster, format="graph")
    assert {local, connector, agent, "ingest/vectors"} <= {node["id"] for node in graph["nodes"]}
    edges = {(edge["from"], edge["relation"], edge["to"]) for edge in graph["edges"]}
    assert {(agent, "uses", connector), ("ingest/vectors", "uses", local), (guarded, "uses", local)} <= edges


def test_graph_of_a_memory_container(module: Runner, cluster: FakeCluster) -> None:
    model = cluster.add_model("Chat", cluster.add_connector())
    container = cluster.add_memory_container(configuration={"llm_id": model})
    agent = cluster.add_agent("Calls", memory={"type": "agentic_memory", "memory_container_id": container})
    graph = module(MODULE, cluster, format="graph")
    node = {"kind": "memory_container", "id": container, "name": "House memory", "stack": None}
    assert node in graph["nodes"]
    edges = {(edge["from"], edge["relation"], edge["to"]) for edge in graph["edges"]}
    assert {(agent, "uses", container), (container, "uses", model)} <= edges


def test_graph_without_the_permission_to_read_the_cluster(cluster: FakeCluster) -> None:
    handle = cluster.handle

    def forbid_root(method: str, path: str, *more: Any) -> Any:
        if path == "/":
            reason = "no permissions for [cluster:monitor/main]"
            body = {"error": {"type": "security_exception", "reason": reason}, "status": 403}
            return RawAnswer(403, {}, json.dumps(body).encode())
        return handle(method, path, *more)

    cluster.handle = forbid_root  # type: ignore[method-assign] # for this cluster only
    assert execute(cluster, "ml_stack_info", format="graph")["cluster"] == {"name": None, "version": None}
