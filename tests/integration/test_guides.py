# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs each command of the README and the guides that needs a cluster, as printed and in order.

The documents use invented addresses, models and keys. The tests replace them by those of the stack, both in the commands and in the
files that the reader creates.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._double import calls_tools
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guides import (
    FILES,
    ON_THE_STACK,
    ROOT,
    Command,
    blocks,
    commands,
    is_not_run,
    is_printed,
    texts,
)

#: The documents that a new user reads. The others run in `make test-full`; the tests of the playbooks run the same playbooks.
FIRST = ("README.md", "docs/guides/first_answer.md")

#: The beginnings of the names of all objects that the documents create.
NAMES = ("House", "Index assistant", "Ollama chat", "rag-house")
#: The answer of a useful model from documents; the stack's tiny model answers differently.
ANSWERS = ("The office is open from nine to five.",)
#: The commands that a document expects to have been run before its first one.
BEFORE = {
    "docs/guides/key_rotation.md": [
        "ansible-playbook searchops.opensearch_ml.openai_chat -e openai_chat_base_url=http://gateway.example.internal:8080"
        " -e openai_chat_model=large -e \"openai_chat_name='House gateway'\" -e openai_chat_api_key=sk-of-the-gateway"
    ],
    "docs/guides/upgrading.md": ["ansible-playbook searchops.opensearch_ml.stack -e @stack.yml"],
}


