# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each fault at each exchange of each subject: one case, its three runs, and what must be true after them."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Collection, Iterator, Mapping, NamedTuple

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE
from ansible_collections.searchops.opensearch_ml.tests.faults.processes import Outcome
from ansible_collections.searchops.opensearch_ml.tests.faults.proxy import FAULTS, Fault, FaultProxy
from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import (
    API_KEY,
    PASSWORD,
    PATTERN,
    PROXY_KEY,
    USER,
    Subject,
)
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import PRIVATE_IP, TRUSTED, Cluster
from ansible_collections.searchops.opensearch_ml.tests.integration.test_secrets import leaks

SECRETS = (API_KEY, PASSWORD, PROXY_KEY, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())

#: How often a case is tried whose exchange does not come up, as a poll more or less has moved it.
TRIES = 5


class Case(NamedTuple):
    subject: Subject
    fault: Fault
    #: The number of the exchange, from 0 on, and what it is.
    at: int
    label: str

    @property
    def followed_by(self) -> tuple[list[str], ...]:
        """What the exchange at that number may be, by which it is known that the fault struck the one that was meant: of what
        never reached the proxy, the next one. A create that may have been handled is looked for, and not sent again."""
        sought = [re.sub(r"/_(create|register)$", "/_search", self.label)]
        return ([], [self.label], *([sought] if self.fault.connecting else []))

    def __str__(self) -> str:
        return f"{self.subject.name}, {self.fault.name} at exchange {self.at + 1}: {self.label}"


class Exchanges(NamedTuple):
    """Those of a run without faults."""

    labels: list[str]
    polled: set[int]


class Matrix:
    """Runs cases on a cluster whose settings somebody else puts back."""

    secrets = SECRETS

    def __init__(self, cluster: Cluster, name: str, folder: Path) -> None:
        self._cluster = cluster
        self._name = name
        self._output = folder / "output.txt"
        self._number = 0

    def exchanges(self, subject: Subject) -> Exchanges:
        """What a clean first run sends, which is held to the same as every other one."""
        self._begin()
        proxy, outcome = self._run(subject)
        assert outcome.succeeded, outcome.text
        self._converged(subject)
        return Exchanges(proxy.exchanges.labels, proxy.exchanges.polled)

    def cases(self, subject: Subject, exchanges: Exchanges) -> Iterator[Case]:
        for fault in FAULTS.values():
            for at, label in enumerate(exchanges.labels):
                # Which of the polls is the last is not known when the client is kept from connecting anew.
                if not (fault.connecting and at - 1 in exchanges.polled):
                    yield Case(subject, fault, at, label)

    def run(self, case: Case) -> str:
        """What the case ended with: 'ok', 'killed' or the code of the failure. Raises AssertionError where anything is
        not as promised."""
        for _try in range(TRIES):
            self._begin()
            proxy, outcome = self._run(case.subject, case)
            struck = proxy.struck and proxy.exchanges.labels[case.at : case.at + 1] in case.followed_by
            if struck:
                break
        assert struck, f"the exchange did not come up in {TRIES} runs"
        killed = case.fault.name.startswith("killed")
        self._told_clearly(outcome, killed)
        self._converged(case.subject)
        return "ok" if outcome.succeeded else "killed" if killed else str(outcome.code)

    def _begin(self) -> None:
        # Names are new each time, so that what is left is removed together, long after its deployment.
        self._number += 1
        if self._number % 25 == 0:
            self._cluster.remove(self._name)
        self._cluster.put_settings({TRUSTED: None, PRIVATE_IP: None})

    @property
    def prefix(self) -> str:
        """With which the names of the case's objects begin."""
        return f"{self._name} {self._number:04}"

    def _run(self, subject: Subject, case: Case | None = None) -> tuple[FaultProxy, Outcome]:
        proxy = FaultProxy(self._cluster.url, *((case.fault, case.at, case.label) if case else ()))
        try:
            run = subject.start(proxy.url, self.prefix, bool(case and case.fault.slow), self._output)
            proxy.kill = run.kill
            return proxy, run.end()
        finally:
            proxy.close()

    def _told_clearly(self, outcome: Outcome, killed: bool) -> None:
        self.no_progress(outcome)
        if killed:
            assert not outcome.succeeded, "the process was not killed"
        elif not outcome.succeeded:
            assert outcome.code in CATALOGUE, outcome.text
            assert outcome.code != "internal_error", outcome.text
            assert CATALOGUE[outcome.code].split("{")[0].split("'")[0].strip() in outcome.text, outcome.text

    def no_progress(self, outcome: Outcome) -> None:
        """No traceback and no secret was printed."""
        assert "Traceback (most recent call last)" not in outcome.text, outcome.text
        assert leaks(outcome.text, *SECRETS) == [], outcome.text

    def _converged(self, subject: Subject) -> None:
        """The next run mends what is left to do, the one after it has nothing to do, and nothing is there twice."""
        for last in (False, True):
            proxy, outcome = self._run(subject)
            self.no_progress(outcome)
            assert outcome.succeeded, f"the next run fails: {outcome.text}"
            if last:
                assert not outcome.changed, f"the last run changes something: {outcome.text}"
                assert proxy.writes == [], f"the last run sends writes: {proxy.writes}"
        self.nothing_twice(subject)

    def nothing_twice(self, subject: Subject) -> None:
        nothing_twice(self._cluster, self.prefix, subject.objects)


def nothing_twice(
    cluster: Cluster, prefix: str, objects: Mapping[str, tuple[str, ...]], held: Collection[str] = ()
) -> None:
    """Exactly the stated objects are there, in use, and the settings once. ``objects`` tells the endings of the names; the
    ids of what is ``held`` do not count."""
    found = {
        kind: [item for item in cluster.find(kind, {"prefix": {"name.keyword": prefix}}) if item.id not in held]
        for kind in objects
    }
    for kind, endings in objects.items():
        names = sorted(item.source["name"] for item in found[kind])
        assert names == [prefix + ending for ending in endings], f"{kind}: {names}"
    for model in found["models"]:
        source = cluster.get("models", model.id)
        assert source["model_state"] == "DEPLOYED"
        assert source["connector_id"] in {item.id for item in found["connectors"]}
        assert source["model_group_id"] in {item.id for item in found["model_groups"]}
    assert cluster.effective(TRUSTED).count(PATTERN) == 1, "the pattern is not trusted once"
    assert len(cluster.effective(TRUSTED)) > 1, "the default endpoints are lost"
    assert cluster.effective(PRIVATE_IP) == "true"


def sample(cases: list[Case], times: int) -> list[Case]:
    """Each fault this many times, at exchanges that are spread over the run, another for each fault."""
    chosen = []
    for number, fault in enumerate(FAULTS.values()):
        of_this = [case for case in cases if case.fault is fault]
        if not of_this:
            continue
        step = len(of_this) // times
        chosen += [of_this[(number + turn * step) % len(of_this)] for turn in range(times)]
    return chosen


def writes(cases: list[Case]) -> list[Case]:
    """Those at an exchange that creates something or changes a setting."""
    return [case for case in cases if case.label.endswith(("/_create", "/_register")) or case.label.startswith("PUT")]
