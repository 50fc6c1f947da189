# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating with ids that the collection chooses, as the server accepts from 3.9 on; after its published source."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.create import Creation, create_once
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.deterministic_id import custom_id
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error, hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, KEYED
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import get, post

CONNECTOR = custom_id("connector", "Local chat")
GROUP = custom_id("model group", "Chat")
MODEL = custom_id("model", "Chat", GROUP)
AGENT = custom_id("agent", "House agent")
FLOW: dict[str, Any] = {"name": "House agent", "type": "flow", "tools": [{"type": "ListIndexTool"}]}


@pytest.fixture
def newest() -> FakeCluster:
    return FakeCluster("3.9.0")


def creates(cluster: FakeCluster) -> list[Any]:
    """The bodies of all creates."""
    return [exchange.body for exchange in cluster.exchanges if exchange.path.endswith(("/_create", "/_register"))]


class TestRequests:
    def test_every_create_has_an_id_from_39_on(self, newest: FakeCluster) -> None:
        execute(newest, "ml_connector", **CHAT)
        execute(newest, "ml_model", name="Chat", connector="Local chat")
        execute(newest, "ml_agent", **FLOW)
        assert list(newest.connectors) == [CONNECTOR]
        assert list(newest.groups) == [GROUP]
        assert list(newest.models) == [MODEL]
        assert list(newest.agents) == [AGENT]

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0", "3.8.0"])
    def test_no_create_has_an_id_before_39(self, version: str) -> None:
        cluster = FakeCluster(version)
        execute(cluster, "ml_connector", **CHAT)
        execute(cluster, "ml_model", name="Chat", connector="Local chat")
        execute(cluster, "ml_agent", **FLOW)
        sent = creates(cluster)
        assert len(sent) == 4
        assert [body for body in sent if {"agent_id", "model_id"} & set(body)] == []
        assert [body for body in sent if "connector_id" in body and "function_name" not in body] == []
        assert [body for body in sent if "model_group_id" in body and "function_name" not in body] == []

    @pytest.mark.parametrize("version", ["2.19.1", "3.6.0", "3.9.0"])
    def test_the_version_is_read_once(self, version: str) -> None:
        cluster = FakeCluster(version)
        execute(cluster, "ml_connector", **CHAT)
        for module, options in (
            ("ml_model", {"name": "Chat", "connector": "Local chat"}),
            ("ml_model_group", {"name": "Other"}),
            ("ml_agent", FLOW),
        ):
            cluster.exchanges.clear()
            execute(cluster, module, **options)
            assert [exchange.path for exchange in cluster.exchanges].count("/") == 1

    def test_only_the_outer_agent_of_plan_execute_has_an_id(self, newest: FakeCluster) -> None:
        newest.add_model("Chat", newest.add_connector())
        execute(newest, "ml_agent", name="House agent", type="plan_execute_and_reflect", llm={"model_id": "Chat"})
        assert [agent_id == AGENT for agent_id in newest.agents] == [False, True]

    def test_models_with_one_name_in_two_groups_differ(self, newest: FakeCluster) -> None:
        newest.add_connector()
        first = execute(newest, "ml_model", name="Chat", connector="Local chat", state="present")
        newest.models[first["model_id"]]["name"] = "Renamed"
        second = execute(newest, "ml_model", name="Chat", connector="Local chat", model_group="B", state="present")
        assert second["model_id"] == custom_id("model", "Chat", custom_id("model group", "B"))


def twin(cluster: FakeCluster, ending: str) -> Callable[[], None]:
    """Another controller sends the same create just before."""

    def send() -> None:
        [(path, body)] = waiting
        cluster.call("POST", path, body)

    waiting: list[Any] = []
    plain = cluster.handle

    def handle(method: str, path: str, query: Any, body: Any) -> Any:
        if not waiting and method == "POST" and path.endswith(ending):
            waiting.append((path, body))
            send()
        return plain(method, path, query, body)

    cluster.handle = handle  # type: ignore[method-assign] # for this test alone
    return send


