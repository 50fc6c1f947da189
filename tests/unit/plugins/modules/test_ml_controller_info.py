# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_controller_info: which models have limits for single users, and with how few requests."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_controller_info"

LIMITS = {"alice": {"limit": 10.0, "unit": "MINUTES"}}


@pytest.fixture
def filled(module: Runner, cluster: FakeCluster) -> FakeCluster:
    """Three models, two of which have limits."""
    connector = cluster.add_connector()
    for name in ("One", "Two", "None"):
        cluster.add_model(name, connector)
    for name in ("One", "Two"):
        assert module("ml_controller", cluster, model=name, user_rate_limiter=LIMITS)["changed"]
    cluster.exchanges.clear()
    return cluster


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed", "requests"),
    [
        ({}, ["One", "Two"], 3),
        ({"model": "Two"}, ["Two"], 3),
        ({"model": "None"}, [], 3),
        ({"model": "nope"}, [], 1),
    ],
)
def test_what_is_listed(
    module: Runner, filled: FakeCluster, args: dict[str, Any], listed: list[str], requests: int, check_mode: bool
) -> None:
    result = module(MODULE, filled, check_mode=check_mode, **args)
    assert [entry["model_name"] for entry in result["controllers"]] == listed
    assert (result["changed"], result["actions"]) == (False, [])
    assert (len(filled.exchanges), filled.writes) == (requests, [])


def test_it_is_told_as_the_module_tells_it(module: Runner, filled: FakeCluster) -> None:
    told = module("ml_controller", filled, model="One", user_rate_limiter=LIMITS)["controller"]
    assert module(MODULE, filled, model=told["model_id"])["controllers"] == [told]


def test_one_that_goes_meanwhile_is_left_out(module: Runner, filled: FakeCluster) -> None:
    gone = next(iter(filled.controllers))
    del filled.controllers[gone]
    assert [entry["model_name"] for entry in module(MODULE, filled)["controllers"]] == ["Two"]


def test_an_empty_cluster(module: Runner, cluster: FakeCluster) -> None:
    cluster.index_missing = True
    assert module(MODULE, cluster)["controllers"] == []
