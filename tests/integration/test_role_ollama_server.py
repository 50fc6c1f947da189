# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role ollama_server as users run it, with its own container and volume."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
PORT = int(os.environ.get("STACK_OLLAMA_ROLE_PORT", "21500"))
URL = f"http://127.0.0.1:{PORT}"
PLAYBOOK = """
- name: A backend
  hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - name: The server
      ansible.builtin.include_role:
        name: searchops.opensearch_ml.ollama_server
    - name: Use the fact
      ansible.builtin.debug:
        msg: "models={{ ollama_server_model_names | default([]) | join(',') }}"
"""


def docker(*arguments):
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60)
    return done.stdout.split()


@pytest.fixture
def name():
    unique = f"it-{uuid.uuid4().hex[:10]}"
    yield unique
    docker("rm", "--force", unique)
    docker("volume", "rm", "--force", unique)


@pytest.fixture
def play(name, tmp_path):
    def run(*arguments, fails=False, **more):
        variables, playbook = tmp_path / "variables.json", tmp_path / "play.yml"
        playbook.write_text(PLAYBOOK)
        inputs = {
            "ollama_server_url": URL,
            "ollama_server_container": True,
            "ollama_server_container_name": name,
            "ollama_server_container_image": os.environ.get("OLLAMA_IMAGE", "searchops-ml/ollama:0.17.4"),
            "ollama_server_container_pull": "never",
            "ollama_server_container_port": PORT,
            "ollama_server_container_volume": name,
            "ollama_server_container_options": {"restart_policy": "no", "memory": "1g"},
            "ollama_server_models": [
                {"name": "base", "from_file": str(ROOT / "containers/ollama/tiny-chat.gguf")},
                {"name": "house", "from_model": "base", "parameters": {"num_ctx": 128}, "state": "loaded"},
            ],
        }
        variables.write_text(json.dumps({**inputs, **more}))
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook), "-e", f"@{variables}", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        text = done.stdout + done.stderr
        assert (done.returncode != 0) is fails, text
        return int(re.findall(r"changed=(\d+)", text)[-1]), text

    return run


def models():
    return {model["name"] for model in requests.get(f"{URL}/api/tags", timeout=30).json()["models"]}


def test_create_change_and_remove_a_server(play, name):
    assert play("--check", "--diff")[0] == 1
    assert docker("ps", "--all", "--quiet", "--filter", f"name={name}") == []

    changed, text = play("--diff")
    assert changed == 2
    assert "models=base:latest,house:latest" in text
    assert {"base:latest", "house:latest"} <= models()
    (container,) = docker("ps", "--quiet", "--filter", f"name={name}")
    for arguments in ([], ["--check"]):
        assert play(*arguments)[0] == 0
    assert docker("ps", "--quiet", "--filter", f"name={name}") == [container]

    # Treated as an external server: its models are removed, the server stays.
    elsewhere = {"ollama_server_container": False}
    assert play("--check", ollama_server_state="absent", **elsewhere)[0] == 1
    assert "house:latest" in models()
    assert play(ollama_server_state="absent", ollama_server_remove_models=False, **elsewhere)[0] == 0
    assert play(ollama_server_state="absent", **elsewhere)[0] == 1
    assert not {"base:latest", "house:latest"} & models()
    assert play(**elsewhere)[0] == 1

    assert play("--check", ollama_server_state="absent")[0] == 1
    assert play(ollama_server_state="absent")[0] == 1
    assert docker("ps", "--all", "--quiet", "--filter", f"name={name}") == []
    assert docker("volume", "ls", "--quiet", "--filter", f"name={name}") == [name]
    # The volume still has the models; one of them must be loaded.
    assert play()[0] == 2
    assert play(ollama_server_state="absent", ollama_server_remove_volume=True)[0] == 2
    assert docker("volume", "ls", "--quiet", "--filter", f"name={name}") == []
    assert play(ollama_server_state="absent", ollama_server_remove_volume=True)[0] == 0


def test_a_server_that_does_not_exist(play):
    refused = {
        "ollama_server_container": False,
        "ollama_server_url": "http://127.0.0.1:1",
        "ollama_server_wait_timeout": 1,
    }
    _changed, text = play(fails=True, **refused)
    assert "ollama_unreachable" in text
    for wrong in ({"ollama_server_state": "gone"}, {"ollama_server_models": "base"}):
        play(fails=True, **{**refused, **wrong})


def test_a_misspelt_option_of_a_model(play):
    unreachable = {"ollama_server_container": False, "ollama_server_url": "http://127.0.0.1:1"}
    base = {"name": "base", "from_file": str(ROOT / "containers/ollama/tiny-chat.gguf")}
    for model, message in (
        ({"name": "house", "from_model": "base", "paramters": {"num_ctx": 128}}, "paramters"),
        ({"nam": "house"}, "missing required arguments: name"),
        ({"name": "house", "update": "always"}, "value of update must be one of"),
    ):
        _changed, text = play(fails=True, **unreachable, ollama_server_models=[base, model])
        assert message in text
        assert "ollama_unreachable" not in text
