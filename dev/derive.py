# SPDX-License-Identifier: GPL-3.0-or-later
"""Update the files that follow from the code. `dev/run nox -s derive` calls this.

These are the action groups, the documentation of providers and authentication methods, and the tables of both.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import yaml

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
    """The path of a file, and its content with the group of a pattern replaced by a text."""
    before = (ROOT / path).read_text(encoding="utf-8")
    found = re.findall(pattern, before)
    assert len(found) == 1, f"{path} must match {pattern!r} exactly once"
    match = re.search(pattern, before)
    assert match
    return path, before[: match.start(1)] + text + before[match.end(1) :]


def modules() -> dict[str, str]:
    """The source of each module."""
    return {
        path.stem: path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "plugins/modules").glob("*.py"))
        if not path.stem.startswith("_")
    }


def actions() -> Iterator[tuple[str, str]]:
    """The action plugin of each module, which names the module's description."""
    for module, source in modules().items():
        [task] = re.findall(r"from \.\.module_utils\.(\w+\.\w+) import MODULE\n", source)
        yield f"plugins/action/{module}.py", ACTION.format(task=task)


def action_groups() -> tuple[str, str]:
    """The action groups in meta/runtime.yml: one per kind of server, as the modules of a group share connection options."""
    ollama = [module for module in modules() if module.startswith("ollama_")]
    cluster = [module for module in modules() if module not in ollama]
    path, text = replaced("meta/runtime.yml", r"\n  ollama:\n((?:    - \w+\n)+)", _listed(ollama))
    before, groups = text.split("\n  all:\n")
    return path, before + "\n  all:\n" + _listed(cluster) + re.sub(r"^(?:    - \w+\n)+", "", groups)


def _listed(names: list[str], indent: str = "    ") -> str:
    return "".join(f"{indent}- {name}\n" for name in names)


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
        _listed(list(PROVIDERS), "      "),
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


def contents() -> tuple[str, str]:
    """The table of modules, with a row for each missing module, to be completed by hand."""
    path = "docs/contents.md"
    [rows] = re.findall(r"\n\| module \|.*\n\|[-|]+\n((?:\| .*\n)+)", (ROOT / path).read_text(encoding="utf-8"))
    missing = ""
    for module, source in modules().items():
        if f"[`{module}`]" not in rows:
            documentation = yaml.safe_load(re.search(r'DOCUMENTATION = r?"""(.*?)"""', source, re.DOTALL)[1])
            missing += f"| [`{module}`](../plugins/modules/{module}.py) | | {documentation['short_description']} |\n"
    return replaced(path, r"\n\| module \|.*\n\|[-|]+\n((?:\| .*\n)+)", rows + missing)


def derived() -> dict[str, str]:
    """path -> the expected content of each file that this script updates."""
    return dict([*actions(), action_groups(), authentication(), *providers(), table_of_providers(), contents()])


def main() -> None:
    for path, text in derived().items():
        target = ROOT / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            print(f"Written: {path}")


if __name__ == "__main__":
    main()
