# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rounds in which eight controllers apply the same declaration at once; `dev/run nox -s concurrency` runs more and writes docs/concurrency.md."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds import (
    CONTROLLERS,
    ROLE,
    STACK,
    Rounds,
    places,
)
from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import check_objects
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster

pytestmark = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)


@pytest.fixture(autouse=True)
def _alone(stack_lock):
    """Eight processes use the whole machine: durations that the other worker measures would be wrong."""
    with stack_lock.alone():
        yield


@pytest.mark.parametrize("subject", [pytest.param(ROLE, marks=pytest.mark.full), STACK], ids=lambda each: each.name)
def test_on_one_node(cluster, name, settings_restored, tmp_path, subject):
    assert len(Rounds(cluster, [cluster.url], name, tmp_path).play(subject).ended) == CONTROLLERS


@pytest.mark.full
def test_through_different_nodes(cluster, tmp_path):
    # Of its containers only the backend is shared with the running stack.
    environment = {**os.environ, "STACK_IS_UP": "1"}
    subprocess.run([ROOT / "containers/stack", "up", "cluster"], check=True, timeout=300, env=environment)
    try:
        urls = places()["three"]
        rounds = Rounds(Cluster("3", urls[0]), urls, "it", tmp_path)
        for subject in (ROLE, STACK):
            assert len(rounds.play(subject).ended) == CONTROLLERS
    finally:
        subprocess.run([ROOT / "containers/stack", "down", "cluster"], check=True, timeout=120, env=environment)


def test_a_round_finds_planted_errors(cluster, name, settings_restored, tmp_path, monkeypatch):
    """A duplicate connector after a round, and a next run that changes something: the round finds both."""
    rounds = Rounds(cluster, [cluster.url], name, tmp_path)
    monkeypatch.setattr(
        "ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds.check_objects",
        lambda cluster, prefix, objects, undeletable: (
            cluster.make_connector(prefix),
            check_objects(cluster, prefix, objects, undeletable),
        ),
    )
    with pytest.raises(AssertionError, match="connectors"):
        rounds.play(ROLE)
