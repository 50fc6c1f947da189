# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles in ansible-playbook processes against fake clusters, as no container of OpenSearch 3.7 exists."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import PRIVATE_ENDPOINTS

pytestmark = pytest.mark.without_the_stack

ROOT = Path(__file__).parents[2]
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"
PRIVATE_IP = "plugins.ml_commons.connector.private_ip_enabled"

#: A pattern of another user.
THEIRS = r"^http://other\.test/.*$"
CHAT = r"^http://llm\.test/v1/chat/completions$"
EMBED = r"^http://llm\.test/v1/embeddings$"
AS_WRITTEN = r"^http://llm\.test:80/v1/chat/completions$"

Play = Callable[..., tuple[str, int]]


@pytest.fixture
def double(request: pytest.FixtureRequest) -> FakeCluster:
    return FakeCluster(getattr(request, "param", "3.7.0"), trusted=())


@pytest.fixture
def play(double: FakeCluster, tmp_path: Path) -> Iterator[Play]:
    """Runs tasks on the fake cluster; returns the output and the number of changes."""
    with serving(double) as url:

        def run(tasks: list[dict[str, Any]], *arguments: str, fails: bool = False) -> tuple[str, int]:
            connection = {"group/searchops.opensearch_ml.all": {"hosts": [url]}}
            book = {"hosts": "localhost", "gather_facts": False, "module_defaults": connection, "tasks": tasks}
            (tmp_path / "play.json").write_text(json.dumps([{"name": "Play", **book}]))
            done = subprocess.run(
                [str(Path(sys.executable).parent / "ansible-playbook"), str(tmp_path / "play.json"), *arguments],
                cwd=ROOT, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL, check=False,
                env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            )  # fmt: skip
            text = done.stdout + done.stderr
            assert (done.returncode != 0) is fails, text
            return text, int(re.findall(r"changed=(\d+)", text)[-1])

        yield run


def chat(**inputs: Any) -> list[dict[str, Any]]:
    """The role openai_chat. Its URL has the default port, which the server's HTTP client drops."""
    given = {"openai_chat_base_url": "http://llm.test:80", "openai_chat_model": "tiny", **inputs}
    return [
        {
            "name": "Chat",
            "ansible.builtin.include_role": {"name": "searchops.opensearch_ml.openai_chat"},
            "vars": given,
        }
    ]


def test_a_cluster_that_permits_some_private_addresses(double: FakeCluster, play: Play) -> None:
    double.persistent[PRIVATE_ENDPOINTS] = [THEIRS]
    _text, planned = play(chat(), "--check", "--diff")
    assert double.writes == []
    assert play(chat(), "--diff")[1] == planned
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS, CHAT]
    assert double.persistent[TRUSTED][-1] == AS_WRITTEN
    assert double.predictions

    sent = len(double.writes)
    assert play(chat())[1] == 0
    assert len(double.writes) == sent

    _text, planned = play(chat(openai_chat_state="absent"), "--check")
    assert len(double.writes) == sent
    assert play(chat(openai_chat_state="absent"))[1] == planned
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS]
    assert set(double.persistent) == {PRIVATE_ENDPOINTS}, "neither the list with its default nor the record stays"
    assert play(chat(openai_chat_state="absent"))[1] == 0


@pytest.mark.parametrize("double", ["3.7.0", pytest.param("3.6.0", marks=pytest.mark.full)], indirect=True)
def test_an_empty_list_stays_empty(double: FakeCluster, play: Play) -> None:
    """A first pattern would exclude all other private backends. 3.6 has no such list, and refuses the setting."""
    play(chat())
    play(chat(openai_chat_state="absent"))
    assert PRIVATE_ENDPOINTS not in double.persistent
    assert PRIVATE_ENDPOINTS not in str([exchange.body for exchange in double.writes])


def test_the_last_pattern_is_not_removed(double: FakeCluster, play: Play) -> None:
    """Without a pattern the server would call every private address."""
    double.persistent[PRIVATE_ENDPOINTS] = [CHAT]
    play(chat())
    play(chat(openai_chat_state="absent"))
    assert double.persistent[PRIVATE_ENDPOINTS] == [CHAT]
    assert double.connectors == {}


def test_the_pattern_of_another_connector_is_kept(double: FakeCluster, play: Play) -> None:
    double.persistent[PRIVATE_ENDPOINTS] = [THEIRS]
    play(chat(openai_chat_trust="catch_all"))
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS, CHAT], "a catch-all is for the trusted list alone"
    action = {"action_type": "predict", "method": "POST", "url": "http://llm.test/v1/chat/completions"}
    double.add_connector("Another connector", actions=[action])
    play(chat(openai_chat_trust="catch_all", openai_chat_state="absent"))
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS, CHAT]
    assert double.persistent[PRIVATE_IP] == "true"


