# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role and the playbook as users run them: in ansible-playbook processes."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple
from urllib.parse import quote

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import Recorder
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster

ROOT = Path(__file__).parents[2]
ANSWER = "Rayleigh scattering"

#: Ollama by the name of its container, which no other test uses: a removal removes only patterns that no other connector needs.
BASE = f"http://{os.environ.get('STACK_OLLAMA_CONTAINER', 'searchops-ml-ollama')}:11434"
PATTERN = f"^{BASE}/v1/chat/completions$"

#: Requests of an unchanged run of the role, including the question to the model.
MOST_UNCHANGED = 12


class Done(NamedTuple):
    status: int
    text: str

    @property
    def changed(self) -> int:
        return int(re.findall(r"changed=(\d+)", self.text)[-1])


Play = Callable[..., Done]


@pytest.fixture
def inputs(name: str) -> dict[str, Any]:
    return {
        "ollama_chat_name": name,
        "ollama_chat_base_url": BASE,
        "ollama_chat_model": "tiny-chat",
        "ollama_chat_wait_timeout": 60,
    }


@pytest.fixture
def play(connection: Mapping[str, Any], inputs: Mapping[str, Any], tmp_path: Path) -> Play:
    """Runs the playbook, or another one, with the role's inputs. It must succeed, or fail with ``fails``."""

    def run(
        *arguments: str,
        playbook: str = "playbooks/ollama_chat.yml",
        fails: bool = False,
        cwd: Path = ROOT,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> Done:
        # In a file, as other users can see the command line.
        variables = tmp_path / "variables.json"
        given = {**inputs, "opensearch_connection": dict(connection), **more}
        variables.write_text(json.dumps({key: value for key, value in given.items() if value is not None}))
        done = subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), playbook, "-e", f"@{variables}", *arguments],
            cwd=cwd, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", **(env or {})},
        )  # fmt: skip
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return Done(done.returncode, done.stdout + done.stderr)

    return run


def absent(play: Play, **more: Any) -> Done:
    return play(ollama_chat_state="absent", **more)


def test_create_change_and_remove_a_chat_model(
    play: Play,
    cluster: Cluster,
    recorder: Recorder,
    name: str,
    snapshot: Callable[[], dict[str, Any]],
    settings_restored: None,
) -> None:
    register_deploy = "one_step" if cluster.is_3 else "two_step"
    checked = play("--check", "--diff", ollama_chat_register_deploy=register_deploy)
    assert recorder.writes == []
    assert not any(snapshot().values())
    assert re.search(r"Check mode: \d+ changes planned, the model was not asked\.", checked.text)
    # The role itself would trust the address before it creates the connector.
    assert "no pattern in" not in checked.text
    assert "predictions fail until" not in checked.text

    applied = play("--diff", ollama_chat_register_deploy=register_deploy)
    assert ANSWER in applied.text
    assert applied.changed == checked.changed == 3
    assert PATTERN in cluster.effective(_stack.TRUSTED)
    cluster.one("model_groups", name)
    assert cluster.one("models", name).source["connector_id"] == cluster.one("connectors", name).id
    deploys = [write for write in recorder.writes if write.endswith("/_deploy")]
    assert len(deploys) == (1 if register_deploy == "two_step" else 0)

    before = snapshot()
    for arguments in ([], ["--check"]):
        recorder.clear()
        # A private address needs the most requests.
        unchanged = {"ollama_chat_register_deploy": register_deploy, "ollama_chat_allow_private": "always"}
        assert play(*arguments, **unchanged).changed == 0
        assert recorder.writes == []
        assert len(recorder.requests) <= MOST_UNCHANGED, recorder.requests
    assert snapshot() == before

    recorder.clear()
    assert play("--check", ollama_chat_state="absent").changed == 3
    assert recorder.writes == []
    assert snapshot() == before
    assert absent(play).changed == 3
    assert not any(snapshot().values())
    assert PATTERN not in cluster.effective(_stack.TRUSTED)

    recorder.clear()
    assert absent(play).changed == 0
    assert recorder.writes == []


