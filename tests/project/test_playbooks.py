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


def test_no_playbook_has_a_default_connection() -> None:
    for path in (ROOT / "playbooks").glob("*.yml"):
        assert "opensearch_connection |" not in path.read_text(), path.name
