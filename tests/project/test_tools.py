# SPDX-License-Identifier: GPL-3.0-or-later
"""The developers' tools: what is downloaded is pinned with its hash, and `make test` stops at the first failure."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tomllib

ROOT = Path(__file__).resolve().parents[2]
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]


def test_the_oldest_ansible_core_is_the_required_one() -> None:
    promised = re.search(r'^requires_ansible: ">=(.+)"$', (ROOT / "meta/runtime.yml").read_text(), re.MULTILINE)[1]
    locked = [package["version"] for package in LOCK if package["name"] == "ansible-core"]
    assert promised == min(locked, key=lambda version: [int(part) for part in version.split(".")])


def test_every_package_has_its_hash() -> None:
    packages = [package for package in LOCK if "registry" in package["source"]]
    assert len(packages) == len(LOCK) - 1
    for package in packages:
        files = [*package.get("wheels", []), *filter(None, [package.get("sdist")])]
        assert files
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"]) for file in files), package["name"]


def test_the_packages_of_the_browser_have_their_hashes() -> None:
    folder = ROOT / "tests/browser"
    required = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert {name.removeprefix("node_modules/"): each["version"] for name, each in locked.items() if name} == required
    assert all(re.fullmatch(r"sha512-[\w+/=]{88}", each["integrity"]) for name, each in locked.items() if name)
    # npm downloads from the developer's registry.
    assert not any("resolved" in each for each in locked.values())


def test_each_download_of_the_images_has_a_checksum() -> None:
    lines = [line for line in (ROOT / "containers/checksums.txt").read_text().splitlines() if line[:1] not in ("", "#")]
    assert lines
    assert [line for line in lines if not re.match(r"([0-9a-f]{64} (maven|pypi) |h1:[\w+/]{43}= go )\S+$", line)] == []


def test_the_model_for_vllm_is_made_of_that_for_ollama() -> None:
    config = json.loads((ROOT / "containers/vllm/model/config.json").read_text(encoding="utf-8"))
    source = (ROOT / "containers/ollama/tiny-chat.gguf").read_bytes()
    assert config["source_sha256"] == hashlib.sha256(source).hexdigest()


class TestSteps:
    @pytest.fixture
    def run(self, noxfile: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        """Runs steps whose processes only fail or not; returns these, in order, and what was reported as failed."""
        started: list[str] = []

        def process(command: list[str], **_options: Any) -> SimpleNamespace:
            started.append(command[-1])
            return SimpleNamespace(returncode=int("broken" in command[-1]), stdout="")

        monkeypatch.setattr(noxfile, "RESULTS", tmp_path / "results")
        monkeypatch.setattr(noxfile.subprocess, "run", process)

        def steps(checks: list[str], on_servers: list[str]) -> tuple[list[str], list[str]]:
            errors: list[str] = []
            started.clear()
            noxfile.run_steps(SimpleNamespace(error=errors.append), checks, on_servers)
            return started, errors

        return steps

    def test_all_are_run(self, run, tmp_path: Path) -> None:
        started, errors = run(["a", "b", "c"], ["d"])
        # Two run at a time, and those on servers last.
        assert (sorted(started), started[-1], errors) == (["a", "b", "c", "d"], "d", [])
        assert (tmp_path / "results/total").read_text() == "4 passed, 0 failed\n"

    def test_it_stops_at_the_first_failure(self, run, tmp_path: Path) -> None:
        started, errors = run(["a", "broken"], ["d"])
        assert (sorted(started), errors) == (["a", "broken"], ["failed: broken"])
        assert (tmp_path / "results/total").read_text() == "1 passed, 1 failed\n"

    def test_a_missing_python_is_no_success(self, run, noxfile: Any, monkeypatch, capsys, tmp_path: Path) -> None:
        monkeypatch.setitem(noxfile.CORES, "9.9", ("3.99",))
        assert run(["a", "sanity-9.9"], []) == (["a"], [])
        assert "skipped: no Python 3.99" in capsys.readouterr().out
        assert (tmp_path / "results/total").read_text() == "1 passed, 0 failed\n"

    def test_make_test_full_runs_everything(self, noxfile: Any) -> None:
        assert set(noxfile.CHECKS) <= set(noxfile.FULL_CHECKS)
        for kind in ("units", "imports", "sanity"):
            assert {f"{kind}-{core}" for core in noxfile.CORES} <= set(noxfile.FULL_CHECKS)
        assert {"install", "molecule", "integration-full", "faults", "concurrency"} <= set(noxfile.FULL_ON_SERVERS)