@pytest.mark.parametrize("inputs", [{"openai_chat_trust": "skip"}, {"openai_chat_allow_private": "never"}], ids=str)
def test_a_list_that_must_not_be_changed(double: FakeCluster, play: Play, inputs: dict[str, str]) -> None:
    double.persistent.update({PRIVATE_ENDPOINTS: [THEIRS], TRUSTED: [AS_WRITTEN]})
    text, _changed = play(chat(**inputs), fails=True)
    assert "private_endpoint_refused" in text
    assert f"Append an exact pattern for the URL to {PRIVATE_ENDPOINTS}" in text
    play(chat(**inputs, openai_chat_state="absent"))
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS]


def deploy_before_trust(double: FakeCluster, name: str, url: str) -> None:
    """A model that was deployed when its endpoint was not trusted, as on a cluster that was upgraded to 3.7."""
    model_id = next(key for key, model in double.models.items() if model["name"] == name)
    body = {"persistent": {TRUSTED: [THEIRS]}}
    double.call("PUT", "/_cluster/settings", body)
    double.call("POST", f"{ML}/models/{model_id}/_undeploy")
    double.call("POST", f"{ML}/models/{model_id}/_deploy")
    for _read in range(4):
        double.call("GET", f"{ML}/models/{model_id}")
    assert url not in double.persistent[TRUSTED]


@pytest.mark.parametrize("private", [[], [THEIRS]], ids=["any private address", "some private addresses"])
def test_trust_after_the_deployment(double: FakeCluster, play: Play, private: list[str]) -> None:
    """The role reloads the model once, without an interruption."""
    double.persistent[PRIVATE_ENDPOINTS] = private
    play(chat())
    double.persistent[PRIVATE_ENDPOINTS] = private
    deploy_before_trust(double, "OpenAI chat", AS_WRITTEN)
    double.exchanges.clear()
    double.predictions.clear()
    assert play(chat())[1] == 2, "the settings and the reload"
    assert len(double.predictions) == 1
    paths = [exchange.path.rsplit("/", 1)[-1] for exchange in double.writes]
    assert "_undeploy" not in paths
    assert "_deploy" not in paths
    assert play(chat())[1] == 0


def test_an_endpoint_that_is_not_trusted_fails_once(double: FakeCluster, play: Play) -> None:
    """The role does not reload a model if it does not manage the list."""
    play(chat())
    deploy_before_trust(double, "OpenAI chat", AS_WRITTEN)
    double.exchanges.clear()
    text, _changed = play(chat(openai_chat_trust="skip"), fails=True)
    assert "untrusted_endpoint" in text
    assert "reload: true" in text
    assert double.writes == []


def test_the_endpoints_of_other_connectors(double: FakeCluster, play: Play) -> None:
    """As the role rag does it for its second connector."""
    double.persistent[PRIVATE_ENDPOINTS] = [THEIRS]
    urls = ["http://llm.test/v1/chat/completions", "http://llm.test/v1/embeddings", "https://8.8.8.8/v1/embeddings"]

    def step(name: str) -> list[dict[str, Any]]:
        role = {"name": "searchops.opensearch_ml.openai_chat", "tasks_from": name}
        return [{"name": name, "ansible.builtin.include_role": role, "vars": {"openai_chat_endpoints": urls}}]

    assert play(step("trust"))[1] == 1
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS, CHAT, EMBED]
    assert double.persistent[TRUSTED][-3:] == [CHAT, EMBED, r"^https://8\.8\.8\.8/v1/embeddings$"]
    assert play(step("trust"))[1] == 0
    assert play(step("untrust"))[1] == 1
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS]
    assert PRIVATE_IP not in double.persistent


def test_an_interrupted_run_leaves_nothing_behind(double: FakeCluster, play: Play) -> None:
    """It was interrupted between the trust and the connector, and the next run has another URL, or removes."""
    for state in ("present", "absent"):
        double.fail_next("POST", "/connectors/_create", "error")
        play(chat(openai_chat_base_url="http://typo.test"), fails=True)
        assert "typo" in str(double.persistent[TRUSTED])
        play(chat(openai_chat_state=state))
        assert "typo" not in str(double.persistent)
    assert double.persistent == {}


