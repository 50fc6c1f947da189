# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the fault matrix and writes docs/faults.md: dev/run nox -s faults."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
from pathlib import Path

from ansible_collections.searchops.opensearch_ml.tests.faults import holder, report
from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import Case, Matrix, of_the_lease, writes
from ansible_collections.searchops.opensearch_ml.tests.faults.proxy import FAULTS
from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import CHAIN, FIRST, ROLE, STACK
from ansible_collections.searchops.opensearch_ml.tests.integration._clusters import restored
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster, until

SUBJECTS = {subject.name: subject for subject in (FIRST, CHAIN, STACK, ROLE)}
#: The cases of two runs, which have no faults of the matrix.
HOLDER = "holder"
NAMES = (*SUBJECTS, HOLDER)
PAGE = ROOT / "docs" / "faults.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--subjects", nargs="+", choices=NAMES, default=list(NAMES), help="the subjects to run")
    parser.add_argument(
        "--faults", nargs="+", choices=FAULTS, default=list(FAULTS), metavar="NAME", help="the faults to inject"
    )
    parser.add_argument(
        "--whole-role",
        action="store_true",
        help="inject faults into each request of the role, not only into its writes",
    )
    given = parser.parse_args()
    whole = set(given.subjects) == set(NAMES) and set(given.faults) == set(FAULTS)

    cluster = Cluster("3", os.environ.get("STACK_OPENSEARCH_URL", "http://127.0.0.1:19200"), None, None, None)
    until(cluster.answers, f"{cluster.url} to answer", 120.0)
    name = f"faults {uuid.uuid4().hex[:8]}"
    results, seen, held = [], [], []
    with restored(cluster), tempfile.TemporaryDirectory() as folder:
        try:
            matrix = Matrix(cluster, name, Path(folder))
            for subject in (SUBJECTS[each] for each in given.subjects if each != HOLDER):
                seen.append((subject, matrix.exchanges(subject)))
                cases = [case for case in matrix.cases(*seen[-1]) if case.fault.name in given.faults]
                if subject is FIRST:
                    cases = of_the_lease(cases)
                if subject is ROLE and not given.whole_role:
                    cases = writes(cases)
                for number, case in enumerate(cases, 1):
                    results.append(report.Result(case, _outcome(matrix, case)))
                    print(f"{number}/{len(cases)} {case} -> {results[-1].outcome}", flush=True)
            if HOLDER in given.subjects:
                held = [_hold(cluster, case, f"{name} {case.name}", Path(folder)) for case in holder.CASES]
        finally:
            cluster.remove(name)
    failed = [str(result.case) for result in results if result.outcome == "FAILED"]
    failed += [f"{HOLDER}, {result.case.name}" for result in held if not result.passed]
    if whole:
        # A partial run is not documented.
        version = cluster.must("GET", "/")["version"]["number"]
        command = "dev/run nox -s faults" + (" -- --whole-role" if given.whole_role else "")
        PAGE.write_text(
            report.page(report.Complete(results, seen, held, matrix.left, matrix.taken_over), version, command)
        )
    total = len(results) + len(held)
    print(
        f"{total - len(failed)} of {total} cases passed; {matrix.left} left the lease, {matrix.taken_over} next runs took it over"
    )
    sys.exit("\n".join(["Failed:", *failed]) if failed else 0)


def _outcome(matrix: Matrix, case: Case) -> str:
    try:
        return matrix.run(case)
    except AssertionError as exc:
        print(f"{case}: {exc}", flush=True)
        return "FAILED"


def _hold(cluster: Cluster, case: holder.HolderCase, name: str, folder: Path) -> holder.HolderResult:
    begun = time.monotonic()
    try:
        result = holder.HolderResult(case, True, holder.play(cluster, case, name, folder))
        print(f"{HOLDER}, {case.name} -> ok ({result.seconds:.0f} s)", flush=True)
    except AssertionError as exc:
        result = holder.HolderResult(case, False, time.monotonic() - begun)
        print(f"{HOLDER}, {case.name}: {exc}", flush=True)
    return result


if __name__ == "__main__":
    main()
