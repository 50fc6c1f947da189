# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows for GitHub run the steps of `make test`; only those that publish may write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from nox import registry

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def jobs() -> dict[str, dict[str, Any]]:
    return {
        name: job
        for path in WORKFLOWS
        for name, job in yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].items()
    }


def rows() -> list[dict[str, str]]:
    return jobs()["checks"]["strategy"]["matrix"]["include"]


def test_they_run_the_steps_of_make_test(noxfile: Any) -> None:
    run = {name for row in rows() for name in row["sessions"].split()}
    run |= set(jobs()["servers"]["steps"][-1]["run"].rpartition("--session ")[2].split())
    assert {*noxfile.CHECKS, *noxfile.ON_SERVERS} <= run
    assert run <= set(registry.get())


def test_they_test_the_oldest_and_the_newest_python_of_each_ansible_core(noxfile: Any) -> None:
    for core, pythons in noxfile.CORES.items():
        minor = sorted({int(python.partition(".")[2]) for python in pythons})
        names = {f"unit-{core}", f"units-{core}"} | ({"unit", "coverage"} if core == "2.19" else set())
        tested = {row["python"] for row in rows() if names & set(row["sessions"].split())}
        assert {f"3.{minor[0]}", f"3.{minor[-1]}"} <= tested, core


#: What a job may write; all others only read.
WRITE = {
    "docs.yml publish": {"pages": "write", "id-token": "write"},
    "release.yml publish": {"contents": "write"},
}


def test_they_write_only_where_they_publish() -> None:
    writing = {}
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        for name, job in workflow["jobs"].items():
            assert job["timeout-minutes"], name
            if "permissions" in job:
                writing[f"{path.name} {name}"] = job["permissions"]
            for step in job["steps"]:
                if "actions/checkout" in step.get("uses", ""):
                    assert step["with"]["persist-credentials"] is False, name
    assert writing == WRITE


def test_actions_are_pinned_by_their_commits() -> None:
    """A tag can be moved to another commit. The comment has the version."""
    for path in WORKFLOWS:
        for used in re.findall(r"uses: (.+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", used), f"{path.name}: {used}"
