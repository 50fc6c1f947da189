# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbook agent: check mode, a run, a repetition, a change, and the removal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def play(connection, name, tmp_path):
    """Runs the playbook; returns its output and the number of changes."""

    def run(*arguments, **more):
        given = {
            "opensearch_connection": dict(connection),
            "agent_name": name,
            "ollama_chat_name": name,
            "ollama_chat_base_url": "http://ollama:11434",
            "ollama_chat_model": "tiny-chat",
            "ollama_chat_wait_timeout": 60,
            **more,
        }
        variables = tmp_path / "variables.json"
        variables.write_text(json.dumps(given))
        program = str(Path(sys.executable).parent / "ansible-playbook")
        done = subprocess.run(
            [program, "playbooks/agent.yml", "-e", f"@{variables}", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        text = done.stdout + done.stderr
        assert done.returncode == 0, text
        return text, int(re.findall(r"changed=(\d+)", text)[-1])

    return run


@pytest.mark.full_on("3.6.0")
def test_create_change_and_remove_an_agent(play, cluster, recorder, name, snapshot, settings_restored):
    _text, planned = play("--check", "--diff")
    assert recorder.writes == []
    assert not any(snapshot().values())

    text, changed = play("--diff", agent_expect_pattern="Rayleigh")
    assert "Rayleigh scattering" in text
    assert changed == planned
    agent = cluster.one("agents", name)
    assert agent.source["tools"][0]["parameters"]["model_id"] == cluster.one("models", name).id

    before = snapshot()
    for arguments in ([], ["--check"]):
        recorder.clear()
        assert play(*arguments)[1] == 0
        assert recorder.writes == []
    assert snapshot() == before

    assert play(agent_description="New", agent_update_strategy="recreate")[1] == 1
    assert (cluster.one("agents", name).id == agent.id) is cluster.is_3

    recorder.clear()
    _text, planned = play("--check", agent_state="absent")
    assert recorder.writes == []
    assert play(agent_state="absent")[1] == planned
    assert not any(snapshot().values())
    recorder.clear()
    assert play(agent_state="absent")[1] == 0
    assert recorder.writes == []
