# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which clusters a playbook addresses, and that it is no success if it does not do what its variables seem to say.

The clusters are fakes, so that a test sees that nothing was sent.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, NamedTuple

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import cluster_server
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving

pytestmark = pytest.mark.without_the_stack

ROOT = Path(__file__).parents[2]
COLLECTIONS = Path(cluster_server.__file__).parents[6]

CHAT = {
    "stack_connectors": [
        {
            "name": "Chat",
            "provider": "openai_compatible",
            "base_url": "https://llm.test",
            "model": "m",
            "api_key": "sk-1",
        }
    ],
    "stack_models": [{"name": "Chat", "connector": "Chat"}],
}


class Done(NamedTuple):
    status: int
    text: str


Play = Callable[..., Done]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Runs a playbook of the collection, or a path, with these variables and inventory."""

    def run(
        playbook: str, *arguments: str, url: str = "", inventory: dict[str, Any] | None = None, **variables: Any
    ) -> Done:
        (tmp_path / "variables.json").write_text(json.dumps(variables))
        command = [
            str(Path(sys.executable).parent / "ansible-playbook"),
            *arguments,
            "-e",
            f"@{tmp_path / 'variables.json'}",
        ]
        if inventory:
            (tmp_path / "inventory.yml").write_text(json.dumps(inventory))
            command += ["-i", str(tmp_path / "inventory.yml")]
        done = subprocess.run(
            [*command, playbook if "/" in playbook else f"searchops.opensearch_ml.{playbook}"],
            capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, cwd=tmp_path,
            env={**os.environ, "OPENSEARCH_HOSTS": url, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
                 "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        )  # fmt: skip
        # Ansible wraps warnings.
        return Done(done.returncode, done.stdout + " ".join(done.stderr.split()))

    return run


@pytest.mark.parametrize("playbook", ["dedupe", "ollama_chat"])
def test_a_misspelt_variable_changes_no_other_cluster(play: Play, playbook: str) -> None:
    """A default for anything undefined would hide the typo, and the playbook would change the environment's cluster."""
    cluster = FakeCluster()
    with serving(cluster) as url:
        done = play(
            playbook,
            url=url,
            ollama_chat_model="tiny",
            opensearch_connection="{{ opensearch_conection_of_production }}",
        )
    assert done.status != 0, done.text
    assert "opensearch_conection_of_production" in done.text
    assert cluster.exchanges == []


