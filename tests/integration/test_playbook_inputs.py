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
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
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
        address = f"{playbook}_base_url"
        given = {address: "http://127.0.0.1:11434", **variables} if playbook in ("ollama_chat", "agent") else variables
        (tmp_path / "variables.json").write_text(json.dumps(given))
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
        output_of("agent", url, "-e", "agent_base_url=http://10.0.0.1:11434", "-e", "agent_model=tiny")
        misspelt = output_of("ollama_chat_remove", url, "-e", "ollama_chat_name=Olama")
        assert "Nothing had to be removed for Olama: the cluster has no such model or connector." in misspelt
        removed = output_of("agent", url, "-e", "agent_state=absent")
        assert "Removed: agent House agent" in removed
        assert "Nothing had to be removed" not in removed


def add_caller(cluster: FakeCluster) -> None:
    [model_id] = cluster.models
    cluster.add_agent("Caller", tools=[{"type": "MLModelTool", "parameters": {"model_id": model_id}}])


class TestRemovals:
    """A removal that cannot be complete, or that would break something else, removes nothing."""

    @pytest.mark.parametrize("arguments", [[], ["--check"]])
    def test_a_model_that_an_agent_uses(self, play: Play, arguments: list[str]) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            assert play("ollama_chat", url=url).status == 0
            add_caller(cluster)
            before = cluster.snapshot()
            done = play("ollama_chat_remove", *arguments, url=url)
            assert done.status == 2, done.text
            assert "The model Ollama chat is used by agent Caller. Nothing was removed." in done.text
            assert "set ollama_chat_remove_in_use to true" in done.text
            assert cluster.snapshot() == before
            done = play("ollama_chat_remove", *arguments, url=url, ollama_chat_remove_in_use=True)
            assert done.status == 0, done.text
            assert f"{'Would remove' if arguments else 'Removed'}: model Ollama chat" in done.text
            assert (cluster.snapshot() == before) == bool(arguments)

    @pytest.mark.parametrize(
        ("misspelt", "reason"),
        [
            ({"agent_name": "Hose agent"}, "The model Ollama chat is used by agent House agent."),
            pytest.param(
                {"agent_chat_name": "Olama"},
                "The agent House agent uses the model Ollama chat, and there is no model Olama.",
                marks=pytest.mark.full,
            ),
        ],
    )
    def test_one_wrong_name(self, play: Play, misspelt: dict[str, str], reason: str) -> None:
        """It would remove the chat model and leave the agent, or the other way round."""
        cluster = FakeCluster()
        with serving(cluster) as url:
            assert play("agent", url=url).status == 0
            before = cluster.snapshot()
            for arguments in (["--check"], []):
                done = play("agent", *arguments, url=url, agent_state="absent", **misspelt)
                assert (done.status, reason in done.text) == (2, True), done.text
                assert cluster.snapshot() == before
            planned = play("agent", "--check", url=url, agent_state="absent")
            assert (planned.status, "Would remove: model Ollama chat" in planned.text) == (0, True), planned.text
            done = play("agent", url=url, agent_state="absent")
            assert (done.status, "Removed: agent House agent" in done.text) == (0, True), done.text
            assert (cluster.agents, cluster.models, cluster.connectors) == ({}, {}, {})

    def test_the_rest_of_an_interrupted_removal(self, play: Play) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            assert play("agent", url=url).status == 0
            cluster.models.clear()
            done = play("agent", url=url, agent_state="absent")
            assert done.status == 0, done.text
        assert (cluster.agents, cluster.connectors) == ({}, {})

    def test_another_agent_of_the_chat_model(self, play: Play) -> None:
        """The playbook's own agent stays as well."""
        cluster = FakeCluster()
        with serving(cluster) as url:
            assert play("agent", url=url).status == 0
            add_caller(cluster)
            before = cluster.snapshot()
            done = play("agent", url=url, agent_state="absent")
            assert (done.status, "is used by agent Caller." in done.text) == (2, True), done.text
            assert cluster.snapshot() == before
            done = play("agent", url=url, agent_state="absent", agent_remove_in_use=True)
            assert done.status == 0, done.text
        assert (len(cluster.agents), cluster.models) == (1, {})

    def test_a_connector_that_an_agent_uses_stays(self, play: Play) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            assert play("ollama_chat", url=url).status == 0
            [connector_id] = cluster.connectors
            cluster.add_agent("Caller", tools=[{"type": "ConnectorTool", "parameters": {"connector_id": connector_id}}])
            for arguments in (["--check"], []):
                done = play("ollama_chat_remove", *arguments, url=url)
                assert done.status == 0, done.text
                assert "Stays: connector Ollama chat, because" in done.text
        assert (list(cluster.connectors), cluster.models) == ([connector_id], {})


