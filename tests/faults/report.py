# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the results of a complete run: docs/faults.md."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Iterable, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.faults.holder import HolderResult
from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import Case, Exchanges
from ansible_collections.searchops.opensearch_ml.tests.faults.proxy import FAULTS, TIMEOUT
from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import RETRIES, Subject
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import LEASE_SECONDS

HEAD = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `dev/run nox -s faults`. -->
# What happens after a fault at any one exchange

{cases} cases on OpenSearch {version} on {day}, by `{command}`: {verdict}

A proxy between the collection and a real server injects a fault into exactly one HTTP exchange of a run; two of the faults last to
the end of the run. The run succeeds, or fails with one of the codes of `failure.code` and its remedy, never with a traceback. Then
the same is run twice without faults. These checks pass in each case:

- the next run succeeds; the one after it changes nothing and sends no write;
- the server's own search finds exactly one connector, model and group of each desired name and no other; the models are deployed,
  and their connectors and groups exist; the pattern is trusted once, and all former patterns remain;
- the lock is free after each of these two runs;
- no output, at the highest verbosity and with diffs, contains the credential, the password or the secret header in any form, although
  the answers 401, 429, 502, 503, 504 and HTML repeat all that was sent.

No faulted run takes {lease:g} s: none waits for a lock that it holds itself, also if the answer to its acquire was lost. The exception
is a release that is refused with 401: the next task waits until the lock expires.

A run can end while it holds the lock: if it is killed, if the server cannot be reached for the release, or if the fault strikes
an exchange of the lock. That was so in {left} cases. In {taken_over} of them the next run had to write, and took the lock over after it
had expired; a run that changes nothing needs no lock. The lock expires {lease:g} s after another run has found it. To save hours, the
matrix sets the time to live in the document of a lock that is left to 1 s; the takeover itself is that of the collection. The
cases of *holder* below wait the whole time.

`retries` is {retries}, so that the client recovers from a single lost exchange, and `timeout` is {timeout:g} s in cases where it must expire.

| fault | what happens | succeeded | failed with a code | killed |
|---|---|---|---|---|
{faults}
"""

SUBJECT = """
## {name}

{means}: {cases} cases. Exchanges of its first run; repeated polls count twice.

{exchanges}

| fault \\ exchange | {numbers} |
|---|{rule}|
{rows}
"""

HOLDER = """
## holder

One run of `ml_stack`, the subject of *stack*, is killed or paused while it holds the lock. Another run begins then. Both must
succeed, except for one that is killed. After the pause, the holder sends no write before it has acquired the lock again. At the
end exactly one object of each name exists, the lock is free, and the next run changes nothing.

| case | what happens | seconds of the other run | result |
|---|---|---|---|
{rows}
"""

NOTE = """
**ok**: the run succeeded. A code: it failed with this code. **killed**: the process was killed. Empty: not run. A fault of connecting
is not run where the exchange follows polls, as it cannot be distinguished from one at the poll before; of the role itself only the
exchanges that write are run, of *first use* those of the lock. **FAILED**: a check did not pass.
"""


class Result(NamedTuple):
    case: Case
    outcome: str


class Complete(NamedTuple):
    """The results of a complete run; ``left``: the cases in which the run left the lease, ``taken_over``: those in which
    the next run took it over."""

    results: list[Result]
    seen: Iterable[tuple[Subject, Exchanges]]
    held: list[HolderResult]
    left: int
    taken_over: int


def page(run: Complete, version: str, command: str) -> str:
    results = run.results
    failed = sum(result.outcome == "FAILED" for result in results) + sum(not each.passed for each in run.held)
    faults = []
    for fault in FAULTS.values():
        of_this = Counter(result.outcome for result in results if result.case.fault is fault)
        ok, killed = of_this.pop("ok", 0), of_this.pop("killed", 0)
        codes = ", ".join(f"{count} `{code}`" for code, count in sorted(of_this.items())) or "0"
        faults.append(f"| {fault.name} | {fault.means} | {ok} | {codes} | {killed} |")
    text = HEAD.format(
        cases=len(results) + len(run.held), version=version, day=date.today().isoformat(), command=command, retries=RETRIES,
        timeout=TIMEOUT, lease=LEASE_SECONDS, left=run.left, taken_over=run.taken_over, faults="\n".join(faults),
        verdict="in all of them the next run converged, and nothing was lost, duplicated or leaked."
        if not failed
        else f"{failed} failed.",
    )  # fmt: skip
    for subject, exchanges in run.seen:
        text += _section(subject, exchanges, [result for result in results if result.case.subject is subject])
    rows = [
        f"| {case.name} | {case.means} | {seconds:.0f} | {'ok' if passed else '**FAILED**'} |"
        for case, passed, seconds in run.held
    ]
    return text + NOTE + HOLDER.format(rows="\n".join(rows))


def _section(subject: Subject, exchanges: Exchanges, results: list[Result]) -> str:
    outcomes = {(result.case.fault.name, result.case.at): result.outcome for result in results}
    run = sorted({result.case.at for result in results})
    rows = [
        f"| {fault} | {' | '.join(_shown(outcomes.get((fault, at), '')) for at in run)} |"
        for fault in FAULTS
        if any((fault, at) in outcomes for at in run)
    ]
    return SUBJECT.format(
        name=subject.name,
        means=subject.means[0].upper() + subject.means[1:],
        cases=len(results),
        exchanges="\n".join(f"{at + 1}. `{label}`" for at, label in enumerate(exchanges.labels)),
        numbers=" | ".join(str(at + 1) for at in run),
        rule="|".join("---" for _at in run),
        rows="\n".join(rows),
    )


def _shown(outcome: str) -> str:
    if outcome in ("ok", "killed", ""):
        return outcome
    return f"**{outcome}**" if outcome == "FAILED" else f"`{outcome}`"
