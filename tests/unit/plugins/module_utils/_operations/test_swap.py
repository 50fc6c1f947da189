# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a connector under live models: a failed swap is rolled back, an interrupted one is finished by the next run."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused, prediction
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.faults import FAULTS
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, QUESTION

NEW = {**CHAT, "description": "New", "probe": QUESTION}
Runner = Callable[..., dict[str, Any]]


def served(cluster: FakeCluster, *names: str) -> str:
    connector_id = cluster.add_connector()
    for name in names or ("Chat",):
        cluster.add_model(name, connector_id)
    return connector_id


def used(cluster: FakeCluster) -> set[str]:
    return {model["connector_id"] for model in cluster.models.values()}


def replacing(*ids: str) -> dict[str, str]:
    """The parameters of a connector that was created to replace these."""
    return {"model": "tiny", "_searchops": json.dumps({"replaces": list(ids)}, separators=(",", ":"))}


def actions(result: dict[str, Any]) -> list[str]:
    return [action["action"] for action in result["actions"]]


def test_models_stay_deployed(cluster: FakeCluster) -> None:
    old = served(cluster, "Chat", "Other")
    result = execute(cluster, "ml_connector", **NEW)
    assert old not in cluster.connectors
    assert used(cluster) == {result["connector_id"]}
    assert not [exchange for exchange in cluster.exchanges if "deploy" in exchange.path]
    assert len(cluster.predictions) == 1
    [action] = result["actions"]
    assert (action["action"], action["replaced_id"], action["fields"]) == ("swap", old, ["description"])
    assert sorted(action["models"]) == sorted(cluster.models)


def test_order_of_the_requests(cluster: FakeCluster) -> None:
    old = served(cluster)
    new = execute(cluster, "ml_connector", **NEW)["connector_id"]
    [model_id] = cluster.models
    steps = [
        (exchange.method, exchange.path.replace(ML, ""))
        for exchange in cluster.exchanges
        if exchange.write or exchange.path.endswith("_predict")
    ]
    assert steps == [
        ("POST", "/connectors/_create"),
        ("PUT", f"/models/{model_id}"),
        ("POST", f"/models/{model_id}/_predict"),
        ("DELETE", f"/connectors/{old}"),
    ]
    assert cluster.predictions[0][0] == model_id
    assert new in cluster.connectors


def test_results_hide_the_notes(cluster: FakeCluster) -> None:
    old = served(cluster)
    result = execute(cluster, "ml_connector", **NEW)
    assert result["connector"]["parameters"] == {"model": "tiny"}
    assert cluster.connectors[result["connector_id"]]["parameters"] == replacing(old)


@pytest.mark.parametrize("failure", ["unauthorized", "refused", "unexpected"])
def test_failed_probe_rolls_back(cluster: FakeCluster, failure: str) -> None:
    def backend(connector: dict[str, Any], credential: Any, parameters: Any) -> dict[str, Any]:
        if connector.get("description") != "New":
            return prediction({})
        if failure == "unauthorized":
            raise Refused(401, 'Error from remote service: {"error": "wrong key"}')
        if failure == "refused":
            raise Refused(500, "Error communicating with remote model: Connection refused: llm.test/10.0.0.1:8080")
        return prediction({}, 500)

    old = served(cluster, "Chat", "Other")
    cluster.backend = backend
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **NEW)
    assert caught.value.message.startswith(f"The new connector failed, and the models use the old one ({old}) again: ")
    assert caught.value.code == {
        "unauthorized": "backend_unauthorized", "refused": "backend_refused", "unexpected": "unexpected_status",
    }[failure]  # fmt: skip
    assert list(cluster.connectors) == [old]
    assert used(cluster) == {old}


def test_model_that_cannot_be_moved_rolls_back(cluster: FakeCluster) -> None:
    old = served(cluster, "Chat", "Other")
    models = list(cluster.models)

    def strike() -> None:
        if cluster.models[models[0]]["connector_id"] != old:
            cluster.inject("error")

    cluster.before("PUT", models[1], strike)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **NEW)
    assert "the models use the old one" in caught.value.message
    assert list(cluster.connectors) == [old]
    assert used(cluster) == {old}


