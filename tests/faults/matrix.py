# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cases of the fault matrix: one fault at one exchange of a subject, two runs after it, and the checks."""

from __future__ import annotations

import base64
import re
import time
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
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    LEASE,
    LEASE_SECONDS,
    LEASES,
    PRIVATE_IP,
    TRUSTED,
    Cluster,
)
from ansible_collections.searchops.opensearch_ml.tests.integration.test_secrets import leaks

SECRETS = (API_KEY, PASSWORD, PROXY_KEY, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())

#: Attempts for a case whose exchange is not met, as a different number of polls has moved it.
TRIES = 5


class Case(NamedTuple):
    subject: Subject
    fault: Fault
    #: The number of the exchange from 0 on, and its method and path.
    at: int
    label: str

    @property
    def followed_by(self) -> tuple[list[str], ...]:
        """The labels that show that the fault struck the intended exchange.

        A request that never reached the proxy has no label, so the next one counts. After a create that the server may have
        processed, the client searches for the object instead of sending the create again; after a write of the lease it
        reads the lease.
        """
        sought = [re.sub(r"/_(create|register)$", "/_search", self.label)]
        if self.label.endswith(LEASE):
            sought = [f"GET {LEASE}"]
        return ([], [self.label], *([sought] if self.fault.connecting else []))

    @property
    def release_refused(self) -> bool:
        """The server refuses the release, and nothing says that it would accept another one: the next task waits."""
        return self.label == f"DELETE {LEASE}" and self.fault.name == "401"

    def __str__(self) -> str:
        return f"{self.subject.name}, {self.fault.name} at exchange {self.at + 1}: {self.label}"


class Exchanges(NamedTuple):
    """The exchanges of a run without faults."""

    labels: list[str]
    polled: set[int]


class Matrix:
    """Runs cases on a cluster. The caller restores the cluster's settings."""

    secrets = SECRETS

    def __init__(self, cluster: Cluster, name: str, folder: Path) -> None:
        #: The number of cases in which the run left the lease, and of those in which the next run took it over.
        self.left = self.taken_over = 0
        self._cluster = cluster
        self._name = name
        self._output = folder / "output.txt"
        self._number = 0

    def exchanges(self, subject: Subject) -> Exchanges:
        """The exchanges of a first run without faults, which must pass the same checks."""
        if not subject.first_use and self._cluster.send("GET", LEASES).status_code == 404:
            # The run creates the index of the leases; those of the cases find it.
            self._begin(subject)
            self._run(subject)
        self._begin(subject)
        proxy, outcome = self._run(subject)
        assert outcome.succeeded, outcome.text
        self._converged(subject)
        return Exchanges(proxy.exchanges.labels, proxy.exchanges.polled)

    def cases(self, subject: Subject, exchanges: Exchanges) -> Iterator[Case]:
        for fault in FAULTS.values():
            for at, label in enumerate(exchanges.labels):
                # A fault of connecting after a poll is ambiguous: the number of polls varies.
                if not (fault.connecting and at - 1 in exchanges.polled):
                    yield Case(subject, fault, at, label)

    def run(self, case: Case) -> str:
        """Run a case; returns 'ok', 'killed' or the code of the failure. Raises AssertionError if a check fails."""
        for _try in range(TRIES):
            self._begin(case.subject)
            begun = time.monotonic()
            proxy, outcome = self._run(case.subject, case)
            seconds = time.monotonic() - begun
            struck = proxy.struck and proxy.exchanges.labels[case.at : case.at + 1] in case.followed_by
            if struck:
                break
        assert struck, f"the exchange was not met in {TRIES} runs"
        killed = case.fault.name.startswith("killed")
        self._check_outcome(outcome, killed)
        if not case.release_refused:
            assert seconds < LEASE_SECONDS, f"the run took {seconds:.0f} s: it waited for a lease that it held itself"
        left = self._expire_lease(may_be_held=killed or proxy.down or LEASES in case.label)
        self._converged(case.subject, left)
        return "ok" if outcome.succeeded else "killed" if killed else str(outcome.code)

    def _begin(self, subject: Subject) -> None:
        # Each case has new names. The leftovers are removed together, long after their deployment.
        self._number += 1
        if self._number % 25 == 0:
            self._cluster.remove(self._name)
        self._cluster.put_settings({TRUSTED: None, PRIVATE_IP: None})
        # The run of a try without the fault may have been killed later.
        self._cluster.send("DELETE", LEASES if subject.first_use else LEASE)

    def _expire_lease(self, may_be_held: bool) -> bool:
        """If the run could not release the lease, let it expire after a second, so that the next run takes it over then.

        Returns whether the run has left the lease.
        """
        lease = self._cluster.lease()
        if lease is None:
            return False
        assert may_be_held, f"the run has not released the lease: {lease}"
        guard = f"if_seq_no={lease['_seq_no']}&if_primary_term={lease['_primary_term']}"
        self._cluster.must("PUT", f"{LEASE}?{guard}", {**lease["_source"], "ttl": 1})
        return True

    def _check_lease(self, left: bool, proxy: FaultProxy) -> None:
        """The next run takes over the lease that was left, and releases it; if it changes nothing, it leaves it alone."""
        lease = self._cluster.lease()
        if left and proxy.writes == []:
            assert lease is not None, "a run that changes nothing has deleted the lease"
            self._cluster.must("DELETE", LEASE)
        else:
            assert lease is None, f"the next run has not released the lease: {lease}"
            self.taken_over += left
        self.left += left

    @property
    def prefix(self) -> str:
        """The beginning of the names of the case's objects."""
        return f"{self._name} {self._number:04}"

    def _run(self, subject: Subject, case: Case | None = None) -> tuple[FaultProxy, Outcome]:
        proxy = FaultProxy(self._cluster.url, *((case.fault, case.at, case.label) if case else ()))
        try:
            run = subject.start(proxy.url, self.prefix, bool(case and case.fault.slow), self._output)
            proxy.kill = run.kill
            return proxy, run.end()
        finally:
            proxy.close()

    def _check_outcome(self, outcome: Outcome, killed: bool) -> None:
        check_output(outcome)
        if killed:
            assert not outcome.succeeded, "the process was not killed"
        elif not outcome.succeeded:
            assert outcome.code in CATALOGUE, outcome.text
            assert outcome.code != "internal_error", outcome.text
            assert CATALOGUE[outcome.code].remedy.split("{")[0].split("'")[0].strip() in outcome.text, outcome.text

    def _converged(self, subject: Subject, left: bool = False) -> None:
        """Check that the next run succeeds, that the one after it changes nothing, and that no object is duplicated.

        ``left``: the faulted run has left the lease.
        """
        for last in (False, True):
            proxy, outcome = self._run(subject)
            check_output(outcome)
            assert outcome.succeeded, f"the next run fails: {outcome.text}"
            self._check_lease(left and not last, proxy)
            if last:
                assert not outcome.changed, f"the last run changes something: {outcome.text}"
                assert proxy.writes == [], f"the last run sends writes: {proxy.writes}"
        self.check_objects(subject)

    def check_objects(self, subject: Subject) -> None:
        check_objects(self._cluster, self.prefix, subject.objects)


