# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a connector under live models: a failed swap is rolled back, an interrupted one is finished by the next run."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused, prediction
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.faults import FAULTS
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, QUESTION

NEW = {**CHAT, "description": "New", "probe": QUESTION}


def served(cluster: FakeCluster, *names: str) -> str:
    connector_id = cluster.add_connector()
    for name in names or ("Chat",):
        cluster.add_model(name, connector_id)
    return connector_id


def used(cluster: FakeCluster) -> set[str]:
    return {model["connector_id"] for model in cluster.models.values()}


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
    served(cluster)
    result = execute(cluster, "ml_connector", **NEW)
    assert result["connector"]["parameters"] == {"model": "tiny"}
    assert "_searchops" in cluster.connectors[result["connector_id"]]["parameters"]


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


def test_swap_waits_for_a_model_that_is_being_deployed(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    model_id = cluster.add_model("Chat", connector_id, state="REGISTERED")
    cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
    cluster.deploying_reads = 6
    result = execute(cluster, "ml_connector", **NEW)
    assert used(cluster) == {result["connector_id"]}


def test_concurrent_swap_by_another_controller_fails(cluster: FakeCluster) -> None:
    old = served(cluster)
    notes = '{"replaces":"' + old + '"}'
    cluster.before("POST", "/_create", lambda: cluster.add_connector(parameters={"model": "tiny", "_searchops": notes}))
    with pytest.raises(Failure, match="Another controller is replacing") as caught:
        execute(cluster, "ml_connector", **NEW)
    assert caught.value.code == "concurrent_change"
    assert used(cluster) == {old}


@pytest.mark.parametrize("handled", [True, False], ids=["after", "before"])
def test_next_run_finishes_a_swap_interrupted_at_any_exchange(handled: bool) -> None:
    """Rolled forward or back, all models use one connector afterwards, and no model is ever without one."""
    for at in range(40):
        cluster = FakeCluster()
        served(cluster, "Chat", "Other")
        cluster.crash("lost_after" if handled else "refused", at)
        try:
            execute(cluster, "ml_connector", **NEW)
        except Failure:
            interrupted = True
        else:
            interrupted = False
        assert used(cluster) <= set(cluster.connectors), f"after exchange {at}"
        cluster.heal()
        check = execute(cluster, "ml_connector", check_mode=True, **NEW)
        result = execute(cluster, "ml_connector", **NEW)
        assert check["changed"] == result["changed"], f"exchange {at}"
        assert list(cluster.connectors) == [result["connector_id"]], f"exchange {at}"
        assert used(cluster) == {result["connector_id"]}
        assert cluster.connectors[result["connector_id"]]["description"] == "New"
        assert not execute(cluster, "ml_connector", **NEW)["changed"]
        if not interrupted:
            break
    else:
        raise AssertionError("the swap does not end")


def test_duplicates_that_are_no_replacement_pair_are_left_alone(cluster: FakeCluster) -> None:
    ids = [cluster.add_connector(), cluster.add_connector(parameters={"_searchops": '{"replaces":"long-gone"}'})]
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "ambiguous_name"
    assert list(cluster.connectors) == ids


def test_check_mode_only_reports_an_interrupted_swap(cluster: FakeCluster) -> None:
    old = served(cluster)
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"' + old + '"}'})
    check = execute(cluster, "ml_connector", check_mode=True, **CHAT)
    assert [action["action"] for action in check["actions"]] == ["undo_swap"]
    assert set(cluster.connectors) == {old, new}
    assert execute(cluster, "ml_connector", **CHAT)["actions"] == check["actions"]
    assert list(cluster.connectors) == [old]


def test_interrupted_second_swap_is_rolled_back(cluster: FakeCluster) -> None:
    served(cluster)
    once = execute(cluster, "ml_connector", **NEW)["connector_id"]
    cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"' + once + '"}'})
    assert [each["action"] for each in execute(cluster, "ml_connector", **NEW)["actions"]] == ["undo_swap"]
    assert list(cluster.connectors) == [once]
    assert used(cluster) == {once}


def test_interrupted_swap_that_fails_the_probe_is_rolled_back(cluster: FakeCluster) -> None:
    def backend(connector: dict[str, Any], credential: Any, parameters: Any) -> dict[str, Any]:
        if connector.get("description") == "Wrong key":
            raise Refused(401, 'Error from remote service: {"error": "wrong key"}')
        return prediction({})

    old = served(cluster, "Other")
    wrong = cluster.add_connector(
        description="Wrong key", parameters={"model": "tiny", "_searchops": '{"replaces":"' + old + '"}'}
    )
    cluster.add_model("Chat", wrong)
    cluster.backend = backend
    result = execute(cluster, "ml_connector", **NEW)
    assert [action["action"] for action in result["actions"]] == ["undo_swap", "swap"]
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


def test_unfinished_swap_that_makes_progress_is_left_to_its_controller(cluster: FakeCluster) -> None:
    old = served(cluster)
    [model_id] = cluster.models
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"' + old + '"}'})

    reads: list[None] = []

    def finish_swap() -> None:
        reads.append(None)
        if len(reads) == 2:  # The first read finds the pair.
            cluster.models[model_id]["connector_id"] = new
            del cluster.connectors[old]

    cluster.before("GET", new, finish_swap, times=2)
    assert execute(cluster, "ml_connector", **CHAT)["actions"] == []
    assert list(cluster.connectors) == [new]


def test_deletion_of_the_new_connector_by_another_controller_rolls_back(cluster: FakeCluster) -> None:
    old = served(cluster)

    def delete_new() -> None:
        for connector_id in [connector_id for connector_id in cluster.connectors if connector_id != old]:
            del cluster.connectors[connector_id]

    cluster.before("PUT", next(iter(cluster.models)), delete_new)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT, description="New")
    assert caught.value.code == "concurrent_change"
    assert list(cluster.connectors) == [old]
    assert used(cluster) == {old}


def test_model_of_a_replaced_connector_is_repointed(cluster: FakeCluster) -> None:
    served(cluster)
    [model_id] = cluster.models
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"long-gone"}'})
    cluster.connectors = {new: cluster.connectors[new]}
    cluster.models[model_id]["connector_id"] = "long-gone"
    check = execute(cluster, "ml_connector", check_mode=True, **CHAT)
    result = execute(cluster, "ml_connector", **CHAT)
    assert [action["action"] for action in result["actions"]] == ["repoint"]
    assert check["actions"] == result["actions"]
    assert used(cluster) == {new}
    assert not execute(cluster, "ml_connector", **CHAT)["changed"]


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
