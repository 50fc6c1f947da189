# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the results of a complete run: docs/concurrency.md."""

from __future__ import annotations

from collections import Counter
from datetime import date
from statistics import median
from typing import NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds import (
    CONCURRENCY_CODES,
    CONTROLLERS,
    Round,
    Subject,
)

PAGE = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `dev/run nox -s concurrency`. -->
# What happens when {controllers} controllers apply the same declaration at once

{rounds} rounds on OpenSearch {version} on {day}, by `{command}`, in {minutes:.0f} minutes: {verdict}

In each round {controllers} processes of ansible-playbook apply the same declaration to the same cluster, whose objects do not
exist yet. A gate forwards their first requests at the same moment. **One node**: all of them use the same node. **Three nodes**:
they are distributed over the nodes of one cluster. These checks pass after each round:

- each run succeeds, or fails with one of {codes} and the advice to run it again;
- the server's own search finds exactly one connector, model and group of each desired name and no other; the models are deployed,
  and their connectors and groups exist; the pattern is trusted once, and all former patterns remain. Connectors that another one
  has replaced and that the server refuses to delete do not count, see *Limits* in the README: {undeletable} in this run;
- the next run succeeds and changes nothing.

| what | where | rounds | runs that succeeded | runs that failed with a code | rounds in which all succeeded | seconds for a round |
|---|---|---|---|---|---|---|
{rows}

Seconds: the median and the longest, until the last of the {controllers} has ended; on the machine of that run, two cores.
"""


class Series(NamedTuple):
    """The rounds of one subject in one place; ``failed`` counts those in which a check failed."""

    subject: Subject
    place: str
    rounds: list[Round]
    failed: int


def page(series: list[Series], version: str, command: str, seconds: float) -> str:
    failed = sum(each.failed for each in series)
    return PAGE.format(
        controllers=CONTROLLERS, rounds=sum(len(each.rounds) + each.failed for each in series), version=version,
        day=date.today().isoformat(), command=command, minutes=seconds / 60, rows="\n".join(map(_row, series)),
        codes=", ".join(f"`{code}`" for code in CONCURRENCY_CODES),
        undeletable=sum(round.undeletable for each in series for round in each.rounds) or "none",
        verdict="all of them passed." if not failed else f"{failed} failed.",
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
