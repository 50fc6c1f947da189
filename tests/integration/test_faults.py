# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A sample of the fault matrix. `dev/run nox -s faults` runs the complete matrix, and `make test-full` calls it."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.searchops.opensearch_ml.tests.faults import holder
from ansible_collections.searchops.opensearch_ml.tests.faults.matrix import (
    Matrix,
    check_output,
    of_the_lease,
    sample,
    writes,
)
from ansible_collections.searchops.opensearch_ml.tests.faults.processes import Outcome
from ansible_collections.searchops.opensearch_ml.tests.faults.proxy import FAULTS
from ansible_collections.searchops.opensearch_ml.tests.faults.subjects import CHAIN, FIRST, ROLE, STACK
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import TRUSTED

pytestmark = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)

#: Faults of the sample for the role itself, and those of them that each run of the tests has.
OF_THE_ROLE = ("refused", "reset after", "cut", "503", "401", "killed after")
FEWEST = ("reset after", "killed after")


@pytest.fixture
def matrix(cluster, name, settings_restored, tmp_path):
    return Matrix(cluster, name, tmp_path)


@pytest.mark.parametrize(
    "subject",
    [CHAIN, *(pytest.param(each, marks=pytest.mark.full) for each in (STACK, FIRST))],
    ids=lambda each: each.name,
)
def test_sample(matrix, subject):
    """Each fault once for each subject."""
    cases = list(matrix.cases(subject, matrix.exchanges(subject)))
    cases = sample(of_the_lease(cases) if subject.first_use else cases, 1)
    assert {case.fault.name for case in cases} == set(FAULTS)
    ended = set()
    for case in cases:
        try:
            ended.add(matrix.run(case))
        except AssertionError as exc:
            raise AssertionError(f"{case}: {exc}") from exc
    # Some faults fail a run, and some do not. Which of the others fail it depends on where the sample injects them.
    assert {"ok", "killed", "unreachable", "wrong_credentials"} <= ended


def without_repetitions(exchanges):
    """The labels of the exchanges, each series of polls as one: the number of polls varies."""
    return [label for label, _same in itertools.groupby(exchanges.labels)]


@pytest.mark.parametrize(
    "faults", [pytest.param(FEWEST, id="fewest"), pytest.param(OF_THE_ROLE, id="all", marks=pytest.mark.full)]
)
def test_sample_of_the_role(matrix, faults):
    """The role sends the same requests as the chain of modules, and recovers from faults of its writes."""
    exchanges = matrix.exchanges(ROLE)
    assert without_repetitions(exchanges) == without_repetitions(matrix.exchanges(CHAIN))
    cases = [case for case in writes(list(matrix.cases(ROLE, exchanges))) if case.fault.name in faults]
    for case in sample(cases, 1):
        try:
            matrix.run(case)
        except AssertionError as exc:
            raise AssertionError(f"{case}: {exc}") from exc


#: The case of those that pause or kill a holder of the lease that each run of the tests has.
SAMPLE = "paused after a create"


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[] if case.name == SAMPLE else pytest.mark.full) for case in holder.CASES],
    ids=lambda case: case.name,
)
def test_a_holder_of_the_lease_is_stopped(cluster, name, settings_restored, tmp_path, case):
    holder.play(cluster, case, name, tmp_path)


def test_the_matrix_finds_planted_errors(matrix, cluster):
    """A duplicate, a leftover object, a lost setting and a leak: the matrix finds each."""
    matrix.exchanges(CHAIN)
    matrix.check_objects(CHAIN)
    connector = cluster.make_connector(matrix.prefix)
    with pytest.raises(AssertionError, match="connectors"):
        matrix.check_objects(CHAIN)
    cluster.must("DELETE", f"/_plugins/_ml/connectors/{connector}")
    group = cluster.must("POST", "/_plugins/_ml/model_groups/_register", {"name": f"{matrix.prefix} left over"})
    with pytest.raises(AssertionError, match="model_groups"):
        matrix.check_objects(CHAIN)
    cluster.must("DELETE", f"/_plugins/_ml/model_groups/{group['model_group_id']}")
    matrix.check_objects(CHAIN)
    cluster.put_settings({TRUSTED: [r"^http://nowhere\.invalid/$"]})
    with pytest.raises(AssertionError, match="not trusted once"):
        matrix.check_objects(CHAIN)
    for secret in matrix.secrets:
        with pytest.raises(AssertionError):
            check_output(Outcome(True, None, False, f"x {secret} x"))
