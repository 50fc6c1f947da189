# SPDX-License-Identifier: GPL-3.0-or-later
"""What all playbooks have in common. tests/integration/test_playbook_inputs.py runs them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.plugins.lookup.unknown_variables import documented

ROOT = Path(__file__).parents[2]
PLAYBOOKS = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "playbooks").glob("*.yml")}

#: Tasks of openai_chat that set facts, and the roles that run them with their own prefix.
SHARED = {"present.yml": ["openai_chat", "ollama_chat"], "remove.yml": ["openai_chat", "ollama_chat", "agent", "rag"]}


def test_no_playbook_has_a_default_connection() -> None:
    for name, text in PLAYBOOKS.items():
        assert "opensearch_connection |" not in text, name


@pytest.mark.parametrize("name", sorted(PLAYBOOKS))
def test_each_playbook_knows_its_variables_and_documents_them(name: str) -> None:
    text = PLAYBOOKS[name]
    [first, *_others] = re.findall(
        r"import_tasks: tasks/check_variables.yml\n(?:      vars:\n((?:        .*\n)+))?", text
    )
    given = yaml.safe_load(first) or {}
    used = set(re.findall(rf"(?<![\w.])({name}_[a-z_]+)\b", text.partition("\n- name: ")[2]))
    # Roles know their own variables.
    inputs = set() if (ROOT / "roles" / name.removesuffix("_remove")).is_dir() else used
    assert set(given.get("__inputs", [])) == inputs
    assert (name in given.get("__prefixes", [])) == bool(inputs)
    head = text.partition("\n- name: ")[0]
    assert [each for each in inputs if not re.search(rf"\b{each}\b", head)] == []


def test_each_fact_of_a_role_is_in_its_argument_specs() -> None:
    """The lookup unknown_variables knows the names from there."""
    for tasks in (ROOT / "roles").glob("*/tasks/*.yml"):
        role = tasks.parents[1].name
        text = tasks.read_text(encoding="utf-8")
        facts = [(role, fact) for fact in re.findall(r"^ +register: (\w+)$", text, re.MULTILINE)]
        for block in re.findall(r"set_fact:\n((?:    .*\n)+)", text):
            facts += [(role, fact) for fact in re.findall(r"^    (\w+):", block, re.MULTILINE)]
            shared = re.findall(r'^    "\{\{ __openai_chat_facts_of \}\}_(\w+)":', block, re.MULTILINE)
            facts += [(each, f"{each}_{name}") for name in shared for each in SHARED[tasks.name]]
        for each, fact in facts:
            assert fact.startswith("__") or fact in documented(each), f"{tasks}: {fact}"


def test_no_playbook_has_targets_of_its_own() -> None:
    for name, text in PLAYBOOKS.items():
        given = ", targets='localhost'" if name == "migrate" else ""
        hosts = f"\"{{{{ query('searchops.opensearch_ml.target_hosts'{given}) }}}}\""
        assert re.findall(r"^  hosts: (.*)$", text, re.MULTILINE) == [hosts]


@pytest.mark.parametrize("path", sorted(ROOT.glob("roles/*/tasks/*.yml")), ids=lambda path: "/".join(path.parts[-3:]))
def test_a_role_expects_failures_by_their_code_only(path: Path) -> None:
    """Any other failure, also one without a code such as a crash, must stay one."""
    text = path.read_text(encoding="utf-8")
    expected = re.findall(
        r"failed_when:\n +- (\w+) is failed\n +- \1\.failure\.code \| default\(''\) (?:!=|not in) ", text
    )
    assert len(expected) == text.count("failed_when") + text.count("ignore_errors")


def test_a_role_that_includes_another_one_refuses_its_extra_variables() -> None:
    for main in sorted(ROOT.glob("roles/*/tasks/main.yml")):
        tasks = "".join(path.read_text(encoding="utf-8") for path in main.parent.glob("*.yml"))
        included = set(re.findall(r"_role:\n +name: searchops\.opensearch_ml\.(\w+)", tasks))
        given = f", includes={sorted(included)}" if included else ""
        call = f"lookup('searchops.opensearch_ml.unknown_variables', '{main.parents[1].name}'{given})"
        assert call in main.read_text(encoding="utf-8"), main
