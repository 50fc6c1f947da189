# SPDX-License-Identifier: GPL-3.0-or-later
"""A new connector takes over under models that serve: what fails goes back, what was cut off is ended by the next run."""

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


def test_models_serve_all_the_time(cluster: FakeCluster) -> None:
    old = served(cluster, "Chat", "Other")
    result = execute(cluster, "ml_connector", **NEW)
    assert old not in cluster.connectors
    assert used(cluster) == {result["connector_id"]}
    assert not [exchange for exchange in cluster.exchanges if "deploy" in exchange.path]
    assert len(cluster.predictions) == 1
    [action] = result["actions"]
    assert (action["action"], action["replaced_id"], action["fields"]) == ("swap", old, ["description"])
    assert sorted(action["models"]) == sorted(cluster.models)


def test_the_steps_in_order(cluster: FakeCluster) -> None:
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


def test_the_notes_are_hidden(cluster: FakeCluster) -> None:
    served(cluster)
    result = execute(cluster, "ml_connector", **NEW)
    assert result["connector"]["parameters"] == {"model": "tiny"}
    assert "_searchops" in cluster.connectors[result["connector_id"]]["parameters"]


@pytest.mark.parametrize("failure", ["unauthorized", "refused", "unexpected"])
def test_a_probe_that_fails_leads_back(cluster: FakeCluster, failure: str) -> None:
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


def test_a_model_that_cannot_be_moved_leads_back(cluster: FakeCluster) -> None:
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


def test_undeployed_models_are_moved_and_not_asked(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    cluster.add_model("Chat", connector_id, state="UNDEPLOYED")
    execute(cluster, "ml_connector", **{**CHAT, "parameters": {}})
    assert cluster.predictions == []
    assert used(cluster) == set(cluster.connectors)


def test_a_model_that_is_just_being_deployed_is_waited_for(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector()
    model_id = cluster.add_model("Chat", connector_id, state="REGISTERED")
    cluster.call("POST", f"{ML}/models/{model_id}/_deploy")
    cluster.deploying_reads = 6
    result = execute(cluster, "ml_connector", **NEW)
    assert used(cluster) == {result["connector_id"]}


def test_somebody_else_swaps_at_the_same_time(cluster: FakeCluster) -> None:
    old = served(cluster)
    notes = '{"replaces":"' + old + '"}'
    cluster.before("POST", "/_create", lambda: cluster.add_connector(parameters={"model": "tiny", "_searchops": notes}))
    with pytest.raises(Failure, match="Another controller is replacing") as caught:
        execute(cluster, "ml_connector", **NEW)
    assert caught.value.code == "concurrent_change"
    assert used(cluster) == {old}


@pytest.mark.parametrize("handled", [True, False], ids=["after", "before"])
def test_cut_off_anywhere_the_next_run_ends_it(handled: bool) -> None:
    """Forward or back, but always to one connector that all models use, and never to a model without one."""
    for at in range(40):
        cluster = FakeCluster()
        served(cluster, "Chat", "Other")
        cluster.crash("lost_after" if handled else "refused", at)
        try:
            execute(cluster, "ml_connector", **NEW)
        except Failure:
            cut = True
        else:
            cut = False
        assert used(cluster) <= set(cluster.connectors), f"after exchange {at}"
        cluster.heal()
        check = execute(cluster, "ml_connector", check_mode=True, **NEW)
        result = execute(cluster, "ml_connector", **NEW)
        assert check["changed"] == result["changed"], f"exchange {at}"
        assert list(cluster.connectors) == [result["connector_id"]], f"exchange {at}"
        assert used(cluster) == {result["connector_id"]}
        assert cluster.connectors[result["connector_id"]]["description"] == "New"
        assert not execute(cluster, "ml_connector", **NEW)["changed"]
        if not cut:
            break
    else:
        raise AssertionError("the swap has no end")


def test_two_of_one_name_that_are_no_halves_of_a_swap_stay(cluster: FakeCluster) -> None:
    ids = [cluster.add_connector(), cluster.add_connector(parameters={"_searchops": '{"replaces":"long-gone"}'})]
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT)
    assert caught.value.code == "ambiguous_name"
    assert list(cluster.connectors) == ids


def test_a_check_ends_no_swap_yet_tells_it(cluster: FakeCluster) -> None:
    old = served(cluster)
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"' + old + '"}'})
    check = execute(cluster, "ml_connector", check_mode=True, **CHAT)
    assert [action["action"] for action in check["actions"]] == ["undo_swap"]
    assert set(cluster.connectors) == {old, new}
    assert execute(cluster, "ml_connector", **CHAT)["actions"] == check["actions"]
    assert list(cluster.connectors) == [old]


def test_an_interrupted_swap_of_one_that_was_swapped_before(cluster: FakeCluster) -> None:
    served(cluster)
    once = execute(cluster, "ml_connector", **NEW)["connector_id"]
    cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"' + once + '"}'})
    assert [each["action"] for each in execute(cluster, "ml_connector", **NEW)["actions"]] == ["undo_swap"]
    assert list(cluster.connectors) == [once]
    assert used(cluster) == {once}


def test_an_interrupted_swap_that_does_not_stand_the_probe_is_taken_back(cluster: FakeCluster) -> None:
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


def test_a_way_back_that_fails_as_well_is_told_and_ended_by_the_next_run(cluster: FakeCluster) -> None:
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


def test_a_half_done_swap_that_goes_on_meanwhile_is_left_to_who_is_at_it(cluster: FakeCluster) -> None:
    old = served(cluster)
    [model_id] = cluster.models
    new = cluster.add_connector(parameters={"model": "tiny", "_searchops": '{"replaces":"' + old + '"}'})

    looks: list[None] = []

    def somebody_else() -> None:
        looks.append(None)
        if len(looks) == 2:  # The first look finds the pair.
            cluster.models[model_id]["connector_id"] = new
            del cluster.connectors[old]

    cluster.before("GET", new, somebody_else, times=2)
    assert execute(cluster, "ml_connector", **CHAT)["actions"] == []
    assert list(cluster.connectors) == [new]


def test_a_new_connector_that_somebody_else_has_deleted_leads_back(cluster: FakeCluster) -> None:
    old = served(cluster)

    def somebody_else() -> None:
        for connector_id in [connector_id for connector_id in cluster.connectors if connector_id != old]:
            del cluster.connectors[connector_id]

    cluster.before("PUT", next(iter(cluster.models)), somebody_else)
    with pytest.raises(Failure) as caught:
        execute(cluster, "ml_connector", **CHAT, description="New")
    assert caught.value.code == "concurrent_change"
    assert list(cluster.connectors) == [old]
    assert used(cluster) == {old}


def test_a_model_that_names_the_replaced_connector_is_pointed_at_the_new_one(cluster: FakeCluster) -> None:
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


def test_a_key_goes_with_the_copy(cluster: FakeCluster) -> None:
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


def test_faults_have_names() -> None:
    assert set(FAULTS) >= {"lost_after", "lost_before", "refused", "unavailable", "throttled", "conflict", "html"}
