# SPDX-License-Identifier: GPL-3.0-or-later
"""Update the files that follow from the code. `dev/run nox -s derive` calls this.

These are the action plugins, the documentation of authentication methods and of providers, and a table of the latter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints.providers import PROVIDERS
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.auth import METHODS

ROOT = Path(__file__).resolve().parents[1]

ACTION = """\
# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..module_utils.{task} import MODULE as _MODULE
from ..plugin_utils.in_process import InProcessAction


class ActionModule(InProcessAction):
    MODULE = _MODULE
"""


def replaced(path: str, pattern: str, text: str) -> tuple[str, str]:
    """The path of a file, and its content with the group of a pattern, which matches once, replaced by a text."""
    before = (ROOT / path).read_text(encoding="utf-8")
    [match] = re.finditer(pattern, before)
    return path, before[: match.start(1)] + text + before[match.end(1) :]


def actions() -> Iterator[tuple[str, str]]:
    """The action plugin of each module, which names the module's description."""
    for path in sorted((ROOT / "plugins/modules").glob("*.py")):
        [task] = re.findall(r"from \.\.module_utils\.(\w+\.\w+) import MODULE\n", path.read_text(encoding="utf-8"))
        yield f"plugins/action/{path.name}", ACTION.format(task=task)


def authentication() -> tuple[str, str]:
    """The authentication methods and their options in the doc fragment of the connection."""
    choices = "".join(f"      {method.NAME}: {method.SUMMARY}\n" for method in METHODS)
    options = "".join(method.DOCUMENTATION.lstrip("\n") for method in METHODS)
    return replaced(
        "plugins/doc_fragments/connection.py",
        r"  auth_type:\n(?:    .*\n)+?    choices:\n((?:.*\n)+?)  ca_path:\n",
        choices + options,
    )


def providers() -> Iterator[tuple[str, str]]:
    """The choices of the options that name a provider."""
    yield replaced(
        "plugins/modules/ml_connector.py",
        r"\n  provider:\n(?:    .*\n)+?    choices:\n((?:      - \w+\n)+)",
        "".join(f"      - {name}\n" for name in PROVIDERS),
    )
    for role in ("agent", "openai_chat", "rag"):
        yield replaced(
            f"roles/{role}/meta/argument_specs.yml",
            rf"\n      {role}_provider:\n(?:        .*\n)+?        choices: \[(.*)\]\n",
            ", ".join(PROVIDERS),
        )


def table_of_providers() -> tuple[str, str]:
    rows = [
        f"| `{name}` | {', '.join(entry.capabilities)} | {entry.key} | {entry.base_url or 'none'} |\n"
        for name, entry in PROVIDERS.items()
    ]
    return replaced("docs/guides/providers.md", r"\n\| provider \| what for.*\n\|[-|]+\n((?:\| .*\n)+)", "".join(rows))


def derived() -> dict[str, str]:
    """path -> the expected content of each file that this script updates."""
    return dict([*actions(), authentication(), *providers(), table_of_providers()])


def main() -> None:
    for path, text in derived().items():
        target = ROOT / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            print(f"Written: {path}")


if __name__ == "__main__":
    main()
