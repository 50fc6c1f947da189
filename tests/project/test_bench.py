# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of the benchmark; nothing is measured here."""

from __future__ import annotations

from typing import Any

from ansible_collections.searchops.opensearch_ml.bench import report


def record(contestant: str, step: str, run: int, seconds: float, requests: int = 1) -> dict[str, Any]:
    return {
        "contestant": contestant,
        "step": step,
        "size": 100,
        "run": run,
        "seconds": seconds,
        "cpu": 0.5,
        "requests": {"a": requests - 1, "b": 1},
    }


def of_run(run: int, slow: float) -> list[dict[str, Any]]:
    """The same figures on a machine that is slower by the factor ``slow``."""
    return [
        record("start", "unchanged", run, 1 * slow),
        record("bare", "first", run, 24 * slow),
        record("bare4", "first", run, 19 * slow),
        record("stack", "first", run, 22 * slow, requests=404),
        record("stack", "unchanged", run, 2 * slow, requests=3),
    ]


def test_ratios_compare_figures_of_the_same_run() -> None:
    records = of_run(1, 1.0) + of_run(2, 2.0) + of_run(3, 1.1)
    assert (
        report.ratio(report.by_run(records)[100], report.RATIOS["first apply: ml_stack / (bare client + start)"]) == 1.1
    )


def test_a_run_without_a_figure_is_ignored() -> None:
    records = [*of_run(1, 1.0), record("stack", "first", 2, 99.0)]
    runs = report.by_run(records)[100]
    assert report.ratio(runs, report.RATIOS["first apply: ml_stack / (bare client + start)"]) == 1.1
    assert report.ratio(runs, report.RATIOS["first apply: ml_stack / careful uri tasks"]) is None


def test_figures_of_single_tasks() -> None:
    records = [record("start", "unchanged", 1, 2.0), record("modules", "unchanged", 1, 12.0, requests=500)]
    runs = report.by_run(records)[100]
    assert report.ratio(runs, report.RATIOS["unchanged: single module's task, in seconds"]) == 0.05
    assert report.ratio(runs, report.RATIOS["unchanged: requests of a single module's task"]) == 2.5


def test_the_tables() -> None:
    shown = report.markdown(of_run(1, 1.0) + of_run(2, 3.0))
    assert "Runs: 2 of N = 100." in shown
    assert "| first apply | ml_stack | 44.00 s / 0.50 s / 404 |" in shown
    assert "| unchanged: requests of ml_stack | 3.00 |" in shown
    assert "uri" not in shown
    assert "role" not in shown
