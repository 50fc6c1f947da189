# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What agents, pipelines and guardrails use is not deleted, unless the task allows it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error, raw
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.faults import FAULTS, Fault
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

MODEL = {"name": "Chat", "state": "absent"}
CONNECTOR = {"name": "Tool", "state": "absent"}
AGENT = {"name": "House agent", "state": "absent"}


@pytest.fixture(autouse=True)
def _forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = raw(403, error(403, "security_exception", "no permissions for [cluster:x] and User [name=joe]"))
    monkeypatch.setitem(FAULTS, "forbidden", Fault("forbidden", handled=False, outcome=refusal))


@pytest.fixture
def model_id(cluster: FakeCluster) -> str:
    return cluster.add_model("Chat", cluster.add_connector())


def tool(**parameters: str) -> dict[str, Any]:
    return {"tools": [{"type": "MLModelTool", "parameters": parameters}]}


def add_pipeline(cluster: FakeCluster, type_: str, name: str, object_id: str) -> None:
    field = "processors" if type_ == "ingest" else "request_processors"
    cluster.pipelines.bodies[type_][name] = {field: [{"ml_inference": {"model_id": object_id}}]}


def refused(cluster: FakeCluster, module: str, options: dict[str, Any]) -> Failure:
    """The failure of the task, which is that of check mode as well, and changes nothing."""
    before = cluster.snapshot()
    caught = []
    for check_mode in (True, False):
        with pytest.raises(Failure) as failed:
            execute(cluster, module, check_mode=check_mode, **options)
        caught.append(failed.value)
    assert cluster.snapshot() == before
    assert caught[0].as_dict() == caught[1].as_dict()
    return caught[1]


class TestWhatUsesAModel:
    def test_all_kinds_of_users(self, cluster: FakeCluster, model_id: str) -> None:
        agent_id = cluster.add_agent("Teller", **tool(model_id=model_id))
        guard = {"type": "model", "input_guardrail": {"model_id": model_id}}
        guarded = cluster.add_model("Guarded", next(iter(cluster.connectors)), guardrails=guard)
        add_pipeline(cluster, "ingest", "embed", model_id)
        add_pipeline(cluster, "search", "answer", model_id)
        add_pipeline(cluster, "search", "other", "another id")
        failure = refused(cluster, "ml_model", MODEL)
        assert failure.code == "model_in_use"
        assert failure.message == (
            f"Model 'Chat' ({model_id}) is used by agent 'Teller' ({agent_id}), search pipeline 'answer', "
            f"ingest pipeline 'embed', model 'Guarded' ({guarded})"
        )
        assert failure.details["id"] == model_id
        assert failure.details["users"][0] == {"kind": "agent", "id": agent_id, "name": "Teller"}

    def test_a_memory_container(self, model_id: str, cluster: FakeCluster) -> None:
        container = cluster.add_memory_container("House memory", configuration={"llm_id": model_id})
        failure = refused(cluster, "ml_model", MODEL)
        assert failure.details["users"] == [{"kind": "memory container", "id": container, "name": "House memory"}]

    def test_it_is_deleted_if_the_task_allows_it(self, cluster: FakeCluster, model_id: str) -> None:
        cluster.add_agent("Teller", **tool(model_id=model_id))
        assert execute(cluster, "ml_model", **MODEL, delete_in_use=True)["changed"]
        assert cluster.models == {}

    def test_a_long_list(self, cluster: FakeCluster, model_id: str) -> None:
        for number in range(12):
            cluster.add_agent(f"Teller {number}", **tool(model_id=model_id))
        failure = refused(cluster, "ml_model", MODEL)
        assert failure.message.endswith(", 2 others")
        assert len(failure.details["users"]) == 12

    def test_an_executor_counts_as_its_agent(self, cluster: FakeCluster, model_id: str) -> None:
        planner = {"type": "plan_execute_and_reflect", "llm": {"model_id": model_id}, "parameters": {}}
        cluster.add_agent("Planner", **planner)
        failure = refused(cluster, "ml_model", MODEL)
        assert [user["name"] for user in failure.details["users"]] == ["Planner"]

    def test_an_agent_that_was_deleted_a_moment_ago_is_no_user(self, cluster: FakeCluster, model_id: str) -> None:
        """A search may still find it."""
        agent_id = cluster.add_agent("Teller", **tool(model_id=model_id))
        cluster.before("GET", f"/agents/{agent_id}", cluster.agents.clear)
        assert execute(cluster, "ml_model", **MODEL)["changed"]

    def test_what_the_user_may_not_read_is_a_warning(self, cluster: FakeCluster, model_id: str) -> None:
        cluster.add_agent("Teller", **tool(model_id=model_id))
        cluster.fail_next("POST", "/agents/_search", "forbidden")
        result = execute(cluster, "ml_model", **MODEL)
        [warning] = result["warnings"]
        assert warning.startswith("It is not known whether agents use the object to delete: ")
        assert cluster.models == {}

    def test_nothing_is_read_without_a_deletion(self, cluster: FakeCluster) -> None:
        assert not execute(cluster, "ml_model", **MODEL)["changed"]
        assert not any("agents" in exchange.path for exchange in cluster.exchanges)


