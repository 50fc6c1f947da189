# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts that appear in two places are the same in both."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.docs.site.stage import BLOB
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guides import DOCUMENTS, anchors, links

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/defaults/main.yml"))


def read(path: str) -> object:
    return yaml.safe_load((ROOT / path).read_text())


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_argument_specs(role: str) -> None:
    defaults = read(f"roles/{role}/defaults/main.yml")
    options = read(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert {name: option["default"] for name, option in options.items()} == defaults


@pytest.mark.parametrize("role", ROLES)
def test_inputs_and_internals_are_prefixed(role: str) -> None:
    assert all(name.startswith(f"{role}_") for name in read(f"roles/{role}/defaults/main.yml"))
    internals = f"roles/{role}/vars/main.yml"
    assert not (ROOT / internals).exists() or all(name.startswith(f"__{role}_") for name in read(internals))


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_of_a_role_has_each_input_with_its_default(role: str) -> None:
    text = (ROOT / f"roles/{role}/README.md").read_text()
    rows = [
        [cell.strip().strip("`") for cell in line.split("|")[1:3]]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    documented = dict(rows)
    defaults = read(f"roles/{role}/defaults/main.yml")
    assert documented.keys() == defaults.keys()
    for name, default in defaults.items():
        if isinstance(default, str) and "{{ __" in default:
            assert documented[name].startswith("as `"), name
        elif isinstance(default, str) and "{{" in default:
            assert documented[name] == "as `" + default.strip("{} "), name
        elif default is None:
            assert documented[name] == "", name
        else:
            assert documented[name] == (str(default).lower() if isinstance(default, bool) else str(default)), name


def test_the_contents_name_each_module_role_playbook_and_filter() -> None:
    table = (ROOT / "docs/contents.md").read_text()
    named = set(
        re.findall(r"`(\w+)`", "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("|")))
    )
    modules = {path.stem for path in ROOT.glob("plugins/modules/*.py")}
    filters = {path.stem for path in ROOT.glob("plugins/filter/*.py")}
    lookups = {path.stem for path in ROOT.glob("plugins/lookup/*.py")}
    playbooks = {path.stem for path in ROOT.glob("playbooks/*.yml")}
    assert named == modules | filters | lookups | playbooks | set(ROLES)
    assert set(re.findall(r"\(\.\./roles/(\w+)/README\.md\)", table)) == set(ROLES)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_link_leads_to_an_existing_file_and_heading(document: str) -> None:
    """Links out of the repository are not followed: a test must not need the network."""
    for target in links(document):
        path, _hash, heading = target.partition("#")
        found = (ROOT / document).parent / path if path else ROOT / document
        assert found.is_file(), f"{document}: {target}"
        assert not heading or heading in anchors(found), f"{document}: {target}"


def test_the_readme_and_the_site_link_to_each_guide() -> None:
    guides = {f"docs/guides/{path.name}" for path in ROOT.glob("docs/guides/*.md")}
    assert guides <= set(links("README.md"))
    index = (ROOT / "docs/site/index.md").read_text(encoding="utf-8")
    assert {f"{name}.md" for name in re.findall(r"^docs/guides/\w+$", index, re.MULTILINE)} == guides


def test_links_and_anchors_are_found() -> None:
    assert {"../security.md", "../../README.md#in-your-own-playbook"} <= set(links("docs/guides/own_cluster.md"))
    assert {"try-it", "what-it-changes-on-the-cluster"} <= set(anchors(ROOT / "README.md"))


def test_each_path_that_contributing_names_exists() -> None:
    """NAME stands for the name of a module."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith("."))
    named = set(re.findall(rf"`((?:{folders})/[^`\s]+)`", text))
    assert len(named) > 30
    assert [path for path in sorted(named) if not list(ROOT.glob(path.replace("NAME", "*")))] == []


#: Pages of others to which the README links.
PAGES = {
    "https://semver.org",
    "https://img.shields.io/badge/license-GPL--3.0--or--later-blue",
    "https://img.shields.io/badge/ansible--core-2.18%20to%202.21-blue",
    "https://forum.ansible.com/c/help/6",
    "https://forum.opensearch.org",
}


def test_the_links_of_the_readme_work_on_a_forge_and_on_galaxy() -> None:
    """Galaxy shows the README without the other files, so its links are absolute. Those to files are tested above."""
    galaxy = read("galaxy.yml")
    targets = re.findall(r"\]\(([^)\s]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [target for target in targets if not re.match("#|https://", target)] == []
    for target in targets:
        if target.startswith(f"{galaxy['repository']}/actions/workflows/"):
            workflow = target.removeprefix(f"{galaxy['repository']}/").removesuffix("/badge.svg")
            assert (ROOT / workflow.replace("actions", ".github", 1)).is_file(), target
        elif not target.startswith(("#", BLOB)):
            assert target in {galaxy["documentation"], galaxy["issues"], *PAGES}, target


def test_the_readme_is_short() -> None:
    """What is longer is a guide."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 180


def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


def test_each_promise_of_the_threat_model_names_existing_tests() -> None:
    text = (ROOT / "docs/threat_model.md").read_text()
    promises = text[text.index("## What is promised") : text.index("## What is not promised")]
    rows = [line.split("|")[1:3] for line in promises.splitlines() if line.startswith("| ")][1:]
    tests_of = {
        promise.strip(): re.findall(r"`((?:unit|project|integration)/\S+?\.py)::(test_\w+)`", tests)
        for promise, tests in rows
        if not promise.strip().startswith("**")
    }
    assert len(tests_of) > 20
    assert [promise for promise, tests in tests_of.items() if not tests] == []
    named = {test for tests in tests_of.values() for test in tests}
    assert len(named) == promises.count("::")
    # ansible-test gets only the unit tests.
    present = {folder for folder in ("unit", "project", "integration") if (ROOT / "tests" / folder).is_dir()}
    missing = [
        f"{path}::{function}"
        for path, function in sorted(named)
        if path.split("/")[0] in present and function not in functions_of(ROOT / "tests" / path)
    ]
    assert missing == []


def options_of_a_model() -> dict[str, dict[str, object]]:
    module = (ROOT / "plugins/modules/ollama_model.py").read_text()
    return yaml.safe_load(re.search(r'DOCUMENTATION = r"""\n(.*?)"""', module, re.DOTALL)[1])["options"]


def test_the_role_passes_each_option_of_a_model_on() -> None:
    passed_on = set(
        re.findall(r"item\.get\('(\w+)', omit\)", (ROOT / "roles/ollama_server/tasks/present.yml").read_text())
    )
    assert passed_on | {"name"} == set(options_of_a_model())


def test_the_role_has_the_options_of_the_module() -> None:
    """Without the defaults: the role does not pass on an option that is not given."""
    main = read("roles/ollama_server/meta/argument_specs.yml")["argument_specs"]["main"]["options"]

    def form(option: dict[str, object]) -> dict[str, object]:
        return {"type": option["type"], "required": option.get("required"), "choices": list(option.get("choices", []))}

    role_options = main["ollama_server_models"]["options"]
    assert {name: form(option) for name, option in role_options.items()} == {
        name: form(option) for name, option in options_of_a_model().items()
    }
    assert not [name for name, option in role_options.items() if "default" in option]
