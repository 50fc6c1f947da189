# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ml_dedupe: which objects share a name, and that one of each name is kept on request."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import prediction
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import BODY, HEADERS, QUESTION, URL

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_dedupe"

KEYED = {
    "actions": [{"action_type": "predict", "method": "POST", "url": URL, "request_body": BODY, "headers": HEADERS}]
}


def fates(result: dict[str, Any]) -> dict[str, str]:
    return {each["id"]: each["fate"] for found in result["duplicates"] for each in found["objects"]}


def connectors_of_models(cluster: FakeCluster) -> list[str]:
    return sorted({str(model["connector_id"]) for model in cluster.models.values()})


@pytest.fixture(params=["3.6.0", "2.19.1"])
def cluster(request: pytest.FixtureRequest) -> FakeCluster:
    return FakeCluster(request.param)


@pytest.fixture
def twins(cluster: FakeCluster) -> tuple[str, str, str]:
    """Three connectors with one name: two models use the second, one model uses the third."""
    first, second, third = (cluster.add_connector() for _number in range(3))
    for name, connector_id in (("One", second), ("Two", second), ("Three", third)):
        cluster.add_model(name, connector_id)
    return first, second, third


def test_nothing_shares_a_name(module: Runner, cluster: FakeCluster) -> None:
    cluster.add_model("Chat", cluster.add_connector())
    result = module(MODULE, cluster, apply=True)
    assert (result["changed"], result["duplicates"], result["plan"]) == (False, [], [])


def test_a_report_writes_nothing(module: Runner, cluster: FakeCluster, twins: tuple[str, str, str]) -> None:
    first, second, third = twins
    result = module(MODULE, cluster)
    assert not cluster.writes
    assert (result["changed"], result["actions"], result["diff"]) == (False, [], {"prepared": ""})
    [found] = result["duplicates"]
    assert (found["kind"], found["name"], found["kept"]) == ("connector", "Local chat", second)
    assert fates(result) == {first: "delete", second: "keep", third: "merge"}
    users = {each["id"]: [user["name"] for user in each["users"]] for each in found["objects"]}
    assert users == {first: [], second: ["One", "Two"], third: ["Three"]}


def test_the_plan_is_applied_and_then_nothing_changes(
    module: Runner, cluster: FakeCluster, twins: tuple[str, str, str]
) -> None:
    planned = module(MODULE, cluster, apply=True, check_mode=True)
    done = module(MODULE, cluster, apply=True)
    assert done["changed"]
    assert (done["plan"], done["actions"], done["diff"]) == (planned["plan"], planned["actions"], planned["diff"])
    assert {action["action"] for action in done["actions"]} == {"merge", "delete"}
    assert list(cluster.connectors) == [twins[1]]
    assert connectors_of_models(cluster) == [twins[1]]
    assert {model["model_state"] for model in cluster.models.values()} == {"DEPLOYED"}
    again = module(MODULE, cluster, apply=True)
    assert (again["changed"], again["duplicates"]) == (False, [])


@pytest.mark.parametrize("fault", ["lost_after", "refused"])
def test_the_next_run_completes_an_interrupted_one(module: Runner, fault: str) -> None:
    at, done = 0, False
    while not done:
        cluster = FakeCluster()
        kept, other = cluster.add_connector(), cluster.add_connector()
        for name, connector_id in zip(("One", "Two", "Three", "Four", "Five"), (kept, kept, kept, other, other)):
            cluster.add_model(name, connector_id)
        cluster.add_model("One", other, state="REGISTERED")
        cluster.crash(fault, at)
        done = not module(MODULE, cluster, apply=True).get("failed")
        cluster.heal()
        assert not module(MODULE, cluster, apply=True).get("failed")
        assert (list(cluster.connectors), len(cluster.models), connectors_of_models(cluster)) == ([kept], 5, [kept])
        at += 1
    assert at > 10


def test_the_oldest_of_equally_used_ones_is_kept(module: Runner, cluster: FakeCluster) -> None:
    first, second = cluster.add_connector(), cluster.add_connector()
    assert module(MODULE, cluster, apply=True)["duplicates"][0]["kept"] == first
    assert second not in cluster.connectors


def test_objects_that_differ_are_refused_before_any_change(
    module: Runner, cluster: FakeCluster, twins: tuple[str, str, str]
) -> None:
    _first, second, third = twins
    other = cluster.add_connector("Other")
    cluster.add_connector("Other", parameters={"model": "big"})
    cluster.connectors[third]["parameters"]["model"] = "big"
    before = cluster.snapshot()
    for check_mode in (True, False):
        failed = module(MODULE, cluster, apply=True, check_mode=check_mode)
        assert failed["failure"]["code"] == "duplicates_differ"
        messages = {each["id"]: each["message"] for each in failed["failure"]["details"]["problems"]}
        assert len(messages) == 2
        assert messages[third] == f"it differs from {second} in parameters"
        assert other in failed["msg"]
    assert cluster.snapshot() == before
    assert fates(module(MODULE, cluster))[third] == "refuse"
    # An unused connector may differ.
    del cluster.models[next(key for key, model in cluster.models.items() if model["connector_id"] == third)]
    assert module(MODULE, cluster, apply=True, name_pattern="Local*")["changed"]
    assert second in cluster.connectors
    assert third not in cluster.connectors


