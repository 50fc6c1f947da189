# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role that the README lists: a user of it does each module's work, and without any of its permissions does not.

The stack's own user, who does the work here, has this very role; a unit test holds the two lists against each other.
"""

from __future__ import annotations

import re
import secrets
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Mapping, NamedTuple

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import chat, index_of

on_the_secured = pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)

README = (Path(__file__).parents[2] / "README.md").read_text()
ROLE = yaml.safe_load(re.search(r"```yaml\n(ml_provisioner:.*?)```", README, re.DOTALL)[1])["ml_provisioner"]
SECURITY = "/_plugins/_security/api"
INTERVAL = "plugins.ml_commons.sync_up_job_interval_in_seconds"

#: 2.19 cannot change agents; the name is that of the published source of 3.1 and later.
NOT_ON_THIS_VERSION = {"cluster:admin/opensearch/ml/agents/update"}

#: Without it check mode plans what the server may refuse.
NODES_INFO = "cluster:monitor/nodes/info"


class Step(NamedTuple):
    """One task, and the permissions without each of which it is refused."""

    needs: tuple[str, ...]
    module: str
    args: Mapping[str, Any]


def ml(*names):
    return tuple(f"cluster:admin/opensearch/ml/{name}" for name in names)


def connector_life(name):
    return [
        Step(("cluster:monitor/state", "cluster:admin/settings/update"),
             "opensearch_cluster_setting", {"settings": {INTERVAL: 7}}),
        Step(("cluster:monitor/main", *ml("connectors/search", "create_connector", "connectors/get")),
             "ml_connector", chat(name)),
        Step(ml("models/search", "connectors/update"), "ml_connector", chat(name, description="Other")),
        Step(ml("connectors/delete"), "ml_connector", {"name": name, "state": "absent"}),
    ]  # fmt: skip


def model_life(name):
    model = {"name": name, "connector": name, "model_group": name}
    limits = {"alice": {"limit": 10, "unit": "MINUTES"}}
    return [
        Step(ml("model_groups/search", "register_model_group", "model_groups/get"), "ml_model_group", {"name": name}),
        Step(ml("update_model_group"), "ml_model_group", {"name": name, "description": "Other"}),
        Step(ml("register_model", "models/get"), "ml_model", {**model, "state": "present"}),
        Step(ml("deploy_model"), "ml_model", model),
        Step(ml("models/update"), "ml_model", {**model, "description": "Other"}),
        Step(ml("predict"), "ml_predict", {"model": name, "messages": [{"role": "user", "content": "Ping"}]}),
        Step(ml("profile/nodes"), "ml_profile_info", {"model": name}),
        Step(ml("tasks/search"), "ml_task_info", {"model": name}),
        Step(ml("tasks/get"), "ml_task_info", {"task_id": "none-of-this-id"}),
        Step(ml("controllers/get", "controllers/create"), "ml_controller", {"model": name, "user_rate_limiter": limits}),
        Step(ml("controllers/delete"), "ml_controller", {"model": name, "state": "absent"}),
        Step(ml("undeploy_models", "undeploy_model"), "ml_model", {**model, "state": "undeployed"}),
        Step(ml("models/delete"), "ml_model", {**model, "state": "absent"}),
        Step(ml("model_groups/delete"), "ml_model_group", {"name": name, "state": "absent"}),
    ]  # fmt: skip


def agent_life(name):
    messages = '[{"role": "user", "content": "${parameters.question}"}]'
    asked = {"model_id": f"${{model:{name}}}", "messages": messages, "response_filter": "$.choices[0].message.content"}
    agent = {"name": name, "type": "conversational_flow", "app_type": "rag", "memory": {"type": "conversation_index"},
             "tools": [{"type": "MLModelTool", "name": "chat", "parameters": asked}]}  # fmt: skip
    return [
        Step(ml("agents/search", "tools/list", "agents/register", "agents/get"), "ml_agent", agent),
        Step(ml("execute", "memory/conversation/create", "memory/interaction/create"),
             "ml_agent_execute", {"agent": name, "question": "Ping", "expect_pattern": "Pong"}),
        Step(ml("agents/delete"), "ml_agent", {"name": name, "state": "absent"}),
    ]  # fmt: skip


def data_life(name):
    index, admin = {"name": index_of(name)}, "cluster:admin"
    search = {"name": name, "type": "search", "definition": {"response_processors": []}}
    ingest = {"name": name, "type": "ingest", "definition": {"processors": []}}
    documents = {"index": index_of(name), "documents": [{"id": "1", "source": {"text": "One"}}]}
    gone = {"state": "absent"}
    return [
        Step((f"{admin}/search/pipeline/get", f"{admin}/search/pipeline/put"), "opensearch_pipeline", search),
        Step((f"{admin}/ingest/pipeline/get", f"{admin}/ingest/pipeline/put"), "opensearch_pipeline", ingest),
        Step(("indices:admin/get", "indices:admin/create"), "opensearch_index", index),
        Step(("indices:admin/mapping/put",), "opensearch_index",
             {**index, "body": {"mappings": {"properties": {"text": {"type": "text"}}}}}),
        Step(("indices:admin/settings/update",), "opensearch_index",
             {**index, "body": {"settings": {"index.refresh_interval": "5s"}}}),
        Step(("indices:data/read/mget", "indices:data/read/mget*", "indices:data/write/bulk", "indices:data/write/bulk*",
              "indices:data/write/index"), "opensearch_document", documents),
        Step(("indices:data/read/search",), "opensearch_search", {"index": index_of(name)}),
        Step(("indices:data/write/delete",), "opensearch_document", {**documents, **gone}),
        Step(("indices:admin/delete",), "opensearch_index", {**index, **gone}),
        Step((f"{admin}/search/pipeline/delete",), "opensearch_pipeline", {**search, **gone}),
        Step((f"{admin}/ingest/pipeline/delete",), "opensearch_pipeline", {**ingest, **gone}),
    ]  # fmt: skip


#: What is done, and what of it has to be there before.
LIVES = {connector_life: "", model_life: "connector", agent_life: "model", data_life: ""}


@pytest.fixture
def grant(cluster):
    """Gives a user the role of the README without one permission, and returns the user's options."""
    user, password = "it_least", secrets.token_urlsafe(16) + "-Aa1"
    kinds = ("internalusers", "roles", "rolesmapping")

    def give(without):
        data = [
            {**each, "allowed_actions": [one for one in each["allowed_actions"] if one != without]}
            for each in ROLE["index_permissions"]
        ]
        permissions = [each for each in ROLE["cluster_permissions"] if each != without]
        cluster.must("PUT", f"{SECURITY}/roles/{user}", {"cluster_permissions": permissions, "index_permissions": data})
        return {"username": user, "password": password}

    cluster.must("PUT", f"{SECURITY}/internalusers/{user}", {"password": password})
    give(None)
    cluster.must("PUT", f"{SECURITY}/rolesmapping/{user}", {"users": [user]})
    yield give
    for kind in reversed(kinds):
        cluster.must("DELETE", f"{SECURITY}/{kind}/{user}")


