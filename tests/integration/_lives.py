# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of the table in docs/security.md: each module in each state, in an order in which each step finds what it needs.

The tests of roles and permissions run these steps.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, NamedTuple

import yaml

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import chat, index_of

ROOT = Path(__file__).parents[2]
#: The roles for users.
ROLES = {
    name: role
    for name, role in yaml.safe_load((ROOT / "docs/security_roles.yml").read_text()).items()
    if name != "_meta"
}

INTERVAL = "plugins.ml_commons.sync_up_job_interval_in_seconds"
PING = [{"role": "user", "content": "Ping"}]
GONE = {"state": "absent"}


class Step(NamedTuple):
    """One task of the table, and the permissions that it needs: without any of them the server refuses it."""

    what: str
    needs: tuple[str, ...]
    module: str
    args: Mapping[str, Any]


def ml(*names: str) -> tuple[str, ...]:
    return tuple(f"cluster:admin/opensearch/ml/{name}" for name in names)


def setting_life(name: str) -> list[Step]:
    module, info = "opensearch_cluster_setting", "opensearch_cluster_setting_info"
    return [
        Step("list", (), info, {"patterns": [INTERVAL]}),
        Step("present: change a setting", ("cluster:monitor/state", "cluster:admin/settings/update"), module,
             {"settings": {INTERVAL: 7}}),
        Step("present: record an addition", (), module,
             {"settings": {INTERVAL: 8}, "list_mode": "append", "record_for": name}),
        Step("undone: undo an addition", (), module, {"settings": {INTERVAL: 8}, "state": "undone"}),
        Step("absent: reset a setting", (), module, {"settings": {INTERVAL: None}, **GONE}),
    ]  # fmt: skip


def connector_life(name: str) -> list[Step]:
    needs = ("cluster:monitor/main", *ml("connectors/search", "create_connector", "connectors/get"))
    return [
        Step("present: create", needs, "ml_connector", chat(name)),
        Step("list", (), "ml_connector_info", {"name_pattern": f"{name}*"}),
        Step("present: change", ml("models/search", "connectors/update"), "ml_connector", chat(name, description="Other")),
        Step("absent", ml("connectors/delete"), "ml_connector", {"name": name, **GONE}),
    ]  # fmt: skip


def model_life(name: str) -> list[Step]:
    model = {"name": name, "connector": name, "model_group": name}
    limits = {"alice": {"limit": 10, "unit": "MINUTES"}}
    return [
        Step("present: create", ml("model_groups/search", "register_model_group", "model_groups/get"),
             "ml_model_group", {"name": name}),
        Step("present: change", ml("update_model_group"), "ml_model_group", {"name": name, "description": "Other"}),
        Step("present: register", ml("register_model", "models/get"), "ml_model", {**model, "state": "present"}),
        Step("deployed", ml("deploy_model"), "ml_model", model),
        Step("present: change", ml("models/update"), "ml_model", {**model, "state": "present", "description": "Other"}),
        Step("ask a model", ml("predict"), "ml_predict", {"model": name, "messages": PING}),
        Step("list", (), "ml_model_info", {"name": name}),
        Step("list", (), "ml_model_group_info", {"name": name}),
        Step("list", ml("profile/nodes"), "ml_profile_info", {"model": name}),
        Step("list", ml("tasks/search"), "ml_task_info", {"model": name}),
        Step("one by its id", ml("tasks/get"), "ml_task_info", {"task_id": "none-of-this-id"}),
        Step("present", ml("controllers/get", "controllers/create"),
             "ml_controller", {"model": name, "user_rate_limiter": limits}),
        Step("list", (), "ml_controller_info", {"model": name}),
        Step("absent", ml("controllers/delete"), "ml_controller", {"model": name, **GONE}),
        Step("undeployed", ml("undeploy_models", "undeploy_model"), "ml_model", {**model, "state": "undeployed"}),
        Step("absent", ml("models/delete"), "ml_model", {**model, **GONE}),
        Step("absent", ml("model_groups/delete"), "ml_model_group", {"name": name, **GONE}),
    ]  # fmt: skip


def agent_life(name: str) -> list[Step]:
    messages = '[{"role": "user", "content": "${parameters.question}"}]'
    asked = {"model_id": f"${{model:{name}}}", "messages": messages, "response_filter": "$.choices[0].message.content"}
    agent = {"name": name, "type": "conversational_flow", "app_type": "rag", "memory": {"type": "conversation_index"},
             "tools": [{"type": "MLModelTool", "name": "chat", "parameters": asked}]}  # fmt: skip
    return [
        Step("present: create", ml("agents/search", "tools/list", "agents/register", "agents/get"), "ml_agent", agent),
        Step("list", (), "ml_agent_info", {"name": name}),
        Step("ask an agent", ml("execute", "memory/conversation/create", "memory/interaction/create"),
             "ml_agent_execute", {"agent": name, "question": "Ping", "expect_pattern": "Pong"}),
        Step("absent", ml("agents/delete"), "ml_agent", {"name": name, **GONE}),
    ]  # fmt: skip


def memory_life(name: str) -> list[Step]:
    container = {"name": name, "configuration": {"index_prefix": index_of(name)}}
    needs = ml("memory_containers/search", "memory_containers/create", "memory_containers/get")
    return [
        Step("present: create", needs, "ml_memory_container", container),
        Step("list", (), "ml_memory_container_info", {"name": name}),
        Step("present: change", ml("memory_containers/update"), "ml_memory_container", {**container, "description": "Other"}),
        Step("absent", ml("memory_containers/delete"), "ml_memory_container", {"name": name, **GONE, "delete_all_memories": True}),
    ]  # fmt: skip


