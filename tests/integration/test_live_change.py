# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a connector while its model answers without pause, changes that fail, and interrupted changes."""

from __future__ import annotations

import re
import time
from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._load import PROBE, Load
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    GATEWAY,
    GATEWAY_TLS,
    ML,
    PRIVATE_IP,
    Cluster,
    chat,
    connector_body,
    gateway_keys,
    gateway_log,
    guarded,
    until,
)


@pytest.fixture
def served(cluster, module, name):
    """Creates the connector with the module, and a deployed model; returns the model's id."""

    def make(**options: Any) -> str:
        made = module("ml_connector", **options)
        return cluster.make_model(name, made["connector_id"], deploy=True)

    return make


@pytest.fixture
def marked(name) -> Callable[[str], str]:
    """Gives an address of the gateway a query that only this test uses, by which the gateway's log shows its requests."""
    return lambda url: f"{url}?test={name.split()[1]}"


@pytest.fixture
def keys_used(name) -> Callable[[float, int], set[str]]:
    """The numbers of the keys of this test's requests to the gateway since a moment, of which there are ``number`` at least."""

    def read(since: float, number: int) -> set[str]:
        found: list[str] = []

        def logged() -> bool:
            lines = [line for line in gateway_log(since) if f"?test={name.split()[1]}" in line]
            found[:] = re.findall(r" key=(\S+) ", "\n".join(lines))
            return len(found) >= number

        # On a busy machine, Docker reads a line after the answer has arrived.
        until(logged, f"{number} requests in the gateway's log")
        return set(found)

    return read


