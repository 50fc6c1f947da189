# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""containers/build pulls images from a real engine's registry. The registry has images of the stack under the official names.

An image is offered without its labels, and Ollama's without the model, as the official one is.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Iterator

import pytest
import requests

from ansible_collections.searchops.opensearch_ml.tests.integration._image_registry import ImageRegistry
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import until
from ansible_collections.searchops.opensearch_ml.tests.unit.support.repository_script import load

pytestmark = pytest.mark.without_the_stack

ROOT = Path(__file__).resolve().parents[2]
GATEWAY = os.environ.get("GATEWAY_IMAGE", "searchops-ml/gateway:1")
OLLAMA_SERVER = os.environ.get("OLLAMA_IMAGE", "searchops-ml/ollama:0.17.4")
NGINX = "library/nginx:1.28.0"
OLLAMA = "ollama/ollama:0.17.4"


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def images(part: str) -> set[str]:
    return {name for name in docker("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines() if part in name}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ImageRegistry]:
    registry = ImageRegistry(tmp_path)
    yield registry
    registry.close()
    shutil.rmtree(tmp_path)
    for image in images(registry.address):
        docker("rmi", image)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Runs containers/build; returns its output. Its images have names of their own, so the stack's stay as they are."""
    module = load("containers/build")
    monkeypatch.setattr(module, "PREFIX", f"it-{uuid.uuid4().hex[:10]}")
    # Never build: that takes minutes.
    monkeypatch.setenv("STACK_IMAGES", "official")
    for name in ("OLLAMA_IMAGE", "GATEWAY_IMAGE"):
        monkeypatch.delenv(name, raising=False)

    def run(registry: str, *names: str) -> str:
        monkeypatch.setenv("STACK_REGISTRY", registry)
        monkeypatch.setattr(sys, "argv", ["build", *names])
        module.main()
        return capfd.readouterr().out

    run.module = module  # type: ignore[attr-defined]
    yield run
    for image in images(module.PREFIX):
        docker("rmi", image)


def without_label(config: dict[str, Any], _layers: list[str]) -> None:
    del config["config"]["Labels"]


def without_model(config: dict[str, Any], layers: list[str]) -> None:
    """Leave out the two layers of the model, and the history, whose entries must fit the layers."""
    without_label(config, layers)
    del layers[-2:], config["rootfs"]["diff_ids"][-2:], config["history"]


def test_images_are_pulled_once_and_run(build, registry) -> None:
    registry.offer(NGINX, GATEWAY, without_label)
    registry.offer(OLLAMA, OLLAMA_SERVER, without_model)
    output = build(registry.address, "gateway", "ollama")
    assert f"gateway: {registry.address}/{NGINX} is used" in output
    assert f"ollama 0.17.4: {registry.address}/{OLLAMA} is used" in output
    docker("run", "--rm", f"{build.module.PREFIX}/gateway:1", "nginx", "-v")
    answers_with_the_tiny_model(f"{build.module.PREFIX}/ollama:0.17.4")
    registry.requests.clear()
    output = build(registry.address, "gateway", "ollama")
    assert output.count("up to date, it is") == 2
    assert registry.requests == []


def answers_with_the_tiny_model(image: str) -> None:
    """Start the image as containers/up.yml does, create the model and ask it."""
    name = f"it-{uuid.uuid4().hex[:10]}"
    docker(
        "run", "--detach", "--name", name, "--publish", "127.0.0.1::11434", "--env", "OLLAMA_HOST=0.0.0.0:11434",
        "--volume", f"{ROOT}/containers/ollama:/tiny-chat:ro", image,
    )  # fmt: skip
    try:
        url = f"http://{docker('port', name, '11434/tcp')}"
        until(lambda: answers(url), f"{url} to answer")
        assert requests.get(f"{url}/api/tags", timeout=30).json()["models"] == []
        docker("exec", name, "ollama", "create", "tiny-chat", "-f", "/tiny-chat/Modelfile")
        question = {"model": "tiny-chat", "messages": [{"role": "user", "content": "Ping"}]}
        answer = requests.post(f"{url}/v1/chat/completions", json=question, timeout=60).json()
        assert answer["choices"][0]["message"]["content"]
    finally:
        docker("rm", "--force", "--volumes", name)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/version", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def test_an_image_that_the_registry_lacks(build, registry) -> None:
    with pytest.raises(build.module.Failure, match=f"{NGINX} could not be pulled: .*manifest unknown"):
        build(registry.address, "gateway")
    assert build.module.unavailable == {}


def test_a_registry_that_is_not_there(build) -> None:
    with pytest.raises(build.module.Failure, match="connection refused"):
        build("127.0.0.1:9", "gateway")
    assert list(build.module.unavailable) == ["127.0.0.1:9"]


def test_a_registry_that_does_not_answer(build, monkeypatch) -> None:
    monkeypatch.setattr(build.module, "ANSWER_SECONDS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(build.module.Failure, match=f"{address} did not answer within 1 s"):
            build(address, "gateway")
        assert time.monotonic() - started < 20
