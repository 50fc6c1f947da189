# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A round: several controllers apply the same declaration at the same moment, and the checks after it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence

import yaml

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.connector.resource import replaced_ids
from ansible_collections.searchops.opensearch_ml.tests.concurrency.gate import Gate
from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import check_objects
from ansible_collections.searchops.opensearch_ml.tests.faults.processes import Outcome, PlaybookRun
from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import CHAT, PATTERN
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, PRIVATE_IP, TRUSTED, Cluster, chat

CONTROLLERS = 8

#: Maximum duration of a run in seconds, while the others run, on a busy machine.
LONGEST = 300.0

#: The codes with which a run may fail because another controller changes the same objects.
CONCURRENCY_CODES = ("concurrent_change", "id_taken", "not_converged", "version_conflict")


def places() -> dict[str, list[str]]:
    """The places of the rounds, with the URLs of the nodes that the controllers use."""
    ports = yaml.safe_load((ROOT / "containers" / "cluster.yml").read_text())["cluster_http_ports"]
    return {
        "one": [os.environ.get("STACK_OPENSEARCH_URL", "http://127.0.0.1:19200")],
        "three": [f"http://127.0.0.1:{port}" for port in ports],
    }


class Subject(NamedTuple):
    """What all controllers apply: a playbook, and its variables for objects whose names begin with a prefix."""

    name: str
    means: str
    playbook: str
    variables: Callable[[str], dict[str, Any]]
    #: The endings of the names of the objects by kind, after the prefix.
    objects: Mapping[str, tuple[str, ...]]


def _role(name: str) -> dict[str, Any]:
    return {
        "ollama_chat_name": name,
        "ollama_chat_base_url": "http://ollama:11434",
        "ollama_chat_model": "tiny-chat",
        "ollama_chat_allow_private": "always",
        "ollama_chat_wait_timeout": 60,
    }


def _stack(name: str) -> dict[str, Any]:
    which = ("one", "two")
    return {
        "stack_name": name.replace(" ", "-"),
        "stack_settings": [{"settings": {TRUSTED: [PATTERN], PRIVATE_IP: True}, "list_mode": "append"}],
        "stack_model_groups": [{"name": f"{name} group"}],
        "stack_connectors": [chat(f"{name} {each}") for each in which],
        "stack_models": [
            {"name": f"{name} {each}", "connector": f"{name} {each}", "model_group": f"{name} group"} for each in which
        ],
    }


ROLE = Subject("role", "the role `ollama_chat`", "playbooks/ollama_chat.yml", _role, CHAT)
STACK = Subject(
    "stack",
    "the role `stack`, with a setting, a group, two connectors and two models",
    "playbooks/stack.yml",
    _stack,
    {"connectors": (" one", " two"), "models": (" one", " two"), "model_groups": (" group",)},
)


class Round(NamedTuple):
    """The result of a round.

    ``ended``: 'ok' or the codes of each run; ``seconds``: until the last run ended; ``undeletable``: replaced connectors that the
    server refuses to delete.
    """

    ended: list[str]
    seconds: float
    undeletable: int


class Rounds:
    """Runs rounds on one cluster. The caller restores the cluster's settings. ``urls`` are those of the nodes to use."""

    def __init__(self, cluster: Cluster, urls: Sequence[str], name: str, folder: Path) -> None:
        self._cluster = cluster
        self._urls = urls
        self._name = name
        self._folder = folder
        self._number = 0

    def play(self, subject: Subject) -> Round:
        """Play one round. Raises AssertionError if a check fails."""
        # Each round has new names. The leftovers are removed together, long after their deployment.
        self._number += 1
        if self._number % 10 == 0:
            self._cluster.remove(self._name)
        self._cluster.put_settings({TRUSTED: None, PRIVATE_IP: None})
        prefix = f"{self._name} {self._number:04}"
        outcomes, seconds = self._at_once(subject, prefix)
        ended = [_ended(outcome) for outcome in outcomes]
        if "ok" in ended:
            check_objects(self._cluster, prefix, subject.objects, undeletable(self._cluster, prefix))
        else:
            # Each controller has backed off for the others: the next run creates what is missing.
            self._next(subject, prefix)
        assert not self._next(subject, prefix).changed, f"{ended}, and the next run changes something"
        leftovers = undeletable(self._cluster, prefix)
        check_objects(self._cluster, prefix, subject.objects, leftovers)
        return Round(ended, seconds, len(leftovers))

    def _at_once(self, subject: Subject, prefix: str) -> tuple[list[Outcome], float]:
        gate = Gate([self._urls[number % len(self._urls)] for number in range(CONTROLLERS)])
        try:
            begun = time.monotonic()
            runs = [
                self._start(subject, prefix, url, self._folder / f"controller-{number}.txt")
                for number, url in enumerate(gate.urls)
            ]
            outcomes = [run.end() for run in runs]
            assert gate.opened, "not all controllers have connected"
            return outcomes, time.monotonic() - begun
        finally:
            gate.close()

    def _next(self, subject: Subject, prefix: str) -> Outcome:
        outcome = self._start(subject, prefix, self._urls[0], self._folder / "next.txt").end()
        assert outcome.succeeded, f"the next run fails: {outcome.text}"
        return outcome

    def _start(self, subject: Subject, prefix: str, url: str, output: Path) -> PlaybookRun:
        variables = {"opensearch_connection": {"hosts": [url]}, **subject.variables(prefix)}
        return PlaybookRun(subject.playbook, variables, output, (), LONGEST)


def undeletable(cluster: Cluster, prefix: str) -> set[str]:
    """The ids of replaced connectors that the server refuses to delete. Raises AssertionError if it deletes one."""
    found = cluster.find("connectors", {"prefix": {"name.keyword": prefix}})
    replaced = {each for item in found for each in replaced_ids(item.source)}.intersection(item.id for item in found)
    for each in replaced:
        answer = cluster.send("DELETE", f"{ML}/connectors/{each}")
        assert answer.status_code == 409, (
            f"the run left connector {each}, although the server deletes it: {answer.text}"
        )
    return replaced


def _ended(outcome: Outcome) -> str:
    """'ok', or the codes of a failure, which must be those of a concurrent change."""
    if outcome.succeeded:
        return "ok"
    assert "Traceback (most recent call last)" not in outcome.text, outcome.text
    # A partly failed stack has a code for each item.
    codes = set(re.findall(r'"code": "(\w+)"', outcome.text)) - {"stack_failed"}
    assert codes, f"failed without a code: {outcome.text}"
    assert codes.issubset(CONCURRENCY_CODES), outcome.text
    assert all(CATALOGUE[code].remedy.split("{")[0] in outcome.text for code in codes), outcome.text
    return ", ".join(sorted(codes))