class TestConcurrentCreate:
    """The server refuses the second create; its controller adopts the first object, and nothing is deleted."""

    @pytest.mark.parametrize(
        ("module", "options", "ending", "kind", "expected"),
        [
            ("ml_connector", CHAT, "/connectors/_create", "connectors", CONNECTOR),
            ("ml_model", {"name": "Chat", "connector": "Local chat"}, "/models/_register", "models", MODEL),
            ("ml_model_group", {"name": "Chat"}, "/model_groups/_register", "groups", GROUP),
            ("ml_agent", FLOW, "/agents/_register", "agents", AGENT),
        ],
    )
    def test_first_object_is_adopted(
        self, newest: FakeCluster, module: str, options: dict[str, Any], ending: str, kind: str, expected: str
    ) -> None:
        if module == "ml_model":
            newest.add_connector()
        twin(newest, ending)
        result = execute(newest, module, **options)
        assert list(getattr(newest, kind)) == [expected]
        assert "adopt" in [action["action"] for action in result["actions"]]
        assert not [exchange for exchange in newest.exchanges if exchange.method == "DELETE"]
        assert not execute(newest, module, **options)["changed"]

    def test_adopted_object_is_updated(self, newest: FakeCluster) -> None:
        newest.before("POST", "/_create", lambda: newest.add_connector(connector_id=CONNECTOR, description="Other"))
        result = execute(newest, "ml_connector", **CHAT, description="Mine")
        assert [action["action"] for action in result["actions"]] == ["adopt", "update"]
        assert newest.connectors[CONNECTOR]["description"] == "Mine"

    def test_object_that_no_search_sees_yet_is_adopted(self, script: Callable[..., Any]) -> None:
        """It is read by its id: a get never lags."""
        body = {"name": "Local chat"}
        taken = error(409, "status_exception", f"connector id '{CONNECTOR}' already exists")
        run = make_run(
            script(
                get("/").answers(200, {"version": {"number": "3.9.0"}}),
                post(f"{ML}/connectors/_create", {**body, "connector_id": CONNECTOR}).answers(409, taken),
                get(f"{ML}/connectors/{CONNECTOR}").answers(200, body),
            )
        )
        creation = Creation(Connector, body, f"{ML}/connectors/_create", delete_own=lambda connector_id: None)
        doc, created_here = create_once(run, creation)
        assert (doc.id, created_here) == (CONNECTOR, False)
        assert run.clock.slept  # type: ignore[attr-defined] # backed off, as the other controller is not done yet

    def test_create_is_repeated_after_a_lost_answer_without_a_duplicate(self, newest: FakeCluster) -> None:
        for at in range(4):
            cluster = FakeCluster("3.9.0")
            cluster.inject("lost_after", at)
            execute(cluster, "ml_connector", **CHAT)
            assert list(cluster.connectors) == [CONNECTOR]


class TestTakenId:
    """If another object has the id, the server chooses one."""

    def test_by_a_renamed_connector(self, newest: FakeCluster) -> None:
        newest.add_connector("Renamed", connector_id=CONNECTOR)
        result = execute(newest, "ml_connector", **CHAT)
        assert result["connector_id"] != CONNECTOR
        assert newest.connectors[CONNECTOR]["name"] == "Renamed"
        assert [("connector_id" in body) for body in creates(newest)] == [True, False]
        assert not execute(newest, "ml_connector", **CHAT)["changed"]

    @pytest.mark.parametrize("kind", ["ml_model", "ml_model_group", "ml_agent"])
    def test_by_a_renamed_object_of_any_kind(self, newest: FakeCluster, kind: str) -> None:
        newest.add_connector()
        stated, objects, taken = {
            "ml_model": ({"name": "Chat", "connector": "Local chat", "model_group": "Chat"}, newest.models, MODEL),
            "ml_model_group": ({"name": "Chat"}, newest.groups, GROUP),
            "ml_agent": (FLOW, newest.agents, AGENT),
        }[kind]
        execute(newest, kind, **stated)
        objects[taken]["name"] = "Renamed"
        assert execute(newest, kind, **stated)["changed"]
        assert sorted(source["name"] for source in objects.values()) == sorted([str(stated["name"]), "Renamed"])
        assert not execute(newest, kind, **stated)["changed"]

    def test_by_an_object_of_another_user(self, script: Callable[..., Any]) -> None:
        body = {"name": "Local chat"}
        taken = error(409, "status_exception", f"connector id '{CONNECTOR}' already exists")
        hidden = error(403, "status_exception", "You don't have permission to access this connector")
        run = make_run(
            script(
                get("/").answers(200, {"version": {"number": "3.9.0"}}),
                post(f"{ML}/connectors/_create", {**body, "connector_id": CONNECTOR}).answers(409, taken),
                get(f"{ML}/connectors/{CONNECTOR}").answers(403, hidden),
                post(f"{ML}/connectors/_create", body).answers(200, {"connector_id": "theirs"}),
                post(f"{ML}/connectors/_search").answers(200, hits(("theirs", body))),
                get(f"{ML}/connectors/theirs").answers(200, body),
            )
        )
        creation = Creation(Connector, body, f"{ML}/connectors/_create", delete_own=lambda connector_id: None)
        doc, created_here = create_once(run, creation)
        assert (doc.id, created_here) == ("theirs", True)

    def test_by_an_object_that_was_just_deleted(self, newest: FakeCluster) -> None:
        newest.add_connector("Short-lived", connector_id=CONNECTOR)
        newest.before("GET", CONNECTOR, lambda: newest.call("DELETE", f"{ML}/connectors/{CONNECTOR}"))
        result = execute(newest, "ml_connector", **CHAT)
        assert list(newest.connectors) == [result["connector_id"]]

    def test_other_failure_of_the_read_is_raised(self, newest: FakeCluster) -> None:
        newest.add_connector("Renamed", connector_id=CONNECTOR)
        newest.fail_next("GET", CONNECTOR, "error")
        with pytest.raises(Failure, match="boom"):
            execute(newest, "ml_connector", **CHAT)

    def test_other_refusal_is_raised(self, newest: FakeCluster) -> None:
        newest.persistent.clear()
        with pytest.raises(Failure) as caught:
            execute(newest, "ml_connector", **CHAT)
        assert caught.value.code == "untrusted_endpoint"


