# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of `make test` and `make test-full`, and their order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "dev/test"

# ansible-test gets only the unit tests.
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="the script does not exist")

ALL = re.findall(r"^all=\((.*)\)$", SCRIPT.read_text(), re.MULTILINE)[0].split() if SCRIPT.is_file() else []


@pytest.fixture
def steps(tmp_path: Path):
    """Runs a copy of dev/test whose targets only print their names; returns these names, and whether it succeeded."""
    (tmp_path / "dev").mkdir()
    for path in (SCRIPT, ROOT / "dev/lib.sh"):
        shutil.copy(path, tmp_path / "dev")
    (tmp_path / "dev/run").write_text("#!/bin/sh\necho 1 0 0\n")
    (tmp_path / "dev/run").chmod(0o755)
    (tmp_path / "Makefile").write_text("%:\n\t@echo did $@; test $@ != broken\n")

    def run(*arguments: str) -> tuple[list[str], bool]:
        done = subprocess.run(
            [str(tmp_path / "dev/test"), *arguments], capture_output=True, text=True, timeout=60, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )  # fmt: skip
        return re.findall(r"^did (\S+)$", done.stdout, re.MULTILINE), done.returncode == 0

    return run


def test_steps_and_their_order(steps) -> None:
    targets = re.findall(r"^([\w-]+): ", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"unit", "lint", "build", "sanity", "integration", "molecule"} <= set(ALL) <= set(targets)
    assert steps() == (ALL, True)
    assert steps("lint", "unit") == (["lint", "unit"], True)
    assert steps("--and", "matrix", "other") == ([*ALL, "matrix", "other"], True)


def test_it_stops_at_the_first_failure(steps) -> None:
    assert steps("lint", "broken", "unit") == (["lint", "broken"], False)


def test_the_full_test_runs_each_matrix() -> None:
    text = (ROOT / "Makefile").read_text()
    (matrices,) = re.findall(r"^MATRICES := (.+)$", text, re.MULTILINE)
    shown = subprocess.run(
        ["make", "--dry-run", "test-full"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert shown.stdout.strip() == f"dev/test --and {matrices}"
    for target in matrices.split():
        assert re.search(rf"^{target}: ## ", text, re.MULTILINE), target
