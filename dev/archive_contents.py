# SPDX-License-Identifier: GPL-3.0-or-later
"""Check that a built archive contains exactly the files that users need."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

#: Files that ansible-galaxy adds.
GENERATED = {"MANIFEST.json", "FILES.json"}
FOLDERS = ("meta/", "plugins/", "roles/", "playbooks/", "docs/")
FILES = {"README.md", "LICENSE", "CHANGELOG.rst", "SECURITY.md", "changelogs/changelog.yaml"}
#: An archive without these is broken.
NEEDED = {"README.md", "LICENSE", "meta/runtime.yml", "playbooks/ollama_chat.yml"}


def git_files(*options: str) -> set[str]:
    command = ["git", "ls-files", "-z", *options]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0"))


def users_files(listed: set[str]) -> set[str]:
    """The files that are for users: no dotfiles, and no backups of editors."""
    return {
        name
        for name in listed
        if (name in FILES or name.startswith(FOLDERS))
        and not any(part.startswith(".") for part in Path(name).parts)
        and not name.endswith(("~", ".orig", ".rej", ".swp"))
        and Path(name).is_file()
    }


def main(path: str) -> None:
    with tarfile.open(path) as archive:
        members = [member for member in archive.getmembers() if not member.isdir()]
    packed = {member.name for member in members} - GENERATED
    expected = users_files(git_files("--cached", "--others", "--exclude-standard"))
    problems = [
        *(f"is in the archive and should not be: {name}" for name in sorted(packed - expected)),
        *(f"is not in the archive and should be: {name}" for name in sorted((expected | NEEDED) - packed)),
        *(f"is a link: {member.name}" for member in members if not member.isfile()),
    ]
    if problems:
        sys.exit("\n".join(problems))
    for name in sorted(packed - git_files()):
        print(f"warning: is in the archive, but git does not have it: {name}")
    size = Path(path).stat().st_size
    print(f"{Path(path).name}: {len(packed)} files, {size / 1024:.0f} KiB, all for users")


if __name__ == "__main__":
    main(sys.argv[1])
