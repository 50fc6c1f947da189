# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the page with its tables, and the plot, from the raw numbers."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.figure import Figure

from bench import report

DOCS = Path("docs")
SHOWN = ("first", "unchanged")


def plot(records: list[report.Record]) -> Figure:
    """Plot the seconds by the number of pairs, both logarithmic, one picture for each step."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    sizes = report.by_run(records)
    for axes, step in zip(figure.subplots(1, len(SHOWN), sharey=True), SHOWN, strict=True):
        for number, (contestant, label) in enumerate(report.CONTESTANTS.items()):
            points = {
                size: median(figures[contestant, step]["seconds"] for figures in runs if (contestant, step) in figures)
                for size, runs in sizes.items()
                if any((contestant, step) in figures for figures in runs)
            }
            if points:
                axes.plot(list(points), list(points.values()), marker="o", label=label, color=f"C{number}")
        axes.set(title=report.STEPS[step], xlabel="pairs of connector and model", xscale="log", yscale="log")
        axes.set_xticks(list(sizes), [str(size) for size in sizes])
        axes.grid(alpha=0.3)
        axes.legend()
    figure.axes[0].set_ylabel("seconds")
    return figure


def main() -> None:
    records = json.loads((DOCS / "bench.json").read_text())["records"]
    page = DOCS / "bench.md"
    text = (Path(__file__).parent / "page.md").read_text()
    page.write_text(text.replace("{tables}\n", report.markdown(records)))
    # The same numbers write the same file.
    mpl.rcParams["svg.hashsalt"] = "bench"
    plot(records).savefig(DOCS / "bench.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
