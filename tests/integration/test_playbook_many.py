# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several clusters in one play, each an inventory host: all are applied, and a problem is reported for its cluster only."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import connected
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import chat, gateway_keys, guarded

# The test uses both servers, so one worker suffices.
pytestmark = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)


@pytest.fixture
def play(cluster, other, connection, tmp_path):
    """Runs a playbook on both servers; returns its output and the number of changes on each."""
    inventory = tmp_path / "inventory.json"
    hosts = {
        "newer": {"opensearch_connection": connection, "key_of_gateway": gateway_keys()[0]},
        "older": {"opensearch_connection": connected(other), "key_of_gateway": gateway_keys()[1]},
    }
    # JSON is YAML; Ansible recognizes it by this name.
    inventory.with_suffix(".yml").write_text(json.dumps({"all": {"hosts": hosts}}))

    def run(playbook: str, *arguments: str, **given: Any) -> tuple[str, list[int]]:
        hidden = [connected(other)["password"]]
        where = ["-i", str(inventory.with_suffix(".yml"))]
        return run_playbook(tmp_path, playbook, *where, *arguments, hidden=hidden, **given)

    return run


def shown(text: str, host: str) -> str:
    """The last message of a play for one host."""
    return [part for part in re.split(r"\n(?=\w+: \[\w+\]|fatal: )", text) if f"[{host}]" in part.split("\n")[0]][-1]


def test_apply_verify_rotate_the_key_and_export_on_both(play, cluster, other, name, tmp_path):
    declared = {
        "opensearch_targets": "all",
        "stack_name": name.replace(" ", "-"),
        "stack_connectors": [
            chat(f"{name} one"),
            guarded(f"{name} key", "{{ key_of_gateway }}", update_credential="when_changed"),
        ],
        "stack_models": [{"name": f"{name} {each}", "connector": f"{name} {each}"} for each in ("one", "key")],
    }
    asked = {"verify_messages": [{"role": "user", "content": "Ping"}], "verify_wait_timeout": 5}
    text, changed = play("stack", "--check", "--diff", **declared)
    assert (changed, text.count(f"+ create connector '{name} one'") >= 2) == ([1, 1], True)
    assert play("stack", **declared)[1] == [1, 1]
    assert play("stack", **declared)[1] == [0, 0]
    text, changed = play("verify", **declared, **asked)
    assert changed == [0, 0]
    assert text.count("The cluster is as declared, and 2 models answer.") == 2

    # One cluster lacks a model; the other one is reported as declared.
    cluster.undeploy(cluster.one("models", f"{name} one").id)
    text, _changed = play("verify", fails=True, **declared, **asked)
    assert f"~ change model '{name} one' (deploy)" in text
    assert text.count("The cluster is as declared, and 2 models answer.") == 1
    assert len(re.findall(rf"{name} one +UNDEPLOYED +0/\d +not asked", text)) == 1
    assert len(re.findall(rf"{name} one +DEPLOYED +1/1 +answers", text)) == 1
    assert re.search(r"newer +:.* failed=1", text)
    assert re.search(r"older +:.* failed=0", text)
    assert play("stack", **declared)[1] == [1, 0]

    rotated = {"opensearch_targets": "all", "rotate_key_connector": f"{name} key"}
    assert play("rotate_key", **rotated, rotate_key_credential={"api_key": gateway_keys()[0]})[1] == [0, 1]
    for each in (cluster, other):
        assert each.answer(each.one("models", f"{name} key").id) == "Pong."

    # One file for each cluster: a common file would contain only the last one.
    exporting = {"opensearch_targets": "all", "export_name": declared["stack_name"]}
    same = tmp_path / "same.yml"
    text, _changed = play("export", fails=True, **exporting, export_file=str(same))
    assert "must contain the name of the inventory host" in text
    assert not same.exists()
    play("export", **exporting, export_file=str(tmp_path / "{{ inventory_hostname }}.yml"))
    written = [yaml.safe_load((tmp_path / f"{host}.yml").read_text()) for host in ("newer", "older")]
    assert written[0] == written[1]
    assert len(written[0]["stack_models"]) == 2


@pytest.mark.full
def test_an_unreachable_cluster_does_not_stop_the_others(play, other, name, tmp_path):
    declared = {"opensearch_targets": "all", "stack_connectors": [chat(f"{name} one")], "stack_models": None}
    away = tmp_path / "away.yml"
    away.write_text(
        json.dumps({"all": {"hosts": {"away": {"opensearch_connection": {"hosts": ["http://127.0.0.1:1"]}}}}})
    )
    text, _changed = play("stack", "-i", str(away), fails=True, **declared)
    assert re.search(r"away +:.* failed=1", text)
    assert re.search(r"older +:.* changed=1 .* failed=0", text)
    assert other.one("connectors", f"{name} one")
    text, _changed = play("verify", "-i", str(away), fails=True, **declared)
    assert re.search(r"away +:.* failed=1", text)
    assert re.search(r"older +:.* failed=0", text)
