# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A stack on a real cluster: planned, applied as planned, unchanged, changed while its models answer, pruned."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, chat, guarded

MODULE = "ml_stack"


@pytest.fixture
def converges(module, snapshot):
    """As the fixture for single modules, for a result with a plan."""

    def run(lines, **args):
        before = snapshot()
        planned = module(MODULE, check=True, **args)
        assert module.recorder.writes == [], "check mode sent a write"
        assert snapshot() == before, "check mode had an effect"
        applied = module(MODULE, **args)
        assert applied["plan"] == planned["plan"]
        assert applied["changes"] == planned["changes"]
        assert done(applied) == done(planned), "what was done is not what was planned"
        if lines is not None:
            assert applied["plan"] == lines
        # A search for each kind and another one to prune; a read of each controller, and of each model whose state a search may not show.
        most = 12 + len(args.get("controllers", ())) + len(args.get("models", ()))
        for check in (False, True):
            again = module(MODULE, check=check, **args)
            assert (again["changed"], again["plan"], again["actions"]) == (False, [], []), json.dumps(again, indent=1)
            assert module.recorder.writes == [], "a repeated run sent a write"
            sent = [f"{request.method} {request.path}" for request in module.recorder.requests]
            assert len(sent) <= most, sent
        return applied

    return run


def done(result):
    return [(action["action"], action["kind"], action["name"]) for action in result["actions"]]


def declared(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name.replace(" ", "-"),
        "model_groups": [{"name": f"{name} group", "description": "Models of ours"}],
        "connectors": [chat(f"{name} one"), chat(f"{name} two", description="Second")],
        "models": [
            {"name": f"{name} one", "connector": f"{name} one", "model_group": f"{name} group"},
            {"name": f"{name} two", "connector": f"{name} two", "description": "Own group"},
        ],
        "agents": [
            {
                "name": f"{name} flow",
                "type": "flow",
                "tools": [
                    {"type": "MLModelTool", "parameters": {"model_id": f"${{model:{name} one}}", "prompt": "Ping"}}
                ],
            }
        ],
        "pipelines": [
            {
                "name": f"{name} answers",
                "type": "search",
                "definition": {
                    "response_processors": [
                        {
                            "retrieval_augmented_generation": {
                                "model_id": f"${{model:{name} two}}",
                                "context_field_list": ["t"],
                            }
                        }
                    ]
                },
            }
        ],
        **more,
    }


def test_apply_change_and_prune(cluster, module, converges, snapshot, name):
    applied = converges(
        [
            f"+ create model group '{name} group'",
            f"+ create connector '{name} one'",
            f"+ create connector '{name} two'",
            f"+ create model '{name} one' (register and deploy)",
            f"+ create model group '{name} two'",
            f"+ create model '{name} two' (register and deploy)",
            f"+ create agent '{name} flow'",
            f"+ create search pipeline '{name} answers'",
        ],
        **declared(name),
    )
    assert applied["stack"] == name.replace(" ", "-")
    for model in (f"{name} one", f"{name} two"):
        assert cluster.answer(cluster.one("models", model).id) == "Pong."
    mark = f"(stack: {name.replace(' ', '-')})"
    assert cluster.one("connectors", f"{name} two").source["description"] == f"Second {mark}"
    assert cluster.one("model_groups", f"{name} two").source["description"] == f"Own group {mark}"

    # Connectors in use are swapped; items without differences are not changed.
    converges(
        [
            f"~ change connector '{name} one' (swap): parameters",
            f"~ change model '{name} two' (in place): description",
        ],
        **{
            **declared(name),
            "connectors": [
                chat(f"{name} one", parameters={"model": "tiny-chat", "seed": "7"}),
                chat(f"{name} two", description="Second"),
            ],
            "models": [
                {"name": f"{name} one", "connector": f"{name} one", "model_group": f"{name} group"},
                {"name": f"{name} two", "connector": f"{name} two", "description": "Changed"},
            ],
        },
    )
    assert cluster.answer(cluster.one("models", f"{name} one").id) == "Pong."
    assert len(cluster.find("connectors", {"prefix": {"name.keyword": name}})) == 2

    # Nothing is declared any more: everything is deleted, users first.
    gone = converges(None, name=name.replace(" ", "-"), prune="managed")
    assert {action["action"] for action in gone["actions"]} == {"delete"}
    assert not any(snapshot().values())


