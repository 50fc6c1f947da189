# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page on which a whole run writes down what it has seen: docs/faults.md."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Iterable, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import Case, Exchanges
from ansible_collections.searchops.opensearch_ml.tests.faults.proxy import FAULTS, TIMEOUT
from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import RETRIES, Subject

HEAD = """\
<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
<!-- Written by `make faults`. -->
# What a fault at any one exchange does

{cases} cases on OpenSearch {version} on {day}, by `{command}`: {verdict}

A proxy between the collection and a real server lets exactly one HTTP exchange of a run go wrong; two of the faults go on to the
end of the run. Such a run has succeeded, or has failed with one of the codes of `failure.code` and its remedy, never with a
traceback. Then the same is run twice without faults. What is held in each case:

- the next run succeeds; the one after it changes nothing and sends no write;
- the server's own search finds exactly one connector, model and group of each name that is stated and no other; the models are
  deployed, and their connectors and groups are there; the pattern is trusted once, and none of the former ones is lost;
- no output, at the highest verbosity, with diff, holds the credential, the password or the secret header, in any of their forms,
  although the answers 401, 429, 502, 503, 504 and HTML repeat all that was sent.

`retries` is {retries}, so that a single lost exchange is made good, and `timeout` {timeout:g} s where it is to run out.

| fault | what happens | succeeded | failed with a code | killed |
|---|---|---|---|---|
{faults}
"""

SUBJECT = """
## {name}

{means}: {cases} cases. Exchanges of its first run; what is polled again and again counts twice.

{exchanges}

| fault \\ exchange | {numbers} |
|---|{rule}|
{rows}
"""

NOTE = """
**ok**: the run succeeded. A code: it failed with that one. **killed**: it was. Empty: not run; faults of making a connection
are not told apart from those at the poll before, where the exchange follows polls, and of the role itself the exchanges that
write are run. Wherever something was not as promised, the place says **FAILED**.
"""


class Result(NamedTuple):
    case: Case
    outcome: str


def page(results: list[Result], seen: Iterable[tuple[Subject, Exchanges]], version: str, command: str) -> str:
    failed = sum(result.outcome == "FAILED" for result in results)
    faults = []
    for fault in FAULTS.values():
        of_this = Counter(result.outcome for result in results if result.case.fault is fault)
        ok, killed = of_this.pop("ok", 0), of_this.pop("killed", 0)
        codes = ", ".join(f"{count} `{code}`" for code, count in sorted(of_this.items())) or "0"
        faults.append(f"| {fault.name} | {fault.means} | {ok} | {codes} | {killed} |")
    text = HEAD.format(
        cases=len(results), version=version, day=date.today().isoformat(), command=command, retries=RETRIES, timeout=TIMEOUT,
        faults="\n".join(faults),
        verdict="in all of them the next run converged, nothing was lost, doubled or leaked."
        if not failed
        else f"{failed} did not end as promised.",
    )  # fmt: skip
    for subject, exchanges in seen:
        text += _section(subject, exchanges, [result for result in results if result.case.subject is subject])
    return text + NOTE


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
