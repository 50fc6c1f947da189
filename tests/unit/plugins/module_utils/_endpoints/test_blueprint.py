# SPDX-License-Identifier: GPL-3.0-or-later
"""Published blueprints, read from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._endpoints import blueprint
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.tests.unit.support.samples import BLUEPRINT


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(BLUEPRINT),
        "\ufeff" + json.dumps(BLUEPRINT, indent=2),
        "POST /_plugins/_ml/connectors/_create\n" + json.dumps(BLUEPRINT, indent=2),
        json.dumps(BLUEPRINT).replace('"Chat"', '"""Chat"""'),
        json.dumps(BLUEPRINT) + "\n# a comment of YAML\n",
    ],
    ids=["json", "with a byte order mark", "from the console", "triple quotes", "yaml"],
)
def test_read_file(tmp_path: Path, text: str) -> None:
    file = tmp_path / "blueprint"
    file.write_text(text, encoding="utf-8")
    assert blueprint.read_file(str(file)) == BLUEPRINT


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"[1]", "does not contain a mapping"),
        (b"{", "neither JSON"),
        (b"a: [b", r"nor YAML \([^)]*expected"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b" " * ((1 << 20) + 1), "longer than"),
        (b"[" * 100000, "nested too deeply"),
        (b"a: !!set {b, c}", "JSON does not support"),
        (b"a: &a [*a]", "JSON does not support"),
        (b"a: [.inf]", "JSON does not support"),
        (b'{"a": NaN}', "JSON does not support"),
    ],
)
def test_read_file_refuses(tmp_path: Path, content: bytes, what: str) -> None:
    file = tmp_path / "blueprint"
    file.write_bytes(content)
    with pytest.raises(Failure, match=what) as refused:
        blueprint.read_file(str(file))
    assert refused.value.code == "invalid_input"


def test_a_file_of_the_maximum_length(tmp_path: Path) -> None:
    file = tmp_path / "blueprint"
    file.write_bytes(b"{}".ljust(1 << 20))
    assert blueprint.read_file(str(file)) == {}


def test_a_date_in_yaml_is_text(tmp_path: Path) -> None:
    file = tmp_path / "blueprint.yml"
    file.write_text("parameters: {deep: {since: 2023-06-01, at: 2023-06-01T10:00:00Z}}\n1: {null: 2}\n")
    assert blueprint.read_file(str(file)) == {
        "parameters": {"deep": {"since": "2023-06-01", "at": "2023-06-01T10:00:00Z"}},
        "1": {"null": 2},
    }


def test_a_missing_file() -> None:
    with pytest.raises(Failure, match="cannot be read"):
        blueprint.read_file("/nowhere/blueprint.json")
