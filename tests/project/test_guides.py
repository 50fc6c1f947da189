# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands and the YAML in the README, the guides and the other documents.

tests/integration/test_guides.py runs the commands that need a cluster, as printed. The tests here check that what the other
commands and the YAML name exists, and fail for a block that no test covers.
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
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.utils.display import Display
from nox import registry

from ansible_collections.searchops.opensearch_ml.docs.site.stage import MARKER, catalogue
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import providers
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http import connection
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._runtime import run
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._stack.declaration import (
    Declaration,
    parse_items,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import FakeOllama
from ansible_collections.searchops.opensearch_ml.tests.unit.support import guides, harness, operations
from ansible_collections.searchops.opensearch_ml.tests.unit.support.action import run_action
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


#: The environment variables that all modules read.
ENVIRONMENT = re.findall(r"E\((\w+)\)", (ROOT / "plugins/doc_fragments/connection.py").read_text(encoding="utf-8"))
#: The variables of a task that shows its progress.
PROGRESS = {"inventory_hostname": "localhost", "opensearch_ml_progress": True}
#: Options that all modules of the action group have.
CONNECTION = set(connection.CLUSTER.options())
#: All variables that -e can set to any effect: those that the playbooks read and the inputs of the roles.
VARIABLES = {
    *(option for role in ROLES for option in role_options(role)),
    *(name for text in PLAYBOOKS.values() for name in re.findall(r"\b[a-z]+(?:_[a-z]+)+\b", text)),
    # The lookups read these.
    "opensearch_targets",
    "opensearch_ml_unrelated_variables",
}


class TestBlocks:
    def test_each_language_is_tested(self) -> None:
        # `dev/run nox -s docs` draws the diagrams.
        known = {"console", "bash", "yaml", "mermaid", "text"}
        assert [block.place for block in guides.all_blocks() if block.language not in known] == []

    def test_each_fence_belongs_to_a_block(self) -> None:
        for document in guides.DOCUMENTS:
            fences = re.findall(r"^ *```", (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
            assert len(fences) == 2 * len(list(guides.blocks(document))), document

    def test_a_block_of_commands_has_commands(self) -> None:
        for block in guides.all_blocks():
            if block.language in ("console", "bash"):
                assert list(guides.commands(block)), block.place

    def test_each_block_of_text_is_compared_by_a_test(self) -> None:
        shown = {document: len(guides.texts(document)) for document in guides.DOCUMENTS if guides.texts(document)}
        assert shown == {document: len(tests) for document, tests in guides.TEXTS.items()}
        for path, _colons, function in (test.partition("::") for tests in guides.TEXTS.values() for test in tests):
            assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}: no {function}"


class TestIsPrinted:
    OUTPUT = "TASK [a] *****\nok: [x]\nid: 7f3, 12 s\n\nTASK [b] *****\nok: [x]"

    @pytest.mark.parametrize(
        "shown",
        [
            ["TASK [a] ********", "ok: [x]"],
            ["id: ..., 12 s"],
            ["...", "TASK [b] *", "ok: [x]"],
            ["ok: [x]", "...", "TASK [b]"],
            [],
        ],
    )
    def test_what_was_printed(self, shown: list[str]) -> None:
        assert guides.is_printed(shown, self.OUTPUT)

    @pytest.mark.parametrize(
        "shown", [["TASK [c]"], ["TASK [b]", "...", "TASK [a]"], ["TASK [a]", "id: ..."], ["id: ..., 13 s"], ["k: [x]"]]
    )
    def test_what_was_not_printed(self, shown: list[str]) -> None:
        assert not guides.is_printed(shown, self.OUTPUT)


def test_each_command_runs_or_is_listed_with_a_reason() -> None:
    """Each command outside of the list needs a cluster, and tests/integration/test_guides.py runs it."""
    shown = {command.text for command in COMMANDS}
    within_text = {text for document in guides.FOR_USERS for text in guides.commands_in_prose(document)}
    assert within_text <= shown | set(guides.NOT_RUN) <= shown | within_text
    for command in COMMANDS:
        if guides.is_not_run(command.text):
            assert not command.printed, f"{command.place}: no test compares what {command.text} prints"
        else:
            assert command.text.split()[0] in ("export", "ansible", "ansible-playbook"), (
                f"{command.place}: {command.text}"
            )


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{command.place} {command.text[:40]}")
def test_what_a_command_names_exists(command: Command) -> None:
    program, *arguments = shlex.split(command.text)
    check = CHECKS.get(program)
    assert check, f"{command.place}: no test knows {program}"
    check(command, arguments)


def check_make(command: Command, arguments: list[str]) -> None:
    target, *more = arguments
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(target)}:.*## ", makefile, re.MULTILINE), f"{command.place}: no target {target}"
    assert all(each.startswith("ARGS=") for each in more)


@pytest.mark.usefixtures("noxfile")
def test_each_session_that_a_text_names_exists() -> None:
    named = set()
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("bench/*.md"),
        *ROOT.glob("containers/*.md"),
    ]:
        named |= set(re.findall(r"nox -s ([\w.-]+)", path.read_text(encoding="utf-8")))
    assert {"lint", "docs"} <= named <= set(registry.get())


