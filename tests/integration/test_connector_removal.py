# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connectors that the server does not let go of for the sake of models that use others.

The ids in question are written into the index of 3.6.0, which has no security plugin."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, chat

pytestmark = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)

INDEX = "/.plugins-ml-connector/_doc"


@pytest.fixture
def made(cluster, name):
    """Makes a connector under an id that ends in a word, with a model that serves; returns both ids."""

    def make(part: str, word: str) -> tuple[str, str]:
        made = cluster.make_connector(f"{name} {part}")
        source = cluster.must("GET", f"{INDEX}/{made}")["_source"]
        chosen = f"{name.split()[1]}{part}-{word}"
        cluster.must("PUT", f"{INDEX}/{quote(chosen)}?refresh=true", source)
        cluster.must("DELETE", f"{ML}/connectors/{made}")
        return chosen, cluster.make_model(f"{name} {part}", chosen, deploy=True)

    return make


def test_held_until_it_is_not(cluster, module, name, made):
    word = f"w{name.split()[1]}"
    old, model_id = made("ours", word)
    theirs, stranger = made("theirs", word.upper())
    done = module("ml_connector", **chat(f"{name} ours", description="New"))
    assert [action["action"] for action in done["actions"]] == ["swap"]
    [warning] = done["warnings"]
    assert f"({stranger}) with connector {theirs}" in str(warning)
    assert cluster.get("models", model_id)["connector_id"] == done["connector_id"] != old
    assert cluster.answer(model_id) == "Pong."

    for check in (False, True):
        again = module("ml_connector", check=check, **chat(f"{name} ours", description="New"))
        assert (again["changed"], again["connector_id"]) == (False, done["connector_id"])
        assert module.recorder.writes == []
        assert old in str(again["warnings"])

    cluster.undeploy(stranger)
    cluster.must("DELETE", f"{ML}/models/{stranger}")
    ended = module("ml_connector", **chat(f"{name} ours", description="New"))
    assert [action["action"] for action in ended["actions"]] == ["finish_swap"]
    assert cluster.one("connectors", f"{name} ours").id == done["connector_id"]
    assert cluster.answer(model_id) == "Pong."


def test_who_is_taken_for_a_user_is_told(cluster, module, name, made):
    word = f"w{name.split()[1]}"
    old, model_id = made("ours", word)
    _theirs, stranger = made("theirs", word)
    cluster.undeploy(model_id)
    cluster.must("DELETE", f"{ML}/models/{model_id}")
    failure = module.fails("ml_connector", name=f"{name} ours", state="absent")
    assert failure["code"] == "connector_held"
    assert failure["details"]["models"] == [stranger]

    # It is not changed either.
    for check in (True, False):
        done = module("ml_connector", check=check, **chat(f"{name} ours", description="New"))
        assert [action["action"] for action in done["actions"]] == ["swap"]
    assert "description" not in cluster.get("connectors", old)
    assert module("ml_connector", **chat(f"{name} ours", description="New"))["changed"] is False