class TestReplacements:
    """During a swap two connectors have the name, so the second one gets a different id."""

    def test_each_swap_uses_another_id(self, newest: FakeCluster) -> None:
        execute(newest, "ml_connector", **CHAT)
        execute(newest, "ml_model", name="Chat", connector="Local chat")
        ids = [CONNECTOR]
        for description in ("First", "Second"):
            result = execute(newest, "ml_connector", **CHAT, description=description)
            assert result["connector_id"] == custom_id("connector", "Local chat", ids[-1])
            ids.append(result["connector_id"])
            assert list(newest.connectors) == [ids[-1]]
        assert newest.models[MODEL]["connector_id"] == ids[-1]

    def test_two_concurrent_swaps_create_one_connector(self, newest: FakeCluster) -> None:
        execute(newest, "ml_connector", **CHAT)
        execute(newest, "ml_model", name="Chat", connector="Local chat")
        twin(newest, "/connectors/_create")
        with pytest.raises(Failure, match="Another controller is replacing"):
            execute(newest, "ml_connector", **CHAT, description="New")
        assert len(newest.connectors) == 2
        execute(newest, "ml_connector", **CHAT, description="New")
        assert len(newest.connectors) == 1

    def test_id_of_a_replaced_connector_is_reused(self, newest: FakeCluster) -> None:
        """The replacement was renamed, and is unrelated to the new connector with the replaced one's id."""
        execute(newest, "ml_connector", **KEYED)
        execute(newest, "ml_model", name="Chat", connector="Local chat")
        successor = execute(newest, "ml_connector", **KEYED, description="New")["connector_id"]
        assert successor != CONNECTOR
        execute(newest, "ml_connector", connector_id=successor, name="Renamed", update_strategy="redeploy")
        execute(newest, "ml_connector", **KEYED)
        assert set(newest.connectors) == {CONNECTOR, successor}
        execute(newest, "ml_model", name="Other", connector="Local chat")
        # The models of the new one are not repointed to it, ...
        assert not execute(newest, "ml_connector", connector_id=successor, name="Renamed")["changed"]
        # ... and it forms no replacement pair when it has its old name again.
        newest.connectors[successor]["name"] = "Local chat"
        with pytest.raises(Failure) as caught:
            execute(newest, "ml_connector", **KEYED)
        assert caught.value.code == "ambiguous_name"
        assert set(newest.connectors) == {CONNECTOR, successor}

    def test_an_agent(self, newest: FakeCluster) -> None:
        execute(newest, "ml_agent", **FLOW)
        stated = {**FLOW, "type": "conversational_flow", "update_strategy": "recreate"}
        result = execute(newest, "ml_agent", **stated)
        assert result["agent_id"] == custom_id("agent", "House agent", AGENT)
        assert list(newest.agents) == [result["agent_id"]]
        # The replaced agent's id is reused, and the agent that has it now is not deleted as replaced.
        newest.agents[result["agent_id"]]["name"] = "Renamed"
        execute(newest, "ml_agent", **FLOW)
        newest.agents[result["agent_id"]]["name"] = "House agent"
        with pytest.raises(Failure) as caught:
            execute(newest, "ml_agent", **FLOW)
        assert caught.value.code == "ambiguous_name"
        assert len(newest.agents) == 2
