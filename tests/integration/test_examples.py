# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs each example: EXAMPLES of the modules and filters, and the YAML in the README, the guides and the READMEs of the roles.

test_guides.py runs the commands of the documents and the files that these use. The tests here run all other examples in
ansible-playbook, each task twice. Only addresses, names of backends' models, keys and files are replaced by those of the stack.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from pathlib import Path
from typing import Any, Iterator, Mapping

import pytest
import requests

from ansible_collections.searchops.opensearch_ml.tests.integration import _examples, _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._examples import Objects, Played, key_of, needs_of
from ansible_collections.searchops.opensearch_ml.tests.integration._registry import URL as OLLAMA
from ansible_collections.searchops.opensearch_ml.tests.integration._registry import Registry
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import KEYS, StackLock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import aws
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import Refused, prediction
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster_server import serving
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.newer_versions import PRIVATE_ENDPOINTS
from ansible_collections.searchops.opensearch_ml.tests.unit.support.examples import (
    OURS,
    Document,
    documents,
    load,
    module_of,
    options_of,
    role_of,
    tasks_of,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guides import ROOT

DOCUMENTS = documents()
GGUF = ROOT / "containers/ollama/tiny-chat.gguf"

PLAIN, SECURED = KEYS
FAKE, AMAZON = "a fake", "a fake of Amazon"
#: The documents and examples that do not run on all servers of the stack: where they run, and why.
ELSEWHERE = {
    "plugins/modules/ml_agent.py: Create an agent whose model calls tools as functions": (PLAIN, "it needs 3.0"),
    "plugins/modules/ml_memory_container.py": (PLAIN, "it needs 3.3"),
    "plugins/modules/ml_memory_container_info.py": (PLAIN, "it needs 3.3"),
    "plugins/modules/ml_tool_call_check.py: Check that the model calls tools": (PLAIN, "it needs 3.0"),
    "plugins/modules/ml_mcp_tool.py": (PLAIN, "it needs 3.1"),
    "plugins/modules/ml_mcp_tool_info.py": (PLAIN, "it needs 3.1"),
    "plugins/modules/ml_predict.py: Ask a model of embeddings as an ingest pipeline does": (
        FAKE,
        "it needs such a model",
    ),
    "plugins/modules/ml_predict.py: Ask a reranker as a search pipeline does": (FAKE, "it needs such a model"),
    "plugins/modules/ml_model_group.py: Create a group for two roles": (SECURED, "it needs the security plugin"),
    "docs/security.md block 1": (SECURED, "it needs the security plugin"),
    "plugins/filter/private_regex.py": (FAKE, "the setting exists from 3.7 on"),
    "plugins/filter/chat_tool_calls.py": (FAKE, "it needs a model that calls functions"),
    "docs/guides/failures.md block 1: Continue if only the backend is away": (FAKE, "it needs a backend that is away"),
    "docs/guides/amazon.md block 1": (AMAZON, "it needs Amazon OpenSearch Service"),
    "docs/guides/amazon.md block 2": (FAKE, "it needs a role of Amazon"),
}
#: The documents that no test here runs.
NOT_RUN = {
    "CONTRIBUTING.md block 1": "the fragment of a changelog, which tests/project checks",
    "docs/guides/kubernetes.md block 1": "a manifest, which tests/project checks",
    "docs/guides/kubernetes.md block 2": "it imports a playbook, which tests of the playbooks run",
    "docs/guides/many_clusters.md block 4": "variables that are not the collection's, see the tests of unknown_variables",
}
#: Examples that declare no state, so that each run changes something.
ALWAYS_CHANGE = {
    "plugins/modules/ml_model.py: Let the model use a pattern that was added to the trusted endpoints after it was deployed",
}

#: Hosts in examples that neither Ansible nor a server calls.
NOT_CALLED = {
    "api.openai.com",
    # The fake answers in its place.
    "bedrock-runtime.eu-central-1.amazonaws.com",
    # Only a filter reads it.
    "vllm.example.internal",
    "10.0.0.5",
}
#: Variables that the reader defines.
VARIABLES = {"llm_url": "http://10.0.0.5:11434", "vault_ml_password": "unused"}

#: Objects that examples need without naming them.
OBJECTS = {
    "plugins/filter/stack_filled.py": ("guarded_connector", "Gateway"),
    "plugins/modules/ml_dedupe.py": ("two_connectors", "Local chat"),
    "plugins/modules/ml_model_group_info.py": ("model_group", "Chat models"),
}

#: Files that examples name by src.
FILES = {
    "index_assistant.json": {
        "type": "conversational",
        "llm": {"model_id": "Other"},
        "tools": [{"type": "IndexMappingTool"}],
    },
    "passages.json": {"mappings": {"properties": {"text": {"type": "text"}}}},
    "files/answer.json": {"description": "Answers questions", "response_processors": []},
}

#: What runs with a block that has only module defaults.
FRAGMENT = [{"name": "module_defaults", f"{OURS}ml_connector_info": {}}]


def of(table: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """The entries of a table for a document or its examples."""
    return {key: value for key, value in table.items() if key.split(": ")[0] == document.place}


def calls_ollama(document: Document) -> bool:
    """Whether the examples manage a server of Ollama instead of a cluster."""
    content = load(document.text)
    return any(
        f"{module_of(task)}{role_of(task)}".startswith(("ollama_model", "ollama_server")) for task in tasks_of(content)
    )


def examples_of(document: Document) -> set[str]:
    """The examples with a name for the tables; a block that is no list is one example."""
    content = load(document.text)
    if isinstance(content, list):
        return {key_of(document, task) for task in tasks_of(content)}
    return {f"{document.place}: {'module_defaults' if 'module_defaults' in content else f'Apply {document.place}'}"}


def left_out(document: Document, place: str) -> set[str]:
    """The examples of a document that do not run at a place."""
    return {
        example
        for example in examples_of(document)
        for key, value in {**of(ELSEWHERE, document), **of(NOT_RUN, document)}.items()
        if example == key or example.startswith(f"{key}: ")
        if value[0] != place
    }


def rewritten(text: str, instead: Mapping[str, str]) -> str:
    """The text with the addresses, keys and files of the stack, in patterns too; no host may be unknown afterwards."""
    for theirs, ours in instead.items():
        text = text.replace(theirs, ours).replace(theirs.replace(".", r"\."), ours.replace(".", r"\."))
    for host in re.findall(r"https?://(\[?[\w.-]+)", text.replace("\\", "")):
        known = any(f"//{host}" in ours for ours in instead.values()) or host in NOT_CALLED
        assert known, f"no entry of the table replaces the host {host}"
    return text


class Bench:
    """Runs documents against one server. ``instead`` replaces what the examples invent."""

    def __init__(self, folder: Path, place: str, instead: Mapping[str, str]) -> None:
        self.folder = folder
        self.place = place
        self.instead = instead
        self.variables: dict[str, Any] = dict(VARIABLES)
        self.environment: dict[str, str] = {}
        self.may_fail: set[str] = set()

    def run(self, chosen: list[Document], defaults: Mapping[str, Any], before: _examples.Before) -> Played:
        plays = [
            play
            for document in chosen
            for play in _examples.plays_of(
                document, rewritten(document.text, self.instead), left_out(document, self.place), FRAGMENT
            )
        ]
        played = _examples.play(
            plays, self.folder, before, defaults, self.variables, self.environment, self.may_fail, ALWAYS_CHANGE
        )
        expected = {
            example for document in chosen for example in examples_of(document) - left_out(document, self.place)
        }
        missing = sorted(expected - played.done)
        assert not played.problems, "\n".join([*played.problems, str(self.folder / "output.txt")])
        assert not missing, f"did not run, or were skipped: {missing}; see {self.folder / 'output.txt'}"
        return played


def running_at(place: str) -> list[Document]:
    """The documents of which at least an example runs at this place instead of a server of the stack."""
    return [document for document in DOCUMENTS if place in {where for where, _why in of(ELSEWHERE, document).values()}]


def on_a_cluster() -> list[Document]:
    not_here = {*NOT_RUN, *(place for place, (where, _why) in ELSEWHERE.items() if where in (FAKE, AMAZON))}
    return [document for document in DOCUMENTS if document.place not in not_here and not calls_ollama(document)]


@pytest.mark.full_on(SECURED)
def test_on_a_server(cluster: Cluster, settings_restored: None, tmp_path: Path) -> None:
    key = _stack.gateway_keys()[0]
    new = FakeCluster()
    with serving(new) as new_url:
        run_on(cluster, tmp_path, new_url)
    copied = list(new.credentials.values()) == [{"api_key": key}]
    assert copied, "an example copies a connector without its key"


def run_on(cluster: Cluster, folder: Path, new_url: str) -> None:
    """Run the examples on a server; ``new_url`` is a cluster to which an example copies objects."""
    key = _stack.gateway_keys()[0]
    instead = {
        "http://ollama.example.internal:11434": "http://ollama:11434",
        "https://llm.example.com": "https://gateway:8443",
        "https://opensearch.example.internal:9200": cluster.url,
        "https://{{ inventory_hostname }}:9200": cluster.url,
        "https://new.example.internal:9200": new_url,
        "~/.ansible/collections/ansible_collections/searchops/opensearch_ml": str(ROOT),
        "/etc/ssl/opensearch-ca.pem": str(cluster.ca or "/etc/ssl/certs"),
        "model: qwen3:4b": "model: tiny-chat",
        "model: llama3.2": "model: tiny-chat",
        "model: large": "model: tiny-chat",
        "model: nomic-embed-text": "model: tiny-chat",
    }
    bench = Bench(folder, cluster.key, instead)
    for name in ("vault_openai_key", "vault_llm_key", "llm_key", "vault_key"):
        bench.variables[name] = key
    connection: dict[str, Any] = {"hosts": [cluster.url]}
    if cluster.admin and cluster.user:
        user, password = cluster.admin
        connection.update(username=user, password=password, ca_path=cluster.ca)
        bench.variables.update(
            vault_ml_password=cluster.user[1], cluster_admin=user, cluster_admin_password=password, cluster_ca_path=cluster.ca
        )  # fmt: skip
    bench.variables["opensearch_connection"] = connection
    blueprint = {**_stack.connector_body("A blueprint"), "credential": {"openAI_key": "<key>"}}
    (folder / "blueprints").mkdir()
    (folder / "blueprints/ollama_connector_chat.json").write_text(json.dumps(blueprint))
    (folder / "files").mkdir()
    for file, body in FILES.items():
        (folder / file).write_text(json.dumps(body))

    objects = Objects(cluster)
    by_host = {document.host: document for document in on_a_cluster()}

    def before(host: str) -> None:
        content = load(rewritten(by_host[host].text, instead))
        objects.prepare(*needs_of(content))
        trust = [*_stack.TRUST, r"^https://api\.openai\.com/.*$"]
        # With access control, the group that another document finds would be private.
        guarded = True if cluster.tls and by_host[host].place == "plugins/modules/ml_model_group.py" else None
        cluster.put_settings({_stack.TRUSTED: trust, _stack.PRIVATE_IP: True, _stack.ACCESS_CONTROL: guarded})
        if by_host[host].place in OBJECTS:
            kind, name = OBJECTS[by_host[host].place]
            objects.make(kind, name)

    try:
        played = bench.run(list(by_host.values()), {f"group/{OURS}all": connection}, before)
    finally:
        objects.remove()
    for document in by_host.values():
        for task in tasks_of(load(document.text)):
            if options_of(task).get("state") == "absent" and key_of(document, task) in played.changed:
                assert played.changed[key_of(document, task)], f"{key_of(document, task)} found nothing to delete"


@pytest.fixture
def registry() -> Iterator[Registry]:
    registry = Registry()
    yield registry
    registry.close()


def test_on_ollama(stack_lock: StackLock, registry: Registry, tmp_path: Path) -> None:
    """Alone: the requests of other tests would unload the models."""
    unique = f"it-{uuid.uuid4().hex[:10]}"
    model = registry.offer(unique, GGUF.read_bytes() + unique.encode(), {"num_ctx": 256})
    shutil.copy(GGUF, tmp_path / "model.gguf")
    instead = {
        "http://ollama.example.internal:11434": OLLAMA,
        "/srv/models/house-model.gguf": str(tmp_path / "model.gguf"),
        "qwen3:4b": model,
        "house-": f"{unique}-house-",
    }
    chosen = [document for document in DOCUMENTS if calls_ollama(document)]
    bench = Bench(tmp_path, "Ollama", instead)

    def clean() -> None:
        for each in requests.get(f"{OLLAMA}/api/tags", timeout=30).json()["models"]:
            if unique in each["name"]:
                requests.post(f"{OLLAMA}/api/generate", json={"model": each["name"], "keep_alive": 0}, timeout=60)
                requests.delete(f"{OLLAMA}/api/delete", json={"model": each["name"]}, timeout=30)

    def before(host: str) -> None:
        clean()
        for name in (f"{unique}-house-model:2025-10", f"{unique}-other"):
            requests.post(
                f"{OLLAMA}/api/create", json={"model": name, "from": "tiny-chat", "stream": False}, timeout=60
            )
        if host == "plugins_modules_ollama_model_info_py":
            requests.post(f"{OLLAMA}/api/generate", json={"model": f"{unique}-other"}, timeout=60)
        if host.startswith("roles"):
            # The example does not allow a registry without TLS, as that of the tests is.
            requests.post(f"{OLLAMA}/api/pull", json={"model": model, "insecure": True, "stream": False}, timeout=60)

    with stack_lock.alone():
        try:
            defaults = {f"group/{OURS}ollama": {"url": OLLAMA}, f"{OURS}ollama_model": {"insecure": True}}
            bench.run(chosen, defaults, before)
        finally:
            clean()


def test_on_a_fake(tmp_path: Path) -> None:
    """What the servers of the stack, or the one model that examples have there, cannot do: settings of 3.7, calls of functions,
    embeddings, a backend that is away."""
    double = FakeCluster("3.7.0")
    double.persistent[PRIVATE_ENDPOINTS] = [r"^http://(other|llm)\.test.*$"]
    for name in ("Local chat", "House chat", "Local embeddings", "Local reranker"):
        double.add_model(name, double.add_connector(name))

    def backend(connector: Mapping[str, Any], credential: object, parameters: object) -> dict[str, Any]:
        if connector["name"] == "House chat":
            raise Refused(500, "Error communicating with remote model: Connection refused: llm.test/10.0.0.1:8080")
        call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Bern"}'}}
        given = {"content": "Light scatters."} if "sky" in str(parameters) else {"content": None, "tool_calls": [call]}
        return prediction({"choices": [{"message": {"role": "assistant", **given}}]})

    double.backend = backend
    with serving(double) as url:
        instead = {"https://opensearch.example.internal:9200": url, "/etc/ssl/opensearch-ca.pem": "/etc/ssl/certs"}
        bench = Bench(tmp_path, FAKE, instead)
        bench.may_fail = {"docs/guides/failures.md block 1: Ask"}
        bench.run(running_at(FAKE), {f"group/{OURS}all": {"hosts": [url]}}, lambda host: None)


def test_on_amazon(tmp_path: Path) -> None:
    """The fake gateway recomputes the signature of each request."""
    key, secret = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    profile = f"[search]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"
    (tmp_path / "credentials").write_text(profile)
    with aws.gateway("es", key, secret) as gateway:
        bench = Bench(tmp_path, AMAZON, {"https://search-chat-abc.eu-central-1.es.amazonaws.com": gateway.url})
        bench.environment["AWS_SHARED_CREDENTIALS_FILE"] = str(tmp_path / "credentials")
        bench.run(running_at(AMAZON), {}, lambda host: None)
        assert gateway.seen


def test_each_example_runs_or_is_listed() -> None:
    """The tables name only existing documents and examples."""
    places = {document.place for document in DOCUMENTS}
    examples = {example for document in DOCUMENTS for example in examples_of(document)}
    assert set(ELSEWHERE) | set(NOT_RUN) | ALWAYS_CHANGE <= places | examples
    assert {where for where, _why in ELSEWHERE.values()} <= {*KEYS, FAKE, AMAZON}
    assert not set(ELSEWHERE) & set(NOT_RUN)
    for document in DOCUMENTS:
        names = [task.get("name") for task in tasks_of(load(document.text))]
        assert None not in names, f"{document.place}: each task needs a name"
        assert len(names) == len(set(names)), f"{document.place}: two tasks have the same name"


def test_an_unknown_host_is_noticed() -> None:
    table = {"http://ollama.example.internal:11434": "http://ollama:11434"}
    assert rewritten(r"^http://ollama\.example\.internal:11434/.*$", table) == "^http://ollama:11434/.*$"
    with pytest.raises(AssertionError, match=r"replaces the host elsewhere\.example\.com"):
        rewritten(r"^https://elsewhere\.example\.com/.*$", table)