def mcp_life(name: str) -> list[Step]:
    tool = {"name": index_of(name).replace("-", "_"), "type": "ListIndexTool"}
    return [
        Step("present: register", ml("mcp_tools/list", "mcp_tools/register"), "ml_mcp_tool", tool),
        Step("list", (), "ml_mcp_tool_info", {}),
        Step("present: change", ml("mcp_tools/update"), "ml_mcp_tool", {**tool, "description": "Other"}),
        Step("absent", ml("mcp_tools/remove"), "ml_mcp_tool", {"name": tool["name"], **GONE}),
    ]


def data_life(name: str) -> list[Step]:
    index, admin = {"name": index_of(name)}, "cluster:admin"
    search = {"name": name, "type": "search", "definition": {"response_processors": []}}
    ingest = {"name": name, "type": "ingest", "definition": {"processors": []}}
    documents = {"index": index_of(name), "documents": [{"id": "1", "source": {"text": "One"}}]}
    return [
        Step("present: a search pipeline", (f"{admin}/search/pipeline/get", f"{admin}/search/pipeline/put"),
             "opensearch_pipeline", search),
        Step("present: an ingest pipeline", (f"{admin}/ingest/pipeline/get", f"{admin}/ingest/pipeline/put"),
             "opensearch_pipeline", ingest),
        Step("list", (), "opensearch_pipeline_info", {"name": f"{name}*"}),
        Step("present: create", ("indices:admin/get", "indices:admin/create"), "opensearch_index", index),
        Step("present: change mappings", ("indices:admin/mapping/put",), "opensearch_index",
             {**index, "definition": {"mappings": {"properties": {"text": {"type": "text"}}}}}),
        Step("present: change settings", ("indices:admin/settings/update",), "opensearch_index",
             {**index, "definition": {"settings": {"index.refresh_interval": "5s"}}}),
        Step("present: change aliases", ("indices:admin/aliases",), "opensearch_index",
             {**index, "definition": {"aliases": {f"{index['name']}-alias": {}}}}),
        Step("present", ("indices:data/read/mget", "indices:data/read/mget*", "indices:data/write/bulk",
                         "indices:data/write/bulk*", "indices:data/write/index"), "opensearch_document", documents),
        Step("search", ("indices:data/read/search",), "opensearch_search", {"index": index_of(name)}),
        Step("absent", ("indices:data/write/delete",), "opensearch_document", {**documents, **GONE}),
        Step("absent", ("indices:admin/delete",), "opensearch_index", {**index, **GONE}),
        Step("absent: a search pipeline", (f"{admin}/search/pipeline/delete",), "opensearch_pipeline", {**search, **GONE}),
        Step("absent: an ingest pipeline", (f"{admin}/ingest/pipeline/delete",), "opensearch_pipeline", {**ingest, **GONE}),
    ]  # fmt: skip


def stack_life(name: str) -> list[Step]:
    stack = {
        "name": name.replace(" ", "-"),
        "connectors": [chat(f"{name} stack")],
        "models": [{"name": f"{name} stack", "connector": f"{name} stack"}],
    }
    return [
        Step("apply a declaration", (), "ml_stack", stack),
        Step("export", (), "ml_stack_info", {"name_pattern": f"{name}*"}),
        Step("report", (), "ml_dedupe", {"name_pattern": f"{name}*"}),
        Step("prune", (), "ml_stack", {"name": stack["name"], "prune": "managed"}),
    ]


def twin_life(name: str) -> list[Step]:
    return [Step("apply", (), "ml_dedupe", {"name_pattern": name, "apply": True})]


def foreign_life(name: str) -> list[Step]:
    """Removing objects of other users."""
    index = foreign_index_of(name)
    documents = [{"id": "1", "source": {"text": "One"}}]
    return [
        Step("present: another index than rag*", (), "opensearch_index", {"name": f"{index}-new"}),
        Step("present: in another index than rag*", (), "opensearch_document", {"index": index, "documents": documents}),
        Step("search another index than rag*", (), "opensearch_search", {"index": index}),
        Step("absent: another index than rag*", (), "opensearch_index", {"name": index, **GONE}),
    ]  # fmt: skip


def foreign_index_of(name: str) -> str:
    return f"not-{index_of(name)}"


Life = Callable[[str], list[Step]]

#: Objects that a sequence needs at the beginning: a connector, a deployed model, two connectors of one name, or an index of others.
LIVES: dict[Life, str] = {
    setting_life: "",
    connector_life: "",
    model_life: "connector",
    agent_life: "model",
    data_life: "",
    stack_life: "",
    twin_life: "twins",
    foreign_life: "index",
}


#: The sequences that need OpenSearch 3. The stack's server with the security plugin is 2.19, so that none of its users can run
#: them; the names of their permissions are from the published source of 3.6.
LATER_LIVES: tuple[Life, ...] = (memory_life, mcp_life)


@contextlib.contextmanager
def prepared(cluster: Any, name: str, life: Life) -> Iterator[None]:
    """Create what a sequence of steps needs, as administrator. Objects with the test's name are removed after the test."""
    what = LIVES[life]
    connectors = [cluster.make_connector(name) for _ in range({"connector": 1, "model": 1, "twins": 2}.get(what, 0))]
    if what == "model":
        cluster.make_model(name, connectors[0], deploy=True)
    if what == "index":
        cluster.must("PUT", f"/{foreign_index_of(name)}")
    try:
        yield
    finally:
        if what == "index":
            cluster.must("DELETE", f"/{foreign_index_of(name)}")
