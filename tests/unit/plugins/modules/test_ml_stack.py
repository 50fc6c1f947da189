# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ml_stack as Ansible runs it."""

from __future__ import annotations

import json
from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_stack"

KEY = "sk-3c9f0a7712"
STACK = {
    "name": "demo",
    "connectors": [
        {"name": "Chat", "provider": "openai_compatible", "base_url": "https://llm.test", "model": "m", "api_key": KEY}
    ],
    "models": [{"name": "Chat", "connector": "Chat"}],
}


def test_planned_applied_and_unchanged(module: Runner, cluster: FakeCluster) -> None:
    planned = module(MODULE, cluster, check_mode=True, **STACK)
    assert not cluster.writes
    assert planned["plan"] == [
        "+ create connector 'Chat'",
        "+ create model group 'Chat'",
        "+ create model 'Chat' (register and deploy)",
    ]
    done = module(MODULE, cluster, **STACK)
    assert (done["changed"], done["plan"], done["actions"]) == (True, planned["plan"], planned["actions"])
    again = module(MODULE, cluster, **STACK)
    assert (again["changed"], again["plan"], again["diff"]) == (False, [], {"prepared": ""})
    assert KEY not in json.dumps([planned, done, again])


def test_secret_in_a_refused_item_is_masked(module: Runner, cluster: FakeCluster) -> None:
    broken = {"name": "Chat", "credential": {"key": KEY}, "no_such_option": KEY, "actions": KEY}
    failed = module(MODULE, cluster, connectors=[broken])
    assert failed["failure"]["code"] == "invalid_stack"
    assert [each["place"] for each in failed["failure"]["details"]["problems"]] == ["connectors[0]"] * 3
    assert KEY not in json.dumps(failed)
    assert not cluster.exchanges


def test_ambiguous_name_is_refused(module: Runner, cluster: FakeCluster) -> None:
    ids = [cluster.add_connector("Chat") for _each in range(2)]
    cluster.connectors[ids[0]]["created_time"] = 1
    failed = module(MODULE, cluster, **STACK)
    assert failed["failure"]["code"] == "invalid_stack"
    (problem,) = failed["failure"]["details"]["problems"]
    assert (problem["place"], problem["code"]) == ("connectors[0] 'Chat'", "ambiguous_name")
    assert all(connector_id in problem["message"] for connector_id in ids)
    assert not cluster.writes
