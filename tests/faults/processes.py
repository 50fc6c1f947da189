# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the collection in separate processes, which a fault can kill at any moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import until

#: Maximum duration of a run in seconds, whatever the fault.
LONGEST = 120

#: Runs a module, which must succeed, and returns its result.
Call = Callable[..., dict[str, Any]]

#: Starts a run against a URL, with its output in a file.
Start = Callable[[str, Path], "Run"]


class Outcome(NamedTuple):
    """The outcome of a run. ``code``: of its failure, or the codes of all items of a stack; ``text``: all that it printed."""

    succeeded: bool
    code: str | None
    changed: bool
    text: str


class Run:
    """A run in progress in a separate process."""

    def kill(self) -> None:
        """Kill it with SIGKILL."""
        raise NotImplementedError

    def end(self) -> Outcome:
        raise NotImplementedError


class _Stopped(Exception):
    """A task has failed; the tasks after it are not run."""


class ModulesRun(Run):
    """Modules in one process, called one after the other by ``play``."""

    def __init__(self, play: Callable[..., None], options: Mapping[str, Any], output: Path, **given: Any) -> None:
        self._output = output
        self._process = _context().Process(target=_play, args=(play, dict(options), str(output), given))
        self._process.start()

    def kill(self) -> None:
        _kill(self._process)

    def pause(self) -> None:
        """Stop it with SIGSTOP; on return it no longer runs."""
        os.kill(self._process.pid or 0, signal.SIGSTOP)
        status = Path(f"/proc/{self._process.pid}/stat")
        # The state is the first field after the name, which is in parentheses.
        until(lambda: status.read_text().rpartition(")")[2].split()[0] == "T", "the process to stop", pause=0.01)

    def resume(self) -> None:
        os.kill(self._process.pid or 0, signal.SIGCONT)

    def end(self) -> Outcome:
        self._process.join(LONGEST)
        if self._process.exitcode is None:
            self.kill()
            raise AssertionError(f"the run did not end within {LONGEST} s: {self._output.read_text()}")
        text = self._output.read_text()
        results = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        failures = [result for result in results if result.get("failed")]
        code = _code(failures[0].get("failure") or {}) if failures else None
        changed = any(result.get("changed") for result in results)
        return Outcome(self._process.exitcode == 0, code, changed, text)


class PlaybookRun(Run):
    """A run of ansible-playbook with its workers."""

    def __init__(
        self,
        playbook: str,
        variables: Mapping[str, Any],
        output: Path,
        more: Iterable[str] = ("-vvvv", "--diff"),
        longest: float = LONGEST,
    ) -> None:
        self._longest = longest
        given = output.with_suffix(".json")
        given.write_text(json.dumps(dict(variables)))
        self._output = output
        program = str(Path(sys.executable).parent / "ansible-playbook")
        with output.open("w") as file:
            self._process = subprocess.Popen(
                [program, playbook, "-e", f"@{given}", *more],
                cwd=ROOT, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
            )  # fmt: skip

    def kill(self) -> None:
        # Kill the workers first, so that they report nothing more. Each of them is a session of its own.
        for pid in [*_children(self._process.pid), self._process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> Outcome:
        try:
            status = self._process.wait(self._longest)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the run did not end within {self._longest} s: {self._output.read_text()}")
        text = self._output.read_text()
        if status < 0:
            text += f"\n(ended by signal {-status})"
        failure = re.search(r'"failure": \{\s*"code": "(\w+)"', text) if status else None
        return Outcome(status == 0, failure[1] if failure else None, bool(re.search(r"changed=[1-9]", text)), text)


def _context() -> Any:
    """Processes are forked from a server without threads that has imported what a run needs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([f"{__package__}.preloaded"])
    # The server is a separate program: it needs the path of the collection.
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    return context


def _play(play: Callable[..., None], options: dict[str, Any], output: str, given: dict[str, Any]) -> None:
    from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import run_module

    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for standard in (1, 2):
        os.dup2(file, standard)

    def call(module: str, /, **args: Any) -> dict[str, Any]:
        given = {**options, **args, "_ansible_verbosity": 4, "_ansible_diff": True}
        result, text = run_module(module, given, way="module")
        os.write(1, text.encode())
        if result.get("failed"):
            raise _Stopped
        return result

    try:
        play(call, **given)
    except _Stopped:
        os._exit(1)


def _code(failure: Mapping[str, Any]) -> str | None:
    """A partly failed stack has a code for each item."""
    items = [item["code"] for item in (failure.get("details") or {}).get("failed", ())]
    return items[0] if items else failure.get("code")


def _kill(process: BaseProcess) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid or 0, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += [*_children(int(child)), int(child)]
    return found