@pytest.mark.full_on("2.19.1-tls")
def test_prune_keeps_objects_of_others(cluster, module, converges, snapshot, name):
    theirs = cluster.make_connector(f"{name} theirs", description=f"(stack: {name.replace(' ', '-')}2)")
    cluster.make_model(f"{name} their model", theirs, deploy=True)
    other = {"connectors": [chat(f"{name} other")], "models": [{"name": f"{name} other", "connector": f"{name} other"}]}
    module(MODULE, name=f"{name.replace(' ', '-')}-other", **other)
    before = snapshot()
    module(MODULE, **declared(name))
    # A model outside the stack uses one of the stack's connectors.
    used = cluster.make_model(f"{name} borrower", cluster.one("connectors", f"{name} two").id)
    result = converges(None, name=name.replace(" ", "-"), prune="managed")
    assert "is kept" in str(result["warnings"])
    assert cluster.one("connectors", f"{name} two")
    cluster.must("DELETE", f"{ML}/models/{used}")
    group = cluster.one("model_groups", f"{name} borrower").id
    cluster.must("DELETE", f"{ML}/model_groups/{group}")
    converges([f"- delete connector '{name} two'"], name=name.replace(" ", "-"), prune="managed")
    assert snapshot() == before


@pytest.mark.full_on("2.19.1-tls")
def test_a_failed_item_skips_its_dependents_and_the_next_run_continues(cluster, module, converges, name):
    broken = declared(name)
    broken["connectors"][0] = chat(
        f"{name} one", actions=[{**chat("x")["actions"][0], "url": "https://untrusted.example.com/v1"}]
    )
    failure = module.fails(MODULE, **broken)
    assert failure["code"] == "stack_failed"
    assert [each["place"] for each in failure["details"]["failed"]] == ["connectors[0]"]
    assert failure["details"]["left_out"] == [f"models[0] '{name} one'", f"agents[0] '{name} flow'"]
    assert cluster.answer(cluster.one("models", f"{name} two").id) == "Pong."
    converges(
        [
            f"+ create connector '{name} one'",
            f"+ create model '{name} one' (register and deploy)",
            f"+ create agent '{name} flow'",
        ],
        **declared(name),
    )


@pytest.mark.full_on("2.19.1-tls")
def test_all_problems_are_reported_at_once(module, name):
    failure = module.refuses(
        "invalid_stack",
        MODULE,
        connectors=[chat(f"{name} a"), chat(f"{name} b", parameters={"stream": 1}, actions=[])],
        models=[{"name": f"{name} a", "connector": "No such"}, {"name": f"{name} b", "connector": f"{name} a"}],
        agents=[{"name": f"{name} x", "type": "conversational", "llm": {"model_id": f"{name} nowhere"}}],
    )
    assert [(each["place"], each["code"]) for each in failure["details"]["problems"]] == [
        (f"connectors[1] '{name} b'", "invalid_input"),
        (f"models[0] '{name} a'", "unknown_connector"),
        (f"agents[0] '{name} x'", "unknown_model"),
    ]


def test_a_key_is_rotated(cluster, module, converges, name):
    first, second = _stack.gateway_keys()

    def keyed(key):
        rotated = guarded(f"{name} key", key, update_credential="when_changed")
        return {"connectors": [rotated], "models": [{"name": f"{name} key", "connector": f"{name} key"}]}

    module(MODULE, **keyed(first))
    converges([f"~ change connector '{name} key' (swap): credential"], **keyed(second))
    assert cluster.answer(cluster.one("models", f"{name} key").id) == "Pong."