class TestOtherKinds:
    def test_a_connector_that_an_agent_uses(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector("Tool")
        cluster.add_agent("Caller", **tool(connector_id=connector_id))
        failure = refused(cluster, "ml_connector", CONNECTOR)
        assert (failure.code, "is used by agent 'Caller'" in failure.message) == ("connector_in_use", True)
        assert (failure.details["models"], len(failure.details["users"])) == ([], 1)
        assert execute(cluster, "ml_connector", **CONNECTOR, delete_in_use=True)["changed"]

    def test_a_connector_that_a_model_uses_as_well(self, cluster: FakeCluster) -> None:
        connector_id = cluster.add_connector("Tool")
        model_id = cluster.add_model("Chat", connector_id)
        cluster.add_agent("Caller", **tool(connector_id=connector_id))
        failure = refused(cluster, "ml_connector", CONNECTOR)
        assert "used by 1 models: 'Chat'" in failure.message
        assert "; and by agent 'Caller'" in failure.message
        failure = refused(cluster, "ml_connector", {**CONNECTOR, "delete_in_use": True})
        assert failure.details == {"models": [model_id]}

    def test_an_agent_that_another_agent_uses(self, cluster: FakeCluster) -> None:
        agent_id = cluster.add_agent()
        cluster.add_agent("Caller", **tool(agent_id=agent_id))
        failure = refused(cluster, "ml_agent", AGENT)
        assert (failure.code, "is used by agent 'Caller'" in failure.message) == ("agent_in_use", True)
        assert execute(cluster, "ml_agent", **AGENT, delete_in_use=True)["changed"]

    def test_an_agent_with_an_executor_of_its_own(self, cluster: FakeCluster, model_id: str) -> None:
        cluster.add_agent(type="plan_execute_and_reflect", llm={"model_id": model_id}, parameters={})
        assert execute(cluster, "ml_agent", **AGENT)["changed"]
        assert cluster.agents == {}


class TestStacks:
    def test_an_undeclared_agent(self, cluster: FakeCluster, model_id: str) -> None:
        cluster.add_agent("Teller", **tool(model_id=model_id))
        failure = refused(cluster, "ml_stack", {"models": [MODEL]})
        assert (failure.code, "is used by agent 'Teller'" in failure.message) == ("invalid_stack", True)
        assert execute(cluster, "ml_stack", models=[{**MODEL, "delete_in_use": True}])["changed"]

    def test_users_that_are_deleted_before(self, cluster: FakeCluster, model_id: str) -> None:
        cluster.add_agent(type="plan_execute_and_reflect", llm={"model_id": model_id}, parameters={})
        add_pipeline(cluster, "search", "answer", model_id)
        stack = {
            "models": [MODEL],
            "agents": [AGENT],
            "pipelines": [{"name": "answer", "type": "search", "state": "absent"}],
        }
        planned = execute(cluster, "ml_stack", check_mode=True, **stack)
        done = execute(cluster, "ml_stack", **stack)
        assert done["plan"] == planned["plan"]
        assert len(done["actions"]) == 3
        assert (cluster.models, cluster.agents, cluster.pipelines.bodies["search"]) == ({}, {}, {})
        assert not execute(cluster, "ml_stack", **stack)["changed"]

    def test_a_pipeline_that_no_longer_uses_it(self, cluster: FakeCluster, model_id: str) -> None:
        add_pipeline(cluster, "search", "answer", model_id)
        pipeline = {"name": "answer", "type": "search", "definition": {"request_processors": []}}
        assert execute(cluster, "ml_stack", models=[MODEL], pipelines=[pipeline])["changed"]
        assert cluster.models == {}

    def test_a_user_whose_deletion_fails(self, cluster: FakeCluster, model_id: str) -> None:
        agent_id = cluster.add_agent(**tool(model_id=model_id))
        cluster.fail_next("DELETE", f"/agents/{agent_id}", "forbidden")
        with pytest.raises(Failure) as caught:
            execute(cluster, "ml_stack", models=[MODEL], agents=[AGENT])
        assert [each["code"] for each in caught.value.details["failed"]] == ["forbidden", "model_in_use"]
        assert list(cluster.models) == [model_id]
