# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models on real servers: registered in both ways, changed, deployed, undeployed and deleted; and drift."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    ML,
    connector_body,
    plain,
    two_of_one_name,
)


@pytest.fixture
def connector(cluster, name):
    return cluster.make_connector(name)


@pytest.fixture
def served(cluster, name, connector):
    """The id of a deployed model in a group of the same name."""
    return cluster.make_model(name, connector, deploy=True)


@pytest.fixture
def real_model(cluster):
    """Compares a side of a diff with the model that the server stores."""

    def compare(model_id: str, side: dict[str, Any]) -> None:
        source = cluster.get("models", model_id)
        for field, shown in side.items():
            if field == "state":
                assert source["model_state"] == shown
            elif field == "connector":
                assert shown in (source["connector_id"], cluster.get("connectors", source["connector_id"])["name"])
            elif field == "model_group":
                group = cluster.find("model_groups", {"ids": {"values": [source["model_group_id"]]}})[0]
                assert shown in (group.id, group.source["name"])
            else:
                assert plain(source.get(field, True if field == "is_enabled" else None)) == plain(shown), field

    return compare


STEPS = {"one_step": ["create", "register_and_deploy"], "two_step": ["create", "register", "deploy"]}


@pytest.mark.full_on("2.19.1-tls")
@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ({"connector_id": "YOUR_CONNECTOR_ID"}, "placeholder_left_in"),
        ({"model_group_id": "<MODEL_GROUP_ID>"}, "placeholder_left_in"),
        ({"model_group_id": "UylKsZQBts7fa6byEx2M"}, "unknown_model_group"),
    ],
)
def test_a_pasted_body_with_ids_of_elsewhere(module, name, connector, ids, code):
    body = {"name": name, "function_name": "remote", "connector_id": connector}
    assert module.fails("ml_model", definition={**body, **ids})["code"] == code
    assert module.recorder.writes == []
    assert module("ml_model", definition={**body, **ids}, connector=name, model_group=name, state="present")["changed"]


@pytest.mark.parametrize("way", STEPS)
def test_both_ways_to_register(cluster, converges, real_model, name, connector, way):
    done = converges(
        "ml_model", STEPS[way], name=name, connector=name, model_group=f"{name} group", register_deploy=way
    )
    model = cluster.one("models", name)
    assert done["model_id"] == model.id
    assert done["diff"]["before"] == {}
    real_model(model.id, done["diff"]["after"])
    assert model.source["model_state"] == "DEPLOYED"
    assert model.source["model_group_id"] == done["model_group_id"] == cluster.one("model_groups", f"{name} group").id
    assert cluster.answer(model.id) == "Pong."


def test_create_change_and_delete(cluster, converges, real_model, name, connector):
    made = converges("ml_model", ["create", "register"], name=name, connector=connector, state="present")
    model_id = made["model_id"]
    assert cluster.state_of(model_id) == "REGISTERED"
    for state, actions, becomes in (
        ("deployed", ["deploy"], "DEPLOYED"),
        ("present", [], "DEPLOYED"),
        ("undeployed", ["undeploy"], "UNDEPLOYED"),
        ("present", [], "UNDEPLOYED"),
        ("deployed", ["deploy"], "DEPLOYED"),
    ):
        done = converges("ml_model", actions, name=name, connector=connector, state=state)
        assert cluster.state_of(model_id) == becomes
        real_model(model_id, done["diff"]["after"])
    converges("ml_model", ["delete"], name=name, state="absent", again=False)
    assert cluster.named("models", name) == []
    assert cluster.one("model_groups", name)
    converges("ml_model", ["delete"], name=name, state="absent", delete_empty_group=True, again=False)
    assert cluster.named("model_groups", name) == []
    converges("ml_model", [], name=name, state="absent", delete_empty_group=True, again=False)


@pytest.mark.full_on("2.19.1-tls")
def test_never_deployed_is_undeployed(cluster, converges, name, connector):
    converges("ml_model", ["create", "register"], name=name, connector=connector, state="undeployed")
    assert cluster.one("models", name).source["model_state"] == "REGISTERED"


