# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rounds in which eight controllers write the same names at once; `dev/run nox -s concurrency` runs more and writes docs/concurrency.md."""

from __future__ import annotations

import os
import subprocess

import pytest

from ansible_collections.searchops.opensearch_ml.tests.concurrency.places import Place, opened, three_nodes
from ansible_collections.searchops.opensearch_ml.tests.concurrency.rounds import Rounds
from ansible_collections.searchops.opensearch_ml.tests.concurrency.subjects import (
    DIFFERENT,
    DIFFERENT_ROLES,
    REMOVAL,
    ROLE,
    STACK,
    SUBJECTS,
)
from ansible_collections.searchops.opensearch_ml.tests.integration._playbook import ROOT
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import LEASE, ML, Cluster

on_one_node = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)


@pytest.fixture(autouse=True)
def _alone(stack_lock):
    """Eight processes use the whole machine: durations that other workers measure would be wrong."""
    with stack_lock.alone():
        yield


@pytest.fixture
def rounds(cluster, name, settings_restored, tmp_path):
    return Rounds(Place(cluster, [cluster.url], {}), name, tmp_path)


@on_one_node
@pytest.mark.parametrize(
    "subject",
    [DIFFERENT, *(pytest.param(each, marks=pytest.mark.full) for each in (STACK, ROLE, REMOVAL, DIFFERENT_ROLES))],
    ids=lambda each: each.name,
)
def test_on_one_node(rounds, subject):
    rounds.play(subject)


@pytest.mark.full
@pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)
def test_over_tls_with_the_least_rights(cluster, name, tmp_path):
    with opened("tls") as place:
        for subject in SUBJECTS.values():
            Rounds(place, f"{name} {subject.name}", tmp_path).play(subject)


@on_one_node
@pytest.mark.full
def test_through_different_nodes(cluster, tmp_path):
    # Of its containers only the backend is shared with the running stack.
    environment = {**os.environ, "STACK_IS_UP": "1"}
    subprocess.run([ROOT / "containers/stack", "up", "cluster"], check=True, timeout=300, env=environment)
    try:
        urls = three_nodes()
        rounds = Rounds(Place(Cluster("3.6.0", urls[0]), urls, {}), "it", tmp_path)
        for subject in SUBJECTS.values():
            rounds.play(subject)
    finally:
        subprocess.run([ROOT / "containers/stack", "down", "cluster"], check=True, timeout=120, env=environment)


@pytest.fixture
def after_the_runs(monkeypatch):
    """Runs a function when the eight runs of a round have ended, before its checks."""
    at_once = Rounds._at_once

    def plant(function):
        def replacement(self, subject, prefix):
            seconds = at_once(self, subject, prefix)
            function(prefix)
            return seconds

        monkeypatch.setattr(Rounds, "_at_once", replacement)

    return plant


@on_one_node
def test_a_round_finds_a_duplicate(cluster, rounds, after_the_runs):
    after_the_runs(cluster.make_connector)
    with pytest.raises(AssertionError, match="connectors"):
        rounds.play(ROLE)


@on_one_node
@pytest.mark.full
def test_a_round_finds_the_values_of_two_controllers(cluster, rounds, after_the_runs):
    def change(prefix):
        group = cluster.one("model_groups", f"{prefix} group")
        other = {"description": "Values of controller 9"}
        cluster.must("PUT", f"{ML}/model_groups/{group.id}", other)

    after_the_runs(change)
    with pytest.raises(AssertionError, match="values of several controllers"):
        rounds.play(DIFFERENT)


@on_one_node
@pytest.mark.full
def test_a_round_finds_a_lease_that_was_not_released(cluster, rounds, after_the_runs):
    after_the_runs(lambda prefix: cluster.must("PUT", LEASE, {"owner": "a test", "ttl": 1}))
    try:
        with pytest.raises(AssertionError, match="still held"):
            rounds.play(ROLE)
    finally:
        cluster.send("DELETE", LEASE)


@on_one_node
@pytest.mark.full
def test_a_round_finds_a_part_of_a_stack(cluster, rounds, after_the_runs):
    """After apply beside remove, all objects of the stack exist or none."""
    after_the_runs(lambda prefix: (cluster.remove(prefix), cluster.make_connector(f"{prefix} one")))
    with pytest.raises(AssertionError, match="connectors"):
        rounds.play(REMOVAL)