def output_of(playbook: str, url: str, *arguments: str) -> str:
    """The output of a playbook of the collection in the format of the repository's own configuration."""
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", f"searchops.opensearch_ml.{playbook}", *arguments],
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL, cwd=ROOT,
        env={**os.environ, "OPENSEARCH_HOSTS": url, "LC_ALL": "C.UTF-8", "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
             # As in the configuration, which the environment of the tests overrides.
             "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
             "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_check_mode_says_what_is_planned_and_that_no_model_was_asked() -> None:
    cluster = FakeCluster()
    given = {"base_url": "http://ollama.example.internal:11434", "model": "tiny", "api_key": "old-key"}
    chat = ("-e", json.dumps({f"ollama_chat_{name}": value for name, value in given.items()}))
    with serving(cluster) as url:
        text = output_of("ollama_chat", url, "--check", *chat)
        assert "msg: 'Check mode: 4 changes planned, the model was not asked.'" in text
        assert "no model" not in text
        output_of("ollama_chat", url, *chat)
        moved = output_of("ollama_chat", url, "--check", *chat, "-e", "ollama_chat_base_url=http://10.0.0.1:11434")
        # The new pattern, the connector, and the former pattern.
        assert "msg: 'Check mode: 3 changes planned, the model was not asked.'" in moved
        assert "changed=3 " in moved
        key = (
            "-e",
            json.dumps({"rotate_key_connector": "Ollama chat", "rotate_key_credential": {"api_key": "new-key"}}),
        )
        [old] = cluster.connectors
        text = output_of("rotate_key", url, "--check", *key)
        assert f"with the new key would replace {old}" in text
        assert "Models to move to it: Ollama chat" in text
        text = output_of("rotate_key", url, *key)
        assert f"The old connector {old} is deleted. You can revoke the old key." in text
        assert "Models that use it now: Ollama chat" in text


def test_a_new_key_without_its_name_is_refused_before_the_cluster_is_asked(play: Play) -> None:
    cluster = FakeCluster()
    with serving(cluster) as url:
        done = play("rotate_key", url=url, rotate_key_connector="Chat", rotate_key_credential="sk-new-key")
    assert (done.status, '{"api_key": "..."}' in " ".join(done.text.split())) == (2, True), done.text
    assert cluster.exchanges == []


def test_a_connector_without_a_key_gets_no_new_one(play: Play) -> None:
    """It would be replaced by one that does not send the key either, and the user would revoke the old one."""
    cluster = FakeCluster()
    keyless = {
        "stack_connectors": [{"name": "Chat", "provider": "vllm", "base_url": "https://vllm.test", "model": "m"}]
    }
    with serving(cluster) as url:
        assert play("stack", url=url, **keyless).status == 0
        [before] = cluster.connectors
        done = play("rotate_key", url=url, rotate_key_connector="Chat", rotate_key_credential={"api_key": "sk-new-key"})
    assert (done.status, "The connector Chat sends no key" in done.text) == (2, True), done.text
    assert list(cluster.connectors) == [before]


def test_a_removal_names_what_it_did_not_find_and_what_the_playbook_removed() -> None:
    cluster = FakeCluster()
    with serving(cluster) as url:
        output_of("agent", url)
        misspelt = output_of("ollama_chat_remove", url, "-e", "ollama_chat_name=Olama")
        assert "Nothing had to be removed for Olama: the cluster has no such model or connector." in misspelt
        removed = output_of("agent", url, "-e", "agent_state=absent")
        assert "Removed: agent House agent" in removed
        assert "Nothing had to be removed" not in removed


class TestNames:
    @pytest.mark.parametrize(
        ("playbook", "variables", "message"),
        [
            ("stack", {}, "Nothing is declared"),
            ("stack", {"stack_conectors": []}, "Did you mean 'stack_connectors'?"),
            ("verify", {}, "Nothing is declared"),
            ("verify", {"stack_conectors": []}, "Did you mean 'stack_connectors'?"),
            ("report", {"stack_conectors": []}, "Did you mean 'stack_connectors'?"),
            ("ollama_chat", {"ollama_chat_base_ur": "http://ollama:11434"}, "Did you mean 'ollama_chat_base_url'?"),
            ("ollama_chat", {"olama_chat_base_url": "http://ollama:11434"}, "Did you mean 'ollama_chat_base_url'?"),
            ("dedupe", {"dedupe_aply": True}, "Did you mean 'dedupe_apply'?"),
            ("dedupe", {"opensearch_conection": {}}, "Did you mean 'opensearch_connection'?"),
        ],
    )  # fmt: skip
    def test_an_unknown_variable_or_none_fails_before_the_cluster_is_asked(
        self, play: Play, playbook: str, variables: dict[str, Any], message: str
    ) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            done = play(playbook, url=url, **variables)
        assert done.status != 0, done.text
        assert message in done.text
        assert cluster.exchanges == []
        assert "as declared" not in done.text


class TestVerify:
    def test_what_it_reports(self, play: Play) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            assert play("stack", url=url, **CHAT).status == 0
            done = play("verify", url=url, **CHAT)
            assert (done.status, "The cluster is as declared, and 1 model answers." in done.text) == (0, True), (
                done.text
            )
            checked = play("verify", "--check", url=url, **CHAT)
            assert "No model was asked, because check mode asks none." in checked.text
            connectors = {"stack_connectors": CHAT["stack_connectors"]}
            silent = play("verify", url=url, **connectors)
            assert (silent.status, "There is no model to ask" in silent.text) == (2, True), silent.text
            done = play("verify", url=url, verify_ask=False, **connectors)
            assert (done.status, "No model was asked, because verify_ask is false." in done.text) == (0, True), (
                done.text
            )
            settings = [{"settings": {"plugins.ml_commons.only_run_on_ml_node": False}}]
            play("stack", url=url, stack_settings=settings)
            done = play("verify", url=url, stack_settings=settings)
            assert (done.status, "nothing but settings is declared" in done.text) == (0, True), done.text

    def test_what_could_not_be_compared_is_no_drift(self, play: Play) -> None:
        with serving(FakeCluster()) as url:
            done = play("verify", url=url, **{**CHAT, "stack_connectors": [{"name": "Chat", "src": "gone.json"}]})
        assert (done.status, "Drift:" in done.text) == (2, False), done.text
        assert "The cluster was not compared with the declaration: src: there is no file 'gone.json'" in done.text
        text = " ".join(done.text.split())
        assert "Models that do not serve or answer: Chat." in text
        assert "There is no model to ask" not in text

    def test_what_compares_nothing_is_no_success(self, play: Play) -> None:
        """Without ``stack_prune``, an empty section leaves all objects of a cluster as they are."""
        with serving(FakeCluster()) as url:
            done = play("verify", url=url, stack_connectors=[])
            assert (done.status, "there is nothing to compare" in done.text) == (2, True), done.text
            assert "as declared" not in done.text
            done = play("verify", url=url, stack_connectors=[], stack_prune="managed", stack_name="house")
            assert done.status == 0, done.text
            done = play("verify", url=url, stack_connectors=[{"name": "Chat", "state": "absent"}])
            assert (done.status, "no object is declared to exist" in done.text) == (0, True), done.text


def test_a_stack_without_an_object_names_what_it_compared(play: Play) -> None:
    """A misspelt name removes nothing, which must not look like a removal."""
    with serving(FakeCluster()) as url:
        assert play("stack", url=url, stack_name="house", **CHAT).status == 0
        done = play("stack", url=url, stack_name="huose", stack_connectors=[], stack_models=[], stack_prune="managed")
        assert (done.status, "none that the stack huose created" in done.text) == (0, True), done.text
        done = play("stack", url=url, stack_connectors=[])
        assert (done.status, "so nothing was compared" in done.text) == (0, True), done.text
        assert "as declared" not in done.text


class TestCopies:
    """The playbooks export and migrate."""

    def test_a_pattern_that_matches_no_object(self, play: Play, tmp_path: Path) -> None:
        """The cluster's settings, which the pattern does not choose, are no such object."""
        with serving(FakeCluster()) as url, serving(FakeCluster()) as other:
            assert play("stack", url=url, **CHAT).status == 0
            file = tmp_path / "exported.yml"
            done = play("export", url=url, export_name_pattern="Caht*", export_file=str(file))
            assert (done.status, "No object matches" in done.text, file.exists()) == (2, True, False), done.text
            assert play("export", url=url, export_name_pattern="Cha*", export_file=str(file)).status == 0
            both = {"migrate_from": {"hosts": [url]}, "migrate_to": {"hosts": [other]}}
            done = play("migrate", migrate_name_pattern="Caht*", **both)
            assert (done.status, "has no object to copy" in done.text) == (2, True), done.text

    @pytest.mark.parametrize("spelt", ["{}/", ["{}"], ["http://127.0.0.1:9", "{}/"]])
    def test_a_migration_to_the_same_cluster(self, play: Play, spelt: Any) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            hosts = json.loads(json.dumps(spelt).replace("{}", url))
            done = play("migrate", migrate_from={"hosts": [url]}, migrate_to={"hosts": hosts})
        assert (done.status, "two different clusters" in done.text) == (2, True), done.text
        assert cluster.exchanges == []


OWN_PLAY = """
- name: List the models
  hosts: opensearch_clusters
  connection: local
  gather_facts: false
  module_defaults:
    group/searchops.opensearch_ml.all: "{{ opensearch_connection }}"
  tasks:
    - name: Create a group
      searchops.opensearch_ml.ml_model_group:
        name: "{{ inventory_hostname }}"
"""


class TestTargets:
    def test_the_group_of_the_inventory_and_the_connection_of_each_host(self, play: Play, tmp_path: Path) -> None:
        clusters = {"berlin": FakeCluster(), "paris": FakeCluster()}
        elsewhere = FakeCluster()
        with contextlib.ExitStack() as stack:
            urls = {name: stack.enter_context(serving(cluster)) for name, cluster in clusters.items()}
            other = stack.enter_context(serving(elsewhere))
            hosts = {
                "berlin": {"opensearch_connection": {"hosts": [urls["berlin"]]}},
                "paris": {"opensearch_connection": {"hosts": urls["paris"]}},
            }
            inventory = {"opensearch_clusters": {"hosts": hosts}, "web": {"hosts": {"www": {}}}}
            done = play("stack", url=other, inventory=inventory, **CHAT)
            assert done.status == 0, done.text
            assert "addresses only localhost" not in done.text
            play("dedupe", "--limit", "paris", url=other, inventory=inventory)
            (tmp_path / "own.yml").write_text(OWN_PLAY)
            done = play(str(tmp_path / "own.yml"), url=other, inventory=inventory)
            assert done.status == 0, done.text
        for name, cluster in clusters.items():
            assert [each["name"] for each in cluster.connectors.values()] == ["Chat"]
            assert name in [each["name"] for each in cluster.groups.values()]
        assert elsewhere.exchanges == []

    def test_an_inventory_that_nothing_chooses(self, play: Play) -> None:
        cluster = FakeCluster()
        inventory = {"web": {"hosts": {"berlin": {}}}}
        with serving(cluster) as url:
            done = play("dedupe", url=url, inventory=inventory)
            assert done.status == 0, done.text
            assert re.search(r"addresses only localhost.*inventory\.yml: berlin\.", done.text), done.text
            cluster.exchanges.clear()
            done = play("dedupe", url=url, inventory=inventory, opensearch_targets="berln")
            assert (done.status != 0, "Did you mean 'berlin'?" in done.text) == (True, True), done.text
        assert cluster.exchanges == []

    @pytest.mark.parametrize("berlin", [{}, {"opensearch_connection": {"username": "u", "password": "p"}}])
    def test_a_host_without_a_cluster_of_its_own(self, play: Play, berlin: dict[str, Any]) -> None:
        """It would be the cluster of the environment, under the name of another one."""
        cluster = FakeCluster()
        with serving(cluster) as url:
            done = play("stack", url=url, inventory={"opensearch_clusters": {"hosts": {"berlin": berlin}}}, **CHAT)
        assert (done.status, "berlin does not say which cluster it is" in done.text) == (2, True), done.text
        assert cluster.exchanges == []
