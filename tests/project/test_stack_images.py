# SPDX-License-Identifier: GPL-3.0-or-later
"""containers/build: which images it pulls, builds or leaves as they are. The engine is a double; no test pulls or builds."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.tests.unit.support.repository_script import load

ROOT = Path(__file__).resolve().parents[2]

NOT_REACHED = "Error response from daemon: lookup docker.io: no such host"
NOT_FOUND = "Error response from daemon: manifest for docker.io/x not found: manifest unknown"


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module, without what is set in the developer's environment."""
    for name in ("STACK_IMAGES", "STACK_REGISTRY", "OLLAMA_IMAGE", "GATEWAY_IMAGE", "LLAMA_CPP_IMAGE", "BASE_IMAGE"):
        monkeypatch.delenv(name, raising=False)
    return load("containers/build")


class Engine:
    """An engine with images, and registries with others; ``done`` has the pulls, tags and builds in their order."""

    def __init__(self, build: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.build = build
        self.ids: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        #: Why an image cannot be pulled, by a part of its name; the other images can.
        self.refused: dict[str, str] = {}
        self.done: list[str] = []
        monkeypatch.setattr(build, "ask", self._ask)
        monkeypatch.setattr(build, "run", self._run)
        monkeypatch.setattr(build.subprocess, "Popen", self._pull)
        for kind in (build.Image, build.Base):
            monkeypatch.setattr(kind, "build", lambda image, wanted: self._build(image, wanted))
        monkeypatch.setattr(build.Ollama, "start", lambda image: self.done.append("compile"))

    def main(self, *names: str) -> list[str]:
        self.done.clear()
        self.build.unavailable.clear()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(self.build.sys, "argv", ["build", *names])
            self.build.main()
        return self.done

    def _ask(self, command: list[str]) -> str | None:
        if command[:3] != ["docker", "image", "inspect"]:
            return "1"
        image, form = command[-1], command[-2]
        if image not in self.ids:
            return None
        return {"{{.Id}}": self.ids[image], "{{.Size}}": "1000000"}.get(form, self.labels.get(image, ""))

    def _run(self, command: list[str], _log: str) -> None:
        verb, source, target = command[1:]
        assert verb == "tag"
        self.done.append(f"tag {source}")
        self.ids[target] = self.ids[source]
        self.labels.pop(target, None)

    def _pull(self, command: list[str], **_options: Any) -> Any:
        image = command[-1]
        self.done.append(f"pull {image}")
        reason = next((why for part, why in self.refused.items() if part in image), None)
        if not reason:
            self.ids[image] = f"official {image}"
        return FakeProcess([reason or "Pulling"], int(bool(reason)))

    def _build(self, image: Any, wanted: str) -> None:
        self.done.append(f"build {image.name}")
        self.ids[image.built_name] = f"built {wanted}"
        self.labels[image.built_name] = wanted


class FakeProcess:
    def __init__(self, lines: list[str], code: int) -> None:
        self.stdout = lines
        self._code = code

    def wait(self) -> int:
        return self._code

    def kill(self) -> None:
        raise AssertionError("it has answered")


@pytest.fixture
def engine(build: Any, monkeypatch: pytest.MonkeyPatch) -> Engine:
    return Engine(build, monkeypatch)


OLLAMA = "docker.io/ollama/ollama:0.17.4"
NGINX = "docker.io/library/nginx:1.28.0"


def test_an_image_is_pulled_once(engine, capsys) -> None:
    assert engine.main("ollama") == [f"pull {OLLAMA}", f"tag {OLLAMA}"]
    assert f"[1/1] ollama 0.17.4: {OLLAMA} is used" in capsys.readouterr().out
    assert engine.main("ollama") == []
    assert f"up to date, it is {OLLAMA}" in capsys.readouterr().out


def test_images_are_built_where_no_registry_answers(engine, capsys) -> None:
    engine.refused = {"docker.io": NOT_REACHED}
    # One request for all images of a registry.
    assert engine.main("ollama", "gateway") == [
        f"pull {NGINX}",
        "compile",
        "build base",
        "build gateway",
        "build ollama",
    ]
    assert capsys.readouterr().out.count(NOT_REACHED) == 1
    # The next run does not ask again.
    assert engine.main("ollama", "gateway") == []


def test_an_image_that_its_registry_lacks_is_built(engine) -> None:
    engine.refused = {"nginx": NOT_FOUND}
    assert engine.main("ollama", "gateway") == [
        f"pull {NGINX}", f"pull {OLLAMA}", f"tag {OLLAMA}", "build base", "build gateway",
    ]  # fmt: skip


def test_registries_are_independent(engine) -> None:
    engine.refused = {"ghcr.io": NOT_REACHED}
    done = engine.main("llama-cpp", "gateway")
    assert [step for step in done if step.startswith(("tag", "build"))] == [
        f"tag {NGINX}",
        "build base",
        "build llama-cpp",
    ]


def test_a_built_image_stays_until_its_inputs_change(engine, monkeypatch) -> None:
    monkeypatch.setenv("STACK_IMAGES", "build")
    assert engine.main("gateway") == ["build base", "build gateway"]
    monkeypatch.delenv("STACK_IMAGES")
    assert engine.main("gateway") == []
    engine.labels = {}
    assert engine.main("gateway") == [f"pull {NGINX}", f"tag {NGINX}"]


def test_an_official_image_that_is_there_is_not_pulled(engine) -> None:
    engine.ids[NGINX] = "another tool pulled it"
    assert engine.main("gateway") == [f"tag {NGINX}"]


def test_the_choice_can_be_forced(engine, monkeypatch) -> None:
    engine.main("gateway")
    monkeypatch.setenv("STACK_IMAGES", "build")
    assert engine.main("gateway") == ["build base", "build gateway"]
    assert engine.main("gateway") == []
    monkeypatch.setenv("STACK_IMAGES", "official")
    assert engine.main("gateway") == [f"tag {NGINX}"]
    assert engine.main("gateway", "--force") == [f"pull {NGINX}", f"tag {NGINX}"]


def test_only_official_images_are_never_built(build, engine, monkeypatch) -> None:
    monkeypatch.setenv("STACK_IMAGES", "official")
    engine.refused = {"docker.io": NOT_REACHED}
    with pytest.raises(build.Failure, match=f"{NGINX} could not be pulled: {NOT_REACHED}. Set STACK_IMAGES=build"):
        engine.main("gateway")
    assert engine.done == [f"pull {NGINX}"]


def test_another_registry(engine, monkeypatch) -> None:
    monkeypatch.setenv("STACK_REGISTRY", "mirror.example.com/cache")
    done = engine.main()
    assert {step.split("/")[0] for step in done} == {"pull mirror.example.com", "tag mirror.example.com"}
    assert "pull mirror.example.com/cache/ggml-org/llama.cpp:server-b11459" in done


def test_a_wrong_choice_fails_before_anything_is_done(engine, monkeypatch, capsys) -> None:
    monkeypatch.setenv("STACK_IMAGES", "offical")
    with pytest.raises(SystemExit):
        engine.main("gateway")
    assert "STACK_IMAGES is offical; set it to one of auto, official, build" in capsys.readouterr().err
    assert engine.done == []


def test_an_image_that_its_variable_names_is_neither_pulled_again_nor_built(engine, monkeypatch) -> None:
    monkeypatch.setenv("GATEWAY_IMAGE", "mine:1")
    engine.ids["mine:1"] = "mine"
    assert engine.main("gateway") == []


def test_the_official_images_have_the_versions_of_the_built_ones(build) -> None:
    """The documentation and the containers name the versions of the images that are built."""
    names = {image.built_name: image.official for image in build.images() if image.official}
    for built, version in (
        ("opensearch", "3.6.0"),
        ("opensearch-tls", "2.19.1"),
        ("ollama", "0.17.4"),
        ("vllm", "0.32.0"),
    ):
        assert re.search(rf"[:v]{re.escape(version)}$", names[f"searchops-ml/{built}:{version}"])
    stack = str(yaml.safe_load((ROOT / "containers/stack.yml").read_text(encoding="utf-8")))
    assert [name for name in names if name not in stack] == []


class TestPull:
    """The requests to a registry, by a program in place of docker."""

    @pytest.fixture
    def docker(self, build: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        monkeypatch.setattr(build, "ANSWER_SECONDS", 0.5)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

        def program(script: str) -> None:
            file = tmp_path / "docker"
            file.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\n{script}\n")
            file.chmod(0o755)

        return program

    def test_a_registry_that_does_not_answer_is_given_up(self, build, docker, tmp_path: Path) -> None:
        docker("exec sleep 30")
        started = time.monotonic()
        assert build.pull("r.example.com/a:1") == "r.example.com did not answer within 0.5 s"
        assert time.monotonic() - started < 10
        assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
        docker("echo 1: Pulling from b")
        assert build.pull("r.example.com/b:1") == "r.example.com did not answer within 0.5 s"

    def test_a_download_may_take_longer(self, build, docker) -> None:
        docker("echo 1: Pulling from a; sleep 1.5; echo Digest: sha256:1")
        assert build.pull("r.example.com/a:1") is None

    def test_the_reason_is_the_last_line(self, build, docker) -> None:
        docker("echo 1: Pulling from a; echo toomanyrequests: limit reached >&2; exit 1")
        assert build.pull("r.example.com/a:1") == "toomanyrequests: limit reached"