def check_output(outcome: Outcome) -> None:
    """Fail if a traceback or a secret was printed."""
    assert "Traceback (most recent call last)" not in outcome.text, outcome.text
    assert leaks(outcome.text, *SECRETS) == [], outcome.text


def check_objects(
    cluster: Cluster, prefix: str, objects: Mapping[str, tuple[str, ...]], ignored: Collection[str] = ()
) -> None:
    """Check that exactly the desired objects exist and are deployed, and that the settings are written once.

    ``objects`` are the endings of the names by kind; ``ignored`` are ids of undeletable leftovers.
    """
    found = {
        kind: [item for item in cluster.find(kind, {"prefix": {"name.keyword": prefix}}) if item.id not in ignored]
        for kind in objects
    }
    for kind, endings in objects.items():
        names = sorted(item.source["name"] for item in found[kind])
        assert names == [prefix + ending for ending in endings], f"{kind}: {names}"
    for model in found.get("models", ()):
        source = cluster.get("models", model.id)
        assert source["model_state"] == "DEPLOYED"
        assert source["connector_id"] in {item.id for item in found["connectors"]}
        assert source["model_group_id"] in {item.id for item in found["model_groups"]}
    assert cluster.effective(TRUSTED).count(PATTERN) == 1, "the pattern is not trusted once"
    assert len(cluster.effective(TRUSTED)) > 1, "the default endpoints are lost"
    assert cluster.effective(PRIVATE_IP) == "true"


def sample(cases: list[Case], times: int) -> list[Case]:
    """Each fault ``times`` times, at different exchanges that are spread over the run."""
    chosen = []
    for number, fault in enumerate(FAULTS.values()):
        of_this = [case for case in cases if case.fault is fault]
        if not of_this:
            continue
        step = len(of_this) // times
        chosen += [of_this[(number + turn * step) % len(of_this)] for turn in range(times)]
    return chosen


def of_the_lease(cases: list[Case]) -> list[Case]:
    """The cases at an exchange of the lease."""
    return [case for case in cases if LEASES in case.label]


def writes(cases: list[Case]) -> list[Case]:
    """The cases at an exchange that creates an object, changes a setting, or acquires or releases the lease."""
    writing = re.compile(r"(PUT|DELETE) |POST .*/_(create|register)$")
    return [case for case in cases if writing.match(case.label)]
