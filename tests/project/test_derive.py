# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from the code is up to date: action plugins, choices, a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.searchops.opensearch_ml.dev import derive

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("path", "text"), derive.derived().items(), ids=lambda value: value if len(value) < 100 else ""
)
def test_a_derived_file_is_up_to_date(path: str, text: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == text, "out of date: dev/run nox -s derive"
