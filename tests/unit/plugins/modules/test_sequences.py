# SPDX-License-Identifier: GPL-3.0-or-later
"""For every operation: check mode predicts the changes, a run makes exactly those, and a second run changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import OPERATIONS, PRIVATE_IP, Operation


def actions(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(action["action"], action["kind"], action["name"]) for action in result["actions"]]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("version", ["3.9.0", "3.6.0", "2.19.1"])
def test_check_apply_repeat(operation: Operation, version: str) -> None:
    if ("mcp" in operation.name or ": 3: " in operation.name) and version.startswith("2."):
        return  # 2.19 refuses these; see the tests of ml_connector and ml_agent
    cluster = FakeCluster(version)
    if operation.module == "ml_connector":
        # Check mode warns of private addresses that are not allowed, which the server refuses at a prediction only.
        cluster.persistent[PRIVATE_IP] = "true"
    operation.arrange(cluster)

    before = cluster.snapshot()
    check = execute(cluster, operation.module, check_mode=True, **operation.options)
    assert check["changed"]
    assert check["diff"]["before"] != check["diff"]["after"]
    assert cluster.snapshot() == before
    assert cluster.writes == []

    apply = execute(cluster, operation.module, **operation.options)
    assert apply["changed"]
    assert apply["diff"] == check["diff"]
    assert actions(apply) == actions(check)
    assert apply["warnings"] == check["warnings"]

    if not operation.repeatable:
        return
    after, sent = cluster.snapshot(), len(cluster.writes)
    for check_mode in (False, True):
        repeat = execute(cluster, operation.module, check_mode=check_mode, **operation.options)
        assert not repeat["changed"]
        assert repeat["actions"] == []
        assert repeat["diff"]["before"] == repeat["diff"]["after"]
        assert cluster.snapshot() == after
        assert len(cluster.writes) == sent
