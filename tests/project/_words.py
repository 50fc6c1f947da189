# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds words that readers have to ask about in the texts for users.

words.yml lists the words, and what to write instead. The texts are the Markdown documents without their code, the
documentation and messages of plugins, and the roles and playbooks.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Iterator, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]

DOCUMENTS = ("*.md", "docs/**/*.md", "roles/*/README.md", "containers/README.md", ".github/**/*.md")
PLUGINS = ("plugins/**/*.py",)
YAML = ("roles/*/*/*.yml", "playbooks/**/*.yml", "docs/*.yml")

#: Code in a document: blocks, inline code, comments, and the targets of links.
CODE = re.compile(r"^( *)```.*\n(?:.*\n)*?\1```$|`[^`\n]+`|<!--.*?-->|\]\([^)]*\)", re.MULTILINE)
#: Names and values in the documentation of a plugin.
MARKUP = re.compile(r"\b(?:[CEMOPUV]|RV|L)\((?:[^()\\]|\\.|\([^()]*\))*\)|https?://\S+")


class Text(NamedTuple):
    """A text for users; ``line`` is where it starts in its file, from 1 on."""

    path: str
    line: int
    text: str


class Word(NamedTuple):
    """What not to write, as a regular expression, and the advice."""

    pattern: re.Pattern[str]
    instead: str


def words() -> list[Word]:
    listed = yaml.safe_load(Path(__file__).with_name("words.yml").read_text(encoding="utf-8"))
    # Text may break the line between two words.
    patterns = [each["word"].replace(" ", r"\s+") for each in listed]
    compiled = [re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE) for pattern in patterns]
    return [Word(pattern, each["instead"]) for pattern, each in zip(compiled, listed)]


def blank(pattern: re.Pattern[str], text: str) -> str:
    """The text with spaces for what matches, so that lines keep their numbers."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def of_document(path: str, text: str) -> Iterator[Text]:
    yield Text(path, 1, blank(CODE, text))


def of_plugin(path: str, text: str) -> Iterator[Text]:
    """All strings: DOCUMENTATION, EXAMPLES, RETURN and messages. No docstrings, which users do not read."""
    tree = ast.parse(text)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield Text(path, node.lineno, blank(MARKUP, node.value))


def of_yaml(path: str, text: str) -> Iterator[Text]:
    """All of it: comments, the names of tasks, descriptions, and messages, which templates compose."""
    yield Text(path, 1, blank(MARKUP, text))


def texts() -> Iterator[Text]:
    for patterns, read in ((DOCUMENTS, of_document), (PLUGINS, of_plugin), (YAML, of_yaml)):
        for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
            yield from read(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def problems(text: Text, listed: list[Word]) -> Iterator[str]:
    for word in listed:
        for found in word.pattern.finditer(text.text):
            line = text.line + text.text.count("\n", 0, found.start())
            yield f"{text.path}:{line}: '{' '.join(found[0].split())}': {word.instead}"
