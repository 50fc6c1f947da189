# SPDX-License-Identifier: GPL-3.0-or-later
"""What CONTRIBUTING.md says of a new provider, authentication method and kind of resource: each is added to a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

from ansible_collections.searchops.opensearch_ml.dev import derive

ROOT = Path(__file__).resolve().parents[2]
UNITS = "tests/unit/plugins/module_utils"

AUTH = '''\
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key in a header of its own."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._auth._base import Auth


class ApiKeyAuth(Auth):
    NAME = "api_key"
    NEEDS = ("api_key_id",)
    IMPLIED_BY = ("api_key_id",)
    SUMMARY = "With O(api_key_id)."
    OPTIONS = {"api_key_id": {"type": "str", "no_log": True}}
    DOCUMENTATION = """
  api_key_id:
    description: The key.
    type: str
"""

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        return {"X-Key": self.options["api_key_id"]}
'''

TEST_OF_AUTH = """\
from ansible_collections.searchops.opensearch_ml.plugins.module_utils import _auth, _options

def test_it_is_chosen_and_hidden():
    options = {"api_key_id": "secret-key"}
    assert _auth.choose(options).headers("GET", "http://a/", None, {}) == {"X-Key": "secret-key"}
    assert "api_key_id" in _options.connection_options()
    assert "secret-key" in _options.secrets_of(options)
"""

MODULE = '''\
#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ml_shelf
short_description: Manage shelves
version_added: 1.0.0
description: Makes and deletes them.
author: [me]
extends_documentation_fragment:
  - searchops.opensearch_ml.attributes
  - searchops.opensearch_ml.connection
options:
  name: {description: The name., type: str, required: true}
  state: {description: Whether it is there., type: str, choices: [present, absent], default: present}
"""

EXAMPLES = r"""
- name: A shelf
  searchops.opensearch_ml.ml_shelf:
    name: Books
"""

RETURN = r"""
shelf_id: {description: The id., returned: success, type: str}
diff: {description: Before and after., returned: success, type: dict}
actions: {description: What was done., returned: always, type: list, elements: dict}
failure:
  description: Why the task failed.
  returned: on failure
  type: dict
  contains:
    code: {description: A stable name., type: str}
    message: {description: The reason., type: str}
    remedy: {description: What to do., type: str}
    status: {description: The HTTP status., type: int}
    details: {description: Further facts., type: dict}
"""

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._module import run_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._tasks import _shelf


def main() -> None:
    run_module(_shelf.MODULE)


if __name__ == "__main__":
    main()
'''

# The cluster in memory knows no shelves; groups are stored like any other kind.
TASK = '''\
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ml_shelf does."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._core import Module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._creation import create_one
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._resource import Kind
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._run import Run

OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
}


class Shelf(Kind):
    LABEL = "shelf"
    PATH = "/_plugins/_ml/model_groups"
    ID_FIELD = "model_group_id"
    UNKNOWN = "unknown_model_group"


def execute(options: Mapping[str, Any], run: Run) -> dict[str, Any]:
    name, wanted = options["name"], options["state"] == "present"
    held = Shelf.only(Shelf.named(run.client, name), name)
    made = None
    if held and not wanted:
        run.act("delete", Shelf.LABEL, name, lambda: Shelf.delete(run, held.id), id=held.id)
    elif wanted and not held:
        made = run.act("create", Shelf.LABEL, name, lambda: create_one(
            Shelf, run, {"name": name}, path=f"{Shelf.PATH}/_register", withdraw=lambda own: Shelf.delete(run, own)
        )[0])
    there = (held or made) if wanted else None
    return {
        "shelf_id": there.id if there else None,
        "diff": {"before": {"name": name} if held else {}, "after": {"name": name} if wanted else {}},
    }


