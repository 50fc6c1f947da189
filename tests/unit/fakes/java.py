# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Java writes them: ML Commons stores most values as text."""

from __future__ import annotations

import json
from typing import Any


def java_text(value: Any) -> str:
    """A JSON value as ML Commons stores it in a map of strings."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return java_double(value)
    if isinstance(value, dict):
        # The order of an object's keys is not kept.
        return json.dumps({key: value[key] for key in reversed(list(value))}, separators=(",", ":"), ensure_ascii=False)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def java_double(value: float) -> str:
    """Java's Double.toString: 0.5, 1.0E10, 1.5E-7."""
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = f"{value!r}" if "e" not in repr(value) else f"{value:f}"
        return text if "." in text else text + ".0"
    mantissa, exponent = f"{value:.16e}".split("e")
    for digits in range(1, 17):
        mantissa, exponent = f"{value:.{digits}e}".split("e")
        if float(f"{mantissa}e{exponent}") == value:
            break
    return f"{mantissa}E{int(exponent)}"
