# SPDX-License-Identifier: GPL-3.0-or-later
"""The README, the guides and the other documents: what they tell a reader to type, and the YAML that they show.

What needs a cluster is run as it is printed, by tests/integration/test_guides.py. Everything else is held against what it names here,
and a block that neither of the two knows how to hold is a failure.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml
from ansible.cli.galaxy import GalaxyCLI
from ansible.galaxy.dependency_resolution.versioning import meets_requirements
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.searchops.opensearch_ml.dev.site.catalogue import catalogue
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.declaration import (
    Declaration,
    Problem,
    parse_items,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.support import guides
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guides import ROOT, Block, Command
from ansible_collections.searchops.opensearch_ml.tests.unit.support.specs import argument_spec

OURS = "searchops.opensearch_ml."
MODULES = {path.stem for path in ROOT.glob("plugins/modules/*.py")}
ROLES = {path.parents[1].name for path in ROOT.glob("roles/*/meta/argument_specs.yml")}
PLAYBOOKS = {path.stem: path.read_text(encoding="utf-8") for path in ROOT.glob("playbooks/*.yml")}
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
COMMANDS = guides.all_commands()
EXAMPLES = [block for block in guides.all_blocks() if block.language == "yaml"]


def role_options(role: str) -> set[str]:
    specs = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8"))
    return set(specs["argument_specs"]["main"]["options"])


#: Those that all modules of the group take.
CONNECTION = set(connection.CLUSTER.options())
#: All that -e can set to any effect: what the playbooks look for and what the roles take.
VARIABLES = {
    *(option for role in ROLES for option in role_options(role)),
    *(name for text in PLAYBOOKS.values() for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text)),
}


class TestBlocks:
    def test_each_is_of_a_kind_that_is_tested(self) -> None:
        # A diagram is drawn, and so read, by `make docs`; text is what a program prints in the middle of its work, and a diff
        # what was done to the code for once.
        known = {"console", "bash", "yaml", "mermaid", "text", "diff"}
        assert [block.place for block in guides.all_blocks() if block.language not in known] == []

    def test_none_is_overlooked(self) -> None:
        for document in guides.DOCUMENTS:
            fences = re.findall(r"^ *```", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
            assert len(fences) == 2 * len(list(guides.blocks(document))), document

    def test_a_block_of_commands_has_some(self) -> None:
        for block in guides.all_blocks():
            if block.language in ("console", "bash"):
                assert list(guides.commands(block)), block.place


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.place} {command.text[:40]}")
def test_a_command_is_held(command: Command) -> None:
    program, *arguments = shlex.split(command.text)
    hold = HOLDS.get(program)
    assert hold, f"{command.place}: no test knows {program}"
    hold(command, arguments)


def hold_make(command: Command, arguments: list[str]) -> None:
    target, *more = arguments
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(target)}:.*## ", makefile, re.MULTILINE), f"{command.place}: no target {target}"
    for each in more:
        name, _equals, words = each.partition("=")
        assert name == "ARGS"
        for option in re.findall(r"--[a-z-]+", words):
            assert f'"{option}"' in "".join(path.read_text() for path in (ROOT / target).glob("*.py")), option


def hold_git(command: Command, arguments: list[str]) -> None:
    assert arguments == ["clone", GALAXY["repository"]]


def hold_cd(command: Command, arguments: list[str]) -> None:
    assert arguments == [GALAXY["repository"].rsplit("/", 1)[1]]


def hold_galaxy(command: Command, arguments: list[str]) -> None:
    """As the program itself reads it; what it would fetch is built and installed by `make install-check`."""
    GalaxyCLI(["ansible-galaxy", *arguments]).parse()
    named = [word for word in arguments if "." in word and not word.endswith(".yml")]
    assert set(named) <= {OURS.rstrip(".")}


def hold_export(command: Command, arguments: list[str]) -> None:
    document = (ROOT / command.place.partition(":")[0]).read_text(encoding="utf-8")
    known = re.findall(r"E\((\w+)\)", (ROOT / "plugins/doc_fragments/connection.py").read_text(encoding="utf-8"))
    for each in arguments:
        name = each.partition("=")[0]
        assert name in known or f"'{name}'" in document, f"{command.place}: nothing reads {name}"


def hold_on_the_stack(command: Command, arguments: list[str]) -> None:
    document = command.place.partition(":")[0]
    assert document in guides.ON_THE_STACK, f"{command.place}: no test runs it"
    # The last is written by a command.
    files = {block.file for name in (document, guides.FILES) for block in guides.blocks(name)} | {"before.yml"}
    for flag, value in zip(arguments, arguments[1:]):
        if flag == "-i":
            assert value in files, f"{command.place}: what {value} is, is not told"
        if flag == "-e":
            if value.startswith("@"):
                assert value[1:] in files, f"{command.place}: what {value} is, is not told"
                continue
            names = json.loads(value) if value.startswith("{") else [value.partition("=")[0]]
            assert set(names) <= VARIABLES, f"{command.place}: nothing reads {names}"


def hold_playbook(command: Command, arguments: list[str]) -> None:
    playbook = arguments[0]
    own = playbook.startswith(OURS)
    document = command.place.partition(":")[0]
    there = PLAYBOOKS if own else {block.file for block in guides.blocks(document)}
    assert playbook.removeprefix(OURS) in there, f"{command.place}: there is no playbook {playbook}"
    hold_on_the_stack(command, arguments)


def hold_ansible(command: Command, arguments: list[str]) -> None:
    assert arguments[:2] == ["localhost", "-m"]
    assert arguments[2].removeprefix(OURS) in MODULES
    hold_on_the_stack(command, arguments)


HOLDS = {
    "make": hold_make,
    "git": hold_git,
    "cd": hold_cd,
    "ansible-galaxy": hold_galaxy,
    "export": hold_export,
    "ansible-playbook": hold_playbook,
    "ansible": hold_ansible,
}


def test_what_runs_on_the_stack_has_something_to_run() -> None:
    needing = {command.place.partition(":")[0] for command in COMMANDS if not guides.without_a_cluster(command.text)}
    assert set(guides.ON_THE_STACK) == needing


def tasks_of(value: Any) -> Iterator[dict[str, Any]]:
    """All tasks in a play or a list of tasks, those in blocks included."""
    for entry in value if isinstance(value, list) else []:
        if "hosts" not in entry:
            yield entry
        for part in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from tasks_of(entry.get(part))


class TestExamples:
    def test_all_pass_ansibles_own_check(self, tmp_path: Path) -> None:
        """One run for all, as the start of Ansible takes longer than the check."""
        plays: list[Any] = []
        for block in EXAMPLES:
            shown = yaml.safe_load(block.text)
            if isinstance(shown, list):
                plays += shown if "hosts" in shown[0] else [{"hosts": "localhost", "tasks": shown}]
        assert len(plays) > 5
        (tmp_path / "plays.yml").write_text(yaml.safe_dump(plays))
        program = shutil.which("ansible-playbook", path=str(Path(sys.executable).parent)) or "ansible-playbook"
        done = subprocess.run(
            [program, "-i", "localhost,", "--syntax-check", str(tmp_path / "plays.yml")],
            # The groups are the reader's own, and ansible-test has made an unknown one an error.
            cwd=ROOT, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "ANSIBLE_HOST_PATTERN_MISMATCH": "ignore"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.place)
    def test_names_and_values_are_those_that_are_taken(self, block: Block) -> None:
        shown = yaml.safe_load(block.text)
        if isinstance(shown, list):
            for task in tasks_of(shown):
                self.check_task(block, task)
            return
        for name, value in shown.items():
            if name == "module_defaults":
                assert set(value["group/searchops.opensearch_ml.all"]) <= CONNECTION, block.place
            elif name == "collections":
                [ours] = value
                assert ours["name"] == OURS.rstrip(".")
                assert meets_requirements(GALAXY["version"], ours["version"]), "it would not get what it is about"
            elif name == "opensearch_clusters":
                for host in value["hosts"].values():
                    assert set(host["opensearch_connection"]) <= CONNECTION, block.place
            elif block.document == "CONTRIBUTING.md":
                sections = yaml.safe_load((ROOT / "changelogs/config.yaml").read_text(encoding="utf-8"))["sections"]
                assert name in dict(sections)
            else:
                assert name in VARIABLES, f"{block.place}: nothing reads {name}"

    def check_task(self, block: Block, task: dict[str, Any]) -> None:
        for name, given in task.items():
            if name == "ansible.builtin.include_role":
                role = given["name"].removeprefix(OURS)
                assert set(task.get("vars", {})) <= role_options(role), block.place
            if name.startswith(OURS):
                module = name.removeprefix(OURS)
                assert module in MODULES, f"{block.place}: there is no module {module}"
                assert ArgumentSpecValidator(argument_spec(module)).validate(given).error_messages == [], block.place

    def test_a_declaration_is_one(self) -> None:
        seen = 0
        for block in EXAMPLES:
            shown = yaml.safe_load(block.text)
            if isinstance(shown, dict) and "stack_models" in shown:
                seen += 1
                given = {name.removeprefix("stack_"): value for name, value in shown.items()}
                assert ArgumentSpecValidator(argument_spec("ml_stack")).validate(given).error_messages == []
                problems: list[Problem] = []
                declared = Declaration(parse_items(given, problems))
                assert [*problems, *declared.problems] == [], block.place
        assert seen


class TestCatalogue:
    def test_it_has_each_code_once_with_a_cause_and_its_remedy(self) -> None:
        rows = re.findall(
            r'^\| <span id="(\w+)"></span>`(\w+)` \| (.+) \| (.+) \|$', catalogue(ROOT / "plugins"), re.MULTILINE
        )
        assert [code for _anchor, code, _cause, _remedy in rows] == list(CATALOGUE)
        for anchor, code, cause, remedy in rows:
            assert anchor == code
            assert cause.strip()
            told = re.sub(r"</?em>", "", remedy.replace("\\", ""))
            assert told == re.sub(r"\{(\w+)\}", r"\1", CATALOGUE[code]).replace("\\", "")

    def test_causes_are_what_the_code_says(self) -> None:
        text = catalogue(ROOT / "plugins")
        assert "No host could be reached (<em>hosts</em>): <em>reason</em>" in text
        assert "OpenSearch says `models are still using this connector`" in text
        assert "OpenSearch says `state not recovered / initialized`<br>OpenSearch answers 503 |" in text
        assert "The backend answers 401 or 403" in text

    def test_a_code_that_nothing_raises_is_not_passed_over(self, tmp_path: Path) -> None:
        shutil.copytree(ROOT / "plugins/module_utils", tmp_path / "module_utils")
        errors = tmp_path / "module_utils/_errors/catalogue.py"
        errors.write_text(
            errors.read_text().replace("    # The rest\n", '    # The rest\n    "never_raised": "Nothing.",\n')
        )
        with pytest.raises(AssertionError, match="never_raised"):
            catalogue(tmp_path)
