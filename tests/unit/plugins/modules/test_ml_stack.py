# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module ml_stack as Ansible runs it."""

from __future__ import annotations

import json
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, get

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


@pytest.mark.parametrize("reference", ["Checker", "${model:Checker}"])
def test_the_model_of_a_guardrail_is_created_before(module: Runner, cluster: FakeCluster, reference: str) -> None:
    side = {"model_id": reference, "response_filter": "$.a", "response_validation_regex": "yes"}
    guarded = {"name": "Chat", "connector": "Chat", "guardrails": {"type": "model", "input_guardrail": side}}
    stack = {**STACK, "models": [guarded, {"name": "Checker", "connector": "Chat"}]}
    planned = module(MODULE, cluster, check_mode=True, **stack)
    done = module(MODULE, cluster, **stack)
    assert (done.get("msg"), done["plan"], done["diff"]) == (None, planned["plan"], planned["diff"])
    ids = {model["name"]: model_id for model_id, model in cluster.models.items()}
    assert cluster.models[ids["Chat"]]["guardrails"]["input_guardrail"]["model_id"] == ids["Checker"]
    assert not module(MODULE, cluster, **stack)["changed"]
    missing = module(MODULE, FakeCluster(), **{**STACK, "models": [guarded]})
    assert missing["failure"]["code"] == "invalid_stack"


@pytest.mark.parametrize("capability", ["chat", "agent"])
def test_an_agent_on_a_connector_for_chats(module: Runner, cluster: FakeCluster, capability: str) -> None:
    """The plan warns of it as the run does."""
    agent = {
        "name": "House",
        "type": "conversational",
        "llm": {"model_id": "Chat"},
        "memory": {"type": "conversation_index"},
    }
    provider = {**STACK["connectors"][0], "provider": "ollama", "capability": capability}
    stack = {**STACK, "connectors": [provider], "agents": [agent]}
    planned = module(MODULE, cluster, check_mode=True, **stack)
    done = module(MODULE, cluster, **stack)
    assert (done["changed"], done["plan"]) == (True, planned["plan"])
    for result in (planned, done):
        found = [text for text in result.get("warnings", []) if "needs the parameter 'messages'" in text]
        assert len(found) == (capability == "chat")


def test_the_remedies_of_refused_items_are_shown(module: Runner, cluster: FakeCluster) -> None:
    settings = [
        {"settings": {"plugins.ml_commons.memory.orphan_ttl_days": 7}},
        {"settings": {"plugins.ml_commons.x": 1}},
    ]
    refused = module(MODULE, cluster, **STACK, settings=settings)
    assert refused["failure"]["code"] == "invalid_stack"
    assert refused["msg"].count("name it in 'only_where_set'") == 1
    assert [bool(each["remedy"]) for each in refused["failure"]["details"]["problems"]] == [True, True]


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


def test_a_signed_stack_registers_and_deploys_in_two_steps(module: Runner, cluster: FakeCluster) -> None:
    signed = {
        "auth_type": "aws_sigv4", "aws_region": "eu-central-1",
        "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "wJalrXUtnFEMI",
    }  # fmt: skip
    planned = module(MODULE, cluster, check_mode=True, **STACK, **signed)
    assert planned["plan"][-2:] == ["+ create model 'Chat' (register)", "~ change model 'Chat' (deploy)"]
    assert module(MODULE, cluster, **STACK, **signed)["plan"] == planned["plan"]
    assert not any("deploy=true" in exchange.path for exchange in cluster.exchanges)


@pytest.mark.parametrize("given", [{}, {"name": "demo"}, {"prune": "all", "prune_confirm": "fake"}])
def test_a_stack_without_a_section_fails_before_the_cluster_is_asked(
    module: Runner, cluster: FakeCluster, given: dict[str, str]
) -> None:
    for check_mode in (True, False):
        failed = module(MODULE, cluster, check_mode=check_mode, **given)
        assert failed["failure"]["code"] == "nothing_declared"
        assert "settings, model_groups, connectors" in failed["msg"]
    assert not cluster.exchanges


def test_an_empty_section_is_a_declaration_and_the_cluster_is_asked(module: Runner, cluster: FakeCluster) -> None:
    assert module(MODULE, cluster, connectors=[])["changed"] is False
    assert cluster.exchanges


def test_an_empty_stack_on_an_unreachable_cluster_is_no_success(module: Runner, script: Callable[..., Script]) -> None:
    failed = module(MODULE, script(get("/").is_refused()), connectors=[], retries=0)
    assert failed["failure"]["code"] == "unreachable"


def test_prune_managed_alone_removes_the_stack(module: Runner, cluster: FakeCluster) -> None:
    module(MODULE, cluster, **STACK)
    assert module(MODULE, cluster, name="demo", prune="managed")["changed"]
    assert not cluster.connectors
