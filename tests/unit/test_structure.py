# SPDX-License-Identifier: GPL-3.0-or-later
"""How the code is laid out: which way imports go, how long a file may be, and that a module is no more than its words."""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from graphlib import TopologicalSorter

PLUGINS = Path(__file__).parents[2] / "plugins"
PACKAGE = "ansible_collections.searchops.opensearch_ml.plugins."

#: From the ground up. A file imports from its own layer and from those below, never from one above. Each file is in the
#: last layer that names it.
LAYERS = {
    "failures": ["_errors"],
    "values and texts": [
        "_answer", "_backend", "_custom_id", "_definition", "_explain", "_fingerprint", "_gguf", "_masking",
        "_json", "_providers", "_regex", "_unexpected", "_values",
    ],
    "the way to a server": [
        "_auth", "_auth.*", "_bounded", "_client", "_contention", "_core", "_lines", "_options", "_run", "_transport", "_versions", "_waiter",
    ],
    "look-ups and creation": ["_creation", "_ollama", "_paging", "_resource"],
    "kinds of resources": ["_resources", "_resources.*"],
    "what concerns several kinds": [
        "_connector_removal", "_dedupe", "_deploy_reasons", "_deployment", "_halves", "_memory", "_references", "_swap",
    ],
    "tasks": ["_tasks", "_tasks.*"],
    "parts of stacks": ["_stack", "_stack.*"],
    # They stand on the tasks of what a stack is made of.
    "tasks over whole stacks": ["_tasks._stack", "_tasks._stack_info"],
    "ways in": ["_module"],
}  # fmt: skip


def name_of(path: Path) -> str:
    parts = path.relative_to(PLUGINS / "module_utils").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted((PLUGINS / "module_utils").rglob("*.py"))}


def imported(path: Path, among: set[str]) -> set[str]:
    """The files of module_utils that a file imports, at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path.name}: a relative import"
            names = [(str(node.module), alias.name) for alias in node.names]
        else:
            continue
        for origin, name in names:
            inside = f"{origin}.{name}".rstrip(".")
            if inside.startswith(f"{PACKAGE}module_utils."):
                whole = inside.removeprefix(f"{PACKAGE}module_utils.")
                found.add(whole if whole in among else whole.rpartition(".")[0])
    return found


def height_of(name: str) -> int:
    heights = [
        height
        for height, patterns in enumerate(LAYERS.values())
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]
    assert heights, f"module_utils/{name.replace('.', '/')}.py is in no layer: say in LAYERS where it belongs"
    return heights[-1]


ARROWS = {name: imported(path, set(FILES)) for name, path in FILES.items()}


def test_the_imports_were_found() -> None:
    assert ARROWS["_waiter"] == {"_errors"}
    assert {"_resource", "_run", "_resources.model"} <= ARROWS["_swap"]
    assert all(arrow in FILES for arrows in ARROWS.values() for arrow in arrows)


@pytest.mark.parametrize("name", FILES)
def test_imports_go_downwards(name: str) -> None:
    assert [other for other in sorted(ARROWS[name]) if height_of(other) > height_of(name)] == []


def test_imports_go_in_no_circle() -> None:
    # Raises CycleError, which names the files.
    TopologicalSorter(ARROWS).prepare()


def test_nothing_below_knows_what_is_loaded_from_outside() -> None:
    """Modules, actions and filters stand above module_utils, and no one of them on another."""
    for kind, allowed in {
        "module_utils": ("module_utils",),
        "plugin_utils": ("module_utils", "plugin_utils"),
        "modules": ("module_utils",),
        "action": ("module_utils", "plugin_utils"),
        "filter": ("module_utils", "plugin_utils"),
    }.items():
        for path in (PLUGINS / kind).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and str(node.module).startswith(PACKAGE):
                    assert str(node.module).removeprefix(PACKAGE).split(".")[0] in allowed, f"{path}: {node.module}"


@pytest.mark.parametrize("name", FILES)
def test_a_file_can_be_read_at_one_go(name: str) -> None:
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) <= 300


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


@pytest.mark.parametrize("action", sorted((PLUGINS / "action").glob("*.py")), ids=lambda path: path.stem)
def test_an_action_plugin_names_its_module_and_no_more(action: Path) -> None:
    body = ast.parse(action.read_text(encoding="utf-8")).body
    [only] = [node for node in body if not isinstance(node, ast.ImportFrom)]
    assert isinstance(only, ast.ClassDef)
    assert [ast.unparse(node).partition(" = ")[0] for node in only.body] == ["MODULE"]
