# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connectors that the server refuses to delete because of models that use other connectors.

The tests write such ids into the index of 3.6.0, which has no security plugin."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import Handler, Recorder
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, chat

pytestmark = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)

INDEX = "/.plugins-ml-connector/_doc"


@pytest.fixture
def renamed(cluster):
    """Changes the id of a connector."""

    def rename(made: str, chosen: str) -> str:
        source = cluster.must("GET", f"{INDEX}/{made}")["_source"]
        cluster.must("PUT", f"{INDEX}/{quote(chosen)}?refresh=true", source)
        cluster.must("DELETE", f"{ML}/connectors/{made}")
        return chosen

    return rename


@pytest.fixture
def created(cluster, name, renamed):
    """Creates a connector whose id ends in a given word, with a deployed model; returns both ids."""

    def make(part: str, word: str) -> tuple[str, str]:
        chosen = renamed(cluster.make_connector(f"{name} {part}"), f"{name.split()[1]}{part}-{word}")
        return chosen, cluster.make_model(f"{name} {part}", chosen, deploy=True)

    return make


def test_undeletable_until_the_other_model_is_gone(cluster, module, name, created):
    word = f"w{name.split()[1]}"
    old, model_id = created("ours", word)
    theirs, stranger = created("theirs", word.upper())
    done = module("ml_connector", **chat(f"{name} ours", description="New"))
    assert [action["action"] for action in done["actions"]] == ["swap"]
    [leftover] = done["leftovers"]
    assert f"({stranger}) with connector {theirs}" in leftover["reason"]
    assert cluster.get("models", model_id)["connector_id"] == done["connector_id"] != old
    assert cluster.answer(model_id) == "Pong."

    for check in (False, True):
        again = module("ml_connector", check=check, **chat(f"{name} ours", description="New"))
        assert (again["changed"], again["connector_id"]) == (False, done["connector_id"])
        assert module.recorder.writes == []
        assert [each["connector_id"] for each in again["leftovers"]] == [old]
        assert len(again["warnings"]) == 1

    cluster.undeploy(stranger)
    cluster.must("DELETE", f"{ML}/models/{stranger}")
    ended = module("ml_connector", **chat(f"{name} ours", description="New"))
    assert [action["action"] for action in ended["actions"]] == ["finish_swap"]
    assert cluster.one("connectors", f"{name} ours").id == done["connector_id"]
    assert cluster.answer(model_id) == "Pong."


def test_the_result_names_the_model_that_the_server_considers_a_user(cluster, module, name, created):
    word = f"w{name.split()[1]}"
    old, model_id = created("ours", word)
    _theirs, stranger = created("theirs", word)
    cluster.undeploy(model_id)
    cluster.must("DELETE", f"{ML}/models/{model_id}")
    for check in (True, False, False):
        module.recorder.clear()
        left = module("ml_connector", check=check, name=f"{name} ours", state="absent")
        assert (left["changed"], module.recorder.writes) == (False, [])
        [leftover] = left["leftovers"]
        assert (leftover["connector_id"], leftover["name"], leftover["models"]) == (old, f"{name} ours", [stranger])
        [warning] = left["warnings"]
        assert str(warning).startswith("1 unused connector remains, with the credential, ")
        assert len(str(warning)) < 300

    # The server refuses to change the connector, too.
    for check in (True, False):
        done = module("ml_connector", check=check, **chat(f"{name} ours", description="New"))
        assert [action["action"] for action in done["actions"]] == ["swap"]
    assert "description" not in cluster.get("connectors", old)
    assert module("ml_connector", **chat(f"{name} ours", description="New"))["changed"] is False

    # Both are deleted once the server allows that.
    cluster.undeploy(stranger)
    cluster.must("DELETE", f"{ML}/models/{stranger}")
    assert module("ml_connector", name=f"{name} ours", state="absent")["leftovers"] == []
    assert cluster.named("connectors", f"{name} ours") == []


@pytest.mark.full
def test_a_concurrent_duplicate_that_cannot_be_deleted(cluster, module, name, created, renamed):
    """The other one is older and counts. The server refuses to delete the own one: the run says so, and leaves both alone."""
    word = f"w{name.split()[1]}"
    _theirs, stranger = created("theirs", word.upper())
    models = []

    class Crowd(Handler):
        def forward(self) -> None:
            body = self.content()
            if models or not self.path.endswith("/_create"):
                return self.reply(self.ask(body))
            models.append(cluster.make_model(f"{name} ours", cluster.make_connector(f"{name} ours"), deploy=True))
            del self.headers["Accept-Encoding"]
            answer = self.ask(body)
            chosen = renamed(json.loads(answer.content)["connector_id"], f"{name.split()[1]}ours-{word}")
            return self.reply(answer._replace(content=json.dumps({"connector_id": chosen}).encode()))

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = forward

    crowded = Recorder(cluster.url, handler=Crowd)
    try:
        done = module("ml_connector", hosts=[crowded.url], **chat(f"{name} ours"))
    finally:
        crowded.close()
    kept = cluster.get("models", models[0])["connector_id"]
    assert (done["changed"], done["connector_id"]) == (False, kept)
    [surplus] = {item.id for item in cluster.named("connectors", f"{name} ours")} - {kept}
    assert surplus.endswith(word)
    assert f"{kept} counts; the module ml_dedupe deletes {surplus}." in done["warnings"][0]
    left = module("ml_connector", connector_id=surplus, state="absent")["leftovers"]
    assert [each["connector_id"] for each in left] == [surplus]
    assert cluster.answer(models[0]) == "Pong."
    again = module("ml_connector", **chat(f"{name} ours"))
    assert (again["changed"], again["connector_id"], module.recorder.writes) == (False, kept, [])

    cluster.undeploy(stranger)
    cluster.must("DELETE", f"{ML}/models/{stranger}")
    assert module("ml_connector", connector_id=surplus, state="absent")["changed"]
    assert cluster.one("connectors", f"{name} ours").id == kept