def test_an_interrupted_change_of_the_second_of_two_connectors(play: Play) -> None:
    """The trust that they shared was added for the first, which is removed."""
    cluster = FakeCluster(trusted=())
    first, second = "http://a.example.com:1", "http://b.example.com:1"
    with serving(cluster) as url:
        for name in ("First", "Second"):
            assert play("ollama_chat", url=url, ollama_chat_name=name, ollama_chat_base_url=first).status == 0
        done = play("ollama_chat_remove", url=url, ollama_chat_name="First", ollama_chat_base_url=first)
        assert "calls its URL" in done.text
        defaults = [pattern for pattern in cluster.persistent[TRUSTED] if "example" not in pattern]
        writes: list[int] = []

        def fail_at_the_second() -> None:
            """The first write of settings adds the new pattern, the second one removes the former."""
            writes.append(len(cluster.exchanges))
            if len(writes) == 2:
                cluster.inject("error")

        cluster.before("PUT", "/_cluster/settings", fail_at_the_second, times=2)
        done = play("ollama_chat", url=url, ollama_chat_name="Second", ollama_chat_base_url=second)
        assert (done.status, len(writes)) == (2, 2), done.text
        assert len(cluster.persistent[TRUSTED]) > len(defaults) + 1
        done = play("ollama_chat_remove", url=url, ollama_chat_name="Second", ollama_chat_base_url=second)
        assert done.status == 0, done.text
    assert not any("example" in pattern for pattern in cluster.persistent.get(TRUSTED, []))


@pytest.mark.parametrize("address", ["http://127.0.0.1:11434", "http://ollama.example.com:11434"])
def test_the_first_check_expects_the_trust_that_the_role_adds(play: Play, address: str) -> None:
    cluster = FakeCluster(trusted=())
    with serving(cluster) as url:
        done = play("ollama_chat", "--check", url=url, ollama_chat_base_url=address)
        assert (done.status, "[WARNING]" in done.text and "no pattern" in done.text) == (0, False), done.text
        assert "predictions fail until" not in done.text
        skipped = play("ollama_chat", "--check", url=url, ollama_chat_base_url=address, ollama_chat_trust="skip")
        assert "no pattern in plugins.ml_commons.trusted_connector_endpoints_regex" in skipped.text


def test_a_hosted_provider_opens_no_private_addresses(play: Play) -> None:
    """Nor does any other name that the controller cannot resolve, as one without a name service."""
    cluster = FakeCluster(trusted=())
    given = {"openai_chat_model": "m", "openai_chat_api_key": "sk-1"}
    allowed = "plugins.ml_commons.connector.private_ip_enabled"
    address = "https://llm.example.com"
    with serving(cluster) as url:
        done = play("openai_chat", "--check", "--diff", url=url, openai_chat_provider="openai", **given)
        assert (done.status, allowed in done.text) == (0, False), done.text
        done = play("openai_chat", "--check", "--diff", url=url, openai_chat_base_url=address, **given)
        assert (done.status, f'"{allowed}": true' in done.text) == (0, False), done.text
        assert (
            "Private addresses are not allowed for this backend: the controller cannot resolve llm.example.com"
            in done.text
        )
        assert "set openai_chat_allow_private to 'always'." in done.text
        for more in ({"openai_chat_allow_private": "always"}, {"openai_chat_base_url": "http://10.0.0.1"}):
            done = play(
                "openai_chat", "--check", "--diff", url=url, **{"openai_chat_base_url": address, **given, **more}
            )
            assert "Private addresses are allowed for this backend: " in done.text, done.text
        assert "10.0.0.1 is a private address." in done.text
    assert cluster.writes == []


