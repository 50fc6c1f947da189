# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes tables from the raw numbers. Ratios are computed within one run, because the speed of a machine varies."""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any, Callable, Dict, Iterable, Mapping, Tuple

#: One measurement.
Record = Dict[str, Any]

#: The measurements of one run of one size, by contestant and step.
Figures = Mapping[Tuple[str, str], Record]

CONTESTANTS = {
    "start": "Ansible's start",
    "bare": "bare client",
    "bare4": "bare client, 4 threads",
    "stack": "ml_stack",
    "modules": "single modules",
    "uri": "uri tasks, creating only",
    "uri_careful": "uri tasks, careful",
    "role": "role ollama_chat",
    "uri_chat": "the same by uri tasks",
}
STEPS = {
    "first": "first apply",
    "unchanged": "unchanged run",
    "foreign": "unchanged, with foreign connectors",
    "key": "one key changed",
}


def line(record: Record) -> str:
    return (
        f"run {record['run']}  N={record['size']:<4} {record['contestant']:<11} {record['step']:<10}"
        f"{record['seconds']:8.2f} s  CPU {record['cpu']:6.2f} s  {_requests(record):5} requests"
    )


def _requests(record: Record) -> int:
    return sum(record["requests"].values())


def by_run(records: Iterable[Record]) -> dict[int, list[Figures]]:
    """The figures of each run, by size."""
    found: dict[tuple[int, int], dict[tuple[str, str], Record]] = defaultdict(dict)
    for record in records:
        found[record["size"], record["run"]][record["contestant"], record["step"]] = record
    sizes: dict[int, list[Figures]] = defaultdict(list)
    for size, run in sorted(found):
        sizes[size].append(found[size, run])
    return dict(sizes)


def _seconds(figures: Figures, contestant: str, step: str) -> float:
    return float(figures[contestant, step]["seconds"])


def _limit(figures: Figures) -> float:
    """The seconds of the faster bare client, plus those of Ansible's start."""
    bare = [_seconds(figures, each, "first") for each in ("bare", "bare4") if (each, "first") in figures]
    return min(bare) + _seconds(figures, "start", "unchanged")


def _tasks(figures: Figures) -> int:
    """The number of tasks of the single modules: one for each connector and one for each model."""
    return 2 * int(figures["modules", "unchanged"]["size"])


#: The compared values, each computed from the figures of one run. A run that lacks a figure raises KeyError or ValueError.
RATIOS: dict[str, Callable[[Figures], float]] = {
    "first apply: ml_stack / (bare client + start)": lambda f: _seconds(f, "stack", "first") / _limit(f),
    "first apply: ml_stack / careful uri tasks": lambda f: (
        _seconds(f, "stack", "first") / _seconds(f, "uri_careful", "first")
    ),
    "first apply: ml_stack / uri tasks that only create": lambda f: (
        _seconds(f, "stack", "first") / _seconds(f, "uri", "first")
    ),
    "unchanged: ml_stack - start, in seconds": lambda f: (
        _seconds(f, "stack", "unchanged") - _seconds(f, "start", "unchanged")
    ),
    "unchanged: with foreign connectors / without": lambda f: (
        _seconds(f, "stack", "foreign") / _seconds(f, "stack", "unchanged")
    ),
    "unchanged: requests of ml_stack": lambda f: float(_requests(f["stack", "unchanged"])),
    "unchanged: single module's task, in seconds": lambda f: (
        (_seconds(f, "modules", "unchanged") - _seconds(f, "start", "unchanged")) / _tasks(f)
    ),
    "unchanged: requests of a single module's task": lambda f: _requests(f["modules", "unchanged"]) / _tasks(f),
    "role ollama_chat, unchanged / its first run by uri tasks": lambda f: (
        _seconds(f, "role", "unchanged") / _seconds(f, "uri_chat", "first")
    ),
    "unchanged: requests of role ollama_chat": lambda f: float(_requests(f["role", "unchanged"])),
}


def ratio(runs: Iterable[Figures], of: Callable[[Figures], float]) -> float | None:
    """The median of a ratio over the runs that have its figures; None if no run has them."""
    found = []
    for figures in runs:
        try:
            found.append(of(figures))
        except (KeyError, ValueError):
            continue
    return median(found) if found else None


def markdown(records: list[Record]) -> str:
    """Two tables in Markdown: the medians, and the ratios."""
    sizes = by_run(records)
    rows = []
    for step, step_label in STEPS.items():
        for contestant, label in CONTESTANTS.items():
            cells = [_cell(runs, contestant, step) for runs in sizes.values()]
            if any(cells):
                rows.append([step_label, label, *cells])
    ratios = []
    for label, of in RATIOS.items():
        found = [ratio(runs, of) for runs in sizes.values()]
        if any(value is not None for value in found):
            ratios.append([label, *("" if value is None else f"{value:.2f}" for value in found)])
    heads = [f"N = {size}" for size in sizes]
    runs = ", ".join(f"{len(each)} of N = {size}" for size, each in sizes.items())
    return "\n".join(
        [f"Runs: {runs}.", "", *_table(["step", "by", *heads], rows), "", *_table(["ratio", *heads], ratios), ""]
    )


def _cell(runs: list[Figures], contestant: str, step: str) -> str:
    found = [figures[contestant, step] for figures in runs if (contestant, step) in figures]
    if not found:
        return ""
    seconds, cpu, requests = (
        median(of(record) for record in found) for of in (lambda r: r["seconds"], lambda r: r["cpu"], _requests)
    )
    return f"{seconds:.2f} s / {cpu:.2f} s / {requests:g}"


def _table(heads: list[str], rows: list[list[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (heads, ["---"] * len(heads), *rows)]
