# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what it takes to bring pairs of connector and model about, to leave them alone, and to change one key.

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

#: What each contestant can do. One that creates only would make duplicates in any further step.
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

#: Up to how many pairs those are measured that take a task for each object, or bring one pair about with all that
#: belongs to it.
UP_TO = {"modules": 100, "uri": 100, "uri_careful": 100, "role": 1, "uri_chat": 1}


class Bench:
    def __init__(self, url: str, foreign: int, folder: Path) -> None:
        self.server = Server(url)
        self._foreign = foreign
        self._folder = folder
        self._environment = {**os.environ, "OPENSEARCH_HOSTS": url, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}

    def rounds(self, contestant: str, size: int, run: int) -> Iterator[report.Record]:
        """All steps of a contestant, on a cluster without any of the pairs."""
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
            # The usage of the process and of all its descendants, which it has waited for.
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
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--sizes", default="1,10,100,500", help="how many pairs (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="how often (default: %(default)s)")
    parser.add_argument("--contestants", default=",".join(STEPS), help="default: %(default)s")
    parser.add_argument("--foreign", type=int, default=10000, help="connectors of others; 0 leaves that out")
    parser.add_argument("--add", action="store_true", help="add to the runs that were kept before")
    parser.add_argument("--url", default="http://127.0.0.1:19210", help="a cluster of no other use (%(default)s)")
    parser.add_argument("--raw", type=Path, default=Path("docs/bench.json"), help="the raw numbers (%(default)s)")
    options = parser.parse_args()
    records: list[report.Record] = json.loads(options.raw.read_text())["records"] if options.add else []
    contestants: list[str] = options.contestants.split(",")
    # Whoever ends it early wants the cluster back as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    first = 1 + max((record["run"] for record in records), default=0)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options.url, options.foreign, Path(folder))
        bench.server.prepare()
        try:
            for run in range(first, first + options.runs):
                # What comes later finds a warmer server: each is first once in a while.
                turn = (run - 1) % len(contestants)
                for size in map(int, options.sizes.split(",")):
                    for contestant in contestants[turn:] + contestants[:turn]:
                        if size > UP_TO.get(contestant, size):
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