def test_no_prediction_fails_while_everything_is_changed(cluster, module, served, name, marked, keys_used):
    """1,000 predictions of four clients during a new key, another endpoint, a removed parameter and other changes."""
    one, two = gateway_keys()
    model = served(**guarded(name, one, url=marked(GATEWAY)))
    cold = {"parameters": {"model": "tiny-chat", "temperature": 0}, "url": marked(GATEWAY)}
    changes: list[dict[str, Any]] = [
        guarded(name, one, **cold),
        guarded(name, two, **cold, update_credential="when_changed"),
        guarded(name, one, **cold, update_credential="always"),
        guarded(name, two, **cold, update_credential="always"),
        guarded(name, two, **{**cold, "url": GATEWAY_TLS}),
        guarded(name, two, parameters={"model": "tiny-chat"}, url=GATEWAY_TLS),
        guarded(name, two, parameters={"model": "tiny-chat"}, url=GATEWAY_TLS, client_config={"read_timeout": 59}),
        chat(name),
    ]
    seen = [cluster.one("connectors", name).id]
    with Load(cluster, model) as load:
        for change in changes:
            if change is changes[1]:
                # As a part of a stack.
                declared = {"name": name, "connector": name}
                done = module("ml_stack", connectors=[{**change, "probe": PROBE}], models=[declared])
            else:
                done = module("ml_connector", probe=PROBE, **change)
            assert [action["action"] for action in done["actions"]] == ["swap"]
            assert done["actions"][0]["replaced_id"] == seen[-1]
            # Exactly one connector of the name remains, and the model uses it.
            seen.append(cluster.one("connectors", name).id)
            assert cluster.get("models", model)["connector_id"] == seen[-1]
            assert done.get("connector_id", seen[-1]) == seen[-1]
            load.pass_some(1000 // len(changes) + 1)
            if change in (changes[1], changes[3]):
                # Predictions that began before the change of the key have been answered by now.
                now = time.time()
                load.pass_some()
                assert keys_used(now, 1) == {"2"}
            assert load.bad == []
    assert load.bad == []
    assert load.good >= 1000
    assert len(set(seen)) == len(changes) + 1
    for gone in seen[:-1]:
        assert cluster.send("GET", f"{ML}/connectors/{gone}").status_code == 404


def test_model_moves_to_another_connector_without_a_gap(cluster, module, served, name):
    model = served(**chat(name))
    other = module("ml_connector", **guarded(f"{name} other", gateway_keys()[0]))
    with Load(cluster, model, 2) as load:
        module("ml_model", name=name, connector=f"{name} other")
        load.pass_some()
    assert load.bad == []
    assert cluster.get("models", model)["connector_id"] == other["connector_id"]


@pytest.mark.parametrize("kind", ["standalone", "inline"])
def test_reload_without_a_gap(cluster, module, name, settings_restored, kind):
    """A model that was deployed while private addresses were refused. 3.x keeps that until a reload, 2.19.1 does not."""
    connector = (
        {"connector_id": cluster.make_connector(name)} if kind == "standalone" else {"connector": connector_body(name)}
    )
    body = {"name": name, "function_name": "remote", **connector}
    model = cluster.must("POST", f"{ML}/models/_register", body)["model_id"]
    cluster.put_settings({PRIVATE_IP: False})
    cluster.deploy(model)
    cluster.put_settings({PRIVATE_IP: True})
    kept = 400 if cluster.is_3 else 200
    assert cluster.predict(model).status_code == kept
    assert module("ml_model", name=name)["actions"] == []
    assert cluster.predict(model).status_code == kept

    for _time in range(2):
        done = module("ml_model", name=name, reload=True)
        assert [action["action"] for action in done["actions"]] == ["reload"]
        until(lambda: cluster.predict(model).status_code == 200, "the reload", 10.0)
    with Load(cluster, model, 2) as load:
        for _time in range(3):
            module("ml_model", name=name, reload=True)
            load.pass_some()
    assert load.bad == []
    assert cluster.state_of(model) == "DEPLOYED"


@pytest.mark.full_on("2.19.1-tls")
def test_several_models_move_together(cluster, module, converges, served, name):
    first = served(**chat(name))
    old = cluster.one("connectors", name).id
    others = [cluster.make_model(f"{name} {number}", old, deploy=number == 2) for number in (2, 3)]
    done = converges("ml_connector", ["swap"], probe=PROBE, **chat(name, description="two"))
    assert sorted(done["actions"][0]["models"]) == sorted([first, *others])
    for model in (first, *others):
        assert cluster.get("models", model)["connector_id"] == done["connector_id"]
        assert cluster.answer(model) == "Pong."


@pytest.mark.full_on("2.19.1-tls", but=("backend_unauthorized",))
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"credential": {"api_key": "not-the-key"}, "update_credential": "always"}, "backend_unauthorized"),
        ({"url": "http://gateway:8080/status/500/v1"}, "backend_error"),
        ({"url": "http://localhost:1/v1"}, "backend_refused"),
        ({"parameters": {"model": "no-such-model"}}, "backend_model_missing"),
    ],
)
def test_failed_probe_leaves_the_old_connector_serving(cluster, module, served, name, change, code):
    key = gateway_keys()[0]
    model = served(**guarded(name, key))
    before = cluster.one("connectors", name)
    with Load(cluster, model, 2):
        failure = module.fails("ml_connector", probe=PROBE, **guarded(name, key, **change))
    assert failure["code"] == code, failure
    assert before.id in failure["message"]
    assert cluster.one("connectors", name) == before
    assert cluster.get("models", model)["connector_id"] == before.id
    assert cluster.answer(model) == "Pong."


def test_redeploy_keeps_the_stored_credential(cluster, converges, served, name, marked, keys_used):
    """No credential is given: the gateway must accept the stored one after each change."""
    model = served(**guarded(name, gateway_keys()[1], url=marked(GATEWAY)))
    connector_id = cluster.one("connectors", name).id
    args = guarded(name, "", update_strategy="redeploy", url=marked(GATEWAY))
    del args["credential"]
    for text in ("one", "two"):
        done = converges("ml_connector", ["redeploy"], **{**args, "description": text})
        assert done["connector_id"] == connector_id
        assert cluster.state_of(model) == "DEPLOYED"
        now = time.time()
        assert cluster.answer(model) == "Pong."
        assert keys_used(now, 1) == {"2"}


def test_redeploy_deploys_the_models_again_when_the_change_is_refused(cluster, module, served, name):
    model = served(**chat(name))
    broken = chat(name, url="http://not.trusted.example/v1", update_strategy="redeploy")
    assert module.fails("ml_connector", **broken)["code"] == "untrusted_endpoint"
    until(lambda: cluster.state_of(model) == "DEPLOYED", "the model to be back")
    assert cluster.answer(model) == "Pong."


