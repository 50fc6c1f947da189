# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_controller: the limits of single users are exactly the desired ones."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error, hits
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.controllers import ENABLED
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, get, post

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_controller"

TEN = {"limit": 10, "unit": "MINUTES"}
FRACTION = {"limit": 0.5, "unit": "SECONDS"}


@pytest.fixture
def model_id(cluster: FakeCluster) -> str:
    return cluster.add_model("Chat", cluster.add_connector())


def converges(module: Runner, cluster: FakeCluster, actions: list[str], **args: Any) -> dict[str, Any]:
    """Check mode changes nothing, the run does what it planned, and a second run changes nothing."""
    before = cluster.snapshot()
    planned = module(MODULE, cluster, check_mode=True, **args)
    assert cluster.snapshot() == before
    done = module(MODULE, cluster, **args)
    for result in (planned, done):
        assert not result.get("failed"), result
        assert [action["action"] for action in result["actions"]] == actions
        assert result["changed"] is bool(actions)
    assert (planned["diff"], planned["controller"]) == (done["diff"], done["controller"])
    written = len(cluster.writes)
    for check_mode in (False, True):
        asked = len(cluster.exchanges)
        again = module(MODULE, cluster, check_mode=check_mode, **args)
        assert (again["changed"], again["actions"]) == (False, [])
        assert again["diff"]["before"] == again["diff"]["after"]
        assert again["controller"] == done["controller"]
        assert len(cluster.exchanges) - asked <= 3
    assert len(cluster.writes) == written
    return done


@pytest.mark.parametrize("by", ["name", "id"])
def test_create_update_and_delete(module: Runner, cluster: FakeCluster, model_id: str, by: str) -> None:
    model = {"model": "Chat" if by == "name" else model_id}
    done = converges(module, cluster, ["create"], **model, user_rate_limiter={"bob": FRACTION, "alice": TEN})
    limits = {"alice": {"limit": 10.0, "unit": "MINUTES"}, "bob": {"limit": 0.5, "unit": "SECONDS"}}
    assert done["controller"] == {"model_id": model_id, "model_name": "Chat", "user_rate_limiter": limits}
    assert done["diff"] == {"before": {}, "after": {"user_rate_limiter": limits}}
    assert done["model_id"] == model_id
    # A user that is not given any more is removed, which a PUT would not do.
    done = converges(module, cluster, ["update"], **model, user_rate_limiter={"bob": TEN})
    assert done["diff"]["before"] == {"user_rate_limiter": limits}
    assert done["controller"]["user_rate_limiter"] == {"bob": {"limit": 10.0, "unit": "MINUTES"}}
    converges(module, cluster, ["update"], **model, user_rate_limiter={})
    assert cluster.controllers[model_id]["user_rate_limiter"] == {}
    done = converges(module, cluster, ["delete"], **model, state="absent")
    assert (done["controller"], done["diff"]["after"], cluster.controllers) == (None, {}, {})
    converges(module, cluster, [], **model, state="absent")


@pytest.mark.parametrize("limit", [10, 10.0, "10", "10.0"])
def test_equal_limits_in_other_types(module: Runner, cluster: FakeCluster, model_id: str, limit: Any) -> None:
    module(MODULE, cluster, model="Chat", user_rate_limiter={"alice": TEN})
    converges(module, cluster, [], model="Chat", user_rate_limiter={"alice": {"limit": limit, "unit": "MINUTES"}})


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"alice": 5}, "alice: must have 'limit' and 'unit'"),
        ({"alice": {"limit": 5}}, "alice: must have 'limit' and 'unit'"),
        ({"alice": {**TEN, "burst": 5}}, "and nothing else"),
        ({"alice": {**TEN, "unit": "WEEKS"}}, "alice: unit: must be one of NANOSECONDS"),
        ({"alice": {**TEN, "unit": ["DAYS"]}}, "alice: unit: must be one of NANOSECONDS"),
        *(({"alice": {**TEN, "limit": bad}}, "above zero") for bad in (0, -1, "many", "nan", "inf", True, None, [1])),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_limits(
    module: Runner, script: Callable[..., Script], limits: dict[str, Any], message: str, check_mode: bool
) -> None:
    result = module(MODULE, script(), check_mode=check_mode, model="Chat", user_rate_limiter=limits)
    assert result["failure"]["code"] == "invalid_input"
    assert message in result["msg"]


def test_limits_are_required(module: Runner, cluster: FakeCluster) -> None:
    assert "user_rate_limiter" in module(MODULE, cluster, model="Chat")["msg"]


def test_a_missing_model(module: Runner, cluster: FakeCluster) -> None:
    result = module(MODULE, cluster, model="nope", user_rate_limiter={"alice": TEN})
    assert result["failure"]["code"] == "unknown_model"
    planned = module(MODULE, cluster, check_mode=True, model="nope", user_rate_limiter={"alice": TEN})
    assert [action["action"] for action in planned["actions"]] == ["create"]
    assert "an earlier task creates it" in str(planned["warnings"])
    absent = module(MODULE, cluster, model="nope", state="absent")
    assert (absent["changed"], absent["controller"], absent["model_id"]) == (False, None, None)


def test_two_models_with_one_name(module: Runner, cluster: FakeCluster, model_id: str) -> None:
    cluster.models[cluster.add_model("Chat", cluster.add_connector())]["created_time"] = 1
    result = module(MODULE, cluster, model="Chat", state="absent")
    assert result["failure"]["code"] == "ambiguous_name"


