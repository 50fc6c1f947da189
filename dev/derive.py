# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what follows from the code in other places: the action groups, the providers' and the
authentication methods' documentation, and the modules' rows in the README. `make derive` calls it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator

import yaml

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints.providers import PROVIDERS
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.auth import METHODS

ROOT = Path(__file__).resolve().parents[1]


def replaced(path: str, pattern: str, text: str) -> tuple[str, str]:
    """A file with the one group of a pattern replaced by a text."""
    before = (ROOT / path).read_text(encoding="utf-8")
    found = re.findall(pattern, before)
    assert len(found) == 1, f"{path} must have once what {pattern!r} describes"
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


def action_groups() -> tuple[str, str]:
    """By the server whose connection the defaults of a group hold."""
    ollama = [module for module in modules() if module.startswith("ollama_")]
    cluster = [module for module in modules() if module not in ollama]
    path, text = replaced("meta/runtime.yml", r"\n  ollama:\n((?:    - \w+\n)+)", _listed(ollama))
    before, groups = text.split("\n  all:\n")
    return path, before + "\n  all:\n" + _listed(cluster) + re.sub(r"^(?:    - \w+\n)+", "", groups)


def _listed(names: list[str], indent: str = "    ") -> str:
    return "".join(f"{indent}- {name}\n" for name in names)


def authentication() -> tuple[str, str]:
    choices = "".join(f"      {method.NAME}: {method.SUMMARY}\n" for method in METHODS)
    options = "".join(method.DOCUMENTATION.lstrip("\n") for method in METHODS)
    return replaced(
        "plugins/doc_fragments/connection.py",
        r"  auth_type:\n(?:    .*\n)+?    choices:\n((?:.*\n)+?)  ca_path:\n",
        choices + options,
    )


def providers() -> Iterator[tuple[str, str]]:
    yield replaced(
        "plugins/modules/ml_connector.py",
        r"\n  provider:\n(?:    .*\n)+?    choices:\n((?:      - \w+\n)+)",
        _listed(list(PROVIDERS), "      "),
    )
    for role in ("openai_chat", "rag"):
        yield replaced(
            f"roles/{role}/meta/argument_specs.yml",
            rf"\n      {role}_provider:\n(?:        .*\n)+?        choices: \[(.*)\]\n",
            ", ".join(PROVIDERS),
        )


def readme() -> tuple[str, str]:
    """Its table of providers, and a row for each module that the other table lacks, to be refined by hand."""
    rows = [
        f"| `{name}` | {', '.join(entry.capabilities)} | {entry.key} | {entry.base_url or 'none'} |\n"
        for name, entry in PROVIDERS.items()
    ]
    path, text = replaced("README.md", r"\n\| provider \|.*\n\|[-|]+\n((?:\| .*\n)+)", "".join(rows))
    table = ""
    for module, source in modules().items():
        if f"| `{module}` |" not in text:
            documentation = yaml.safe_load(re.search(r'DOCUMENTATION = r?"""(.*?)"""', source, re.DOTALL)[1])
            table += f"| `{module}` | | {documentation['short_description']} |\n"
    last = re.findall(r"\n\| `(?:ml|opensearch|ollama)_\w+` \|.*\n", text)[-1]
    end = text.index(last) + len(last)
    return path, text[:end] + table + text[end:]


def derived() -> dict[str, str]:
    """Each file that has something that follows from the code, as it ought to be."""
    return dict([action_groups(), authentication(), *providers(), readme()])


def main() -> None:
    for path, text in derived().items():
        target = ROOT / path
        if not target.exists() or target.read_text(encoding="utf-8") != text:
            target.write_text(text, encoding="utf-8")
            print(f"Written: {path}")


if __name__ == "__main__":
    main()
