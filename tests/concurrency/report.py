# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the results of a complete run: docs/concurrency.md."""

from __future__ import annotations

from collections import Counter
from datetime import date
from statistics import median
from typing import NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.concurrency.places import MEANS
from ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds import Round
from ansible_collections.searchops.opensearch_ml.tests.concurrency.subjects import CONTROLLERS, Subject

PAGE = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `dev/run nox -s concurrency`. -->
# What happens when {controllers} controllers write the same names at once

{rounds} rounds on {day}, by `{command}`, in {minutes:.0f} minutes: {verdict}

In each round, {controllers} processes of ansible-playbook run against the same cluster. Except for *removal*, the objects of the
round do not exist yet. A gate forwards their first requests at the same moment.

What the controllers run:

{subjects}

Where they run it:

{places}

These checks pass after each round:

- All {controllers} runs succeeded. They have `lock: required`, so that none of them writes without the lock.
- The server's own search finds exactly one connector, model and group of each desired name and no other. The models are deployed,
  and their connectors and groups exist. The pattern is trusted once, and all former patterns remain. After a round of *removal*,
  either all objects of the stack exist or none of them.
- After a round of *different*, all objects have the values of one controller. The role has several tasks, and another controller
  can write between two of them: after a round of *different-roles*, the objects may have the values of several controllers.
- The lock is free: its document does not exist.
- The next run of the controller that wrote last succeeds and changes nothing. If a round ended with nothing, or with the values of
  several controllers, the next run changes that, and the run after it changes nothing.

Superseded connectors that the server refuses to delete do not count, see *Limits* in the README: {undeletable} in this run.

| what | where | rounds | runs | failed runs | median | slowest | the rounds ended with |
|---|---|---|---|---|---|---|---|
{rows}

Median and slowest: the seconds until the last of the {controllers} runs has ended, with the start of ansible-playbook, on the
machine of that run, which has two cores. The first round in each place also creates the index of the lock.

Before there was a lock, *role* and *stack* took 8 to 14 s in the median and 42 s at most, and single runs failed with a code. Different
values were not promised.
"""


class Series(NamedTuple):
    """The rounds of one subject in one place; ``failed`` counts those in which a run failed or a check did not pass."""

    subject: Subject
    place: str
    version: str
    rounds: list[Round]
    failed: int


def page(series: list[Series], command: str, seconds: float) -> str:
    failed = sum(each.failed for each in series)
    # Each once, in their order.
    subjects = dict.fromkeys(f"- **{each.subject.name}**: {each.subject.means}" for each in series)
    places = dict.fromkeys(f"- **{each.place}**: {MEANS[each.place]}, OpenSearch {each.version}" for each in series)
    return PAGE.format(
        controllers=CONTROLLERS, rounds=sum(len(each.rounds) + each.failed for each in series), day=date.today().isoformat(),
        command=command, minutes=seconds / 60, rows="\n".join(map(_row, series)),
        subjects=";\n".join(subjects) + ".", places=";\n".join(places) + ".",
        undeletable=sum(round.undeletable for each in series for round in each.rounds) or "none",
        verdict="all of them passed." if not failed else f"{failed} failed.",
    )  # fmt: skip


def _row(series: Series) -> str:
    rounds = len(series.rounds) + series.failed
    failed = f"**in {series.failed} of the rounds**" if series.failed else "0"
    seconds = [round.seconds for round in series.rounds] or [0.0]
    return (
        f"| {series.subject.name} | {series.place} | {rounds} | {rounds * CONTROLLERS} | {failed} "
        f"| {median(seconds):.0f} | {max(seconds):.0f} | {_ends(series.rounds)} |"
    )


def _ends(rounds: list[Round]) -> str:
    """Which states the rounds left, with the number of rounds of each."""
    ends = Counter(round.end for round in rounds if round.end)
    winners = [end for end in ends if end.startswith("controller")]
    shown = [f"{count} {end}" for end, count in sorted(ends.items()) if end not in winners]
    if winners:
        shown.insert(
            0, f"{sum(ends[each] for each in winners)} values of one controller, {len(winners)} different ones"
        )
    return ", ".join(shown) or "the declared objects"
