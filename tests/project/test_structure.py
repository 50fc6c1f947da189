# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of the code: directions of imports, and modules that contain only documentation and main()."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from graphlib import TopologicalSorter

PLUGINS = Path(__file__).parents[2] / "plugins"
UNIT_TESTS = Path(__file__).parents[1] / "unit/plugins/module_utils"

#: The folders of module_utils from the bottom up. A folder may import itself and the folders before it.
FOLDERS = (
    "_errors", "_values", "_endpoints", "_http", "_runtime", "_kinds", "_coordination", "_operations", "_ollama", "_tasks", "_stack",
)  # fmt: skip


def name_of(path: Path) -> str:
    parts = path.relative_to(PLUGINS / "module_utils").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted((PLUGINS / "module_utils").rglob("*.py"))}


def imported(name: str, path: Path) -> set[str]:
    """The files of module_utils that a file imports, at its top or inside a function."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        for alias in node.names:
            origin = [*base, *(node.module.split(".") if node.module else [])]
            whole = ".".join([*origin, alias.name])
            found.add(whole if whole in FILES else ".".join(origin))
    return found


IMPORTS = {name: imported(name, path) for name, path in FILES.items()}


def test_the_imports_were_found() -> None:
    assert IMPORTS["_http.clock"] == set()
    assert {"_kinds.base", "_runtime.run", "_kinds.model"} <= IMPORTS["_operations.swap"]
    assert all(target in FILES for targets in IMPORTS.values() for target in targets)


@pytest.mark.parametrize("name", FILES)
def test_a_folder_imports_only_folders_below_it(name: str) -> None:
    height = FOLDERS.index(name.split(".")[0])
    assert [other for other in sorted(IMPORTS[name]) if FOLDERS.index(other.split(".")[0]) > height] == []


def test_imports_have_no_cycle() -> None:
    # Raises CycleError, which names the files.
    TopologicalSorter({name: targets - {name} for name, targets in IMPORTS.items()}).prepare()


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_imports_inside_the_collection_are_relative(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(from|import) ansible_collections\.searchops", source, re.MULTILINE)


def test_only_ansible_imports_modules_actions_and_filters() -> None:
    """No file imports a module, an action or a filter, and only filters import plugin_utils."""
    for kind, allowed in {
        "module_utils": ("module_utils",),
        "plugin_utils": ("module_utils", "plugin_utils"),
        "modules": ("module_utils",),
        "filter": ("module_utils", "plugin_utils"),
        "lookup": ("module_utils", "plugin_utils"),
    }.items():
        for path in (PLUGINS / kind).rglob("*.py"):
            package = path.relative_to(PLUGINS).parts[:-1]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.level:
                    whole = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
                    assert whole[0] in allowed, f"{path}: {node.module}"


@pytest.mark.parametrize("module", sorted((PLUGINS / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_a_module_is_documentation_and_a_short_main(module: Path) -> None:
    body = ast.parse(module.read_text(encoding="utf-8")).body
    texts = [
        node.targets[0].id for node in body if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    assert texts == ["DOCUMENTATION", "EXAMPLES", "RETURN"]
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    assert [function.name for function in functions] == ["main"]
    assert len(functions[0].body) == 1
    others = {type(node) for node in body} - {ast.Assign, ast.FunctionDef, ast.ImportFrom}
    # ``if __name__ == "__main__"``
    assert others == {ast.If}


@pytest.mark.parametrize(
    "path", sorted(UNIT_TESTS.rglob("test_*.py")), ids=lambda path: str(path.relative_to(UNIT_TESTS))
)
def test_a_unit_test_is_where_its_subject_is(path: Path) -> None:
    """module_utils/A/B.py is tested by A/test_B.py, and by files with a suffix such as A/test_B_properties.py."""
    folder = PLUGINS / "module_utils" / path.parent.relative_to(UNIT_TESTS)
    subjects = [subject.stem for subject in folder.iterdir()]
    name = path.stem.removeprefix("test_")
    assert any(name == subject or name.startswith(f"{subject}_") for subject in subjects)
