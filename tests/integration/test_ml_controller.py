# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of single users on real servers, and their effect on predictions."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import two_of_one_name, until

ENABLED = "plugins.ml_commons.controller_enabled"
CONTROLLER = "ml_controller"
TEN = {"limit": 10, "unit": "MINUTES"}
EVERY_TWO_SECONDS = {"limit": 0.5, "unit": "SECONDS"}


@pytest.fixture
def snapshot(cluster, name):
    """The snapshot of these tests contains the controllers."""

    def take():
        return {
            model.id: cluster.send("GET", f"/_plugins/_ml/controllers/{model.id}").json()
            for model in cluster.find("models", {"prefix": {"name.keyword": name}})
        }

    return take


@pytest.mark.parametrize("deploy", [False, True])
def test_create_change_and_delete(cluster, converges, name, snapshot, deploy):
    model_id = cluster.make_model(name, cluster.make_connector(name), deploy=deploy)

    def observed():
        return snapshot()[model_id]["user_rate_limiter"]

    converges(CONTROLLER, ["create"], model=name, user_rate_limiter={"alice": TEN, "bob": EVERY_TWO_SECONDS})
    assert {user: float(limit["limit"]) for user, limit in observed().items()} == {"alice": 10, "bob": 0.5}
    assert cluster.get("models", model_id)["is_controller_enabled"] is True
    done = converges(CONTROLLER, ["update"], model=model_id, user_rate_limiter={"bob": TEN})
    assert list(observed()) == ["bob"]
    assert done["controller"] == {
        "model_id": model_id,
        "model_name": name,
        "user_rate_limiter": {"bob": {"limit": 10.0, "unit": "MINUTES"}},
    }
    converges(CONTROLLER, ["update"], model=name, user_rate_limiter={})
    assert observed() == {}
    converges(CONTROLLER, ["delete"], model=name, state="absent")
    assert cluster.send("GET", f"/_plugins/_ml/controllers/{model_id}").status_code == 404
    assert not cluster.get("models", model_id).get("is_controller_enabled")


def test_limits_set_by_plain_rest(cluster, converges, name):
    model_id = cluster.make_model(name, cluster.make_connector(name))
    for limit in (5, "5", 5.0):
        body = {"user_rate_limiter": {"alice": {"limit": limit, "unit": "HOURS"}}}
        cluster.must("POST", f"/_plugins/_ml/controllers/{model_id}", body)
        # The model sometimes shows this a moment after the answer.
        until(lambda: cluster.get("models", model_id).get("is_controller_enabled"), "the model to know its limits")
        converges(CONTROLLER, [], model=name, user_rate_limiter={"alice": {"limit": 5, "unit": "HOURS"}})


def test_the_effect(cluster, module, name):
    """It needs the security plugin, which identifies the user."""
    cluster.make_model(name, cluster.make_connector(name), deploy=True)
    user = cluster.user[0] if cluster.user else "admin"
    once = {"limit": 1, "unit": "DAYS"}
    module(CONTROLLER, model=name, user_rate_limiter={user: once})
    question = {"model": name, "messages": [{"role": "user", "content": "Ping"}]}
    module("ml_predict", **question)
    if cluster.tls:
        assert module.fails("ml_predict", **question)["code"] == "rate_limited"
    else:
        module("ml_predict", **question)
    module(CONTROLLER, model=name, state="absent")
    module("ml_predict", **question)


def test_the_limits_are_deleted_with_the_model(cluster, module, name):
    model_id = cluster.make_model(name, cluster.make_connector(name))
    module(CONTROLLER, model=name, user_rate_limiter={"alice": TEN})
    module("ml_model", name=name, state="absent")
    assert cluster.send("GET", f"/_plugins/_ml/controllers/{model_id}").status_code == 404
    for check in (True, False):
        assert not module(CONTROLLER, check=check, model=name, state="absent")["changed"]


@pytest.mark.full_on("2.19.1-tls")
def test_refusals(cluster, module, name):
    for limit in (0, -1, "many"):
        limits = {"alice": {"limit": limit, "unit": "DAYS"}}
        module.refuses("invalid_input", CONTROLLER, model=name, user_rate_limiter=limits)
    module.refuses("unknown_model", CONTROLLER, model=name, user_rate_limiter={"alice": TEN})
    two_of_one_name(cluster, "models", lambda: cluster.make_model(name, cluster.make_connector(name)))
    for check in (True, False):
        module.refuses("ambiguous_name", CONTROLLER, check=check, model=name, user_rate_limiter={"alice": TEN})


@pytest.mark.full_on("2.19.1-tls")
def test_switched_off(cluster, module, name, settings_restored):
    cluster.make_model(name, cluster.make_connector(name))
    cluster.put_settings({ENABLED: False})
    for args in ({"user_rate_limiter": {"alice": TEN}}, {"state": "absent"}):
        for check in (True, False):
            module.refuses("controller_disabled", CONTROLLER, check=check, model=name, **args)
