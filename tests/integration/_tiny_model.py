# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tiny model on its servers, and what it answers with a tool or with reasoning (containers/chat_model/questions.yml)."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Iterator

import requests

from ansible_collections.searchops.opensearch_ml.tests.integration._registry import URL
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import VLLM, Cluster, index_of, secret, until

#: Provider -> the address of its server as the nodes see it.
SERVERS = {"ollama": "http://ollama:11434", "llama_cpp": "http://llama-cpp:8080", "vllm": VLLM}

#: A question that the model answers from the result of ListIndexTool, and the answers by the state of the index.
HEALTHY = "Is the index healthy?"
HEALTH = {"green": "Yes, its state is green.", "yellow": "No, its state is yellow: a copy of its data is missing."}

#: A question that the model answers with reasoning.
PRIME = "Is 7 a prime number?"
REASONING, PRIME_ANSWER = "No number between 1 and 7 divides 7.", "Yes, 7 is a prime number."


def options(provider: str, **more: Any) -> dict[str, Any]:
    """The options of ml_connector for the tiny model on a server."""
    given = {"provider": provider, "base_url": SERVERS[provider], "model": "tiny-chat"}
    if provider == "vllm":
        given = {**given, "api_key": secret("VLLM_KEY", "vllm_key"), "update_credential": "when_changed"}
    return {**given, **more}


class Index:
    """An index on a server with a single node, so that it is yellow with a replica, and green without."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster, self.name = cluster, index_of(name)
        cluster.must("PUT", f"/{self.name}", {"settings": {"number_of_replicas": 0}})
        self.tool = {"type": "ListIndexTool", "parameters": {"indices": json.dumps([self.name])}}

    def become(self, state: str) -> None:
        replicas = {"green": 0, "yellow": 1}[state]
        self.cluster.must("PUT", f"/{self.name}/_settings", {"number_of_replicas": replicas})
        until(lambda: self._state() == state, f"{self.name} to be {state}")

    def _state(self) -> str:
        return str(self.cluster.must("GET", f"/_cluster/health/{self.name}")["status"])


@contextlib.contextmanager
def without_tools(name: str) -> Iterator[str]:
    """The tiny model on Ollama with a template that has no tools; yields its name."""
    model = name.replace(" ", "-")
    body = {"from": "tiny-chat", "template": "<|user|> {{ .Prompt }}<|answer|>", "stream": False}
    requests.post(f"{URL}/api/create", json={"model": model, **body}, timeout=60).raise_for_status()
    try:
        yield model
    finally:
        requests.delete(f"{URL}/api/delete", json={"model": model}, timeout=60).raise_for_status()
