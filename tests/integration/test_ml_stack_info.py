# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An export of a real cluster: applied to the same cluster it changes nothing, and after a removal it recreates all objects."""

from __future__ import annotations

import json

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import gateway_keys, guarded, until
from ansible_collections.searchops.opensearch_ml.tests.integration.test_ml_stack import declared

MODULE = "ml_stack_info"
SECTIONS = ["model_groups", "connectors", "models", "controllers", "agents", "pipelines"]


@pytest.fixture
def export(module, name):
    def run(key):
        exported = module(MODULE, sections=SECTIONS, name_pattern=f"{name}*")
        assert module.recorder.writes == []
        text = json.dumps(exported["stack"])
        assert key not in text
        for variable in exported["variables"]:
            text = text.replace(f"{{{{ {variable} }}}}", key)
        return exported, json.loads(text)

    return run


def test_export_remove_and_apply(cluster, module, snapshot, export, name):
    key = gateway_keys()[0]
    desired = declared(name)
    desired["connectors"].append(guarded(f"{name} key", key, description="Behind the gateway"))
    desired["models"].append(
        {
            "name": f"{name} key",
            "connector": f"{name} key",
            "rate_limiter": {"limit": 1000, "unit": "MINUTES"},
            "interface": {"input": {"type": "object", "properties": {"parameters": {"type": "object"}}}},
        }
    )
    desired["controllers"] = [{"model": f"{name} one", "user_rate_limiter": {"ann": {"limit": 10, "unit": "MINUTES"}}}]
    module("ml_stack", **desired)
    # A search for limits may show a state that is a second old.
    until(lambda: export(key)[0]["stack"]["controllers"] != [], "searches to see the limits")
    exported, filled = export(key)
    assert exported["left_out"] == []
    assert list(exported["variables"].values()) == [f"{name} key: api_key"]

    before = snapshot()
    again = module("ml_stack", **filled)
    assert (again["changed"], again["plan"]) == (False, [])
    assert module.recorder.writes == []
    assert snapshot() == before

    module("ml_stack", name=desired["name"], prune="managed")
    assert not any(snapshot().values())
    assert module("ml_stack", **filled)["changed"]
    assert cluster.answer(cluster.one("models", f"{name} key").id) == "Pong."
    until(lambda: export(key)[0]["stack"]["controllers"] != [], "searches to see the limits again")
    assert export(key)[0]["stack"] == exported["stack"]


@pytest.mark.full_on("2.19.1-tls")
def test_a_graph(module, name):
    desired = declared(name)
    module("ml_stack", **desired)
    graph = module(MODULE, format="graph")
    ours = {node["id"]: node["name"] for node in graph["nodes"] if node["name"].startswith(name)}
    edges = {
        (ours[edge["from"]], edge["relation"], ours[edge["to"]]) for edge in graph["edges"] if edge["from"] in ours
    }
    assert edges == {
        (f"{name} one", "calls through", f"{name} one"),
        (f"{name} two", "calls through", f"{name} two"),
        (f"{name} one", "is in", f"{name} group"),
        (f"{name} two", "is in", f"{name} two"),
        (f"{name} flow", "uses", f"{name} one"),
        (f"{name} answers", "uses", f"{name} two"),
    }
    assert {node["stack"] for node in graph["nodes"] if node["id"] in ours} == {desired["name"]}
