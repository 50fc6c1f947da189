# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook report shows the objects and the problems of a cluster, and writes nothing to it."""

from __future__ import annotations

import json
import re

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import run_playbook
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import gateway_keys
from ansible_collections.searchops.opensearch_ml.tests.integration.test_playbook_migrate import everything
from ansible_collections.searchops.opensearch_ml.tests.unit.support.report_page import Page


@pytest.mark.full_on("3.6.0")
@pytest.mark.usefixtures("settings_restored")
def test_a_page_about_two_clusters_of_which_one_is_unreachable(
    cluster, connection, module, recorder, snapshot, name, tmp_path
):
    desired = everything(name)
    # Ansible would treat the text of one pipeline as a template.
    desired["pipelines"] = desired["pipelines"][:1]
    module("ml_stack", **desired)
    twins = [cluster.make_connector(f"{name} twin") for _each in range(2)]
    broken = cluster.make_connector(f"{name} broken", url="http://nowhere.invalid/v1/chat/completions")
    cluster.make_model(f"{name} broken", broken, deploy=True)
    module("ml_model_group", name=f"{name} spare")
    cluster.undeploy(cluster.one("models", f"{name} key").id)
    cluster.put_settings({_stack.TRUSTED: [".*", *_stack.TRUST]})
    before = snapshot()

    declared = {f"stack_{section}": value for section, value in desired.items() if section != "settings"}
    hosts = {
        "north": {"opensearch_connection": dict(connection), **declared},
        "south": {"opensearch_connection": {"hosts": ["http://127.0.0.1:1"], "retries": 0}},
    }
    inventory, target = tmp_path / "inventory.json", tmp_path / "page.html"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    recorder.clear()
    given = {
        "opensearch_targets": "all",
        "report_file": str(target),
        "report_ask_most": 200,
        "report_messages": [{"role": "user", "content": "Ping"}],
        "report_wait_timeout": 3,
    }
    hidden = [connection["password"]] if cluster.tls else []
    run_playbook(tmp_path, "report", "-i", str(inventory), hidden=hidden, **given)
    assert recorder.writes == []
    assert snapshot() == before

    html = target.read_text(encoding="utf-8")
    for secret in [*gateway_keys(), *hidden]:
        assert secret not in html
    page = Page(html)
    assert page.open == []
    text = " ".join(page.text.split())
    north, south = text[text.index("State at") :].split("south Could not be read: ")
    assert north.count("cannot be read") == 1
    assert south.startswith("No host could be reached (http://127.0.0.1:1)")
    for said in (
        f"OpenSearch {cluster.key.partition('-')[0]}",
        "risky trusted pattern",
        ".* trusts hosts that it does not name",
        f"~ change model '{name} key' (deploy)",
        f"connector {name} twin {twins[0]} keep",
        f"{twins[1]} delete",
        f"connector {name} twin {twins[0]}: No model uses it.",
        f"model group {name} spare ",
    ):
        assert said in north, said
    assert re.search(rf"{name} one(?: of stack \S+)?\S+ DEPLOYED 1 of 1\s*\d+\.\d\d s", north), north
    assert re.search(rf"{name} broken\S+ DEPLOYED 1 of 1\s*backend_unknown_host", north), north
    assert re.search(rf"{name} key(?: of stack \S+)?\S+ UNDEPLOYED 0 of 0\s*not asked", north), north
    assert f"search pipeline {name} answers" in north
