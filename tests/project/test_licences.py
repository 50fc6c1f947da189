# SPDX-License-Identifier: GPL-3.0-or-later
"""Each file that can name its licence does; REUSE.toml names that of all others."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Files that cannot, or that a tool writes.
WITHOUT = {".json", ".md", ".rst", ".txt", ".gguf", ".safetensors", ".svg", ".j2", ".lock", ".css", ".mjs"}
WRITTEN = {"changelogs/changelog.yaml", "LICENSE", "docs/bench.json", "CHANGELOG.rst"}


def test_each_file_names_its_licence() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [
        ROOT / name for name in listed.split("\0") if name and name not in WRITTEN and not name.startswith("LICENSES/")
    ]
    checked = [path for path in paths if path.is_file() and not path.is_symlink() and path.suffix not in WITHOUT]
    assert len(checked) > 300
    assert [
        str(path.relative_to(ROOT))
        for path in checked
        if not any(
            mark in path.read_text(encoding="utf-8")[:600] for mark in ("SPDX-License-Identifier: ", "GNU General")
        )
    ] == []
