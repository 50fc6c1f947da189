# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page on which a whole run writes down what it has seen: docs/concurrency.md."""

from __future__ import annotations

from collections import Counter
from datetime import date
from statistics import median
from typing import NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds import (
    CONTROLLERS,
    STALLED_AFTER,
    Round,
    Subject,
)

PAGE = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `make concurrency`. -->
# What becomes of it when {controllers} controllers apply the same at once

{rounds} rounds on OpenSearch {version} on {day}, by `{command}`, in {minutes:.0f} minutes: {verdict}

In each round {controllers} processes of ansible-playbook apply the same to the same cluster, for objects that are not there yet.
A gate lets their first requests through together. **One node**: all of them ask the same one. **Three nodes**: they ask the
nodes of one cluster by turns. What is held after each round:

- each run has succeeded, or has failed with one of {codes} and the advice to run it again;
- the server's own search finds exactly one connector, model and group of each name that is stated and no other; the models are
  deployed, and their connectors and groups are there; the pattern is trusted once, and none of the former ones is lost.
  What does not count is a connector that another one has replaced and that the server refuses to delete, as the README says
  under *Limits*: {held} in this run;
- the next run succeeds and changes nothing.

| what | where | rounds | runs that succeeded | runs that failed with a code | rounds in which all succeeded | seconds for a round |
|---|---|---|---|---|---|---|
{rows}

Seconds: the median and the longest, until the last of the {controllers} has ended; on the machine of that run, two cores.
"""


class Series(NamedTuple):
    """The rounds of one subject in one place; ``failed`` are those that did not end as promised."""

    subject: Subject
    place: str
    rounds: list[Round]
    failed: int


def page(series: list[Series], version: str, command: str, seconds: float) -> str:
    failed = sum(each.failed for each in series)
    return PAGE.format(
        controllers=CONTROLLERS, rounds=sum(len(each.rounds) + each.failed for each in series), version=version,
        day=date.today().isoformat(), command=command, minutes=seconds / 60, rows="\n".join(map(_row, series)),
        codes=", ".join(f"`{code}`" for code in STALLED_AFTER),
        held=sum(round.held for each in series for round in each.rounds) or "none",
        verdict="all of them ended as promised." if not failed else f"{failed} did not end as promised.",
    )  # fmt: skip


def _row(series: Series) -> str:
    ended = Counter(end for round in series.rounds for end in round.ended)
    succeeded = ended.pop("ok", 0)
    codes = ", ".join(f"{count} `{code}`" for code, count in sorted(ended.items())) or "0"
    if series.failed:
        codes += f"; **{series.failed} rounds FAILED**"
    whole = sum(set(round.ended) == {"ok"} for round in series.rounds)
    seconds = [round.seconds for round in series.rounds] or [0.0]
    return (
        f"| {series.subject.means} | {series.place} | {len(series.rounds) + series.failed} | {succeeded} | {codes} | {whole} "
        f"| {median(seconds):.0f}, {max(seconds):.0f} |"
    )