@pytest.mark.full_on("2.19.1-tls")
def test_without_waiting(cluster, module, name, connector):
    made = module("ml_model", name=name, connector=name, wait=False)
    cluster.await_state(made["model_id"], "DEPLOYED")
    assert module("ml_model", name=name, connector=name)["changed"] is False


@pytest.mark.full_on("2.19.1-tls")
def test_existing_group_by_name_and_by_id(cluster, converges, name, connector):
    group = cluster.must("POST", f"{ML}/model_groups/_register", {"name": f"{name} group"})["model_group_id"]
    for number, reference in enumerate((f"{name} group", group), start=1):
        done = converges(
            "ml_model", ["register_and_deploy"], name=f"{name} {number}", connector=name, model_group=reference
        )
        source = cluster.get("models", done["model_id"])
        assert (source["model_group_id"], source["model_version"]) == (group, str(number))
    assert len(cluster.find("model_groups", {"prefix": {"name.keyword": name}})) == 1


@pytest.mark.full_on("2.19.1-tls")
def test_the_group_of_the_models_name_is_used(cluster, converges, name, connector):
    group = cluster.must("POST", f"{ML}/model_groups/_register", {"name": name})["model_group_id"]
    done = converges("ml_model", ["register_and_deploy"], name=name, connector=name)
    assert done["model_group_id"] == group


@pytest.mark.full_on("2.19.1-tls")
def test_group_survives_while_it_has_another_model(cluster, module, name, connector):
    for model in ("a", "b"):
        module("ml_model", name=f"{name} {model}", connector=name, model_group=name, state="present")
    gone = {"model_group": name, "state": "absent", "delete_empty_group": True}
    done = module("ml_model", name=f"{name} a", **gone)
    assert [action["kind"] for action in done["actions"]] == ["model"]
    done = module("ml_model", name=f"{name} b", **gone)
    assert [action["kind"] for action in done["actions"]] == ["model", "model group"]
    assert cluster.named("model_groups", name) == []


@pytest.mark.full_on("2.19.1-tls")
def test_ambiguous_name(cluster, module, name, connector):
    ids = two_of_one_name(cluster, "models", lambda: cluster.make_model(name, connector))
    for args in ({"connector": name}, {"connector": name, "state": "present"}, {"state": "absent"}):
        failure = module.refuses("ambiguous_name", "ml_model", name=name, **args)
        assert sorted(failure["details"]["ids"]) == sorted(ids)
        assert all(object_id in failure["message"] for object_id in ids)
    module("ml_model", model_id=ids[0], state="absent")
    assert cluster.one("models", name).id == ids[1]


@pytest.mark.full_on("2.19.1-tls")
def test_the_group_distinguishes_models_of_one_name(cluster, module, converges, name, connector):
    groups = iter(("a", "b"))

    def make():
        group = {"name": f"{name} {next(groups)}"}
        group_id = cluster.must("POST", f"{ML}/model_groups/_register", group)["model_group_id"]
        return cluster.make_model(name, connector, model_group_id=group_id)

    two_of_one_name(cluster, "models", make)
    module.refuses("ambiguous_name", "ml_model", name=name)
    done = converges("ml_model", ["deploy"], name=name, model_group=f"{name} b")
    assert [item.source["model_state"] for item in cluster.named("models", name)] == ["REGISTERED", "DEPLOYED"]
    assert done["model_id"] == cluster.named("models", name)[1].id


def test_undeployed_is_drift(cluster, converges, served, name):
    cluster.undeploy(served)
    done = converges("ml_model", ["deploy"], name=name, connector=name)
    assert (done["diff"]["before"]["state"], done["diff"]["after"]["state"]) == ("UNDEPLOYED", "DEPLOYED")
    assert cluster.answer(served) == "Pong."


def test_undeployed_by_its_ttl_is_no_drift(cluster, converges, name, connector):
    model = cluster.make_model(name, connector, deploy=True, deploy_setting={"model_ttl_minutes": 60})
    cluster.undeploy(model)
    converges("ml_model", [], name=name, connector=name)