def test_credentials_have_to_be_trusted(module: Runner, cluster: FakeCluster) -> None:
    first, second = (cluster.add_connector(**KEYED, credential={"key": key}) for key in ("one-key", "another-key"))
    for name, connector_id in (("One", first), ("Two", second)):
        cluster.add_model(name, connector_id)
    failed = module(MODULE, cluster, apply=True)
    assert failed["failure"]["code"] == "duplicates_differ"
    assert "trust_credentials" in failed["msg"]

    def backend(connector: dict[str, Any], credential: dict[str, str], parameters: dict[str, Any]) -> dict[str, Any]:
        return prediction({"error": {"message": "no"}}, 401)

    # The probe fails, as the credentials do differ.
    cluster.backend = backend
    failed = module(MODULE, cluster, apply=True, trust_credentials=True, probe=QUESTION)
    assert failed["failure"]["code"] == "unexpected_status"
    assert connectors_of_models(cluster) == sorted([first, second])
    assert sorted(cluster.connectors) == sorted([first, second])

    assert module(MODULE, cluster, apply=True, trust_credentials=True)["changed"]
    assert connectors_of_models(cluster) == [first]


def test_models_of_a_group(module: Runner, cluster: FakeCluster) -> None:
    connector_id, twin = cluster.add_connector(), cluster.add_connector()
    idle = cluster.add_model("Chat", connector_id, state="REGISTERED")
    asked = cluster.add_model("Chat", connector_id)
    same = cluster.add_model("Chat", twin)
    elsewhere = cluster.add_model("Chat", connector_id, model_group_id=cluster.add_group("Others"))
    cluster.add_agent(tools=[{"type": "MLModelTool", "parameters": {"model_id": asked}}])
    result = module(MODULE, cluster)
    assert fates(result) == {
        asked: "keep",
        idle: "delete",
        same: "delete",
        connector_id: "keep",
        # Its only model is deleted first.
        twin: "delete",
    }
    assert module(MODULE, cluster, apply=True)["changed"]
    assert sorted(cluster.models) == sorted([asked, elsewhere])
    assert list(cluster.connectors) == [connector_id]
    assert not module(MODULE, cluster, apply=True)["changed"]


@pytest.mark.parametrize("user", ["agent", "pipeline", "guardrail"])
def test_an_object_with_users_that_cannot_be_changed_stays(module: Runner, cluster: FakeCluster, user: str) -> None:
    connector_id = cluster.add_connector()
    models = [cluster.add_model("Chat", connector_id) for _number in range(2)]
    for number, model_id in enumerate(models):
        if user == "agent":
            cluster.add_agent(f"Agent {number}", tools=[{"type": "MLModelTool", "parameters": {"model_id": model_id}}])
        elif user == "pipeline":
            processor = {"retrieval_augmented_generation": {"model_id": model_id, "context_field_list": ["t"]}}
            cluster.call("PUT", f"/_search/pipeline/p{number}", {"response_processors": [processor]})
        else:
            guard = {"type": "model", "input_guardrail": {"model_id": model_id, "response_filter": "$"}}
            cluster.add_model(f"Guarded {number}", connector_id, guardrails=guard)
    before = cluster.snapshot()
    result = module(MODULE, cluster, apply=True)
    assert not result["changed"]
    assert sorted(fates(result).values()) == ["keep", "stay"]
    assert models[1] in result["warnings"][0]
    assert cluster.snapshot() == before


def test_only_an_empty_group_is_deleted(module: Runner, cluster: FakeCluster) -> None:
    groups = [cluster.add_group(name) for name in ("A", "B", "C")]
    connector_id = cluster.add_connector()
    for number, group_id in enumerate(groups[:2]):
        cluster.add_model(f"Chat {number}", connector_id, model_group_id=group_id)
    for group_id in groups:
        # The server refuses a second group with one name, unless both are created at the same moment.
        cluster.groups[group_id]["name"] = "Chats"
    result = module(MODULE, cluster, apply=True)
    assert fates(result) == {groups[0]: "keep", groups[1]: "stay", groups[2]: "delete"}
    assert sorted(cluster.groups) == sorted(groups[:2])
    assert not module(MODULE, cluster, apply=True)["changed"]


def test_an_unfinished_swap_is_left_to_ml_connector(module: Runner, cluster: FakeCluster) -> None:
    old = cluster.add_connector()
    new = cluster.add_connector(parameters={"model": "big", "_searchops": f'{{"replaces": "{old}"}}'})
    cluster.add_model("Chat", old)
    result = module(MODULE, cluster, apply=True)
    assert (result["changed"], fates(result)) == (False, {old: "keep", new: "stay"})
    assert "ml_connector" in result["warnings"][0]