@pytest.mark.full_on("2.19.1-tls")
def test_redeploy_cannot_remove_a_parameter_and_swaps(cluster, module, converges, served, name):
    served(**chat(name, parameters={"model": "tiny-chat", "surplus": "1"}))
    converges("ml_connector", ["swap"], **chat(name, update_strategy="redeploy"))


@pytest.mark.full_on("2.19.1-tls")
def test_the_strategy_fail_sends_nothing(cluster, module, served, name):
    model = served(**chat(name))
    before = cluster.one("connectors", name)
    failure = module.refuses(
        "connector_in_use", "ml_connector", **chat(name, description="new", update_strategy="fail")
    )
    assert failure["details"]["models"] == [model]
    assert cluster.one("connectors", name) == before


@pytest.mark.full_on("2.19.1-tls")
def test_swap_without_the_key_is_refused_before_anything_is_sent(cluster, module, served, name):
    model = served(**guarded(name, gateway_keys()[0]))
    args = guarded(name, "", description="new")
    del args["credential"]
    module.refuses("credential_needed", "ml_connector", **args)
    assert cluster.answer(model) == "Pong."


def interrupted_swap(cluster: Cluster, name: str, old: str) -> str:
    """The state of a swap that was killed after it created the new connector; returns the id of that."""
    notes = '{"replaces": "%s"}' % old
    return cluster.make_connector(name, parameters={"model": "tiny-chat", "_searchops": notes}, description="new")


@pytest.mark.full_on("2.19.1-tls")
def test_interrupted_before_the_models_moved(cluster, module, served, name):
    model = served(**chat(name, description="old"))
    old = cluster.one("connectors", name).id
    new = interrupted_swap(cluster, name, old)
    planned = module("ml_connector", check=True, name=name)
    assert [action["action"] for action in planned["actions"]] == ["undo_swap"]
    assert module.recorder.writes == []
    assert {item.id for item in cluster.named("connectors", name)} == {old, new}
    done = module("ml_connector", name=name)
    assert [action["action"] for action in done["actions"]] == ["undo_swap"]
    assert cluster.one("connectors", name).id == done["connector_id"] == old
    assert cluster.answer(model) == "Pong."
    assert module("ml_connector", name=name)["changed"] is False


@pytest.mark.parametrize("moved", ["one", "both"])
def test_interrupted_after_a_model_moved(cluster, module, served, name, moved):
    model = served(**chat(name, description="old"))
    old = cluster.one("connectors", name).id
    second = cluster.make_model(f"{name} second", old, deploy=True)
    new = interrupted_swap(cluster, name, old)
    for model_id in (model, second)[: 1 if moved == "one" else 2]:
        cluster.must("PUT", f"{ML}/models/{model_id}", {"connector_id": new})
    done = module("ml_connector", name=name)
    assert [action["action"] for action in done["actions"]] == ["finish_swap"]
    assert cluster.one("connectors", name).id == done["connector_id"] == new
    for model_id in (model, second):
        assert cluster.get("models", model_id)["connector_id"] == new
        assert cluster.answer(model_id) == "Pong."
    assert module("ml_connector", name=name)["changed"] is False


@pytest.mark.full_on("2.19.1-tls")
def test_interrupted_and_then_changed_in_one_run(cluster, module, served, name):
    model = served(**chat(name, description="old"))
    interrupted_swap(cluster, name, cluster.one("connectors", name).id)
    done = module("ml_connector", **chat(name, description="newest"))
    assert [action["action"] for action in done["actions"]] == ["undo_swap", "swap"]
    assert cluster.one("connectors", name).source["description"] == "newest"
    assert cluster.answer(model) == "Pong."


@pytest.mark.full_on("2.19.1-tls")
def test_two_connectors_that_are_no_replacement_pair_are_not_changed(cluster, module, served, name):
    served(**chat(name))
    cluster.age("connectors", cluster.one("connectors", name).id)
    other = cluster.must("POST", f"{ML}/connectors/_create", connector_body(name, url=GATEWAY))["connector_id"]
    failure = module.refuses("ambiguous_name", "ml_connector", name=name)
    assert other in failure["details"]["ids"]