def check_run(command: Command, arguments: list[str]) -> None:
    """A command with the project's tools: a session with its options, or a program that another check knows."""
    program, *more = arguments
    if program != "nox":
        CHECKS[program](command, more)
    elif "--" in more:
        source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / more[1]).glob("*.py"))
        assert all(f'"{option}"' in source for option in more if re.fullmatch(r"--[a-z-]+", option))


def check_git(command: Command, arguments: list[str]) -> None:
    assert arguments == ["clone", GALAXY["repository"]]


def check_cd(command: Command, arguments: list[str]) -> None:
    assert arguments == [GALAXY["repository"].rsplit("/", 1)[1]]


def check_galaxy(command: Command, arguments: list[str]) -> None:
    """Let the program itself parse it; the session `install` builds and installs what the command would download."""
    GalaxyCLI(["ansible-galaxy", *arguments]).parse()
    named = [word for word in arguments if "." in word and not word.endswith(".yml")]
    archive = f"{GALAXY['namespace']}-{GALAXY['name']}-{GALAXY['version']}.tar.gz"
    assert set(named) <= {OURS.rstrip("."), f"git+{GALAXY['repository']}.git", archive}


def check_pip(command: Command, arguments: list[str]) -> None:
    assert arguments[0] == "install"
    assert set(arguments[1:]) <= {"ansible-core", "requests", "botocore"}


def check_export(command: Command, arguments: list[str]) -> None:
    document = (ROOT / command.place.partition(":")[0]).read_text(encoding="utf-8")
    for each in arguments:
        name = each.partition("=")[0]
        assert name in ENVIRONMENT or f"'{name}'" in document, f"{command.place}: nothing reads {name}"


def check_variables(command: Command, arguments: list[str]) -> None:
    document = command.place.partition(":")[0]
    assert document in guides.ON_THE_STACK or guides.is_not_run(command.text), f"{command.place}: no test runs it"
    # A command of a guide writes before.yml.
    files = {block.file for name in (document, guides.FILES) for block in guides.blocks(name)} | {"before.yml"}
    for flag, value in zip(arguments, arguments[1:]):
        if flag == "-i":
            assert value in files, f"{command.place}: the document does not show {value}"
        if flag == "-e":
            if value.startswith("@"):
                assert value[1:] in files, f"{command.place}: the document does not show {value}"
                continue
            names = json.loads(value) if value.startswith("{") else [value.partition("=")[0]]
            assert set(names) <= VARIABLES, f"{command.place}: nothing reads {names}"


def check_playbook(command: Command, arguments: list[str]) -> None:
    playbook = arguments[0]
    own = playbook.startswith(OURS)
    document = command.place.partition(":")[0]
    known = PLAYBOOKS if own else {block.file for block in guides.blocks(document)}
    assert playbook.removeprefix(OURS) in known, f"{command.place}: no playbook {playbook}"
    check_variables(command, arguments)


