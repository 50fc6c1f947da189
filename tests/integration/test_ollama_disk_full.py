# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An Ollama for this test alone with a disk of 4 MB: the failures of a full disk."""

from __future__ import annotations

import os
import subprocess
import uuid
from pathlib import Path

import pytest
import requests

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._registry import Registry

GGUF = Path(__file__).parents[2] / "containers/ollama/tiny-chat.gguf"
TOO_LARGE = GGUF.read_bytes() + bytes(6_000_000)


def docker(*arguments):
    done = subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def url():
    name = f"it-{uuid.uuid4().hex[:10]}"
    image = os.environ.get("OLLAMA_IMAGE", "searchops-ml/ollama:0.17.4")
    docker(
        "run", "--detach", "--name", name, "--memory", "512m", "--publish", "127.0.0.1::11434",
        "--tmpfs", "/models:size=4m", "--env", "OLLAMA_MODELS=/models", "--env", "OLLAMA_HOST=0.0.0.0:11434", image,
    )  # fmt: skip
    try:
        url = f"http://{docker('port', name, '11434/tcp')}"
        _stack.until(lambda: answers(url), f"{url} to answer")
        yield url
    finally:
        docker("rm", "--force", "--volumes", name)


def answers(url):
    try:
        return requests.get(f"{url}/api/version", timeout=5).status_code == 200
    except requests.RequestException:
        return False


@pytest.fixture
def ollama(run_module, url):
    def run(**args):
        return run_module("ollama_model", {"url": url, "retries": 0, **args, "_ansible_diff": True})[0]

    return run


def is_full(result):
    assert result.get("failed"), result
    assert result["failure"]["code"] == "ollama_disk_full", result["msg"]
    assert "no space left on device" in result["msg"]
    assert "OLLAMA_MODELS" in result["failure"]["remedy"]
    return result["failure"]


def names(url):
    return [model["name"] for model in requests.get(f"{url}/api/tags", timeout=30).json()["models"]]


def test_existing_models_stay_usable_when_the_disk_is_full(ollama, url, tmp_path):
    assert ollama(name="small", from_file=str(GGUF))["changed"]
    file = tmp_path / "large.gguf"
    file.write_bytes(TOO_LARGE)
    is_full(ollama(name="large", from_file=str(file)))
    assert names(url) == ["small:latest"]
    assert not ollama(name="small", from_file=str(GGUF))["changed"]


def test_a_pull(ollama, url):
    registry = Registry()
    try:
        failure = is_full(ollama(name=registry.offer("large", TOO_LARGE, {}), insecure=True, wait_timeout=60))
    finally:
        registry.close()
    # The server reports it in a line of an answer with the status 200.
    assert failure["status"] == 200
    assert not [name for name in names(url) if "large" in name]