RAG = {
    "rag_base_url": "http://10.0.0.1:8000",
    "rag_provider": "vllm",
    "rag_model": "chat",
    "rag_embedding_model": "embed",
    "rag_search": "knn",
}
AGENT = {"agent_provider": "vllm", "agent_model": "m", "agent_base_url": "http://10.0.0.1:8000"}


#: A bad input of each role, and those that only `make test-full` has. The unit tests of the filter option_errors have each kind.
BAD_INPUTS = [
    ("ollama_chat", {"ollama_chat_base_url": ""}, "ollama_chat_base_url must be the URL of the server"),
    ("openai_chat", {"openai_chat_model": "m", "openai_chat_provider": "openai"}, "openai_chat_api_key must be set"),
    ("agent", {**AGENT, "agent_tools": [{"name": "x"}]}, "by agent_tools"),
    ("rag", {**RAG, "rag_documents": [{"id": 1}]}, "missing required arguments: text found in rag_documents"),
]
MORE_BAD_INPUTS = [
    ("ollama_chat", {"ollama_chat_base_url": ""}, "write http://127.0.0.1:11434 if it runs on each of these"),
    ("ollama_chat", {"ollama_chat_expect_pattern": "("}, "by ollama_chat_expect_pattern"),
    ("ollama_chat", {"ollama_chat_name": " "}, "by ollama_chat_connector_name"),
    ("ollama_chat", {"ollama_chat_connector_name": "x" * 2000}, "by ollama_chat_connector_name"),
    ("ollama_chat", {"ollama_chat_api_key": "two\nlines"}, "by ollama_chat_api_key"),
    ("openai_chat", {"openai_chat_model": "m"}, "openai_chat_base_url must be the URL of the server"),
    ("openai_chat", {"openai_chat_model": "m", "openai_chat_provider": "vllm"}, "write http://127.0.0.1:8000 if"),
    ("agent", {**AGENT, "agent_base_url": ""}, "agent_base_url must be the URL of the server"),
    ("agent", {**AGENT, "agent_expect_pattern": "("}, "by agent_expect_pattern"),
    ("agent", {**AGENT, "agent_type": "conversational", "agent_memory": {"size": 1}}, "by agent_memory"),
    ("agent", {**AGENT, "agent_type": "conversational", "agent_request": {"tools": []}}, "by agent_request"),
    ("rag", {**RAG, "rag_base_url": ""}, "rag_base_url must be the URL of the server"),
    ("rag", {**RAG, "rag_embedding_provider": "openai"}, "by rag_embedding_api_key"),
    ("rag", {**RAG, "rag_embedding_provider": "groq"}, "by rag_embedding_provider"),
    ("rag", {**RAG, "rag_embedding_base_url": "ollama:11434"}, "by rag_embedding_base_url"),
    ("rag", {**RAG, "rag_index": "Docs"}, "'Docs' is not the name of an index"),
    ("rag", {**RAG, "rag_documents": [{"id": 1, "text": "a"}, {"id": 1, "text": "b"}]}, "by rag_documents"),
    ("rag", {**RAG, "rag_expect_pattern": "("}, "by rag_expect_pattern"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("playbook", "variables", "message"),
    [*BAD_INPUTS, *(pytest.param(*each, marks=pytest.mark.full) for each in MORE_BAD_INPUTS)],
)
def test_bad_input_fails_before_anything_is_sent(
    play: Play, playbook: str, variables: dict[str, Any], message: str
) -> None:
    """The trust of the endpoint is the first write of a role."""
    cluster = FakeCluster(trusted=())
    with serving(cluster) as url:
        done = play(playbook, url=url, **variables)
    assert (done.status, message in done.text) == (2, True), done.text
    assert cluster.exchanges == []


@pytest.mark.parametrize(("playbook", "variables"), [("ollama_chat", {}), ("agent", AGENT), ("rag", RAG)])
def test_the_first_check_warns_of_nothing_that_the_role_creates(
    play: Play, playbook: str, variables: dict[str, Any]
) -> None:
    documents = {"rag_documents": [{"id": 1, "text": "a"}], "rag_dimension": 3} if playbook == "rag" else {}
    cluster = FakeCluster(trusted=())
    with serving(cluster) as url:
        done = play(playbook, "--check", url=url, **variables, **documents)
    assert (done.status, "[WARNING]" in done.text) == (0, False), done.text
    assert cluster.writes == []


class TestNames:
    @pytest.mark.parametrize(
        ("playbook", "variables", "message"),
        [
            ("stack", {}, "Nothing is declared"),
            ("stack", {"stack_conectors": []}, "Did you mean 'stack_connectors'?"),
            ("stack", {"stack_prune": "managed"}, "stack_name must be set, because stack_prune=managed"),
            ("stack", {"stack_prune": "all", "stack_models": []}, "stack_prune_confirm must be the name of the cluster"),
            ("stack", {"stack_parallel": 0, "stack_models": []}, "stack_parallel must be 1 or more"),
            ("stack", {"stack_name": "a b", "stack_models": []}, "and begin with a letter or digit, as in a-b."),
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


class TestTheVariablesOfARole:
    """Messages of a role's tasks name its variables, where they name options that these set."""

    def test_of_a_stack(self, play: Play) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            done = play("stack", url=url, stack_models=[], stack_prune="all", stack_prune_confirm="another")
            assert "This role sets 'prune' by stack_prune, 'prune_confirm' by stack_prune_confirm." in done.text, (
                done.text
            )
            done = play("stack", url=url, stack_models=[{"name": "Chat", "conector": "Chat"}])
            assert "This role sets 'models' by stack_models." in done.text, done.text
        assert cluster.writes == []

    def test_of_a_chat_model(self, play: Play) -> None:
        cluster = FakeCluster()
        with serving(cluster) as url:
            keyed = {"ollama_chat_api_key": "first-key", "ollama_chat_model": "tiny"}
            assert play("ollama_chat", url=url, **keyed).status == 0
            done = play(
                "ollama_chat", url=url, **{**keyed, "ollama_chat_model": "big"}, ollama_chat_update_strategy="fail"
            )
        assert (done.status, "This role sets 'update_strategy' by ollama_chat_update_strategy" in done.text) == (
            2,
            True,
        ), done.text


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


def test_a_role_overlooks_no_refused_option(play: Play, tmp_path: Path) -> None:
    """A role continues after some failures, which it expects by their code."""
    cluster = FakeCluster(trusted=())
    text = """
- hosts: localhost
  gather_facts: false
  module_defaults:
    searchops.opensearch_ml.{module}: {timout: 30}
  roles:
    - role: searchops.opensearch_ml.ollama_chat
      ollama_chat_base_url: http://llm.test
      ollama_chat_model: tiny
"""
    for module in ("opensearch_cluster_setting", "ml_predict"):
        (tmp_path / "own.yml").write_text(text.replace("{module}", module))
        with serving(cluster) as url:
            done = play("./own.yml", url=url)
        assert done.status == 2, done.text
        assert "Unsupported parameters" in done.text


@pytest.mark.parametrize("wrong", [{"verify_parameters": {"Chat": "Say OK"}}, {"verify_wait_timeout": "30s"}])
def test_verify_shows_why_a_question_was_refused(play: Play, wrong: dict[str, Any]) -> None:
    with serving(FakeCluster()) as url:
        assert play("stack", url=url, **CHAT).status == 0
        assert "1 model answers" in play("verify", url=url, **CHAT).text
        done = play("verify", url=url, **CHAT, **wrong)
    assert done.status == 2, done.text
    assert re.search(r"Chat does not answer: .*unable to convert to (dict|float)", done.text)
