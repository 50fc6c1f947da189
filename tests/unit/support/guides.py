# SPDX-License-Identifier: GPL-3.0-or-later
"""The documents as their readers meet them: blocks of YAML, and commands with what they print."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/**/*.md", "roles/*/README.md")
    for path in ROOT.glob(pattern)
)

#: Those whose commands need a cluster, with the server of the local stack that tests/integration/test_guides.py runs them
#: against, each command as it is printed and in its order.
ON_THE_STACK = {
    "README.md": "2.19.1-tls",
    "docs/guides/agent.md": "3.6.0",
    "docs/guides/failures.md": "3.6.0",
    "docs/guides/first_answer.md": "3.6.0",
    "docs/guides/key_rotation.md": "3.6.0",
    "docs/guides/many_clusters.md": "3.6.0",
    "docs/guides/own_cluster.md": "2.19.1-tls",
    "docs/guides/providers.md": "3.6.0",
    "docs/guides/rag.md": "3.6.0",
    "docs/guides/upgrading.md": "3.6.0",
}


#: The one whose files others take for granted: an inventory and a declaration.
FILES = "docs/guides/many_clusters.md"

#: A block with its fences, however far it is indented.
_FENCED = r"^( *)```(.*)\n((?:.*\n)*?)\1```$"


class Block(NamedTuple):
    """What stands between two fences; ``line`` is that of the first one, ``section`` the prose under the same heading."""

    document: str
    line: int
    language: str
    text: str
    section: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name of the file that a reader is to put this into, where its first line says so."""
        found = re.match(r"# ([\w./-]+\.yml)\n", self.text)
        return found[1] if found else None


class Command(NamedTuple):
    """One command as it is typed, its lines joined, and the lines that are printed below it."""

    place: str
    text: str
    printed: list[str]


def blocks(document: str) -> Iterator[Block]:
    text = (ROOT / document).read_text(encoding="utf-8")
    # As many characters as before, so that places are the same; a comment in a block begins as a heading does.
    bare = re.sub(_FENCED, lambda found: " " * len(found[0]), text, flags=re.MULTILINE)
    headings = [0, *(heading.start() for heading in re.finditer(r"^#+ ", bare, re.MULTILINE)), len(bare)]
    for found in re.finditer(_FENCED, text, re.MULTILINE):
        line = text.count("\n", 0, found.start()) + 1
        begin = max(place for place in headings if place <= found.start())
        section = bare[begin : min(place for place in headings if place > found.start())]
        yield Block(document, line, found[2].strip(), textwrap.dedent(found[3]), section)


def commands(block: Block) -> Iterator[Command]:
    """A console shows a dollar before each command and what it prints; elsewhere each line is a command."""
    text = block.text.replace("\\\n", " ")
    if block.language == "console":
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *printed = part.splitlines()
            yield Command(block.place, _plain(command), printed)
    elif block.language == "bash":
        for line in filter(None, map(_plain, text.splitlines())):
            yield Command(block.place, line, [])


def _plain(command: str) -> str:
    """Without the comment behind it, and without the indentation of what were lines of their own."""
    return re.sub(r"\s{2,}", " ", re.sub(r"(^|\s+)#\s.*", "", command)).strip()


def prose(path: Path) -> str:
    """Without its blocks, in which nothing is a link or a heading."""
    return re.sub(_FENCED, "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def links(document: str) -> list[str]:
    """The targets of a document's links, but for those that lead out of the repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(ROOT / document))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(path: Path) -> list[str]:
    """What a link can say behind the hash: the headings, as a forge makes targets of them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def without_a_cluster(command: str) -> bool:
    """Whether the command needs none, and is held against what it names instead."""
    return command.split()[0] in ("make", "git", "cd", "dev/run", "ansible-galaxy")


def all_blocks() -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks(document)]


def all_commands() -> list[Command]:
    return [command for block in all_blocks() for command in commands(block)]