class Reader:
    """Runs the commands of a document in a folder and an environment of its own."""

    def __init__(self, document: str, folder: Path, stack: dict[str, _stack.Cluster], caller: str) -> None:
        """``caller``: the URL of a server whose model calls tools."""
        plain, tls = stack["3.6.0"], stack["2.19.1-tls"]
        text = (ROOT / document).read_text(encoding="utf-8")
        user, password = tls.admin if "USERNAME=admin" in text else tls.user
        keys = _stack.gateway_keys()
        login = f"\n  username: {user}\n  password: {password}\n  ca_path: {tls.ca}"
        self.instead = {
            "[http://new.example.internal:9200]": f"[{tls.url}]{login}",
            "https://opensearch.example.internal:9200": tls.url,
            "https://opensearch-paris.example.internal:9200": tls.url,
            "http://opensearch.example.internal:9200": plain.url,
            "http://opensearch-berlin.example.internal:9200": plain.url,
            "/etc/ssl/opensearch-ca.pem": str(tls.ca),
            "PASSWORD='...'": f"PASSWORD='{password}'",
            "http://ollama.example.internal:11434": "http://ollama:11434",
            "http://llama.example.internal:8080": "http://llama-cpp:8080",
            "http://vllm.example.internal:8000": caller,
            "http://gateway.example.internal:8080": "http://gateway:8080",
            "qwen3:4b": "tiny-chat",
            "nomic-embed-text": "tiny-chat",
            "embedding_dimension: 768": "embedding_dimension: 96",
            "openai_chat_model=qwen3-4b": "openai_chat_model=tiny-chat",
            "openai_chat_model=large": "openai_chat_model=tiny-chat",
            "sk-of-the-gateway": keys[0],
            "sk-the-new-one": keys[1],
        }
        self.secrets = [*keys, password, tls.user[1]]
        self.folder = folder
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "dev/collections"),
            "ANSIBLE_NOCOLOR": "1",
            # The key of the inventory's second cluster.
            "PARIS_PASSWORD": tls.user[1],
        }
        for name in (FILES, document):
            for block in blocks(name):
                if block.file:
                    (folder / block.file).write_text(self.here(block.text))

    def here(self, text: str) -> str:
        for theirs, ours in self.instead.items():
            text = text.replace(theirs, ours)
        return text

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; what it exports is set for the next one."""
        done = subprocess.run(
            ["bash", "-c", f"{self.here(command)}\nstatus=$?\nenv -0 >environment\nexit $status"],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=240, check=False,
        )  # fmt: skip
        variables = (self.folder / "environment").read_text().split("\0")
        self.environment = dict(variable.split("=", 1) for variable in variables if variable)
        output = done.stdout + done.stderr
        for secret in self.secrets:
            assert secret not in output, f"{command} shows a secret"
        return done.returncode, output

    def follow(self, command: Command) -> str:
        """Run a command, which must end and print as the document shows."""
        status, output = self.run(command.text)
        fails = any('"code":' in line for line in command.printed)
        assert bool(status) is fails, f"{command.place}: {command.text}\n{output}"
        shown = [self.here(line) for line in command.printed]
        for answer in ANSWERS:
            shown = [line.replace(answer, "...") for line in shown]
        assert is_printed(shown, output), f"{command.place} shows {shown}, which was not printed:\n{output}"
        return output


def leftovers(clusters: list[_stack.Cluster]) -> list[Any]:
    """The objects on the cluster that the documents have created."""
    kinds = ("connectors", "models", "model_groups", "agents")
    return [
        found
        for cluster in clusters
        for name in NAMES
        for found in (
            *(item for kind in kinds for item in cluster.find(kind, {"prefix": {"name.keyword": name}})),
            *cluster.pipelines(name),
            *cluster.must("GET", f"/{name.lower().replace(' ', '-')}*"),
        )
    ]


@pytest.fixture
def clusters(
    request: pytest.FixtureRequest, document: str, cluster: _stack.Cluster, settings_restored: None
) -> Iterator[list[_stack.Cluster]]:
    """The clusters of the document, without its objects before and after the test."""
    text = (ROOT / document).read_text(encoding="utf-8")
    both = "-i inventory.yml" in text or "http://new.example" in text
    concerned = [cluster, request.getfixturevalue("other")] if both else [cluster]

    def remove() -> None:
        for each in concerned:
            for name in NAMES:
                each.remove(name)
            each.send("DELETE", "/rag-house")

    remove()
    yield concerned
    remove()


@pytest.fixture
def caller() -> Iterator[str]:
    with calls_tools() as server:
        yield server.url


@pytest.mark.parametrize(
    ("document", "cluster"),
    [
        pytest.param(document, server, marks=[] if document in FIRST else pytest.mark.full)
        for document, server in ON_THE_STACK.items()
    ],
    indirect=["cluster"],
)
def test_a_document(
    document: str, clusters: list[_stack.Cluster], stack: dict[str, _stack.Cluster], caller: str, tmp_path: Path
) -> None:
    reader = Reader(document, tmp_path, stack, caller)
    text = (ROOT / document).read_text(encoding="utf-8")
    printed = [
        (command, bool(re.search(r"second run|[Rr]un (it|the same line) again", block.section)))
        for block in blocks(document)
        for command in commands(block)
        if not is_not_run(command.text)
    ]
    # It defines the address of the cluster.
    reader.run(printed[0][0].text)
    for command in BEFORE.get(document, []):
        status, output = reader.run(command)
        assert status == 0, output
    for command, again in printed:
        before = leftovers(clusters)
        output = reader.follow(command)
        if "--check" in command.text:
            assert leftovers(clusters) == before, f"{command.place} has written"
        elif again and re.search(r"changed=[1-9]", output):
            counts = re.findall(r"changed=(\d+)", reader.follow(command))
            assert set(counts) == {"0"}, f"{command.place}: a second run changes something"
    if "## Remove it" in text:
        assert leftovers(clusters) == []


@pytest.mark.parametrize("document", ["README.md"])
@pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
def test_the_demo(document: str, clusters: list[_stack.Cluster]) -> None:
    """What `make demo` runs when the servers have started. It uses the server that the stack has by default."""
    [cluster] = clusters
    if cluster.url != "http://127.0.0.1:19200":
        pytest.skip("the demo runs on the servers of this machine only")
    done = subprocess.run(
        [ROOT / "dev/demo"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    [shown] = texts(document)
    assert is_printed(shown.splitlines(), output), f"{document} shows {shown}, which was not printed:\n{output}"