def test_a_failed_deployment_shows_each_nodes_reason_and_is_repeated(cluster, module, converges, name, connector):
    model = cluster.make_model(name, connector)
    cluster.must("PUT", f"{ML}/models/{model}", {"connector_id": "no-such-connector"})
    failure = module.fails("ml_model", name=name)
    assert failure["code"] == "deploy_failed"
    assert failure["details"]["model_state"] == "DEPLOY_FAILED"
    (reason,) = failure["details"]["nodes"].values()
    assert "no-such-connector" in reason
    assert reason in failure["message"]
    converges("ml_model", ["update", "deploy"], name=name, connector=name)
    assert cluster.answer(model) == "Pong."


INPUT = {
    "type": "object",
    "required": ["parameters"],
    "properties": {"parameters": {"type": "object", "required": ["messages"]}},
}

CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "description": ({"description": "one"}, {"description": "two"}),
    "description added": ({}, {"description": "Chat, (local)."}),
    "disabled": ({}, {"is_enabled": False}),
    "enabled": ({"is_enabled": False}, {"is_enabled": True}),
    "limiter added": ({}, {"rate_limiter": {"limit": 1000, "unit": "MINUTES"}}),
    "limiter changed": (
        {"rate_limiter": {"limit": 1000, "unit": "MINUTES"}},
        {"rate_limiter": {"limit": 2000.5, "unit": "HOURS"}},
    ),
    "guardrails": (
        {},
        {"guardrails": {"type": "local_regex", "input_guardrail": {"regex": ["(?s).*forbidden.*"]}}},
    ),
    "both guardrails": (
        {},
        {
            "guardrails": {
                "input_guardrail": {"regex": ["(?s).*forbidden.*", "(?s).*never.*"]},
                "output_guardrail": {"regex": ["(?s).*secret.*"]},
            }
        },
    ),
    "interface": ({}, {"interface": {"input": INPUT}}),
    "interface changed": (
        {"interface": {"input": {"type": "object"}}},
        {"interface": {"input": INPUT, "output": {"type": "object", "properties": {}}}},
    ),
    "time to live": ({}, {"deploy_setting": {"model_ttl_minutes": 600}}),
    "deploy_setting changed": (
        {"deploy_setting": {"model_ttl_minutes": 600}},
        {"deploy_setting": {"model_ttl_minutes": 700, "is_auto_deploy_enabled": False}},
    ),
    "several": ({}, {"description": "two", "is_enabled": True, "rate_limiter": {"limit": 500, "unit": "SECONDS"}}),
}


@pytest.mark.full_on("2.19.1-tls", but=("disabled", "limiter changed", "both guardrails", "interface changed"))
@pytest.mark.parametrize("change", CHANGES)
def test_each_change_while_it_serves(cluster, module, converges, real_model, name, connector, change):
    before, after = CHANGES[change]
    made = converges("ml_model", STEPS["one_step"], name=name, connector=name, **before)
    real_model(made["model_id"], made["diff"]["after"])
    done = converges("ml_model", ["update"], name=name, connector=name, **after)
    assert done["model_id"] == made["model_id"]
    real_model(done["model_id"], done["diff"]["after"])
    assert cluster.state_of(done["model_id"]) == "DEPLOYED"
    if not after.get("is_enabled", True):
        assert cluster.predict(done["model_id"]).status_code == 403
    else:
        assert cluster.answer(done["model_id"]) == "Pong."


@pytest.mark.full_on("2.19.1-tls", but=("deploy_setting changed",))
@pytest.mark.parametrize("change", ["limiter added", "both guardrails", "interface", "deploy_setting changed"])
def test_registered_with_it_from_the_start(converges, real_model, name, connector, change):
    done = converges("ml_model", STEPS["one_step"], name=name, connector=name, **CHANGES[change][1])
    real_model(done["model_id"], done["diff"]["after"])


