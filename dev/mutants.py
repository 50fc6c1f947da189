# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the mutants that dev/mutants.yml asks for, and hold the survivors against what it explains."""

from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[1]
PLAN = ROOT / "dev/mutants.yml"
PAGE = ROOT / "docs/mutants.md"

#: Seconds that the tests of one mutant may take; some mutants wait for ever.
TIMEOUT = 30.0

CONFIG = """\
[cosmic-ray]
module-path = [{file}]
timeout = {timeout}
excluded-modules = []
test-command = {command}

[cosmic-ray.distributor]
name = "local"

[cosmic-ray.filters.operators-filter]
exclude-operators = [{without}]
"""


class Mutant(NamedTuple):
    """One change of one line, and whether a test noticed it."""

    file: str
    line: int
    was: str
    became: str
    outcome: str

    @property
    def survived(self) -> bool:
        return self.outcome == "survived"


def copied(place: Path) -> Path:
    """The repository once more: the files are changed there, while people work on theirs."""
    shutil.rmtree(place, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, place / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    return place


def run(cosmic_ray: str, place: Path, file: str, tests: list[str], without: list[str]) -> list[Mutant]:
    tree = copied(place / "tree")
    command = [sys.executable, "-m", "pytest", "-x", "-q", *tests]
    config, session = place / "config.toml", place / "session.sqlite"
    session.unlink(missing_ok=True)
    config.write_text(
        CONFIG.format(
            file=json.dumps(file),
            timeout=TIMEOUT,
            command=json.dumps(" ".join(command)),
            without=", ".join(map(json.dumps, without)),
        ),
        encoding="utf-8",
    )
    # Python trusts its bytecode where a file's size and second are the same, as those of a mutant may well be.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    def call(*arguments: str, program: str = cosmic_ray) -> str:
        done = subprocess.run(
            [program, *arguments],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            sys.exit(f"{file}: {' '.join(arguments)}:\n{done.stdout}{done.stderr}")
        return done.stdout

    call("init", str(config), str(session))
    call(str(session), str(config), program=str(Path(cosmic_ray).with_name("cr-filter-operators")))
    # Tests that fail already would kill every mutant.
    call("baseline", str(config))
    call("exec", str(config), str(session))
    found = [json.loads(line) for line in call("dump", str(session)).splitlines()]
    return [mutant for item, result in found if (mutant := _mutant(file, item, result))]


def _mutant(file: str, item: dict[str, Any], result: dict[str, Any] | None) -> Mutant | None:
    if result is None:
        sys.exit(f"{file}: a mutant was not run: {item}")
    if result["worker_outcome"] == "skipped":
        return None
    [mutation] = item["mutations"]
    lines = (result["diff"] or "").splitlines()
    was = [line[1:].strip() for line in lines if line.startswith("-") and not line.startswith("---")]
    became = [line[1:].strip() for line in lines if line.startswith("+") and not line.startswith("+++")]
    return Mutant(file, mutation["start_pos"][0], "\n".join(was), "\n".join(became), result["test_outcome"])


def explanation(mutant: Mutant, explained: list[dict[str, Any]]) -> dict[str, Any] | None:
    for entry in explained:
        if entry["file"] == mutant.file and entry["was"] == mutant.was and mutant.became in entry["became"]:
            return entry
    return None


def page(mutants: list[Mutant], explained: list[dict[str, Any]], version: str) -> str:
    rows = []
    for file in sorted({mutant.file for mutant in mutants}):
        own = [mutant for mutant in mutants if mutant.file == file]
        left = sum(mutant.survived for mutant in own)
        rows.append(f"| `{file}` | {len(own)} | {len(own) - left} | {left} |")
    total, left = len(mutants), sum(mutant.survived for mutant in mutants)
    lines = [
        # REUSE-IgnoreStart
        "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
        # REUSE-IgnoreEnd
        "<!-- Written by dev/mutants. -->",
        "# Mutants",
        "",
        "Each is a small change of the code: another comparison, another number, a condition turned round, a loop that does",
        "not run. The unit tests have to notice it. Which files, which tests and which kinds of change is in",
        "`dev/mutants.yml`; a change that no test can notice is explained there, and below.",
        "",
        f"`make mutants` on {datetime.date.today():%Y-%m-%d}, cosmic-ray {version}: {total} mutants, {total - left} noticed,"
        f" {left} explained, none left.",
        "",
        "| file | mutants | noticed | explained |",
        "|---|---|---|---|",
        *rows,
        "",
        "## Explained",
        "",
    ]
    for entry in explained:
        lines += [f"In `{entry['file']}`: {' '.join(entry['why'].split())}", "", "```diff"]
        lines += [f"-{line}" for line in entry["was"].splitlines()]
        for became in entry["became"]:
            lines += [f"+{line}" for line in became.splitlines()]
        lines += ["```", ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def main(cosmic_ray: str, place: str, *chosen: str) -> None:
    plan = yaml.safe_load(PLAN.read_text(encoding="utf-8"))
    targets = {file: tests for file, tests in plan["targets"].items() if not chosen or file in chosen}
    if set(chosen) - set(targets):
        sys.exit(f"not in {PLAN.name}: {', '.join(sorted(set(chosen) - set(targets)))}")

    def one(file: str) -> list[Mutant]:
        found = run(cosmic_ray, Path(place) / file.replace("/", "-"), file, targets[file], plan["without"])
        print(f"{file}: {len(found)} mutants, {sum(mutant.survived for mutant in found)} not noticed", flush=True)
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        mutants = [mutant for found in pool.map(one, targets) for mutant in found]

    explained = plan["explained"] or []
    survivors = [mutant for mutant in mutants if mutant.survived]
    used = [explanation(mutant, explained) for mutant in survivors]
    for mutant, entry in zip(survivors, used):
        if entry is None:
            print(f"{mutant.file}:{mutant.line}\n    - {mutant.was}\n    + {mutant.became}")
    stale = [entry for entry in explained if entry["file"] in targets and entry not in used]
    for entry in stale:
        print(f"explained, but noticed or never made: {entry['file']}: {entry['was']}")
    if None in used or stale:
        sys.exit(f"{used.count(None)} mutants that no test notices, {len(stale)} explanations too many")
    if not chosen:
        told = subprocess.run([cosmic_ray, "--version"], check=True, capture_output=True, text=True).stdout
        PAGE.write_text(page(mutants, explained, told.split()[-1]), encoding="utf-8")
        print(f"{len(mutants)} mutants; written: {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
