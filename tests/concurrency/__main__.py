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
from ansible_collections.searchops.opensearch_ml.tests.concurrency.places import ROUNDS, opened
from ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds import Round, Rounds
from ansible_collections.searchops.opensearch_ml.tests.concurrency.subjects import SUBJECTS, Subject
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT

PAGE = ROOT / "docs" / "concurrency.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, help="of each subject in each place; by default as many as the page has")
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS), help="what is run")
    parser.add_argument("--places", nargs="+", choices=ROUNDS, default=list(ROUNDS), help="on which servers")
    given = parser.parse_args()
    whole = set(given.subjects) == set(SUBJECTS) and set(given.places) == set(ROUNDS)

    begun = time.monotonic()
    series = []
    for name in given.places:
        prefix = f"at once {uuid.uuid4().hex[:8]}"
        with opened(name) as place, tempfile.TemporaryDirectory() as folder:
            try:
                rounds = Rounds(place, prefix, Path(folder))
                for subject in (SUBJECTS[each] for each in given.subjects):
                    results, failed = _play(rounds, subject, name, given.rounds or ROUNDS[name])
                    series.append(report.Series(subject, name, place.version, results, failed))
            finally:
                place.cluster.remove(prefix)
    if whole:
        # A partial run is not documented.
        command = "dev/run nox -s concurrency" + (f" -- --rounds {given.rounds}" if given.rounds else "")
        PAGE.write_text(report.page(series, command, time.monotonic() - begun))
    failures = sum(each.failed for each in series)
    print(f"{sum(len(each.rounds) for each in series)} rounds passed, {failures} failed")
    sys.exit(1 if failures else 0)


def _play(rounds: Rounds, subject: Subject, place: str, number: int) -> tuple[list[Round], int]:
    """Play the rounds of one subject in one place; returns the results, and the number of failed rounds."""
    results, failed = [], 0
    for count in range(1, number + 1):
        label = f"{subject.name}, {place}, {count}/{number}"
        try:
            results.append(rounds.play(subject))
            print(f"{label}: passed {results[-1].end} ({results[-1].seconds:.0f} s)", flush=True)
        except AssertionError as exc:
            failed += 1
            print(f"{label}: FAILED: {exc}", flush=True)
    return results, failed


if __name__ == "__main__":
    main()