@pytest.mark.full_on("2.19.1-tls")
def test_the_model_of_a_guardrail_by_its_name(cluster, module, converges, name, connector):
    """The server takes the name for an id and, as no model has it, lets every text pass."""
    checking = f"{name} checking"
    # The server asks the checking model with the parameter 'question'.
    body = '{"model": "tiny-chat", "messages": [{"role": "user", "content": "${parameters.question}"}]}'
    checker = cluster.make_model(checking, cluster.make_connector(checking, request_body=body), deploy=True)
    side = {"response_filter": "$.choices[0].message.content", "response_validation_regex": "^never$"}

    def guardrails(model):
        return {"type": "model", "input_guardrail": {"model_id": model, **side}}

    assert module.fails("ml_model", name=name, connector=name, guardrails=guardrails("no such model"))["code"] == (
        "unknown_model"
    )
    done = converges("ml_model", STEPS["one_step"], name=name, connector=name, guardrails=guardrails(checking))
    assert cluster.get("models", done["model_id"])["guardrails"]["input_guardrail"]["model_id"] == checker
    # A model checks the parameter 'question', and no messages.
    refused = cluster.predict(done["model_id"], question="Ping")
    assert (refused.status_code, "guardrails triggered for user input" in refused.text) == (400, True), refused.text
    assert not module("ml_model", name=name, connector=name, guardrails=guardrails(f"${{model:{checking}}}"))["changed"]


@pytest.mark.full_on("2.19.1-tls")
def test_another_connector_is_drift(cluster, converges, real_model, served, name):
    broken = cluster.make_connector(f"{name} broken", url="http://localhost:1/v1/chat/completions")
    cluster.must("PUT", f"{ML}/models/{served}", {"connector_id": broken})
    done = converges("ml_model", ["update"], name=name, connector=name)
    assert done["diff"]["before"]["connector"] == broken
    assert done["diff"]["after"]["connector"] == name
    real_model(served, done["diff"]["after"])
    assert cluster.answer(served) == "Pong."


def test_rename_by_id(cluster, converges, served, name):
    converges("ml_model", ["update"], model_id=served, name=f"{name} renamed")
    assert cluster.one("models", f"{name} renamed").id == served
    # The next task uses the new name immediately.
    converges("ml_model", [], name=f"{name} renamed")


@pytest.mark.full_on("2.19.1-tls")
def test_rename_to_a_name_in_use(cluster, converges, module, served, name):
    """The server would accept two models of one name."""
    model = cluster.get("models", served)
    taken = f"{name} taken"
    group = model["model_group_id"]
    other = cluster.make_model(taken, model["connector_id"], model_group_id=group)
    for check in (True, False):
        failure = module.refuses("model_name_taken", "ml_model", check=check, model_id=served, name=taken)
        assert failure["details"]["ids"] == [other]
    # Another group may have a model of this name.
    shelf = cluster.must("POST", "/_plugins/_ml/model_groups/_register", {"name": f"{name} shelf"})["model_group_id"]
    cluster.must("PUT", f"/_plugins/_ml/models/{other}", {"model_group_id": shelf})
    converges("ml_model", ["update"], model_id=served, name=taken)


def test_a_side_of_the_guardrails_cannot_be_removed(cluster, converges, served, name):
    """The server cannot remove one. When a later version can, this test fails, and the module can compare both exactly."""
    both = {"input_guardrail": {"regex": ["a"]}, "output_guardrail": {"regex": ["b"]}}
    converges("ml_model", ["update"], name=name, guardrails=both)
    for side in ({}, {"regex": []}, None):
        guardrails = {"type": "local_regex", "input_guardrail": {"regex": ["a"]}, "output_guardrail": side}
        cluster.must("PUT", f"/_plugins/_ml/models/{served}", {"guardrails": guardrails})
        assert cluster.get("models", served)["guardrails"]["output_guardrail"] == {"regex": ["b"]}
    converges("ml_model", [], name=name, guardrails={"input_guardrail": {"regex": ["a"]}})