MODULE = Module(OPTIONS, execute)
'''

TEST_OF_MODULE = """\
def test_there_and_gone_again(module, cluster):
    for state, changed in (("present", True), ("present", False), ("absent", True), ("absent", False)):
        result = module("ml_shelf", cluster, name="Books", state=state)
        assert (result["changed"], result["shelf_id"] is not None) == (changed, state == "present")
"""

Edit = Callable[[str], str]


def new(text: str) -> Edit:
    def write(before: str) -> str:
        assert not before
        return text

    return write


def before(anchor: str, text: str) -> Edit:
    def insert(source: str) -> str:
        assert source.count(anchor) == 1, anchor
        return source.replace(anchor, text + anchor)

    return insert


#: heading -> what is written by hand, what the tests get, what is derived, and what then has to pass.
GROWTH: dict[str, tuple[dict[str, Edit], dict[str, Edit], set[str], list[str]]] = {
    "A provider": (
        {
            "plugins/module_utils/_providers.py": before(
                '    "openai_compatible": Provider(', '    "house": Provider("the house server", "/health"),\n'
            )
        },
        {
            "tests/unit/plugins/filter/test_providers.py": before(
                '    "openai_compatible": (\n',
                '    "house": ("http://h:1", "http://h:1/v1/chat/completions", "http://h:1/health", {}, BEARER),\n',
            )
        },
        {
            "README.md", "docs/stack.schema.json", "plugins/modules/ml_connector.py",
            "roles/openai_chat/meta/argument_specs.yml", "roles/rag/meta/argument_specs.yml",
        },
        ["tests/unit/plugins/filter/test_providers.py", "tests/unit/test_documents.py::test_the_providers_in_the_readme_are_those_of_the_table"],
    ),
    "An authentication method": (
        {
            "plugins/module_utils/_auth/_NAME.py": new(AUTH),
            "plugins/module_utils/_auth/__init__.py": lambda source: before(
                "from ansible_collections.searchops.opensearch_ml.plugins.module_utils._auth._base ",
                "from ansible_collections.searchops.opensearch_ml.plugins.module_utils._auth._api_key import ApiKeyAuth\n",
            )(source.replace("(BearerAuth, ", "(ApiKeyAuth, BearerAuth, ")),
        },
        {f"{UNITS}/test_NAME.py": new(TEST_OF_AUTH)},
        {"docs/stack.schema.json", "plugins/doc_fragments/connection.py"},
        [f"{UNITS}/test_api_key.py", "tests/unit/test_meta.py", "-k=api_key or chosen or ml_task_info"],
    ),
    "A kind of resource": (
        {"plugins/modules/NAME.py": new(MODULE), "plugins/module_utils/_tasks/_NAME.py": new(TASK)},
        {
            "tests/unit/plugins/modules/test_NAME.py": new(TEST_OF_MODULE),
            "tests/unit/support/samples.py": before('    "ml_stack": {', '    "ml_shelf": {"name": "Books"},\n'),
            "tests/unit/support/harness.py": before('    "ml_stack": "_stack"', '    "ml_shelf": "_shelf",\n'),
        },
        {"README.md", "meta/runtime.yml", "plugins/action/ml_shelf.py"},
        [
            "tests/unit/plugins/modules/test_ml_shelf.py", "tests/unit/test_meta.py", "tests/unit/test_documents.py",
            "tests/unit/test_structure.py", "-k=shelf or action_group or names_each_module or there_are_modules",
        ],
    ),
}  # fmt: skip

#: What NAME stands for, in a file's name with an underscore in front and in one without.
NAMES = {"An authentication method": "api_key", "A kind of resource": "ml_shelf"}


def recipes() -> dict[str, str]:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text[text.index("## How it grows\n") :]
    parts = re.split(r"\n### (.*)\n", section[: section.index("\n## ")])
    return dict(zip(parts[1::2], parts[2::2]))


def named(path: str, growth: str) -> str:
    name = NAMES.get(growth, "")
    return path.replace("_tasks/_NAME", f"_tasks/_{name.removeprefix('ml_')}").replace("NAME", name)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository as a collection, without what takes a cluster."""
    place = tmp_path / "ansible_collections/searchops/opensearch_ml"
    ignored = shutil.ignore_patterns("__pycache__", "collections", "*.txt", "site")
    for name in ("plugins", "roles", "playbooks", "meta", "dev", "tests/unit"):
        shutil.copytree(ROOT / name, place / name, ignore=ignored)
    (place / "docs").mkdir()
    for name in ("README.md", "docs/stack.schema.json"):
        shutil.copy2(ROOT / name, place / name)
    return place


def files(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".hypothesis" not in path.parts
    }


def python(place: Path, *arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(place.parents[2]), "PYTEST_ADDOPTS": "", "PYTEST_PLUGINS": ""}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_left_to_derive() -> None:
    assert [
        path for path, text in derive.derived().items() if (ROOT / path).read_text(encoding="utf-8") != text
    ] == [], "make derive"


def test_each_recipe_is_tried() -> None:
    assert list(recipes()) == list(GROWTH)


def _by_hand(recipe: str) -> Iterator[str]:
    yield from re.findall(r"^\d\. `([^`]+)`:", recipe, re.MULTILINE)


@pytest.mark.parametrize("growth", GROWTH)
def test_a_recipe_works_as_it_is_written(growth: str, copy: Path) -> None:
    by_hand, tests, derived, checks = GROWTH[growth]
    recipe = recipes()[growth]
    assert list(_by_hand(recipe)) == list(by_hand)
    assert len(by_hand) <= 2
    assert all(f"`{path}`" in recipe for path in tests)
    for path, edit in {**by_hand, **tests}.items():
        target = copy / named(path, growth)
        target.write_text(edit(target.read_text(encoding="utf-8") if target.exists() else ""), encoding="utf-8")
    written = files(copy)
    for script in ("derive", "stack_schema"):
        python(copy, f"dev/{script}.py")
    now = files(copy)
    assert {path for path in now if now[path] != written.get(path)} == derived
    python(
        copy,
        "-m",
        "pytest",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(copy),
        "--import-mode=importlib",
        "-p",
        "no:pytest-ansible",
        "-p",
        "no:cacheprovider",
        *checks,
    )
