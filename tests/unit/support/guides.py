# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the documents: blocks of YAML, and commands with the output that they show."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Iterator, NamedTuple

from ansible_collections.searchops.opensearch_ml.docs.site.stage import BLOB

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("*.md", "docs/*.md", "docs/guides/*.md", "roles/*/README.md")
    for path in ROOT.glob(pattern)
)

#: Documents whose commands need a cluster, and the server of the local stack that tests/integration/test_guides.py runs
#: them against: each command as printed, in the order of the document.
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
    "docs/guides/whole_cluster.md": "3.6.0",
}


#: The document that creates the files that other documents use: an inventory and a declaration.
FILES = "docs/guides/many_clusters.md"

#: A block with its fences, with any indentation.
_FENCED = r"^( *)```(.*)\n((?:.*\n)*?)\1```$"


class Block(NamedTuple):
    """The text between two fences; ``line`` is the number of the first fence, ``section`` the prose under the same heading."""

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
        """The file that the reader saves this as, if the first line names one."""
        found = re.match(r"# ([\w./-]+\.yml)\n", self.text)
        return found[1] if found else None


class Command(NamedTuple):
    """One command with its lines joined, and the output that the document shows below it."""

    place: str
    text: str
    printed: list[str]


def blocks(document: str) -> Iterator[Block]:
    text = (ROOT / document).read_text(encoding="utf-8")
    # A comment in a block looks like a heading. Blank the blocks, with the same length, so that positions stay valid.
    bare = re.sub(_FENCED, lambda found: " " * len(found[0]), text, flags=re.MULTILINE)
    headings = [0, *(heading.start() for heading in re.finditer(r"^#+ ", bare, re.MULTILINE)), len(bare)]
    for found in re.finditer(_FENCED, text, re.MULTILINE):
        line = text.count("\n", 0, found.start()) + 1
        begin = max(place for place in headings if place <= found.start())
        section = bare[begin : min(place for place in headings if place > found.start())]
        yield Block(document, line, found[2].strip(), textwrap.dedent(found[3]), section)


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block: in a console block after each dollar sign, with the output; in others each line."""
    text = block.text.replace("\\\n", " ")
    if block.language == "console":
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *printed = part.splitlines()
            yield Command(block.place, _plain(command), printed)
    elif block.language == "bash":
        for line in filter(None, map(_plain, text.splitlines())):
            yield Command(block.place, line, [])


def _plain(command: str) -> str:
    """The command without a trailing comment and without the indentation of continued lines."""
    return re.sub(r"\s{2,}", " ", re.sub(r"(^|\s+)#\s.*", "", command)).strip()


def prose(path: Path) -> str:
    """The text without its blocks, which have neither links nor headings."""
    return re.sub(_FENCED, "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)


def links(document: str) -> list[str]:
    """The targets of a document's links inside the repository."""
    found = re.findall(r"\]\(([^)\s]+)\)", prose(ROOT / document).replace(f"]({BLOB}", "]("))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(path: Path) -> list[str]:
    """The anchors of a document: its headings, as a forge converts them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def without_a_cluster(command: str) -> bool:
    """Whether the command needs no cluster; a test then checks that what it names exists."""
    return command.split()[0] in ("make", "git", "cd", "dev/run", "ansible-galaxy", "pip")


def all_blocks() -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks(document)]


def all_commands() -> list[Command]:
    return [command for block in all_blocks() for command in commands(block)]
