# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists of connectors on real servers, including inline ones."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    ML,
    OLLAMA,
    chat,
    connector_body,
    guarded,
)

INFO = "ml_connector_info"


def test_a_connector_is_listed_as_the_module_returned_it(cluster, module, name):
    made = module("ml_connector", **guarded(name, "a-key-of-the-test", description="One"))
    for args in ({"name": name}, {"connector_id": made["connector_id"]}):
        for check in (False, True):
            result = module(INFO, check=check, **args)
            assert (result["changed"], module.recorder.writes) == (False, [])
            (entry,) = result["connectors"]
            assert entry.pop("urls") == ["http://gateway:8080/v1/chat/completions"]
            assert entry.pop("model_id") is None
            assert entry == made["connector"]
            assert "a-key-of-the-test" not in str(result)


def test_all_and_none(cluster, module, name):
    ids = {cluster.make_connector(f"{name} {number}") for number in range(12)}
    listed = {entry["connector_id"] for entry in module(INFO)["connectors"]}
    assert ids <= listed
    assert listed == {item.id for item in cluster.find("connectors", {"match_all": {}})}
    assert module(INFO, name=f"{name} none")["connectors"] == []
    assert module(INFO, connector_id="no-such-connector")["connectors"] == []


def test_all_connectors_of_one_name_are_listed(cluster, module, name):
    ids = [cluster.make_connector(name) for _ in range(2)]
    assert [entry["connector_id"] for entry in module(INFO, name=name)["connectors"]] == ids


def test_inline_connectors(cluster, module, name):
    """Connectors of other tools may be inside their models. Their credentials, encrypted or not, are never returned."""
    inline = connector_body(f"{name} inline", credential={"key": "secret-of-the-inline"})
    body = {"name": name, "function_name": "remote", "connector": inline}
    model = cluster.must("POST", f"{ML}/models/_register", body)["model_id"]
    assert module(INFO, name=f"{name} inline")["connectors"] == []
    (entry,) = module(INFO, name=f"{name} inline", include_inline=True)["connectors"]
    assert (entry["connector_id"], entry["model_id"], entry["urls"]) == (None, model, [OLLAMA])
    assert "credential" not in entry


def test_note_of_a_swap_is_hidden(module, name):
    module("ml_connector", **chat(name, parameters={"model": "tiny-chat", "surplus": 1}))
    module("ml_connector", **chat(name))
    (entry,) = module(INFO, name=name)["connectors"]
    assert entry["parameters"] == {"model": "tiny-chat"}
