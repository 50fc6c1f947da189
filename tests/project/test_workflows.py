# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows for GitHub run the steps of `make test`, and only existing targets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))

# ansible-test gets only the unit tests.
pytestmark = pytest.mark.skipif(not (ROOT / "dev/test").is_file(), reason="only the unit tests exist")


def jobs() -> dict[str, dict[str, Any]]:
    return {
        name: job
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
    }


def targets() -> set[str]:
    """The make targets that the jobs run, including those of a matrix."""
    found = set()
    for job in jobs().values():
        for step in job["steps"]:
            for target in re.findall(r"make (\S+)", step.get("run", "")):
                several = job.get("strategy", {}).get("matrix", {}).get("include", [])
                found |= {row["target"] for row in several} if target == '"$TARGET"' else {target}
    return found


def test_each_target_is_in_the_makefile() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert targets() - known == set()


def test_they_run_the_steps_of_make_test() -> None:
    steps = re.search(r"^all=\((.*)\)$", (ROOT / "dev/test").read_text(encoding="utf-8"), re.MULTILINE)[1].split()
    assert set(steps) - targets() == set()


def test_they_cannot_write() -> None:
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}
    for name, job in jobs().items():
        assert "permissions" not in job, name
        assert job["timeout-minutes"], name
        for step in job["steps"]:
            assert "actions/checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] is False, name


def test_they_test_the_oldest_and_the_newest_python() -> None:
    """Of the interpreters that dev/lib.sh accepts for a target."""
    text = (ROOT / "dev/lib.sh").read_text(encoding="utf-8")
    include = jobs()["unit"]["strategy"]["matrix"]["include"]
    for function, target in (("default", "unit"), ("default", "unit-oldest"), ("newest", "unit-newest")):
        versions = re.search(rf"^{function}_python\(\) {{ first_interpreter ([\d. ]+);", text, re.MULTILINE)[1].split()
        versions.sort(key=lambda version: int(version.partition(".")[2]))
        assert [row["python"] for row in include if row["target"] == target] == [versions[0], versions[-1]]