@on_the_secured
@pytest.mark.parametrize("life", LIVES)
def test_each_permission_is_needed_and_all_suffice(cluster, module, name, grant, settings_restored, life):
    if LIVES[life]:
        connector = cluster.make_connector(name)
        if LIVES[life] == "model":
            cluster.make_model(name, connector, deploy=True)
    for step in life(name):
        for permission in step.needs:
            failure = module.fails(step.module, **step.args, **grant(permission))
            assert failure["code"] == "forbidden", failure
            assert fnmatchcase(failure["details"]["permission"].replace("[", "("), permission.replace("[", "("))
            assert failure["details"]["permission"] in failure["remedy"]
        module(step.module, **step.args)


@on_the_secured
def test_what_is_checked_only_with_a_permission(module, name, grant):
    unknown = {"name": name, "type": "ingest", "definition": {"processors": [{"no_such_processor": {}}]}}
    assert module("opensearch_pipeline", check=True, **unknown, **grant(NODES_INFO))["changed"]
    assert module.fails("opensearch_pipeline", check=True, **unknown)["code"] == "unknown_processor"


def test_no_permission_is_listed_that_is_not_tried():
    tried = [permission for life in LIVES for step in life("x") for permission in step.needs]
    listed = ROLE["cluster_permissions"] + [
        each for data in ROLE["index_permissions"] for each in data["allowed_actions"]
    ]
    assert sorted(listed) == sorted({*tried, NODES_INFO, *NOT_ON_THIS_VERSION})
