# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating with ids that the collection chooses, as the server accepts from 3.9 on; after its published source."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.create import (
    LOOKS_FOR_LOST,
    Creation,
    create_once,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._coordination.deterministic_id import custom_id
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    ConcurrentChange,
    Failure,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import Connector
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error, hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, make_run
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, KEYED
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Expected, get, post

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


def create_the_same_before(cluster: FakeCluster, ending: str) -> None:
    """Another controller, which does not take the lease, sends the same create just before."""
    sent: list[Any] = []
    plain = cluster.handle

    def handle(method: str, path: str, query: Any, body: Any) -> Any:
        if not sent and method == "POST" and path.endswith(ending):
            sent.append(body)
            cluster.call("POST", path, body)
        return plain(method, path, query, body)

    cluster.handle = handle  # type: ignore[method-assign] # for this test alone


class TestConcurrentCreate:
    """The server refuses the second create, so nothing has to be deleted."""

    @pytest.mark.parametrize(
        ("module_name", "options", "ending", "kind", "expected"),
        [
            ("ml_connector", CHAT, "/connectors/_create", "connectors", CONNECTOR),
            ("ml_model", {"name": "Chat", "connector": "Local chat"}, "/models/_register", "models", MODEL),
            ("ml_model_group", {"name": "Chat"}, "/model_groups/_register", "groups", GROUP),
            ("ml_agent", FLOW, "/agents/_register", "agents", AGENT),
        ],
    )
    def test_the_task_starts_over_with_the_other_object(
        self,
        newest: FakeCluster,
        module: Callable[..., dict[str, Any]],
        module_name: str,
        options: dict[str, Any],
        ending: str,
        kind: str,
        expected: str,
    ) -> None:
        if module_name == "ml_model":
            newest.add_connector()
        create_the_same_before(newest, ending)
        result = module(module_name, newest, **options)
        assert not result.get("failed")
        assert list(getattr(newest, kind)) == [expected]
        assert "DELETE" not in [exchange.method for exchange in newest.exchanges]
        assert not module(module_name, newest, **options)["changed"]

    def test_no_search_sees_the_other_object_yet(self, script: Callable[..., Any]) -> None:
        """It is read by its id: a get never lags."""
        for answers, lost in (([409], False), (["lost", 409], True)):
            run = make_run(
                script(get("/").answers(200, VERSION), *_creates(answers), _read(200, {"name": "Local chat"}))
            )
            if lost:
                assert create_once(run, CREATION).id == CONNECTOR
                continue
            with pytest.raises(ConcurrentChange, match=f"Another controller has just created {CONNECTOR}"):
                create_once(run, CREATION)

    @pytest.mark.parametrize("at", range(4))
    def test_an_answer_is_lost(self, newest: FakeCluster, at: int) -> None:
        newest.inject("lost_after", at)
        execute(newest, "ml_connector", **CHAT)
        assert list(newest.connectors) == [CONNECTOR]


VERSION = {"version": {"number": "3.9.0"}}
CREATION = Creation(Connector, {"name": "Local chat"}, f"{ML}/connectors/_create", delete_own=lambda connector_id: None)


def _creates(answers: list[Any]) -> list[Expected]:
    """Creates with the id that follows from the name. After a lost answer no search finds the object."""
    body = {"name": "Local chat", "connector_id": CONNECTOR}
    taken = error(409, "status_exception", f"connector id '{CONNECTOR}' already exists")
    expected: list[Expected] = []
    for answer in answers:
        create = post(f"{ML}/connectors/_create", body)
        if answer == "lost":
            searches = [post(f"{ML}/connectors/_search").answers(200, hits()) for _look in LOOKS_FOR_LOST]
            expected += [create.is_lost(), *searches]
        else:
            expected.append(create.answers(answer, taken))
    return expected


def _read(status: int, body: Any) -> Expected:
    return get(f"{ML}/connectors/{CONNECTOR}").answers(status, body)


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
        hidden = error(403, "status_exception", "You don't have permission to access this connector")
        run = make_run(
            script(
                get("/").answers(200, VERSION),
                *_creates([409]),
                _read(403, hidden),
                post(f"{ML}/connectors/_create", body).answers(200, {"connector_id": "ours"}),
                post(f"{ML}/connectors/_search").answers(200, hits(("ours", body))),
                get(f"{ML}/connectors/ours").answers(200, body),
            )
        )
        assert create_once(run, CREATION).id == "ours"

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

    def test_two_concurrent_swaps_create_one_connector(
        self, newest: FakeCluster, module: Callable[..., dict[str, Any]]
    ) -> None:
        execute(newest, "ml_connector", **CHAT)
        execute(newest, "ml_model", name="Chat", connector="Local chat")
        create_the_same_before(newest, "/connectors/_create")
        result = module("ml_connector", newest, **CHAT, description="New")
        assert list(newest.connectors) == [result["connector_id"]]
        assert {model["connector_id"] for model in newest.models.values()} == set(newest.connectors)

    def test_id_of_a_replaced_connector_is_reused(self, newest: FakeCluster) -> None:
        """The replacement was renamed, and is unrelated to the new connector with the replaced one's id."""
        execute(newest, "ml_connector", **KEYED)
        execute(newest, "ml_model", name="Chat", connector="Local chat")
        successor = execute(newest, "ml_connector", **KEYED, description="New")["connector_id"]
        assert successor != CONNECTOR
        execute(newest, "ml_connector", connector_id=successor, name="Renamed", update_strategy="redeploy")
        newest._time += 60_000
        execute(newest, "ml_connector", **KEYED)
        assert set(newest.connectors) == {CONNECTOR, successor}
        execute(newest, "ml_model", name="Other", connector="Local chat")
        # The models of the new one are not repointed to it, ...
        assert not execute(newest, "ml_connector", connector_id=successor, name="Renamed")["changed"]
        # ... and neither supersedes the other when it has its old name again.
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
        newest._time += 60_000
        execute(newest, "ml_agent", **FLOW)
        newest.agents[result["agent_id"]]["name"] = "House agent"
        with pytest.raises(Failure) as caught:
            execute(newest, "ml_agent", **FLOW)
        assert caught.value.code == "ambiguous_name"
        assert len(newest.agents) == 2
