# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the sources of the site for Sphinx: the repository, so that links between its files work, the start page, and the
catalogue of errors."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import SECTIONS

ROOT = Path(__file__).parents[2]
#: The README has absolute links, as Galaxy shows it without the other files.
BLOB = "https://github.com/searchops/opensearch_ml/blob/main/"
#: The catalogue replaces the rest of the page after this line.
MARKER = "<!-- docs/site/stage.py puts the list in the place of what follows -->"


def catalogue() -> str:
    """A table for each section of the catalogue of errors: code, cause and remedy. Each code is a link target."""
    lines = ["Words in italics are replaced in a message.", ""]
    for title, codes in SECTIONS.items():
        lines += [f"### {title}", "", "| code | cause | remedy |", "|---|---|---|"]
        for code, (cause, remedy) in codes.items():
            remedy = re.sub(r"\{(\w+)\}", r"<em>\1</em>", escaped(remedy)) or "Correct what the message names."
            lines.append(f'| <span id="{code}"></span>`{code}` | {escaped(cause)} | {remedy} |')
        lines.append("")
    return "\n".join(lines)


def escaped(text: str) -> str:
    """A text with Markdown escaped, for the cell of a table."""
    return re.sub(r"([*_<|\[\]`$])", r"\\\1", text)


def stage(target: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        # Not symbolic links, such as dev/collections, and not files that are deleted but not committed yet.
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    shutil.move(target / "docs/site/index.md", target / "index.md")
    readme = target / "README.md"
    # On the site, links lead to its own pages, and no image comes from another server.
    text = re.sub(r"^\[!\[.*\n", "", readme.read_text(encoding="utf-8"), flags=re.MULTILINE)
    readme.write_text(text.replace(BLOB, ""), encoding="utf-8")
    page = target / "docs/guides/failures.md"
    above, marker, _replaced = page.read_text(encoding="utf-8").partition(MARKER)
    if not marker:
        sys.exit(f"error: {page.name} must have the line {MARKER}")
    page.write_text(above + catalogue(), encoding="utf-8")


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
