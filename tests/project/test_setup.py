# SPDX-License-Identifier: GPL-3.0-or-later
"""The developers' environments: pinned with hashes, and either complete or absent."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# ansible-test gets only the unit tests.
pytestmark = pytest.mark.skipif(not (ROOT / "dev/setup").is_file(), reason="the scripts do not exist")

REQUIREMENTS = sorted([*ROOT.glob("dev/requirements*.in"), *ROOT.glob("bench/*.in"), *ROOT.glob("containers/**/*.in")])
#: A requirement on one joined line: name==version, an optional condition, and the hashes.
PINNED = re.compile(r"[\w.-]+(\[[\w,-]+\])?==[\w.]+( ; [^#]+?)?( --hash=sha256:[0-9a-f]{64})+")
#: A call of an installer with its arguments.
INSTALLER = re.compile(r"\bpip (?:install|download)\b[^\n|;&]*")


def joined(text: str) -> list[str]:
    """The lines without comments, continued lines joined."""
    lines = re.sub(r"\s*\\\n\s*", " ", text).splitlines()
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def scripts() -> list[Path]:
    """All files that may contain commands that run on a developer's machine."""
    folders = ("dev", ".ci", "containers", "bench", "molecule", "tests")
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()]
    data = {".txt", ".in", ".gguf", ".pyc"}
    return [
        ROOT / "Makefile",
        *(path for path in found if path.suffix not in data and path != Path(__file__).resolve()),
    ]


def installs(path: Path) -> list[str]:
    """The calls of an installer in a script."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".py" or text.startswith("#!/usr/bin/env python3"):
        lists = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.List)]
        words = [[str(each.value) for each in node.elts if isinstance(each, ast.Constant)] for node in lists]
        return [call for each in words for call in INSTALLER.findall(" ".join(each).replace("-m ", ""))]
    return [call for line in joined(text) for call in INSTALLER.findall(line)]


@pytest.mark.parametrize("source", REQUIREMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_requirements_are_pinned_with_hashes(source: Path) -> None:
    pinned = joined(source.with_suffix(".txt").read_text(encoding="utf-8"))
    assert [line for line in pinned if not PINNED.fullmatch(line.split("  #")[0])] == []
    names = {re.split(r"[=\[ ]", line)[0] for line in pinned}
    required = {re.split(r"[=<>\[ ;]", line)[0].lower() for line in joined(source.read_text(encoding="utf-8"))}
    assert required
    assert required <= names
    renewed = re.findall(r"^pin(?:_pip \w+| [\d.]+) (\S+)", (ROOT / "dev/lock").read_text(), re.MULTILINE)
    assert source.relative_to(ROOT).with_suffix("").as_posix().removesuffix("-pip") in renewed


def test_the_oldest_ansible_core_is_the_required_one() -> None:
    promised = re.search(r'^requires_ansible: ">=(.+)"$', (ROOT / "meta/runtime.yml").read_text(), re.MULTILINE)[1]
    cores = {
        profile: re.search(
            r"^ansible-core==([\d.]+)", (ROOT / f"dev/requirements{profile}.txt").read_text(), re.MULTILINE
        )[1]
        for profile in ("-oldest", "", "-recent", "-newest")
    }
    assert cores["-oldest"] == promised
    versions = [[int(part) for part in version.split(".")] for version in cores.values()]
    assert versions == sorted(versions)


def test_a_requirement_without_a_hash_is_found() -> None:
    hashed = "a-b[c]==1.0 ; python_version < '3' --hash=sha256:" + "0" * 64
    assert PINNED.fullmatch(hashed)
    for wrong in ("a", "a==1.0", "a>=1.0 --hash=sha256:" + "0" * 64, "a==1.0 --hash=md5:0", "git+https://a/b"):
        assert not PINNED.fullmatch(wrong)


def test_the_packages_of_the_browser_are_pinned_with_hashes() -> None:
    folder = ROOT / "tests/browser"
    required = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert {name.removeprefix("node_modules/"): each["version"] for name, each in locked.items() if name} == required
    assert all(re.fullmatch(r"sha512-[\w+/=]{88}", each["integrity"]) for name, each in locked.items() if name)
    # npm downloads from the developer's registry, and runs no script of a package while it installs.
    assert not any("resolved" in each for each in locked.values())
    calls = [
        line for line in joined((ROOT / "dev/browser").read_text(encoding="utf-8")) if re.search(r"\bnpm (?!>)", line)
    ]
    assert [call for call in calls if "npm ci" in call and "--ignore-scripts" in call] == calls[-1:]


def test_nothing_is_installed_without_its_hash() -> None:
    calls = {str(path.relative_to(ROOT)): found for path in scripts() if (found := installs(path))}
    # The search must find the calls that exist today.
    assert {"dev/setup", "dev/lib.sh", "dev/sanity", "containers/build"} <= set(calls)
    assert {path: [call for call in found if "--require-hashes" not in call] for path, found in calls.items()} == {
        path: [] for path in calls
    }


def test_a_call_without_hashes_is_found(tmp_path: Path) -> None:
    shell, python = tmp_path / "shell", tmp_path / "call.py"
    shell.write_text('#!/bin/sh\n"$tools/uv" pip install --quiet \\\n    thing\n# pip install this\n')
    python.write_text('run([python, "-m", "pip", "download", "-q", "thing"])\n')
    assert installs(shell) == ["pip install --quiet thing"]
    assert installs(python) == ["pip download -q thing"]


def test_each_download_of_the_images_has_a_checksum() -> None:
    lines = joined((ROOT / "containers/checksums.txt").read_text())
    assert lines
    assert [line for line in lines if not re.match(r"([0-9a-f]{64} (maven|pypi) |h1:[\w+/]{43}= go )\S+$", line)] == []


#: Replaces python, its venvs, pip and uv. FAILS names the step that fails; with DIES that step kills the setup.
FAKE = r"""#!/bin/bash
step() {
    [ "$FAILS" = "$1" ] || return 0
    [ -z "$DIES" ] || kill -KILL "$PPID"
    exit 1
}
case "$*" in
    *sys.executable*) echo "$0" ;;
    *version_info*) echo 3.11 ;;
    "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; cp "$0" "$3/bin/uv"; cp "$0" "$3/bin/pip"; step venv ;;
    "venv "*) venv=${*: -1}; mkdir -p "$venv/bin"; cp "$0" "$venv/bin/python" ;;
    "-m pip install "*) step bootstrap ;;
    "pip install "*) step install ;;
    "-m pip download "*) step collections ;;
    "- "*) mkdir -p "$3" ;;
