# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference: what the documentation of each module, filter, lookup and role has, so that a reader needs no other page."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

from ansible_collections.searchops.opensearch_ml.tests.unit.support.examples import OURS, options_of, tasks_of

ROOT = Path(__file__).parents[2]
PLUGINS = {
    f"{kind}/{path.stem}": path
    for kind in ("modules", "filter", "lookup")
    for path in sorted((ROOT / "plugins" / kind).glob("*.py"))
}
MODULES = [name for name in PLUGINS if name.startswith("modules/")]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())

#: With fewer words, a description only repeats the name.
MIN_WORDS = 4
#: Parts of RETURN that are the same in all modules, and whose values depend on the task.
WITHOUT_SAMPLES = ("diff", "failure")
#: What the first example of a module shows of the connection, in this order.
CONNECTION = {
    "hosts": "https://opensearch.example.internal:9200",
    "username": "ml_provisioner",
    "password": "{{ vault_ml_password }}",
    "ca_path": "/etc/ssl/opensearch-ca.pem",
}
#: The documentation of the server that a module manages.
PRODUCT = re.compile(
    r"https://(docs\.opensearch\.org/latest/[\w/-]+/|github\.com/ollama/ollama/blob/main/docs/api\.md)"
)
#: ansible-core knows no link to a role in `seealso`, and Sphinx finds no title for the label of its page.
OUR_ROLE = re.compile(rf"https://github\.com/searchops/opensearch_ml/blob/main/roles/({'|'.join(ROLES)})/README\.md")


def part(name: str, variable: str) -> Any:
    """DOCUMENTATION, EXAMPLES or RETURN of a plugin."""
    [text] = [
        node.value
        for node in ast.parse(PLUGINS[name].read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == variable
    ]
    return yaml.safe_load(ast.literal_eval(text))


def entry_points(role: str) -> dict[str, Any]:
    text = (ROOT / f"roles/{role}/meta/argument_specs.yml").read_text(encoding="utf-8")
    specs: dict[str, Any] = yaml.safe_load(text)["argument_specs"]
    return specs


def fragments() -> Iterator[tuple[str, Any]]:
    for path in sorted((ROOT / "plugins/doc_fragments").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                yield path.stem, yaml.safe_load(str(node.value.value))


def described(values: dict[str, Any] | None, place: str) -> Iterator[tuple[str, str]]:
    """The place and the text of each description: of options or returned values, those inside them, and choices."""
    for name, value in (values or {}).items():
        here = f"{place}.{name}"
        yield here, str(value.get("description", ""))
        if isinstance(value.get("choices"), dict):
            yield from ((f"{here}={choice}", str(text)) for choice, text in value["choices"].items())
        for inside in ("suboptions", "contains", "options"):
            yield from described(value.get(inside), here)


def all_described() -> Iterator[tuple[str, str]]:
    for name in PLUGINS:
        yield from described(part(name, "DOCUMENTATION").get("options"), name)
        yield from described(part(name, "RETURN"), f"{name} returns")
    for name, fragment in fragments():
        yield from described(fragment.get("options"), f"doc_fragments/{name}")
    for role in ROLES:
        for entry, spec in entry_points(role).items():
            yield from described(spec.get("options"), f"roles/{role} {entry}")


def test_each_description_stands_alone() -> None:
    texts = dict(all_described())
    assert {
        "modules/ml_model.rate_limiter.unit",
        "modules/ml_model.state=absent",
        "roles/rag main.rag_documents.id",
    } <= set(texts)
    assert [f"{place}: {text}" for place, text in texts.items() if len(text.split()) < MIN_WORDS] == []


def without_sample(values: dict[str, Any], place: str) -> Iterator[str]:
    for name, value in values.items():
        if "sample" in value:
            continue
        if "contains" in value:
            yield from without_sample(value["contains"], f"{place}.{name}")
        else:
            yield f"{place}.{name}"


@pytest.mark.parametrize("name", PLUGINS)
def test_each_returned_value_has_a_sample(name: str) -> None:
    values = {key: value for key, value in part(name, "RETURN").items() if key not in WITHOUT_SAMPLES}
    assert list(without_sample(values, name)) == []


def test_each_page_leads_to_others() -> None:
    """A module also leads to the documentation of the server, a role to a module."""
    known = {f"{OURS}{path.stem}" for path in PLUGINS.values()} | {f"{OURS}{role}" for role in ROLES}
    pages = {name: part(name, "DOCUMENTATION") for name in PLUGINS}
    pages |= {f"roles/{role}": entry_points(role)["main"] for role in ROLES}
    for name, page in pages.items():
        entries = page.get("seealso", [])
        ours = {each.get("module") or each.get("plugin") for each in entries if "link" not in each}
        assert ours, f"{name} leads to no other page of the collection"
        assert ours <= known - {f"{OURS}{name.split('/')[1]}"}, name
        links = [each["link"] for each in entries if "link" in each and not OUR_ROLE.fullmatch(each["link"])]
        assert all(PRODUCT.fullmatch(link) for link in links), f"{name}: {links}"
        assert links or name.startswith(("filter/", "lookup/")), (
            f"{name} leads to no page of the server's documentation"
        )


@pytest.mark.parametrize("name", MODULES)
def test_only_the_first_example_of_a_module_shows_the_connection(name: str) -> None:
    module = PLUGINS[name].stem
    expected = {"url": "http://ollama.example.internal:11434"} if module.startswith("ollama_") else CONNECTION
    first, *others = [options_of(task) for task in tasks_of(part(name, "EXAMPLES")) if f"{OURS}{module}" in task]
    assert list(first.items())[: len(expected)] == list(expected.items())
    assert not any(set(options) & set(expected) for options in others)


@pytest.mark.parametrize("role", ROLES)
def test_the_readme_of_a_role_begins_with_an_example(role: str) -> None:
    text = (ROOT / f"roles/{role}/README.md").read_text(encoding="utf-8")
    [example, *_others] = re.findall(r"^```yaml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    [task] = [task for task in tasks_of(yaml.safe_load(example)) if "ansible.builtin.include_role" in task]
    assert task["ansible.builtin.include_role"]["name"] == f"{OURS}{role}"
    assert all(name.startswith(f"{role}_") for name in task["vars"])
    assert text.index("```yaml") < text.index("| input |")