def check_ansible(command: Command, arguments: list[str]) -> None:
    assert arguments[:2] == ["localhost", "-m"]
    assert arguments[2].removeprefix(OURS) in MODULES
    check_variables(command, arguments)


def check_builder(command: Command, arguments: list[str]) -> None:
    verb, *more = arguments
    assert (verb, more[0]) == ("build", "-f")
    assert (ROOT / more[1]).is_file()
    assert more[3].endswith(f":{GALAXY['version']}")


def check_keytool(command: Command, arguments: list[str]) -> None:
    assert arguments[0] == "-importcert"


CHECKS = {
    "make": check_make,
    "dev/run": check_run,
    "git": check_git,
    "cd": check_cd,
    "ansible-galaxy": check_galaxy,
    "export": check_export,
    "pip": check_pip,
    "ansible-playbook": check_playbook,
    "ansible": check_ansible,
    "ansible-builder": check_builder,
    "keytool": check_keytool,
}


def test_the_documents_that_need_a_cluster_are_listed() -> None:
    needing = {command.place.partition(":")[0] for command in COMMANDS if not guides.is_not_run(command.text)}
    assert set(guides.ON_THE_STACK) == needing


def tasks_of(value: Any) -> Iterator[dict[str, Any]]:
    """All tasks in a play or a list of tasks, those in blocks included."""
    for entry in value if isinstance(value, list) else []:
        if "hosts" not in entry:
            yield entry
        for part in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from tasks_of(entry.get(part))


