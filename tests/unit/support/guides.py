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
#: The documents that users read first, in which a command within the text is to be run as well.
FOR_USERS = [name for name in DOCUMENTS if name.startswith(("README.md", "docs/guides/", "roles/"))]

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

#: The commands that no test runs as printed, and what stands in for it. All others run in tests/integration/test_guides.py.
NOT_RUN = {
    "git clone https://github.com/searchops/opensearch_ml": "it needs the network; tests/install clones a copy",
    "cd opensearch_ml": "it follows the clone",
    "make demo": "it starts the servers; test_the_demo of tests/integration/test_guides.py runs the rest of it, dev/demo",
    "make test": "the tests are a part of it",
    "make unit": "this test is a part of it",
    "pip install ansible-core requests": "it needs the network; tests/install installs the same from uv.lock",
    "pip install botocore": "it needs the network; uv.lock has it",
    "ansible-galaxy collection install git+https://github.com/searchops/opensearch_ml.git": "tests/install installs a copy",
    "ansible-galaxy collection install -r requirements.yml --upgrade": "tests/install installs a copy from such a file",
    "ansible-galaxy collection list searchops.opensearch_ml": "it needs an installed copy; tests/install runs it",
    "ansible-builder build -f docs/execution-environment.yml -t registry.example.internal/opensearch-ml:1.0.0": (
        "it needs a registry of images; the session lint creates the build context of this file"
    ),
    "keytool -importcert -cacerts -storepass changeit -noprompt -alias backend -file /path/to/ca.pem": (
        "it changes the Java of a node; the servers of the stack have a truststore of their own"
    ),
    "export OPENSEARCH_HOSTS=https://search-chat-abc.eu-central-1.es.amazonaws.com": "it needs Amazon's service",
    "export OPENSEARCH_AUTH_TYPE=aws_sigv4 AWS_REGION=eu-central-1": "it needs Amazon's service",
    "ansible-playbook searchops.opensearch_ml.ollama_chat --check --diff"
    " -e ollama_chat_base_url=https://llm.example.com -e ollama_chat_model=qwen3:4b": "it needs Amazon's service",
    "make clean-demo": "it removes the servers",
    "ollama pull qwen3:4b": "it needs the network; the tests of ollama_model pull from a registry of their own",
    "ansible-galaxy collection build": "tests/install runs it",
    "ansible-galaxy collection install searchops-opensearch_ml-1.0.0.tar.gz": "tests/install installs the archive that it built",
    "ollama show MODEL": "it needs the program of Ollama; tests of ollama_model_info read the same capabilities",
    "ansible-doc searchops.opensearch_ml.ml_connector": "it needs an installed copy; tests/install lists all modules",
    **{
        f"ansible-doc -t role searchops.opensearch_ml.{path.name}": "it needs an installed copy; lint reads the same specs"
        for path in ROOT.glob("roles/*")
    },
    "dev/run nox --list": "the sessions that it lists are tested",
    "dev/run nox -s unit -- tests/unit/plugins/module_utils/_http/test_client.py": "a part of a step of make test",
    "dev/run nox -s unit -- -k client -x": "this test is a part of it",
    "dev/run nox -s lint": "a step of make test",
    "dev/run nox -s docs": "a step of make test",
    "dev/run nox -s integration -- tests/integration/test_ml_model.py": "a part of a step of make test",
    "dev/run nox -s bench": "it takes hours",
    "dev/run nox -s bench -- --sizes 10,100 --runs 3": "it takes hours",
    "dev/run nox -s bench -- --sizes 100 --runs 1 --add": "it takes hours",
    "dev/run nox -s bench -- --contestants start,bare,stack": "it takes hours",
}

#: The tests that compare the blocks of text with what a program prints or sends: one for each block of the document.
TEXTS = {
    "README.md": ["tests/integration/test_guides.py::test_the_demo"],
    "docs/guides/agent.md": ["tests/project/test_guides.py::test_the_body_of_an_agent"],
    "docs/guides/key_rotation.md": ["tests/project/test_guides.py::test_the_warning_of_an_unknown_key"],
    "docs/where_tasks_run.md": [
        "tests/project/test_guides.py::test_the_progress_of_a_pull",
        "tests/project/test_guides.py::test_the_line_of_a_retry",
    ],
}

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


def commands_in_prose(document: str) -> list[str]:
    """The commands within the text of a document: code that begins with the name of a program."""
    programs = "make|pip|ansible|ansible-[a-z]+|ollama|keytool|dev/run"
    return [" ".join(found.split()) for found in re.findall(rf"`((?:{programs})\s[^`]+)`", prose(ROOT / document))]


def _plain(command: str) -> str:
    """The command without a trailing comment and without the indentation of continued lines."""
    return re.sub(r"\s{2,}", " ", re.sub(r"(^|\s+)#\s.*", "", command)).strip()


def texts(document: str) -> list[str]:
    """The blocks of text of a document."""
    return [block.text for block in blocks(document) if block.language == "text"]


def is_printed(shown: list[str], output: str) -> bool:
    """Whether the output has the shown lines one after the other.

    ``...`` stands for what a document leaves out, as a line for any lines, in a line for any text. The stars behind the
    name of a task depend on the width of the terminal.
    """
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.rstrip("* ").split("..."))) + r"[* ]*\n"
        for line in shown
    )
    return re.search(f"^{pattern}", f"{output}\n", re.MULTILINE) is not None


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


def is_not_run(command: str) -> bool:
    """Whether no test runs the command; a test then checks that what it names exists."""
    return command in NOT_RUN


def all_blocks() -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks(document)]


def all_commands() -> list[Command]:
    return [command for block in all_blocks() for command in commands(block)]
