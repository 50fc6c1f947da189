# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Duplicates on a real cluster: listed, merged while the models answer, and never deleted while in use."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import GATEWAY, ML, gateway_keys

MODULE = "ml_dedupe"
PING = {"messages": [{"role": "user", "content": "Ping"}]}


def test_list_and_merge(cluster, module, snapshot, name):
    unused, used, other = (cluster.make_connector(name) for _ in range(3))
    served = {each: cluster.make_model(f"{name} {each}", used, deploy=True) for each in ("one", "two")}
    moved = cluster.make_model(f"{name} three", other, deploy=True)
    group = cluster.get("models", served["one"])["model_group_id"]
    twin = cluster.make_model(f"{name} one", used, model_group_id=group)

    before = snapshot()
    result = module(MODULE, name_pattern=f"{name}*")
    planned = module(MODULE, check=True, name_pattern=f"{name}*", apply=True, probe=PING)
    assert module.recorder.writes == []
    assert snapshot() == before
    fates = {each["id"]: each["fate"] for found in result["duplicates"] for each in found["objects"]}
    assert fates == {
        used: "keep", unused: "delete", other: "merge", served["one"]: "keep", twin: "delete",
    }  # fmt: skip

    done = module(MODULE, name_pattern=f"{name}*", apply=True, probe=PING)
    assert (done["actions"], done["diff"]) == (planned["actions"], planned["diff"])
    assert cluster.one("connectors", name).id == used
    assert cluster.one("models", f"{name} one").id == served["one"]
    assert cluster.get("models", moved)["connector_id"] == used
    for model_id in (*served.values(), moved):
        assert cluster.state_of(model_id) == "DEPLOYED"
        assert cluster.answer(model_id) == "Pong."
    after = snapshot()
    again = module(MODULE, name_pattern=f"{name}*", apply=True)
    assert (again["changed"], again["duplicates"]) == (False, [])
    assert module.recorder.writes == []
    assert snapshot() == after


@pytest.mark.full_on("2.19.1-tls")
def test_different_objects_and_references_by_id(cluster, module, snapshot, name):
    guarded = {"url": GATEWAY, "headers": {"Authorization": "Bearer ${credential.key}"}}
    first, second = (cluster.make_connector(name, **guarded, credential={"key": key}) for key in gateway_keys())
    models = [cluster.make_model(f"{name} {each}", each_id) for each, each_id in (("one", first), ("two", second))]
    before = snapshot()
    failure = module.refuses("duplicates_differ", MODULE, name_pattern=name, apply=True)
    assert [each["id"] for each in failure["details"]["problems"]] == [second]
    assert snapshot() == before

    group = cluster.get("models", models[0])["model_group_id"]
    twin = cluster.make_model(f"{name} one", first, model_group_id=group)
    for number, model_id in enumerate((models[0], twin)):
        tool = {"type": "MLModelTool", "parameters": {"model_id": model_id, "prompt": "Ping"}}
        cluster.must("POST", f"{ML}/agents/_register", {"name": f"{name} {number}", "type": "flow", "tools": [tool]})
    before = snapshot()
    result = module(MODULE, name_pattern=f"{name} *", apply=True)
    assert (result["changed"], snapshot()) == (False, before)
    assert len(result["warnings"]) == 1

    merged = module(MODULE, name_pattern=name, apply=True, trust_credentials=True)
    assert [action["action"] for action in merged["actions"]] == ["merge"]
    assert cluster.one("connectors", name).id == first
    assert {cluster.get("models", model_id)["connector_id"] for model_id in models} == {first}