@pytest.mark.parametrize("check_mode", [True, False])
def test_controllers_disabled_on_the_cluster(
    module: Runner, cluster: FakeCluster, model_id: str, check_mode: bool
) -> None:
    cluster.persistent[ENABLED] = "false"
    for args in ({"user_rate_limiter": {"alice": TEN}}, {"state": "absent"}):
        result = module(MODULE, cluster, check_mode=check_mode, model="Chat", **args)
        assert result["failure"]["code"] == "controller_disabled"
    assert module("ml_controller_info", cluster, model="Chat")["failure"]["code"] == "controller_disabled"


def test_it_waits_for_the_end_of_a_deployment(module: Runner, cluster: FakeCluster, model_id: str) -> None:
    cluster.models[model_id]["model_state"] = "UNDEPLOYED"
    cluster.call("POST", f"/_plugins/_ml/models/{model_id}/_deploy")
    assert cluster.models[model_id]["model_state"] == "DEPLOYING"
    assert module(MODULE, cluster, model="Chat", user_rate_limiter={"alice": TEN})["changed"]
    assert cluster.models[model_id]["model_state"] == "DEPLOYED"


def test_another_controller_writes_other_limits(module: Runner, script: Callable[..., Script]) -> None:
    path, missing = "/_plugins/_ml/controllers/m1", error(404, "status_exception", "Failed to find model controller")
    sent = {"user_rate_limiter": {"alice": {"limit": 10.0, "unit": "MINUTES"}}}
    source = {"name": "Chat", "model_state": "DEPLOYED"}
    flagged = {**source, "is_controller_enabled": True}
    result = module(
        MODULE,
        script(
            post("/_plugins/_ml/models/_search").answers(200, hits(("m1", source))),
            get("/_plugins/_ml/models/m1").answers(200, source),
            get(path).answers(404, missing),
            post(path, sent).answers(200, {"model_id": "m1", "status": "CREATED"}),
            get("/_plugins/_ml/models/m1").answers(200, source),
            get("/_plugins/_ml/models/m1").answers(200, flagged),
            get(path).answers(200, {"user_rate_limiter": {"bob": {"limit": "1.0", "unit": "DAYS"}}}),
        ),
        model="Chat",
        user_rate_limiter={"alice": TEN},
    )
    assert (result["failure"]["code"], result["failure"]["details"]) == ("not_converged", {"users": ["alice", "bob"]})
    assert result["changed"]


def test_deleted_by_another_controller(module: Runner, cluster: FakeCluster, model_id: str) -> None:
    module(MODULE, cluster, model="Chat", user_rate_limiter={"alice": TEN})
    path = f"/_plugins/_ml/controllers/{model_id}"
    cluster.before("DELETE", path, lambda: cluster.call("DELETE", path))
    assert not module(MODULE, cluster, model="Chat", state="absent").get("failed")
    assert cluster.controllers == {}


@pytest.mark.parametrize("fault", ["lost_after", "lost_before", "gateway_after", "unavailable"])
def test_a_lost_answer_does_no_harm(module: Runner, cluster: FakeCluster, model_id: str, fault: str) -> None:
    cluster.inject(fault, at=3)
    done = module(MODULE, cluster, model="Chat", user_rate_limiter={"alice": TEN})
    assert done["changed"], done
    assert cluster.controllers[model_id]["user_rate_limiter"] == {"alice": {"limit": "10.0", "unit": "MINUTES"}}


def test_limits_that_the_model_ignores_are_written_again(module: Runner, cluster: FakeCluster, model_id: str) -> None:
    module(MODULE, cluster, model="Chat", user_rate_limiter={"bob": TEN})
    del cluster.models[model_id]["is_controller_enabled"]
    converges(module, cluster, ["update"], model="Chat", user_rate_limiter={"bob": TEN})
    assert cluster.models[model_id]["is_controller_enabled"] is True


def test_fields_of_a_later_version(module: Runner, cluster: FakeCluster, model_id: str) -> None:
    cluster.later_fields = {"tier"}
    converges(module, cluster, ["create"], model="Chat", user_rate_limiter={"ann": TEN}, extra_fields={"tier": "gold"})
    assert cluster.controllers[model_id]["tier"] == "gold"
    # A write replaces all fields, and keeps those that are not given.
    done = module(MODULE, cluster, model="Chat", user_rate_limiter={"bob": TEN})
    assert done["controller"]["user_rate_limiter"].keys() == {"bob"}
    assert cluster.controllers[model_id]["tier"] == "gold"
    cluster.later_fields = set()
    dropped = module(MODULE, cluster, model="Chat", user_rate_limiter={"bob": TEN}, extra_fields={"tier": "silver"})
    assert "does not store tier" in str(dropped["warnings"])
    again = module(MODULE, cluster, model="Chat", user_rate_limiter={"bob": TEN}, extra_fields={"tier": "silver"})
    assert (again["changed"], again["warnings"]) == (False, dropped["warnings"])
    cluster.version = "3.10.0"
    failed = module(MODULE, cluster, model="Chat", user_rate_limiter={"bob": TEN}, extra_fields={"tier": "silver"})
    assert failed["failure"]["code"] == "field_not_stored"
    refused = module(MODULE, cluster, model="Chat", user_rate_limiter={}, extra_fields={"model_id": "x"})
    assert refused["failure"]["message"] == "extra_fields: remove 'model_id', which only the server sets."


def test_a_limit_that_another_client_wrote_in_part(module: Runner, cluster: FakeCluster, model_id: str) -> None:
    cluster.controllers[model_id] = {"model_id": model_id, "user_rate_limiter": {"ann": {"unit": "DAYS"}}}
    cluster.models[model_id]["is_controller_enabled"] = True
    done = module(MODULE, cluster, model="Chat", user_rate_limiter={"ann": TEN})
    assert done["diff"]["before"] == {"user_rate_limiter": {"ann": {"unit": "DAYS"}}}
