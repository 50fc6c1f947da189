# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the examples: EXAMPLES of the plugins, and the YAML of the documents that no shown command uses."""

from __future__ import annotations

import ast
import re
from typing import Any, Iterator, NamedTuple

import yaml

from ansible_collections.searchops.opensearch_ml.tests.unit.support import guides
from ansible_collections.searchops.opensearch_ml.tests.unit.support.guides import ROOT

OURS = "searchops.opensearch_ml."

#: The parts of a play or a block that contain tasks.
PARTS = ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always")


class Document(NamedTuple):
    """The examples of one plugin, or one block of a text."""

    place: str
    text: str

    @property
    def host(self) -> str:
        """The name of the document as an inventory host."""
        return re.sub(r"\W+", "_", self.place)


def documents() -> list[Document]:
    return [*_plugins(), *_blocks()]


def _plugins() -> Iterator[Document]:
    for path in sorted(
        path for kind in ("modules", "filter", "test", "lookup") for path in ROOT.glob(f"plugins/{kind}/*.py")
    ):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
                yield Document(str(path.relative_to(ROOT)), ast.literal_eval(node.value))


def _blocks() -> Iterator[Document]:
    """A file that a command uses is part of the test of the guides. The line of a block changes often: count the blocks."""
    for document in guides.DOCUMENTS:
        commands = " ".join(command.text for block in guides.blocks(document) for command in guides.commands(block))
        shown = [block for block in guides.blocks(document) if block.language == "yaml"]
        for number, block in enumerate(shown, 1):
            if not (block.file and re.search(rf"[\s@]{re.escape(block.file)}\b", commands)):
                yield Document(f"{document} block {number}", block.text)


def tasks_of(content: Any) -> Iterator[dict[str, Any]]:
    """All tasks of a list of plays or tasks, those in blocks included, in their order."""
    for entry in content if isinstance(content, list) else []:
        if not set(entry) & set(PARTS):
            yield entry
        for part in PARTS:
            yield from tasks_of(entry.get(part))


def module_of(task: dict[str, Any]) -> str:
    """The short name of the module of ours that the task runs, or an empty text."""
    return next((name.removeprefix(OURS) for name in task if name.startswith(OURS)), "")


def options_of(task: dict[str, Any]) -> dict[str, Any]:
    return task.get(OURS + module_of(task)) or {}


def role_of(task: dict[str, Any]) -> str:
    """The short name of the role of ours that the task includes, or an empty text."""
    given = task.get("ansible.builtin.include_role") or {}
    return str(given.get("name", "")).removeprefix(OURS)


def load(text: str) -> Any:
    return yaml.safe_load(text)
