# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_memory_container_info: lists containers by name, pattern or id."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("args", "names"),
    [
        ({}, ["House memory", "Team memory"]),
        ({"name": "House memory"}, ["House memory"]),
        ({"name_pattern": "Team*"}, ["Team memory"]),
        ({"memory_container_id": "none"}, []),
    ],
)
def test_the_selection(module: Runner, cluster: FakeCluster, args: dict[str, Any], names: list[str]) -> None:
    for name in ("House memory", "Team memory"):
        cluster.add_memory_container(name)
    found = module("ml_memory_container_info", cluster, **args)["memory_containers"]
    assert [each["name"] for each in found] == names
    assert all(each["memory_container_id"] in cluster.memory_containers for each in found)
