# SPDX-License-Identifier: GPL-3.0-or-later
"""From raw numbers to what they say. Ratios are taken within one run, as machines have good and bad hours."""

from __future__ import annotations

from typing import Any, Dict

#: One measurement.
Record = Dict[str, Any]


def line(record: Record) -> str:
    total = sum(record["requests"].values())
    return (
        f"run {record['run']}  N={record['size']:<4} {record['contestant']:<8} {record['step']:<10}"
        f"{record['seconds']:8.2f} s  CPU {record['cpu']:6.2f} s  {total:5} requests"
    )