def test_roles_that_share_an_address(double: FakeCluster, play: Play) -> None:
    """The first one adds the trust, the last one removes it."""
    play(chat(openai_chat_name="One"))
    assert play(chat(openai_chat_name="Two"))[1] == 2
    text, _changed = play(chat(openai_chat_name="One", openai_chat_state="absent"))
    assert "connector 'Two' calls its URL" in re.sub(r"\s+", " ", text)
    assert double.persistent[TRUSTED][-1] == AS_WRITTEN
    assert double.persistent[PRIVATE_IP] == "true"
    play(chat(openai_chat_name="Two", openai_chat_state="absent"))
    assert double.persistent == {}


def test_the_summary_of_a_removal(double: FakeCluster, play: Play) -> None:
    double.persistent[PRIVATE_IP] = "true"
    play(chat())
    shown = [{"name": "Fact", "ansible.builtin.debug": {"msg": "{{ openai_chat_removal | to_json }}"}}]
    removed = [
        "model OpenAI chat", "model group OpenAI chat", "connector OpenAI chat", f"trusted pattern {AS_WRITTEN}",
    ]  # fmt: skip
    for arguments, verb in ((["--check"], "Would remove: "), ([], "Removed: ")):
        text, _changed = play([*chat(openai_chat_state="absent"), *shown], *arguments)
        for what in removed:
            assert f"{verb}{what}" in text.replace("\\\\", "\\")
        assert f"Stays: {PRIVATE_IP}, because it was set before, by another program" in text
    assert double.persistent == {PRIVATE_IP: "true"}


@pytest.mark.full
def test_both_connectors_of_the_role_rag(double: FakeCluster, play: Play) -> None:
    double.persistent[PRIVATE_ENDPOINTS] = [THEIRS]
    given = {"rag_base_url": "http://llm.test", "rag_model": "tiny", "rag_embedding_model": "tiny", "rag_dimension": 96}

    def rag(state: str) -> list[dict[str, Any]]:
        role = {"name": "searchops.opensearch_ml.rag"}
        return [{"name": "RAG", "ansible.builtin.include_role": role, "vars": {**given, "rag_state": state}}]

    play(rag("present"))
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS, CHAT, EMBED]
    assert play(rag("present"))[1] == 0
    for name, pattern in (("RAG embeddings", EMBED), ("RAG", CHAT)):
        deploy_before_trust(double, name, pattern)
    play(rag("present"))
    assert play(rag("present"))[1] == 0
    sent = len(double.writes)
    _text, planned = play(rag("absent"), "--check")
    assert len(double.writes) == sent
    assert play(rag("absent"))[1] == planned
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS]
    assert PRIVATE_IP not in double.persistent
    assert (double.connectors, double.models, double.groups) == ({}, {}, {})


@pytest.mark.full
def test_the_former_trust_of_a_removed_connector_goes_as_well(double: FakeCluster, play: Play) -> None:
    """The second connector found the trust that was added for the first one."""
    double.persistent[PRIVATE_ENDPOINTS] = [THEIRS]
    for name in ("First", "Second"):
        play(chat(openai_chat_name=name))
    play(chat(openai_chat_name="First", openai_chat_state="absent"))
    assert double.persistent[TRUSTED][-1] == AS_WRITTEN

    now = chat(openai_chat_name="Second", openai_chat_base_url="https://8.8.8.8")
    assert play(now, "--check")[1] == play(now)[1]
    assert double.persistent[PRIVATE_ENDPOINTS] == [THEIRS]
    assert double.persistent[TRUSTED][-1] == r"^https://8\.8\.8\.8/v1/chat/completions$"
    assert AS_WRITTEN not in double.persistent[TRUSTED]
    assert PRIVATE_IP not in double.persistent
    assert play(now)[1] == 0


@pytest.mark.full
def test_from_an_exact_pattern_to_a_catch_all(double: FakeCluster, play: Play) -> None:
    play(chat())
    for trust, pattern, former in (("catch_all", ".*$", AS_WRITTEN), ("exact", AS_WRITTEN, ".*$")):
        now = chat(openai_chat_trust=trust)
        assert play(now, "--check")[1] == play(now)[1] == 2
        assert pattern in double.persistent[TRUSTED]
        assert former not in double.persistent[TRUSTED]
        assert play(now)[1] == 0


def test_a_connector_of_another_program_is_removed(double: FakeCluster, play: Play) -> None:
    """Its URL takes the host from a parameter, so that it has no trusted pattern."""
    action = {"action_type": "predict", "method": "POST", "url": "https://${parameters.host}/v1"}
    double.persistent[TRUSTED] = [r"^https://\$\{parameters\.host\}/.*$"]
    double.add_connector("OpenAI chat", actions=[action])
    play(chat(openai_chat_state="absent"))
    assert double.connectors == {}
