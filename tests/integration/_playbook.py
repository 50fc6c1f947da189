# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a playbook of the collection as users do."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterable

from ansible_collections.searchops.opensearch_ml.tests.integration._stack import gateway_keys

ROOT = Path(__file__).parents[2]


def run_playbook(
    folder: Path, playbook: str, *arguments: str, hidden: Iterable[str] = (), fails: bool = False, **given: Any
) -> tuple[str, list[int]]:
    """Run a playbook of the collection, or a path, with these variables; returns the output and the changes by host.

    It must succeed, or fail with ``fails``, and must not print a key or any text in ``hidden``.
    """
    variables = folder / "variables.json"
    variables.write_text(json.dumps(given))
    program = str(Path(sys.executable).parent / "ansible-playbook")
    done = subprocess.run(
        [program, str(ROOT / "playbooks" / f"{playbook}.yml"), "-e", f"@{variables}", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=180, stdin=subprocess.DEVNULL, check=False,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    text = done.stdout + done.stderr
    assert (done.returncode != 0) is fails, text
    for secret in [*gateway_keys(), *hidden]:
        assert secret not in text
    return text, [int(number) for number in re.findall(r"changed=(\d+)", text)]
