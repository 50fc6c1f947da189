# SPDX-License-Identifier: GPL-3.0-or-later
"""Copy the sources of the site for Sphinx: the repository, so that links between its files work, the start page, and the
catalogue of errors."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from catalogue import MARKER, catalogue

ROOT = Path(__file__).parents[2]


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
    shutil.copy2(ROOT / "dev/site/index.md", target / "index.md")
    page = target / "docs/guides/failures.md"
    above, marker, _replaced = page.read_text(encoding="utf-8").partition(MARKER)
    if not marker:
        sys.exit(f"error: {page.name} must have the line {MARKER}")
    page.write_text(above + catalogue(ROOT / "plugins"), encoding="utf-8")


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