@pytest.mark.full_on("2.19.1-tls")
def test_move_to_a_new_group(cluster, converges, served, name):
    converges("ml_model", ["create", "update"], name=name, model_group=f"{name} other")
    assert cluster.get("models", served)["model_group_id"] == cluster.one("model_groups", f"{name} other").id
    assert cluster.answer(served) == "Pong."


@pytest.mark.full_on("2.19.1-tls")
def test_fields_that_are_not_given_are_kept(cluster, converges, name, connector):
    cluster.make_model(name, connector, deploy=True, description="kept", is_enabled=False)
    converges("ml_model", [], name=name, connector=name)
    converges("ml_model", [], name=name)


@pytest.mark.full_on("2.19.1-tls")
def test_inline_connector_is_returned(cluster, module, name, connector):
    body = {"name": name, "function_name": "remote", "connector": connector_body(name)}
    cluster.must("POST", f"{ML}/models/_register", body)
    module.refuses("inline_connector", "ml_model", name=name, connector=connector)


@pytest.mark.full_on("2.19.1-tls")
def test_unknown_connector(cluster, module, name):
    module.refuses("unknown_connector", "ml_model", name=name, connector=f"{name} none")
    assert cluster.named("models", name) == []
    planned = module("ml_model", check=True, name=name, connector=f"{name} none")
    assert [action["action"] for action in planned["actions"]] == STEPS["one_step"]
    assert any(f"{name} none" in str(warning) for warning in planned["warnings"])


@pytest.mark.full_on("2.19.1-tls")
def test_new_model_needs_a_connector(module, name):
    module.refuses("invalid_input", "ml_model", name=name)


@pytest.mark.full_on("2.19.1-tls")
def test_unknown_id(module, name):
    module.refuses("unknown_model", "ml_model", model_id="no-such-model")
    assert module("ml_model", model_id="no-such-model", state="absent")["changed"] is False


@pytest.mark.full_on("3.6.0")
def test_deletes_in_quick_succession(cluster, module, name):
    """Searches on 2.19 lag behind: a deleted object must not prevent the next delete."""
    url = "http://ollama:11434/v1/chat/completions"
    for _ in range(3):
        module("ml_connector", name=name, actions=[{"url": url, "request_body": "{}"}])
        module("ml_model", name=name, connector=name)
        module("ml_model", name=name, state="absent", delete_empty_group=True)
        assert cluster.named("model_groups", name) == []
        assert module("ml_connector", name=name, state="absent")["changed"] is True
    assert cluster.named("connectors", name) == []


@pytest.mark.full_on("3.6.0")
def test_a_connector_is_deleted_as_soon_as_its_model_has_another(cluster, module, served, name):
    other = cluster.make_connector(f"{name} other")
    module("ml_model", name=name, connector=other)
    module("ml_connector", name=name, state="absent")
    assert cluster.named("connectors", name) == []


@pytest.mark.parametrize("extra", [{"deploy": "true"}, {"quota": {"tokens": 5}}, {"access_mode": "public"}])
def test_a_field_that_the_server_does_not_store(module, name, connector, extra):
    args = {"name": name, "connector": connector, "state": "present", "extra_fields": extra}
    [field] = extra
    planned = module("ml_model", check=True, **args)
    made = module("ml_model", **args)
    assert planned["diff"] == made["diff"]
    assert f"does not store {field}. Remove it" in str(made["warnings"])
    again = module("ml_model", **args)
    assert (again["changed"], module.recorder.writes, again["warnings"]) == (False, [], made["warnings"])
    limits = {"user_rate_limiter": {"ann": {"limit": 1.0, "unit": "DAYS"}}, "extra_fields": extra}
    for options in ({"name": f"{name} group"}, {"model": name, **limits}):
        task = "ml_controller" if "model" in options else "ml_model_group"
        if task == "ml_model_group" and field == "access_mode":
            continue
        assert module(task, **{"extra_fields": extra, **options})["changed"]
        assert not module(task, **{"extra_fields": extra, **options})["changed"]
        assert module.recorder.writes == []
