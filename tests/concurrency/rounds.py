# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A round: several controllers write the same names at the same moment, and the checks after it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.concurrency.gate import Gate
from ansible_collections.searchops.opensearch_ml.tests.concurrency.places import Place
from ansible_collections.searchops.opensearch_ml.tests.concurrency.subjects import CONTROLLERS, Subject, declared_by
from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import check_objects
from ansible_collections.searchops.opensearch_ml.tests.faults.processes import Outcome, PlaybookRun
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import (
    LEASES,
    ML,
    PRIVATE_IP,
    TRUSTED,
    Cluster,
    Item,
)

#: Maximum duration of a run in seconds, while the others run, on a busy machine.
LONGEST = 300.0

#: How a round of a subject with removers ends.
APPLIED, REMOVED = "applied", "removed"

#: How a round ends in which the objects have the values of several controllers.
MIXED = "values of several controllers"


class Round(NamedTuple):
    """The result of a round in which all runs succeeded.

    ``end``: which of several possible states the runs left, empty if there is only one; ``seconds``: until the last run ended;
    ``undeletable``: superseded connectors that the server refuses to delete.
    """

    end: str
    seconds: float
    undeletable: int


class Rounds:
    """Runs rounds in one place; the names of their objects begin with ``name``."""

    def __init__(self, place: Place, name: str, folder: Path) -> None:
        self._place = place
        self._cluster = place.cluster
        self._name = name
        self._folder = folder
        self._number = 0

    def play(self, subject: Subject) -> Round:
        """Play one round. Raises AssertionError if a run fails or a check does not pass."""
        prefix = self._begin()
        if subject.before:
            self._alone(subject, subject.before(prefix))
        seconds = self._at_once(subject, prefix)
        self._check_lease()
        end, last = self._end(subject, prefix)
        outcome = self._next(subject, prefix, last)
        if end in (REMOVED, MIXED):
            assert outcome.changed, f"{end}, but the next run changes nothing: {outcome.text}"
            outcome = self._next(subject, prefix, last)
        assert not outcome.changed, f"{end}, and the next run changes something: {outcome.text}"
        self._check_lease()
        then, controller = self._end(subject, prefix)
        assert (then, controller) in ((end, last), (APPLIED, last), (f"controller {last}", last)), f"{end}, then {then}"
        return Round(end, seconds, len(undeletable(self._cluster, prefix)))

    def _begin(self) -> str:
        """Prepare a round; returns the beginning of the names of its objects."""
        if self._number == 0:
            # The controllers of the first round also create the index of the leases.
            self._cluster.send("DELETE", LEASES)
        # Each round has new names. The leftovers are removed together, long after their deployment.
        self._number += 1
        if self._number % 10 == 0:
            self._cluster.remove(self._name)
        self._cluster.put_settings({TRUSTED: None, PRIVATE_IP: None})
        return f"{self._name} {self._number:04}"

    def _at_once(self, subject: Subject, prefix: str) -> float:
        """Run all controllers at once; returns the seconds until the last one has ended. All of them must succeed."""
        urls = self._place.urls
        gate = Gate([urls[number % len(urls)] for number in range(CONTROLLERS)])
        try:
            begun = time.monotonic()
            runs = [
                self._start(subject, subject.variables(prefix, number), url, self._folder / f"controller-{number}.txt")
                for number, url in enumerate(gate.urls)
            ]
            outcomes = [run.end() for run in runs]
            seconds = time.monotonic() - begun
            assert gate.opened, "not all controllers have connected"
        finally:
            gate.close()
        failed = [
            f"controller {number} failed: {each.text}" for number, each in enumerate(outcomes) if not each.succeeded
        ]
        assert not failed, "\n".join(failed)
        return seconds

    def _end(self, subject: Subject, prefix: str) -> tuple[str, int]:
        """Check the objects of a round; returns how it ended, and the controller whose next run must change nothing."""
        ignored = undeletable(self._cluster, prefix)
        query = {"prefix": {"name.keyword": prefix}}
        found = [item for kind in subject.objects for item in self._cluster.find(kind, query) if item.id not in ignored]
        if subject.removers and not found:
            return REMOVED, 0
        check_objects(self._cluster, prefix, subject.objects, ignored)
        if not subject.own_values:
            return (APPLIED if subject.removers else ""), 0
        return self._declared(subject, found)

    def _declared(self, subject: Subject, found: list[Item]) -> tuple[str, int]:
        """As _end, of objects that have the values of a controller."""
        by_name = {f"{item.id} {item.source['name']}": declared_by(item.source) for item in found}
        controllers = {each for each in by_name.values() if each is not None}
        if not subject.several_tasks:
            assert len(controllers) == 1, f"the objects have the values of several controllers: {by_name}"
            assert None not in by_name.values(), f"an object has the values of no controller: {by_name}"
        assert controllers, f"no object has the values of a controller: {by_name}"
        last = max(controllers)
        return (f"controller {last}" if len(controllers) == 1 else MIXED), last

    def _check_lease(self) -> None:
        lease = self._cluster.lease()
        assert lease is None, f"no run is in progress, and the lease is still held: {lease}"

    def _next(self, subject: Subject, prefix: str, controller: int) -> Outcome:
        """Run a controller alone, which must succeed."""
        return self._alone(subject, subject.variables(prefix, controller))

    def _alone(self, subject: Subject, variables: dict[str, Any]) -> Outcome:
        outcome = self._start(subject, variables, self._place.urls[0], self._folder / "alone.txt").end()
        assert outcome.succeeded, f"a run alone fails: {outcome.text}"
        return outcome

    def _start(self, subject: Subject, variables: dict[str, Any], url: str, output: Path) -> PlaybookRun:
        # 'required': a run that cannot take the lease fails instead of writing without it.
        connection = {"hosts": [url], "lock": "required", **self._place.connection}
        return PlaybookRun(subject.playbook, {"opensearch_connection": connection, **variables}, output, (), LONGEST)


def undeletable(cluster: Cluster, prefix: str) -> set[str]:
    """The ids of superseded connectors that the server refuses to delete. Raises AssertionError if it deletes one."""
    found = cluster.find("connectors", {"prefix": {"name.keyword": prefix}})
    superseded = {each for item in found for each in _replaces(item)}.intersection(item.id for item in found)
    for each in superseded:
        answer = cluster.send("DELETE", f"{ML}/connectors/{each}")
        assert answer.status_code == 409, (
            f"the run left connector {each}, although the server deletes it: {answer.text}"
        )
    return superseded


def _replaces(connector: Item) -> list[str]:
    """The ids of the connectors that this one supersedes, from the note in its parameters."""
    note = (connector.source.get("parameters") or {}).get("_searchops") or "{}"
    return [str(each) for each in json.loads(note).get("replaces", [])]
