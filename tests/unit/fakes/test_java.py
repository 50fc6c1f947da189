# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers are written as Java writes them."""

from __future__ import annotations

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.java import java_double


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1e10, "1.0E10"), (1.5e-7, "1.5E-7"), (100.0, "100.0"), (0.0, "0.0"), (1234567.0, "1234567.0"),
     (12345678.0, "1.2345678E7"), (0.001, "0.001"), (-2.5, "-2.5")],
)  # fmt: skip
def test_doubles_as_java_writes_them(value: float, text: str) -> None:
    assert java_double(value) == text
