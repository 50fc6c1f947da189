# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks in a real ansible-playbook: check mode, a run and a repetition, at full verbosity without a secret."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    CHAT_BODY,
    GATEWAY,
    GATEWAY_TLS,
    PRIVATE_IP,
    Cluster,
    gateway_keys,
)
from ansible_collections.searchops.opensearch_ml.tests.integration.test_secrets import leaks

REPOSITORY = Path(__file__).resolve().parents[2]
LITERAL = 'l1teral "header" secret\\/+=='
BAD_KEY = 'wr0ng-key "quoted" \\/+=='


def tasks(name: str, url: str, key: str) -> list[dict[str, Any]]:
    action = {
        "url": url,
        "headers": {"Authorization": "Bearer ${credential.key}", "X-Api-Key": "{{ lookup('env', 'IT_LITERAL') }}"},
        "request_body": CHAT_BODY,
    }
    connector = {
        "name": name,
        "parameters": {"model": "tiny-chat", "temperature": 0.50, "max_tokens": 16},
        "credential": {"key": f"{{{{ lookup('env', '{key}') }}}}"},
        "update_credential": "when_changed",
        "actions": [action],
    }
    model = {
        "name": name,
        "connector": name,
        "model_group": f"{name} group",
        "rate_limiter": {"limit": 500, "unit": "SECONDS"},
    }
    return [
        {"searchops.opensearch_ml.opensearch_cluster_setting": {"settings": {PRIVATE_IP: True}}},
        {"searchops.opensearch_ml.ml_connector": connector},
        {"searchops.opensearch_ml.ml_model": model},
    ]  # fmt: skip


@pytest.fixture
def play(cluster: Cluster, tmp_path: Path):
    """Runs tasks with ansible-playbook; returns its output, and the numbers of changed and failed tasks."""

    def run(todo: list[dict[str, Any]], *options: str, rescue: bool = False) -> tuple[str, dict[str, int]]:
        connection: dict[str, Any] = {"hosts": [cluster.url]}
        if cluster.tls:
            connection.update(
                username=cluster.user[0], password="{{ lookup('env', 'IT_PASSWORD') }}", ca_path=cluster.ca
            )
        book = [
            {
                "hosts": "localhost",
                "connection": "local",
                "gather_facts": False,
                "module_defaults": {"group/searchops.opensearch_ml.all": connection},
                "tasks": [{"ignore_errors": rescue, **task} for task in todo],
            }
        ]
        (tmp_path / "play.json").write_text(json.dumps(book))
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "dev" / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path),
            "ANSIBLE_NOCOLOR": "1",
            "IT_KEY_1": gateway_keys()[0],
            "IT_KEY_2": gateway_keys()[1],
            "IT_KEY_BAD": BAD_KEY,
            "IT_LITERAL": LITERAL,
            "IT_PASSWORD": cluster.user[1] if cluster.user else "",
        }
        command = ["ansible-playbook", "-i", "localhost,", "play.json", "-e", "ansible_python_interpreter={{ansible_playbook_python}}"]  # fmt: skip
        done = subprocess.run(
            [*command, *options],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        text = done.stdout + done.stderr
        recap = dict(
            pair.split("=") for pair in text.rsplit("localhost", 1)[-1].split(":", 1)[-1].split() if "=" in pair
        )
        assert rescue or done.returncode == 0, text
        return text, {key: int(value) for key, value in recap.items()}

    return run


@pytest.mark.full_on("3.6.0")
def test_check_mode_run_and_repetition_without_secrets(cluster, play, name):
    first = tasks(name, GATEWAY, "IT_KEY_1")
    loud = ("-vvvv", "--diff")
    texts = []

    def run(todo: list[dict[str, Any]], *options: str, **more: Any) -> dict[str, int]:
        text, recap = play(todo, *options, **more)
        texts.append(text)
        return recap

    assert run(first, *loud)["changed"] == 2
    recap = run(first, "--check", "--diff")
    assert (recap["changed"], recap["failed"]) == (0, 0)
    model = cluster.one("models", name)
    assert cluster.answer(model.id) == "Pong."

    ask = {"model": name, "messages": [{"role": "user", "content": "Ping"}], "expect_pattern": "Pong"}
    changed = [
        *tasks(name, GATEWAY_TLS, "IT_KEY_2"),
        {"searchops.opensearch_ml.ml_predict": ask},
        {"searchops.opensearch_ml.ml_connector_info": {"name": name}},
    ]
    assert run(changed, *loud)["changed"] == 1
    assert run(changed)["changed"] == 0

    bad = tasks(name, GATEWAY, "IT_KEY_BAD")[1:2]
    bad[0]["searchops.opensearch_ml.ml_connector"]["probe"] = {"messages": [{"role": "user", "content": "Ping"}]}
    recap = run(bad, *loud, rescue=True)
    assert recap["ignored"] == 1
    assert "backend_unauthorized" in texts[-1]
    assert cluster.answer(model.id) == "Pong."

    gone = [
        {"searchops.opensearch_ml.ml_model": {"name": name, "state": "absent"}},
        {"searchops.opensearch_ml.ml_connector": {"name": name, "state": "absent"}},
    ]
    assert run(gone, *loud)["changed"] == 2
    assert run(gone)["changed"] == 0

    secrets = [*gateway_keys(), LITERAL, BAD_KEY]
    if cluster.user:
        secrets += [cluster.user[1], base64.b64encode(":".join(cluster.user).encode()).decode()]
    assert leaks("\n".join(texts), *secrets) == []
    # The output is complete, so that the search for secrets means something.
    assert "module_args" in texts[0]
    assert "********" in texts[0]


def test_a_planted_leak_is_found(play):
    text, _recap = play([{"ansible.builtin.debug": {"msg": "{{ lookup('env', 'IT_LITERAL') | b64encode }}"}}])
    assert leaks(text, LITERAL) != []