class TestTexts:
    """The blocks of text are what a program prints or sends."""

    @pytest.fixture
    def displayed(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        lines: list[str] = []
        monkeypatch.setattr(Display, "display", lambda self, msg, *args, **more: lines.append(msg))
        monkeypatch.setattr(run, "PROGRESS_INTERVAL", 0.0)
        return lines

    def test_the_body_of_an_agent(self) -> None:
        [shown] = guides.texts("docs/guides/agent.md")
        assert shown.strip() == providers.CAPABILITIES["agent"].request_body

    def test_the_warning_of_an_unknown_key(self) -> None:
        """Ansible breaks the line as wide as the terminal is."""
        cluster = FakeCluster()
        of_another_program = {**operations.KEYED, "name": "House gateway", "update_credential": "on_create"}
        connector_id = harness.execute(cluster, "ml_connector", **of_another_program)["connector_id"]
        result = harness.execute(cluster, "ml_connector", **{**of_another_program, "update_credential": "when_changed"})
        [shown] = guides.texts("docs/guides/key_rotation.md")
        shown = re.sub(r"\(\w+\)", f"({connector_id})", " ".join(shown.split()), count=1)
        assert guides.is_printed([shown], f"[WARNING]: {result['warnings'][0]}")

    def test_the_progress_of_a_pull(self, displayed: list[str]) -> None:
        server = FakeOllama()
        file = {"status": "pulling 3e4cb1417446", "digest": "sha256:3e4c", "completed": 1204.3e6, "total": 2497.3e6}
        server.overrides["/api/pull"] = [file, {"status": "success"}]
        task, line = guides.texts("docs/where_tasks_run.md")[0].splitlines()
        assert task.startswith("TASK [")
        with harness.patched(server, [], False):
            run_action("ollama_model", {**harness.server_of("ollama_model"), "name": "qwen3:4b"}, PROGRESS)
        # The time of the double stands still.
        assert line.replace("(25 s)", "(0 s)") in displayed

    def test_the_line_of_a_retry(self, displayed: list[str]) -> None:
        cluster = FakeCluster()
        for number in range(3):
            cluster.inject("unavailable", number)
        with harness.patched(cluster, [], False):
            run_action("ml_connector_info", harness.server_of("ml_connector_info"), PROGRESS)
        assert guides.texts("docs/where_tasks_run.md")[1].strip() in displayed


class TestExamples:
    def test_all_pass_ansibles_syntax_check(self, tmp_path: Path) -> None:
        """One run for all examples: the start of Ansible takes longer than the check."""
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
            # The groups are the reader's own; ansible-test turns an unknown group into an error.
            cwd=ROOT, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, check=False,
            env={**os.environ, "ANSIBLE_HOST_PATTERN_MISMATCH": "ignore"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("block", EXAMPLES, ids=lambda block: block.place)
    def test_names_and_values_are_accepted(self, block: Block) -> None:
        shown = yaml.safe_load(block.text)
        if isinstance(shown, list):
            for task in tasks_of(shown):
                self.check_task(block, task)
            return
        for name, value in shown.items():
            if name == "module_defaults":
                assert set(value["group/searchops.opensearch_ml.all"]) <= CONNECTION, block.place
            elif name == "apiVersion":
                self.check_manifest(shown)
                return
            elif name == "collections":
                [ours] = value
                assert ours == {"name": f"{GALAXY['repository']}.git", "type": "git", "version": GALAXY["version"]}
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
                assert module in MODULES, f"{block.place}: no module {module}"
                assert ArgumentSpecValidator(argument_spec(module)).validate(given or {}).error_messages == [], (
                    block.place
                )

    def check_manifest(self, manifest: dict[str, Any]) -> None:
        """A Job runs a playbook of the collection, with an environment that the modules read and files that are mounted."""
        [container] = manifest["spec"]["template"]["spec"]["containers"]
        program, playbook, *arguments = container["command"]
        assert program == "ansible-playbook"
        assert playbook.removeprefix(OURS) in PLAYBOOKS
        assert {variable["name"] for variable in container["env"]} - {"HOME"} <= set(ENVIRONMENT)
        files = [value.removeprefix("@") for value in arguments if value.startswith("@")]
        files += [variable["value"] for variable in container["env"] if variable["name"].endswith("_PATH")]
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert {volume["name"] for volume in manifest["spec"]["template"]["spec"]["volumes"]} == set(mounted)
        assert {str(Path(file).parent) for file in files} == set(mounted.values())

    def test_declarations_are_valid(self) -> None:
        seen = 0
        for block in EXAMPLES:
            shown = yaml.safe_load(block.text)
            if isinstance(shown, dict) and "stack_models" in shown:
                seen += 1
                given = {name.removeprefix("stack_"): value for name, value in shown.items()}
                assert ArgumentSpecValidator(argument_spec("ml_stack")).validate(given).error_messages == []
                # Ansible fills templates in before the module sees them.
                parsed = parse_items(json.loads(re.sub(r"\{\{.*?\}\}", "http://filled/.*", json.dumps(given))))
                assert [*parsed.problems, *Declaration(parsed.items).problems] == [], block.place
        assert seen


class TestCatalogue:
    def test_each_code_has_one_row_with_cause_and_remedy(self) -> None:
        rows = re.findall(r'^\| <span id="(\w+)"></span>`(\w+)` \| (.+) \| (.+) \|$', catalogue(), re.MULTILINE)
        assert [code for _anchor, code, _cause, _remedy in rows] == list(CATALOGUE)
        for anchor, code, cause, remedy in rows:
            assert anchor == code
            assert cause.replace("\\", "") == CATALOGUE[code].cause
            # A name in braces is in italics on the page.
            shown = CATALOGUE[code].remedy or "Correct what the message names."
            assert re.sub(r"<em>(\w+)</em>", r"{\1}", remedy.replace("\\", "")) == shown

    def test_markdown_is_escaped(self) -> None:
        assert r"such as \<YOUR KEY>" in catalogue()
        assert r"Set 'ca\_path', or" in catalogue()

    def test_the_page_has_the_line_that_the_catalogue_follows(self) -> None:
        assert (ROOT / "docs/guides/failures.md").read_text(encoding="utf-8").count(f"\n{MARKER}\n") == 1