@pytest.mark.full_on("3.6.0")
def test_a_new_key_and_a_new_model_name_are_swapped_in(
    play: Play, cluster: Cluster, name: str, settings_restored: None
) -> None:
    first, second = _stack.gateway_keys()
    guarded = {"ollama_chat_base_url": "http://gateway:8080/v1"}
    play(ollama_chat_api_key=first, **guarded)
    old = cluster.one("connectors", name).id
    assert play(ollama_chat_api_key=first, **guarded).changed == 0

    assert play(ollama_chat_api_key=second, **guarded).changed == 1
    new = cluster.one("connectors", name).id
    assert new != old
    assert cluster.one("models", name).source["connector_id"] == new
    assert play(ollama_chat_api_key=second, **guarded).changed == 0

    refused = play(ollama_chat_api_key="no-such-key-0815", fails=True, **guarded)
    assert "backend_unauthorized" in refused.text
    assert cluster.one("connectors", name).id == new
    assert cluster.answer(cluster.one("models", name).id) == "Pong."


@pytest.mark.full_on("3.6.0")
def test_private_addresses_allowed_after_the_deployment(
    play: Play, cluster: Cluster, name: str, settings_restored: None
) -> None:
    cluster.put_settings({_stack.PRIVATE_IP: False})
    refused = play(ollama_chat_allow_private="never", fails=True)
    assert "private_address_refused" in refused.text

    done = play()
    assert ANSWER in done.text
    assert cluster.effective(_stack.PRIVATE_IP) == "true"
    assert play().changed == 0


@pytest.mark.full_on("2.19.1-tls")
def test_what_other_connectors_need_is_kept(play: Play, cluster: Cluster, name: str, settings_restored: None) -> None:
    play()
    connector = cluster.one("connectors", name)
    cluster.make_model(f"{name} of another user", connector.id)

    absent(play)
    assert cluster.named("models", name) == []
    assert cluster.one("connectors", name).id == connector.id
    assert PATTERN in cluster.effective(_stack.TRUSTED)
    assert cluster.effective(_stack.PRIVATE_IP) == "true"


@pytest.mark.full_on("2.19.1-tls")
def test_a_model_that_others_use_is_not_removed(
    play: Play,
    cluster: Cluster,
    recorder: Recorder,
    name: str,
    snapshot: Callable[[], dict[str, Any]],
    settings_restored: None,
) -> None:
    play(ollama_chat_smoke=False)
    model_id = cluster.one("models", name).id
    tool = {"type": "MLModelTool", "parameters": {"model_id": model_id, "prompt": "x"}}
    agent = cluster.must("POST", f"{_stack.ML}/agents/_register", {"name": name, "type": "flow", "tools": [tool]})
    processor = {"retrieval_augmented_generation": {"model_id": model_id, "context_field_list": ["text"]}}
    cluster.must("PUT", f"/_search/pipeline/{_stack.index_of(name)}", {"response_processors": [processor]})
    before = snapshot()
    recorder.clear()
    for arguments in (["--check"], []):
        refused = play(*arguments, ollama_chat_state="absent", fails=True)
        users = f"agent {name}, search pipeline {_stack.index_of(name)}"
        assert f"The model {name} is used by {users}. Nothing was removed." in refused.text
        wrong = play(*arguments, ollama_chat_state="absent", ollama_chat_connector_name="nothing", fails=True)
        assert f"The model {name} calls through the connector {name}, and there is no connector nothing." in wrong.text
    assert recorder.writes == []
    assert snapshot() == before

    # A search of 2.19 may still find an agent that was deleted a moment ago.
    cluster.must("DELETE", f"/_search/pipeline/{_stack.index_of(name)}")
    cluster.must("DELETE", f"{_stack.ML}/agents/{agent['agent_id']}")
    absent(play)
    assert not any(snapshot().values())


@pytest.mark.full_on("3.6.0")
def test_a_removal_needs_no_address(
    play: Play, cluster: Cluster, recorder: Recorder, name: str, settings_restored: None
) -> None:
    """The URL of the connector shows which pattern was trusted for it."""
    play(
        playbook="playbooks/openai_chat.yml", openai_chat_base_url=BASE,
        openai_chat_name=name, openai_chat_model="tiny-chat", openai_chat_smoke=False,
    )  # fmt: skip
    assert PATTERN in cluster.effective(_stack.TRUSTED)

    removal = {"playbook": "playbooks/openai_chat_remove.yml", "openai_chat_name": name}
    recorder.clear()
    planned = play("--check", **removal)
    assert recorder.writes == []
    done = play(**removal)
    assert planned.changed == done.changed == 3
    assert cluster.named("connectors", name) + cluster.named("models", name) == []
    assert PATTERN not in cluster.effective(_stack.TRUSTED)
    assert f"Removed: trusted pattern {PATTERN}" in done.text

    recorder.clear()
    for provider in ("openai_compatible", "azure_openai") if cluster.is_3 else ("openai_compatible",):
        nothing = play(**removal, openai_chat_provider=provider)
        assert nothing.changed == 0
        assert "Nothing had to be removed for " in nothing.text
    assert recorder.writes == []


