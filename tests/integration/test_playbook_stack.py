# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks for a whole cluster: apply, verify, export, rotate a key, dedupe."""

from __future__ import annotations

import re
import stat

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import chat, gateway_keys, guarded

ASKED = {"verify_messages": [{"role": "user", "content": "Ping"}], "verify_wait_timeout": 5}


@pytest.fixture
def play(cluster, connection, tmp_path):
    """Runs a playbook against the cluster; returns its output and the number of changes."""

    def run(playbook, *arguments, **given):
        hidden = [connection["password"]] if cluster.tls else []
        given = {"opensearch_connection": dict(connection), **given}
        text, changed = run_playbook(tmp_path, playbook, *arguments, hidden=hidden, **given)
        return text, changed[-1]

    return run


@pytest.fixture
def declared(name):
    return {
        "stack_name": name.replace(" ", "-"),
        "stack_connectors": [
            chat(f"{name} one"),
            guarded(f"{name} key", gateway_keys()[0], update_credential="when_changed"),
        ],
        "stack_models": [{"name": f"{name} {each}", "connector": f"{name} {each}"} for each in ("one", "key")],
        "stack_prune": "managed",
    }


@pytest.mark.full_on("3.6.0")
def test_apply_verify_and_export(play, cluster, recorder, snapshot, name, declared, tmp_path):
    text, planned = play("stack", "--check", "--diff", **declared)
    assert f"+ create connector '{name} one'" in text
    assert recorder.writes == []
    assert not any(snapshot().values())
    assert play("stack", **declared)[1] == planned == 1

    before = snapshot()
    recorder.clear()
    text, changed = play("verify", **declared, **ASKED)
    assert changed == 0
    assert recorder.writes == []
    assert snapshot() == before
    assert len(re.findall(rf"{name} (?:one|key) +DEPLOYED +1/1 +answers", text)) == 2

    file = tmp_path / "export.yml"
    exporting = {
        "export_file": str(file),
        "export_name": declared["stack_name"],
        "export_sections": ["connectors", "models"],
    }
    assert play("export", **exporting)[1] == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [variable] = re.findall(r"\{\{ (\w+) \}\}", file.read_text())
    recorder.clear()
    text, changed = play("stack", "-e", f"@{file}", "--check", **{variable: gateway_keys()[0]})
    assert changed == 0
    assert "Everything is as declared." in text

    # Both are reported: an item differs, and a deployed model does not answer.
    away = cluster.one("models", f"{name} one").id
    cluster.undeploy(away)
    broken = cluster.make_connector(f"{name} broken", url="http://nowhere.invalid/v1/chat/completions")
    model_id = cluster.make_model(f"{name} broken", broken, deploy=True)
    declared["stack_models"].append({"name": f"{name} broken", "connector": f"{name} broken"})
    recorder.clear()
    text, _changed = play("verify", fails=True, **declared, **ASKED)
    assert recorder.writes == []
    assert re.search(rf"{name} broken +DEPLOYED +1/1 +backend_unknown_host", text), text
    assert f"{name} broken does not answer: " in text
    assert re.search(rf"{name} one +UNDEPLOYED +0/\d +not asked", text), text
    assert cluster.state_of(away) == "UNDEPLOYED"
    assert f"~ change model '{name} one' (deploy)" in text
    assert cluster.state_of(model_id) == "DEPLOYED"


@pytest.mark.full_on("3.6.0")
def test_rotate_a_key_and_merge_duplicates(play, cluster, recorder, snapshot, name, declared):
    play("stack", **declared)
    model = cluster.one("models", f"{name} key")
    before = snapshot()
    rotated = {"rotate_key_connector": f"{name} key", "rotate_key_credential": {"api_key": gateway_keys()[1]}}

    wrong = {**rotated, "rotate_key_credential": {"api_key": "sk-wrong-key-of-the-test"}}
    text, _changed = play("rotate_key", fails=True, **wrong)
    assert "sk-wrong-key-of-the-test" not in text
    assert cluster.get("models", model.id)["connector_id"] == model.source["connector_id"]
    assert cluster.answer(model.id) == "Pong."

    if not cluster.is_3:
        recorder.clear()
        assert play("rotate_key", "--check", **rotated)[1] == 1
        assert recorder.writes == []
    text, changed = play("rotate_key", **rotated)
    assert changed == 1
    assert f"Models that use it now: {name} key" in text
    assert "You can revoke the old key." in text
    assert cluster.one("connectors", f"{name} key").id != before["connectors"][0].id
    assert cluster.state_of(model.id) == "DEPLOYED"
    assert cluster.answer(model.id) == "Pong."
    recorder.clear()
    assert play("rotate_key", **rotated)[1] == 0
    assert recorder.writes == []

    twin = cluster.make_connector(f"{name} one")
    used = cluster.one("models", f"{name} one").source["connector_id"]
    narrowed = {"dedupe_name_pattern": f"{name}*"}
    text, changed = play("dedupe", **narrowed)
    assert changed == 0
    assert f"({twin}): delete" in text
    assert f"({used}): keep" in text
    assert play("dedupe", dedupe_apply=True, **narrowed)[1] == 1
    assert cluster.one("connectors", f"{name} one").id == used
