# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster a playbook changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import cluster_server
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving

ROOT = Path(__file__).parents[2]
COLLECTIONS = Path(cluster_server.__file__).parents[6]


@pytest.mark.parametrize("playbook", ["dedupe", "ollama_chat"])
def test_a_misspelt_variable_changes_no_other_cluster(playbook: str, tmp_path: Path) -> None:
    """A default for anything undefined would hide the typo, and the playbook would change the environment's cluster."""
    cluster = FakeCluster()
    variables = {"opensearch_connection": "{{ opensearch_conection_of_production }}", "ollama_chat_model": "tiny"}
    (tmp_path / "variables.json").write_text(json.dumps(variables))
    with serving(cluster) as url:
        done = subprocess.run(
            [Path(sys.executable).parent / "ansible-playbook", f"searchops.opensearch_ml.{playbook}",
             "-e", f"@{tmp_path / 'variables.json'}"],
            capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, cwd=tmp_path,
            env={**os.environ, "OPENSEARCH_HOSTS": url, "LC_ALL": "C.UTF-8",
                 "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        )  # fmt: skip
    text = done.stdout + done.stderr
    assert done.returncode != 0, text
    assert "opensearch_conection_of_production" in text
    assert cluster.exchanges == []


def play(playbook: str, url: str, *arguments: str) -> str:
    """The output of a playbook of the collection in the format of the repository's own configuration."""
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", f"searchops.opensearch_ml.{playbook}", *arguments],
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "OPENSEARCH_HOSTS": url, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
             "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_check_mode_says_what_is_planned_and_that_no_model_was_asked() -> None:
    cluster = FakeCluster()
    chat = ("-e", "ollama_chat_base_url=http://ollama.example.internal:11434", "-e", "ollama_chat_model=tiny")
    with serving(cluster) as url:
        text = play("ollama_chat", url, "--check", *chat)
        assert "msg: 'Check mode: 4 changes planned, the model was not asked.'" in text
        assert "no model" not in text
        play("ollama_chat", url, *chat)
        key = (
            "-e",
            json.dumps({"rotate_key_connector": "Ollama chat", "rotate_key_credential": {"api_key": "new-key"}}),
        )
        [old] = cluster.connectors
        text = play("rotate_key", url, "--check", *key)
        assert f"with the new key would replace {old}" in text
        assert "Models to move to it: Ollama chat" in text
        text = play("rotate_key", url, *key)
        assert f"The old connector {old} is deleted. You can revoke the old key." in text
        assert "Models that use it now: Ollama chat" in text


def test_no_playbook_has_a_default_connection() -> None:
    for path in (ROOT / "playbooks").glob("*.yml"):
        assert "opensearch_connection |" not in path.read_text(), path.name
