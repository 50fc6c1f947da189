# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook verify finds each kind of drift, and changes nothing."""

from __future__ import annotations

import re

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, until
from ansible_collections.searchops.opensearch_ml.tests.integration.test_playbook_migrate import COUNT, everything


def declared(name):
    """All items except the pipeline whose text Ansible would treat as a template."""
    desired = everything(name)
    return {**desired, "pipelines": desired["pipelines"][:1]}


@pytest.fixture
def verify(connection, recorder, name, tmp_path):
    """Runs the playbook on the whole declaration; returns its output. It must not write."""

    def run(fails: bool = False, **changed):
        given = {f"stack_{section}": value for section, value in {**declared(name), **changed}.items()}
        asked = {"verify_messages": [{"role": "user", "content": "Ping"}], "verify_wait_timeout": 5}
        recorder.clear()
        text, _changed = run_playbook(
            tmp_path, "verify", fails=fails, opensearch_connection=connection, **given, **asked
        )
        assert recorder.writes == []
        return text

    return run


@pytest.mark.full_on("3.6.0")
@pytest.mark.usefixtures("settings_restored")
def test_drift_of_each_kind(cluster, module, verify, name):
    module("ml_stack", **declared(name))
    assert "The cluster is as declared, and 2 models answer." in verify()

    cluster.put_settings({COUNT: 110})
    group = cluster.one("model_groups", f"{name} group").id
    cluster.must("PUT", f"{ML}/model_groups/{group}", {"name": f"{name} group", "description": "Theirs"})
    spare = cluster.one("connectors", f"{name} key-").id
    cluster.must("PUT", f"{ML}/connectors/{spare}", {"description": "Theirs"})
    cluster.undeploy(cluster.one("models", f"{name} key").id)
    limited = cluster.one("models", f"{name} one").id
    cluster.must(
        "PUT", f"{ML}/models/{limited}", {"description": "Theirs", "rate_limiter": {"limit": 5, "unit": "HOURS"}}
    )
    cluster.must("POST", f"{ML}/controllers/{limited}", {"user_rate_limiter": {"bob": {"limit": 1, "unit": "HOURS"}}})
    cluster.must("DELETE", f"{ML}/agents/{cluster.one('agents', f'{name} asks').id}")
    cluster.must("PUT", f"/_search/pipeline/{name} answers", {"description": "Theirs"})
    text = verify(fails=True)
    for line in (
        f"~ change cluster setting '{COUNT}' (in place)",
        f"~ change model group '{name} group' (in place): description",
        f"~ change model '{name} one' (in place): rate_limiter",
        f"~ change model '{name} key' (deploy)",
        f"~ change controller '{name} one' (in place)",
        f"+ create agent '{name} asks'",
        f"~ change search pipeline '{name} answers' (in place): description, response_processors",
    ):
        assert line in text, line
    assert "Differences from the declaration: 7; models that do not serve or answer: " in text
    assert re.search(rf"{name} key +UNDEPLOYED +0/\d +not asked", text)
    assert re.search(rf"{name} one +DEPLOYED +1/1 +answers", text)

    # After a repair everything is as declared again.
    module("ml_stack", **declared(name))
    verify()


@pytest.mark.full_on("3.6.0")
@pytest.mark.usefixtures("settings_restored")
def test_misspelt_options_and_disabled_models(cluster, module, verify, name):
    module("ml_stack", **declared(name))
    models, agents = declared(name)["models"], declared(name)["agents"]
    text = verify(fails=True, models=[{**models[0], "connector": f"{name} oen"}, *models[1:]])
    assert f"There is no connector '{name} oen', neither declared nor on the cluster." in text
    text = verify(fails=True, agents=[{**agents[2], "llm": {"model_id": f"{name} oen"}}, *agents[:2]])
    assert f"There is no model '{name} oen', neither declared nor on the cluster." in text
    assert len(re.findall(rf"{name} (?:one|key) +DEPLOYED +1/1 +answers", text)) == 2

    # A model that is declared disabled is deployed, but does not answer.
    off = [{**models[0], "is_enabled": False}, *models[1:]]
    module("ml_stack", **{**declared(name), "models": off})
    text = verify(models=off)
    assert re.search(rf"{name} one +DEPLOYED +1/1 +not asked", text)


@pytest.mark.full_on("3.6.0")
def test_why_a_model_does_not_answer(cluster, verify, name):
    connector = cluster.make_connector(name)
    model = cluster.make_model(name, connector)
    cluster.must("PUT", f"{ML}/models/{model}", {"connector_id": "no-such-connector"})
    cluster.send("POST", f"{ML}/models/{model}/_deploy")
    cluster.await_state(model, "DEPLOY_FAILED")
    # The reason is stored after the state, and a search shows it up to a second later.
    failed = {"bool": {"must": [{"term": {"model_id": model}}, {"exists": {"field": "error"}}]}}
    until(lambda: bool(cluster.find("tasks", failed)), "the reason to be noted")
    alone = {section: [] for section in (*declared(name), "pipelines") if section != "name"}
    text = verify(fails=True, **{**alone, "models": [{"name": name, "connector": name}]})
    assert re.search(rf"{name} +DEPLOY_FAILED +0/1 +not asked", text)
    assert len(re.findall(rf"{name} is not served by node \S+: .*no-such-connector", text)) == 1


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_without_a_model_to_ask_or_a_declaration_it_is_no_success(
    cluster, module, connection, recorder, name, tmp_path
):
    connectors = declared(name)["connectors"][:1]
    module("ml_stack", connectors=connectors)

    def run(fails=False, **given):
        recorder.clear()
        return run_playbook(tmp_path, "verify", fails=fails, opensearch_connection=connection, **given)[0]

    assert "There is no model to ask" in run(fails=True, stack_connectors=connectors)
    assert "No model was asked, because verify_ask is false." in run(stack_connectors=connectors, verify_ask=False)
    assert "Did you mean 'stack_connectors'?" in run(fails=True, stack_conectors=connectors)
    assert "Nothing is declared" in run(fails=True)
    assert recorder.requests == []
