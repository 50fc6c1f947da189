# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs all rounds and writes docs/concurrency.md (dev/run nox -s concurrency)."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import uuid
from pathlib import Path

from ansible_collections.searchops.opensearch_ml.tests.concurrency import report
from ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds import ROLE, STACK, Rounds, Subject, places
from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import restored
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster, until

SUBJECTS = {subject.name: subject for subject in (ROLE, STACK)}
PAGE = ROOT / "docs" / "concurrency.md"

#: Rounds of each subject in each place in a complete run.
ROUNDS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each subject in each place")
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), help="what is run")
    parser.add_argument("--places", nargs="+", choices=places(), default=list(places()), help="on how many nodes")
    given = parser.parse_args()
    whole = set(given.subjects) == set(SUBJECTS) and set(given.places) == set(places())

    begun = time.monotonic()
    series = []
    for place in given.places:
        urls = places()[place]
        cluster = Cluster("3", urls[0])
        until(cluster.answers, f"{cluster.url} to answer", 120.0)
        version = cluster.must("GET", "/")["version"]["number"]
        name = f"at once {uuid.uuid4().hex[:8]}"
        with restored(cluster), tempfile.TemporaryDirectory() as folder:
            try:
                rounds = Rounds(cluster, urls, name, Path(folder))
                series += [_series(rounds, SUBJECTS[each], place, given.rounds) for each in given.subjects]
            finally:
                cluster.remove(name)
    failed = sum(each.failed for each in series)
    if whole:
        # A partial run is not documented.
        command = "dev/run nox -s concurrency" + (f" -- --rounds {given.rounds}" if given.rounds != ROUNDS else "")
        PAGE.write_text(report.page(series, version, command, time.monotonic() - begun))
    print(f"{sum(len(each.rounds) for each in series)} rounds ended as promised, {failed} did not")
    sys.exit(1 if failed else 0)


def _series(rounds: Rounds, subject: Subject, place: str, number: int) -> report.Series:
    done, failed = [], 0
    for count in range(1, number + 1):
        label = f"{subject.name}, {place}, {count}/{number}"
        try:
            done.append(rounds.play(subject))
            print(f"{label}: {' '.join(done[-1].ended)} ({done[-1].seconds:.0f} s)", flush=True)
        except AssertionError as exc:
            failed += 1
            print(f"{label}: FAILED: {exc}", flush=True)
    return report.Series(subject, f"{place} node{'s' if place != 'one' else ''}", done, failed)


if __name__ == "__main__":
    main()