@pytest.mark.full_on("2.19.1-tls")
def test_a_removal_leaves_what_was_there_before(
    play: Play, cluster: Cluster, recorder: Recorder, settings_restored: None
) -> None:
    trusted = [*cluster.effective(_stack.TRUSTED), PATTERN]
    cluster.put_settings({_stack.TRUSTED: trusted, _stack.PRIVATE_IP: True})
    play(ollama_chat_smoke=False)
    removed = absent(play)
    assert removed.changed == 2
    assert f"Stays: trusted pattern {PATTERN}, because it was set before" in removed.text
    assert cluster.effective(_stack.TRUSTED) == trusted
    assert cluster.effective(_stack.PRIVATE_IP) == "true"
    recorder.clear()
    assert absent(play).changed == 0
    assert recorder.writes == []


@pytest.mark.full_on("3.6.0")
def test_the_former_pattern_goes_when_the_url_changes(
    play: Play, cluster: Cluster, recorder: Recorder, settings_restored: None
) -> None:
    former = {"ollama_chat_base_url": BASE.replace(":11434", ":11435"), "ollama_chat_smoke": False}
    play(**former)
    assert PATTERN.replace("11434", "11435") in cluster.effective(_stack.TRUSTED)
    planned = play("--check")
    assert play().changed == planned.changed
    assert PATTERN in cluster.effective(_stack.TRUSTED)
    assert PATTERN.replace("11434", "11435") not in cluster.effective(_stack.TRUSTED)
    recorder.clear()
    assert play().changed == 0
    assert recorder.writes == []


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_inputs_on_the_command_line_are_strings(play: Play, cluster: Cluster, name: str) -> None:
    texts = ("ollama_chat_smoke=false", "ollama_chat_read_timeout=61", 'ollama_chat_request={"temperature":0}')
    arguments = [word for text in texts for word in ("-e", text)]
    assert "Nothing was asked." in play(*arguments).text
    stored = cluster.one("connectors", name).source
    assert stored["client_config"]["read_timeout"] == 61
    assert stored["actions"][0]["request_body"].endswith(', "temperature": 0}')
    assert play(*arguments).changed == 0
    assert play(playbook="playbooks/ollama_chat_remove.yml").changed >= 2
    assert cluster.named("connectors", name) == []


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_many_clusters_in_one_play(
    play: Play, cluster: Cluster, name: str, settings_restored: None, tmp_path: Path
) -> None:
    """Three inventory hosts of which one is down: it is reported, and the others converge."""
    up = {"hosts": [cluster.url]}
    hosts = {
        "first": {"opensearch_connection": up, "ollama_chat_name": f"{name} first"},
        "second": {"opensearch_connection": up, "ollama_chat_name": f"{name} second"},
        "down": {"opensearch_connection": {"hosts": ["http://127.0.0.1:1"], "retries": 0}, "ollama_chat_name": name},
    }
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    inventory = str(tmp_path / "inventory.json")
    of_the_inventory = {"opensearch_targets": "all", "opensearch_connection": None, "ollama_chat_name": None}
    done = play("-i", inventory, fails=True, **of_the_inventory)
    assert done.text.count(ANSWER) == 2
    assert re.search(r"down +: .*failed=1", done.text)
    assert "unreachable" in done.text
    assert {cluster.one("models", f"{name} {host}").source["model_state"] for host in ("first", "second")} == {
        "DEPLOYED"
    }