esac
"""


class TestSetup:
    @pytest.fixture
    def setup(self, tmp_path: Path):
        """Runs a copy of dev/setup in which all programs that it calls are replaced; returns whether it succeeded."""
        programs = tmp_path / "programs"
        programs.mkdir()
        (programs / "python3.11").write_text(FAKE)
        (programs / "python3.11").chmod(0o755)
        (tmp_path / "repo/dev").mkdir(parents=True)
        for path in [ROOT / "dev/setup", ROOT / "dev/lib.sh", *ROOT.glob("dev/requirements*.txt")]:
            shutil.copy(path, tmp_path / "repo/dev")

        def run(fails: str = "", dies: str = "") -> bool:
            done = subprocess.run(
                [str(tmp_path / "repo/dev/setup")], capture_output=True, text=True, timeout=60, check=False,
                env={
                    "PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(tmp_path), "FAILS": fails, "DIES": dies,
                    "OPENSEARCH_ML_CACHE": str(tmp_path / "cache"),
                },
            )  # fmt: skip
            return done.returncode == 0

        return run

    def test_it_creates_what_is_missing(self, setup, tmp_path: Path) -> None:
        assert setup()
        assert (tmp_path / "repo/.cache/venv/.complete").exists()
        # The second run calls none of them.
        for step in ("venv", "bootstrap", "install", "collections"):
            assert setup(step)

    @pytest.mark.parametrize("dies", ["", "yes"], ids=["fails", "is killed"])
    @pytest.mark.parametrize("step", ["venv", "bootstrap", "install", "collections"])
    def test_an_incomplete_environment_is_created_again(self, setup, tmp_path: Path, step: str, dies: str) -> None:
        for _count in range(2):
            assert not setup(step, dies)
            assert not (tmp_path / "repo/.cache/venv").exists()
        assert setup()
        assert (tmp_path / "repo/.cache/venv/.complete").exists()
