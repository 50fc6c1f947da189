# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures how long it takes to create pairs of connector and model, to leave them unchanged, and to change one key.

Prints a line for each measurement and keeps the raw numbers. See docs/bench.md.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator

from bench import pairs, report
from bench.server import Server

PLAYS = Path(__file__).parent / "plays"

#: The steps that each contestant can run. A contestant that only creates objects would create duplicates in a second step.
STEPS = {
    "start": ("unchanged",),
    "bare": ("first", "unchanged", "foreign", "key"),
    "bare4": ("first",),
    "stack": ("first", "unchanged", "foreign", "key"),
    "modules": ("first", "unchanged", "key"),
    "uri": ("first",),
    "uri_careful": ("first", "unchanged"),
    "role": ("first", "unchanged"),
    "uri_chat": ("first",),
}

#: The maximum number of pairs for contestants that run one task for each object, or that set up one pair completely.
MAX_SIZE = {"modules": 100, "uri": 100, "uri_careful": 100, "role": 1, "uri_chat": 1}


class Bench:
    def __init__(self, url: str, foreign: int, folder: Path) -> None:
        self.server = Server(url)
        self._foreign = foreign
        self._folder = folder
        self._environment = {**os.environ, "OPENSEARCH_HOSTS": url, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}

    def rounds(self, contestant: str, size: int, run: int) -> Iterator[report.Record]:
        """Run all steps of a contestant, on a cluster without the pairs, and yield a record for each step."""
        for step in STEPS[contestant]:
            if step == "foreign":
                if not self._foreign:
                    continue
                self.server.add_foreign(self._foreign)
            yield self._measure(contestant, step, size, run)
            if step == "foreign":
                self.server.remove_foreign()
            if contestant != "start":
                self.server.check(size)
        self.server.remove()

    def _measure(self, contestant: str, step: str, size: int, run: int) -> report.Record:
        command = self._command(contestant, step, size)
        log = self._folder / "log"
        before = self.server.counts()
        with log.open("w") as output:
            begun = time.monotonic()
            process = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            # The usage includes all descendants that the process has waited for.
            _pid, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{log.read_text()[-3000:]}")
        after = self.server.counts()
        requests = {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}
        return {
            "contestant": contestant,
            "step": step,
            "size": size,
            "run": run,
            "seconds": round(seconds, 3),
            "cpu": round(usage.ru_utime + usage.ru_stime, 3),
            "requests": requests,
        }

    def _command(self, contestant: str, step: str, size: int) -> list[str]:
        if contestant.startswith("bare"):
            threads = contestant.removeprefix("bare") or "1"
            return [sys.executable, "-m", "bench.bare", self.server.url, step, str(size), threads]
        command = ["ansible-playbook", str(PLAYS / f"{contestant}.yml")]
        if contestant == "start":
            return command
        variables = self._folder / "variables.json"
        variables.write_text(json.dumps(pairs.variables(size, changed=step == "key")))
        return [*command, "-e", f"@{variables}"]


def main() -> None:
    parser = argparse.ArgumentParser(prog="nox -s bench --", description=__doc__)
    parser.add_argument("--sizes", default="1,10,100,500", help="how many pairs (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="number of runs (default: %(default)s)")
    parser.add_argument("--contestants", default=",".join(STEPS), help="default: %(default)s")
    parser.add_argument("--foreign", type=int, default=10000, help="number of foreign connectors; 0 skips this step")
    parser.add_argument("--add", action="store_true", help="add to the runs of the raw file")
    parser.add_argument(
        "--url", default="http://127.0.0.1:19210", help="a cluster that is used for nothing else (%(default)s)"
    )
    parser.add_argument("--raw", type=Path, default=Path("docs/bench.json"), help="the raw numbers (%(default)s)")
    options = parser.parse_args()
    records: list[report.Record] = json.loads(options.raw.read_text())["records"] if options.add else []
    contestants: list[str] = options.contestants.split(",")
    # Restore the cluster after SIGTERM, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    first = 1 + max((record["run"] for record in records), default=0)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.url, options.foreign, Path(folder))
        bench.server.prepare()
        try:
            for run in range(first, first + options.runs):
                # Later contestants find a warmer server, so each run begins with another contestant.
                turn = (run - 1) % len(contestants)
                for size in map(int, options.sizes.split(",")):
                    for contestant in contestants[turn:] + contestants[:turn]:
                        if size > MAX_SIZE.get(contestant, size):
                            continue
                        for record in bench.rounds(contestant, size, run):
                            print(report.line(record), flush=True)
                            records.append(record)
                            _keep(options.raw, records)
        finally:
            bench.server.restore()


def _keep(path: Path, records: list[report.Record]) -> None:
    kept: dict[str, Any] = {"records": records}
    text = json.dumps(kept, indent=1, sort_keys=True)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + "\n")


if __name__ == "__main__":
    main()