PARTS = ("a", "b", "c")
STRUCTURES = st.fixed_dictionaries(
    {
        "connectors": st.dictionaries(st.sampled_from(PARTS), st.sampled_from(["", "one", "two"]), max_size=3),
        "models": st.dictionaries(
            st.sampled_from(PARTS),
            st.tuples(st.sampled_from(PARTS), st.sampled_from(["deployed", "undeployed", "present"]), st.booleans()),
            max_size=3,
        ),
        "agents": st.dictionaries(st.sampled_from(PARTS), st.sampled_from(PARTS), max_size=2),
        "pipelines": st.dictionaries(st.sampled_from(PARTS), st.sampled_from(PARTS), max_size=2),
        "limits": st.sets(st.sampled_from(PARTS), max_size=2),
        "parameters": st.sampled_from([{}, {"seed": "1"}, {"seed": "2", "top_k": "3"}]),
    }
)


def structure(name: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """A declaration of the drawn items; what a model refers to is declared as well."""
    for part in [*drawn["agents"].values(), *drawn["pipelines"].values()]:
        drawn["models"].setdefault(part, ("a", "present", False))
    used = {part for part, _state, _grouped in drawn["models"].values()}
    descriptions = {**dict.fromkeys(used, ""), **drawn["connectors"]}
    return {
        "name": name.replace(" ", "-"),
        "prune": "managed",
        "model_groups": [{"name": f"{name} shared"}],
        "connectors": [
            chat(
                f"{name} {part}",
                parameters={"model": "tiny-chat", **drawn["parameters"]},
                **({"description": text} if text else {}),
            )
            for part, text in sorted(descriptions.items())
        ],
        "models": [
            {
                "name": f"{name} {part}",
                "connector": f"{name} {refers}",
                "state": state,
                **({"model_group": f"{name} shared"} if grouped else {}),
            }
            for part, (refers, state, grouped) in sorted(drawn["models"].items())
        ],
        "controllers": [
            {"model": f"{name} {part}", "user_rate_limiter": {"ann": {"limit": 9, "unit": "MINUTES"}}}
            for part in sorted(drawn["limits"] & drawn["models"].keys())
        ],
        "agents": [
            {
                "name": f"{name} {part}",
                "type": "flow",
                # 2.19 cannot change an agent.
                "update_strategy": "recreate",
                "tools": [{"type": "MLModelTool", "parameters": {"model_id": f"${{model:{name} {model}}}"}}],
            }
            for part, model in sorted(drawn["agents"].items())
        ],
        "pipelines": [
            {
                "name": f"{name} {part}",
                "type": "search",
                "definition": {
                    "response_processors": [
                        {
                            "retrieval_augmented_generation": {
                                "model_id": f"${{model:{name} {model}}}",
                                "context_field_list": ["t"],
                            }
                        }
                    ]
                },
            }
            for part, model in sorted(drawn["pipelines"].items())
        ],
    }


@pytest.mark.full_on("2.19.1-tls")
@settings(
    max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(structures=st.lists(STRUCTURES, min_size=2, max_size=2))
def test_any_declaration_converges_from_any_other(converges, cluster, name, structures):
    for drawn in structures:
        converges(None, **structure(name, drawn))
        models = {
            item.source["name"]: item.source for item in cluster.find("models", {"prefix": {"name.keyword": name}})
        }
        assert set(models) == {f"{name} {part}" for part in drawn["models"]}
        for part, (refers, state, _grouped) in drawn["models"].items():
            source = models[f"{name} {part}"]
            assert source["connector_id"] == cluster.one("connectors", f"{name} {refers}").id
            assert state == "present" or (source["model_state"] == "DEPLOYED") is (state == "deployed")


@pytest.mark.full
def test_more_parallel_registrations_than_the_server_accepts(cluster, module, name):
    """3.6.0 answers some registrations with 429 although it has stored the model: no model is created twice."""
    names = [f"{name} {number:02}" for number in range(40)]
    many = {
        "name": name.replace(" ", "-"),
        "connectors": [chat(each) for each in names],
        "models": [{"name": each, "connector": each, "wait_timeout": 120} for each in names],
    }
    module(MODULE, parallel=12, **many)
    assert [len(cluster.find("models", {"term": {"name.keyword": each}})) for each in names] == [1] * len(names)
    assert not module(MODULE, **many)["changed"]
