# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows of a public forge: they run the steps of `make test`, and only targets that there are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))

# ansible-test is given the unit tests only.
pytestmark = pytest.mark.skipif(not (ROOT / "dev/test").is_file(), reason="nothing but the unit tests is there")


def jobs() -> dict[str, dict[str, Any]]:
    return {
        name: job
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
    }


def targets() -> set[str]:
    """What the jobs make, those of a matrix included."""
    found = set()
    for job in jobs().values():
        for step in job["steps"]:
            for target in re.findall(r"make (\S+)", step.get("run", "")):
                several = job.get("strategy", {}).get("matrix", {}).get("include", [])
                found |= {row["target"] for row in several} if target == '"$TARGET"' else {target}
    return found


def test_each_target_is_one_of_the_makefile() -> None:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert targets() - known == set()


def test_they_make_what_make_test_makes() -> None:
    steps = re.search(r"^all=\((.*)\)$", (ROOT / "dev/test").read_text(encoding="utf-8"), re.MULTILINE)[1].split()
    assert set(steps) - targets() == set()


def test_nothing_is_written_from_there() -> None:
    for path in WORKFLOWS:
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["permissions"] == {"contents": "read"}
    for name, job in jobs().items():
        assert "permissions" not in job, name
        assert job["timeout-minutes"], name
        for step in job["steps"]:
            assert "actions/checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] is False, name


def test_the_bounds_are_among_the_versions() -> None:
    """Of the interpreters that dev/lib.sh would take for a target, the oldest and the newest."""
    text = (ROOT / "dev/lib.sh").read_text(encoding="utf-8")
    include = jobs()["unit"]["strategy"]["matrix"]["include"]
    for function, target in (("default", "unit"), ("default", "unit-oldest"), ("newest", "unit-newest")):
        versions = re.search(rf"^{function}_python\(\) {{ first_interpreter ([\d. ]+);", text, re.MULTILINE)[1].split()
        versions.sort(key=lambda version: int(version.partition(".")[2]))
        assert [row["python"] for row in include if row["target"] == target] == [versions[0], versions[-1]]