@pytest.mark.full_on("3.6.0")
def test_an_unusable_input_is_refused_before_anything_is_sent(play: Play, recorder: Recorder) -> None:
    for wrong in (
        {"ollama_chat_base_url": "ollama:11434"},
        {"ollama_chat_path": "v1/chat/completions"},
        {"ollama_chat_model": ""},
        {"ollama_chat_request": {"model": "another"}},
        {"ollama_chat_request": "temperature=0.2"},
        {"ollama_chat_state": "gone"},
        {"ollama_chat_trust": "all"},
    ):
        text = play(fails=True, **wrong).text
        (name,) = wrong
        assert name in text
        # It names neither another input nor the internal role.
        assert set(re.findall(r"(\w+_chat_\w+) must ", text)) <= {name}
    assert recorder.requests == []


@pytest.mark.full_on("2.19.1-tls")
def test_each_unusable_input_is_reported(play: Play, recorder: Recorder) -> None:
    given = {"playbook": "playbooks/openai_chat.yml", "openai_chat_model": "tiny-chat", "fails": True}
    text = play(**given, openai_chat_base_url="ollama:11434", openai_chat_api_path="v1").text
    assert "openai_chat_base_url must begin with http" in text
    assert "openai_chat_api_path must begin with a slash" in text
    assert "openai_chat_model must" not in text
    text = play(**given, openai_chat_provider="openai").text
    assert set(re.findall(r"(\w+_chat_\w+) must ", text)) == {"openai_chat_api_key"}
    assert recorder.requests == []


@pytest.mark.full_on("3.6.0")
def test_the_role_inside_another_playbook(play: Play, tmp_path: Path, name: str) -> None:
    playbook = tmp_path / "infrastructure.yml"
    playbook.write_text(
        """
- name: Infrastructure
  hosts: localhost
  gather_facts: false
  tasks:
    - name: The search cluster
      module_defaults:
        group/searchops.opensearch_ml.all: "{{ opensearch_connection }}"
      block:
        - name: Chat
          ansible.builtin.include_role:
            name: searchops.opensearch_ml.ollama_chat
        - name: Use the facts
          ansible.builtin.debug:
            msg: "model={{ ollama_chat_model_id }} connector={{ ollama_chat_connector_id }} says {{ ollama_chat_answer }}"
"""
    )
    done = play(playbook=str(playbook))
    assert re.search(rf"model=\S{{20}} connector=\S{{20}} says .*{ANSWER}", done.text)


@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_the_installed_archive(play: Play, tmp_path: Path) -> None:
    """The built archive, installed into an empty folder, runs without the repository."""
    programs = Path(sys.executable).parent
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]
    (tmp_path / "ansible.cfg").touch()
    bare = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
    }
    for command in (
        ["collection", "build", "--output-path", str(tmp_path), str(ROOT)],
        [
            "collection",
            "install",
            "--offline",
            "-p",
            str(tmp_path / "collections"),
            f"searchops-opensearch_ml-{version}.tar.gz",
        ],
    ):
        subprocess.run(
            [str(programs / "ansible-galaxy"), *command],
            cwd=tmp_path, env=bare, check=True, capture_output=True, timeout=120, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    for changes in (True, False):
        done = play(playbook="searchops.opensearch_ml.ollama_chat", cwd=tmp_path, env=bare)
        assert ANSWER in done.text
        assert bool(done.changed) is changes


@pytest.mark.full_on("3.6.0")
def test_no_secret_of_a_run_is_in_its_output(play: Play, connection: Mapping[str, Any], name: str) -> None:
    first, second = _stack.gateway_keys()
    wrong = 'wrong/key+with "odd" characters'
    guarded = {"ollama_chat_base_url": "http://gateway:8080"}
    texts = [
        play("-vvvv", "--diff", "--check", ollama_chat_api_key=first, **guarded).text,
        play("-vvvv", "--diff", ollama_chat_api_key=first, **guarded).text,
        play("-vvvv", "--diff", ollama_chat_api_key=second, **guarded).text,
        play("-vvvv", "--diff", ollama_chat_api_key=wrong, fails=True, **guarded).text,
        play("-vvvv", "--diff", "--check", ollama_chat_state="absent", ollama_chat_api_key=second, **guarded).text,
    ]
    for secret in filter(None, (first, second, wrong, connection.get("password"))):
        for form in (
            secret,
            base64.b64encode(secret.encode()).decode(),
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
        ):
            for number, text in enumerate(texts):
                assert form not in text, f"run {number} shows a secret"