def test_undeployed_models_are_moved_without_a_probe(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    cluster.add_model("Chat", connector_id, state="UNDEPLOYED")
    execute(cluster, "ml_connector", **{**CHAT, "parameters": {}})
    assert cluster.predictions == []
    assert used(cluster) == set(cluster.connectors)


@pytest.mark.parametrize(
    ("given", "state", "warned"),
    [
        ({}, "DEPLOYED", True),
        ({"probe": {}}, "DEPLOYED", False),
        ({"probe": {"messages": []}}, "DEPLOYED", False),
        ({}, "UNDEPLOYED", False),
    ],
)
def test_a_swap_without_a_question_is_warned_of(
    cluster: FakeCluster, given: dict[str, Any], state: str, warned: bool
) -> None:
    """The connector is one of a blueprint: there is no question that fits all of them."""
    cluster.add_model("Chat", cluster.add_connector(), state=state)
    action = {
        "action_type": "predict",
        "method": "POST",
        "url": "http://llm.test/v2",
        "request_body": '{"m": ${parameters.messages}}',
    }
    for check_mode in (True, False):
        done = execute(cluster, "ml_connector", check_mode=check_mode, name="Local chat", actions=[action], **given)
        assert done["changed"]
        found = [
            text
            for text in done["warnings"]
            if "is replaced under live models without a test question: 'Chat'." in text
        ]
        assert bool(found) is warned


def test_swap_waits_for_a_model_that_is_being_deployed(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    model_id = cluster.add_model("Chat", connector_id, state="REGISTERED")
    cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
    cluster.deploying_reads = 6
    result = execute(cluster, "ml_connector", **NEW)
    assert used(cluster) == {result["connector_id"]}


def arrange_plain(cluster: FakeCluster) -> None:
    served(cluster, "Chat", "Other")


def arrange_confusable(cluster: FakeCluster) -> None:
    """The first two new connectors have ids that the server confuses with the old one's."""
    cluster.next_ids["connector"] = ["old-L", "new-l", "newer-L", "last_but-m", "last-n", "very_last-p"]
    served(cluster, "Chat", "Other")


def arrange_undeletable(cluster: FakeCluster) -> None:
    """The server does not delete the old connector, as it takes the model of another one for its user."""
    cluster.next_ids["connector"] = ["old-L", "theirs-l"]
    served(cluster, "Chat", "Other")
    cluster.add_model("Theirs", cluster.add_connector("Their chat"))


@pytest.mark.parametrize("arrange", [arrange_plain, arrange_confusable, arrange_undeletable])
@pytest.mark.parametrize("handled", [True, False], ids=["after", "before"])
def test_next_run_finishes_a_swap_interrupted_at_any_exchange(
    handled: bool, arrange: Callable[[FakeCluster], None]
) -> None:
    """Rolled forward or back, all models use one connector afterwards, and no model is ever without one."""
    for at in range(60):
        cluster = FakeCluster()
        arrange(cluster)
        cluster.crash("lost_after" if handled else "refused", at)
        try:
            execute(cluster, "ml_connector", **NEW)
        except Failure:
            interrupted = True
        else:
            interrupted = False
        assert used(cluster) <= set(cluster.connectors), f"after exchange {at}"
        cluster.heal()
        cluster._time += 60_000
        check = execute(cluster, "ml_connector", check_mode=True, **NEW)
        result = execute(cluster, "ml_connector", **NEW)
        # Check mode cannot see that the first action allows the server to delete more.
        assert set(actions(check)) == set(actions(result)), f"exchange {at}"
        assert used(cluster) - {"theirs-l"} == {result["connector_id"]}, f"exchange {at}"
        assert cluster.connectors[result["connector_id"]]["description"] == "New"
        # The first one of these runs may delete what the server refused to delete before.
        for _each in range(2):
            cluster._time += 60_000
            last = execute(cluster, "ml_connector", **NEW)
        assert not last["changed"], f"exchange {at}"
        remaining = set(cluster.connectors) - {"theirs-l", "old-L" if arrange is arrange_undeletable else ""}
        assert remaining == {result["connector_id"]}, f"exchange {at}"
        if not interrupted:
            break
    else:
        raise AssertionError("the swap does not end")


def test_interrupted_swap_with_a_model_on_each_of_two_superseded_connectors(cluster: FakeCluster) -> None:
    """A model was registered with the id of a connector that the server did not delete."""
    first = served(cluster, "First")
    ids = [first]
    for model in ("Second", ""):
        cluster._time += 60_000
        ids.append(cluster.add_connector(description="New", parameters=replacing(*ids)))
        if model:
            cluster.add_model(model, ids[-1])
    execute(cluster, "ml_connector", **NEW)
    assert not execute(cluster, "ml_connector", **NEW)["changed"]
    assert used(cluster) == set(cluster.connectors)
    assert len(cluster.connectors) == 1


def test_another_controller_swaps_without_the_lease(cluster: FakeCluster, module: Runner) -> None:
    """Its connector is older than ours and no model uses it yet: the task starts over and undoes that swap."""
    old = served(cluster)
    cluster.before("POST", "/_create", lambda: cluster.add_connector(parameters=replacing(old)))
    result = module("ml_connector", cluster, **NEW)
    assert actions(result) == ["undo_swap", "swap"]
    assert used(cluster) == set(cluster.connectors) == {result["connector_id"]}


def test_connectors_that_do_not_replace_each_other_are_left_alone(cluster: FakeCluster) -> None:
    ids = [cluster.add_connector()]
    cluster._time += 60_000
    ids.append(cluster.add_connector(parameters=replacing("long-gone")))
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "ambiguous_name"
    assert list(cluster.connectors) == ids


def test_check_mode_only_reports_an_interrupted_swap(cluster: FakeCluster) -> None:
    old = served(cluster)
    new = cluster.add_connector(parameters=replacing(old))
    check = execute(cluster, "ml_connector", check_mode=True, **CHAT)
    assert actions(check) == ["undo_swap"]
    assert set(cluster.connectors) == {old, new}
    assert execute(cluster, "ml_connector", **CHAT)["actions"] == check["actions"]
    assert list(cluster.connectors) == [old]


def test_interrupted_second_swap_is_rolled_back(cluster: FakeCluster) -> None:
    served(cluster)
    once = execute(cluster, "ml_connector", **NEW)["connector_id"]
    cluster.add_connector(parameters=replacing(once))
    assert actions(execute(cluster, "ml_connector", **NEW)) == ["undo_swap"]
    assert list(cluster.connectors) == [once]
    assert used(cluster) == {once}


def test_interrupted_swap_that_fails_the_probe_is_rolled_back(cluster: FakeCluster) -> None:
    def backend(connector: dict[str, Any], credential: Any, parameters: Any) -> dict[str, Any]:
        if connector.get("description") == "Wrong key":
            raise Refused(401, 'Error from remote service: {"error": "wrong key"}')
        return prediction({})

    old = served(cluster, "Other")
    wrong = cluster.add_connector(description="Wrong key", parameters=replacing(old))
    cluster.add_model("Chat", wrong)
    cluster.backend = backend
    result = execute(cluster, "ml_connector", **NEW)
    assert actions(result) == ["undo_swap", "swap"]
    assert result["actions"][1]["replaced_id"] == old
    assert list(cluster.connectors) == [result["connector_id"]]
    assert used(cluster) == {result["connector_id"]}
    assert not execute(cluster, "ml_connector", **NEW)["changed"]


def test_next_run_finishes_after_a_failed_rollback(cluster: FakeCluster) -> None:
    def backend(connector: dict[str, Any], credential: Any, parameters: Any) -> dict[str, Any]:
        raise Refused(401, 'Error from remote service: {"error": "wrong key"}')

    def strike() -> None:
        if used(cluster) != {old}:
            cluster.inject("error")

    old = served(cluster)
    cluster.backend = backend
    cluster.before("PUT", next(iter(cluster.models)), strike, times=2)
    with pytest.raises(Failure, match="wrong key") as caught:
        execute(cluster, "ml_connector", **NEW)
    assert caught.value.code == "backend_unauthorized"
    assert f"Rolling back to connector {old} failed as well" in caught.value.message
    assert len(cluster.connectors) == 2
    cluster.backend = lambda *_: prediction({})
    execute(cluster, "ml_connector", **NEW)
    assert len(cluster.connectors) == 1


def test_swap_needs_and_sends_the_credential(cluster: FakeCluster) -> None:
    headers = {"Authorization": "Bearer ${credential.key}"}
    keyed = {**CHAT, "actions": [{**CHAT["actions"][0], "headers": headers}]}
    execute(cluster, "ml_connector", **keyed, credential={"key": "first"})
    [connector_id] = cluster.connectors
    cluster.add_model("Chat", connector_id)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **keyed, description="New")
    assert caught.value.code == "credential_needed"
    result = execute(cluster, "ml_connector", **keyed, description="New", credential={"key": "second"})
    assert cluster.credentials == {result["connector_id"]: {"key": "second"}}


def test_faults_are_known() -> None:
    assert set(FAULTS) >= {"lost_after", "lost_before", "refused", "unavailable", "throttled", "conflict", "html"}
