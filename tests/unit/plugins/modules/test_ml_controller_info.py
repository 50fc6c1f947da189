# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_controller_info: the models with limits for single users, and the number of requests."""

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
def test_listed_models(
    module: Runner, filled: FakeCluster, args: dict[str, Any], listed: list[str], requests: int, check_mode: bool
) -> None:
    result = module(MODULE, filled, check_mode=check_mode, **args)
    assert [entry["model_name"] for entry in result["controllers"]] == listed
    assert (result["changed"], result["actions"]) == (False, [])
    assert (len(filled.exchanges), filled.writes) == (requests, [])


def test_it_returns_the_same_as_ml_controller(module: Runner, filled: FakeCluster) -> None:
    controller = module("ml_controller", filled, model="One", user_rate_limiter=LIMITS)["controller"]
    assert module(MODULE, filled, model=controller["model_id"])["controllers"] == [controller]


def test_a_controller_deleted_meanwhile_is_omitted(module: Runner, filled: FakeCluster) -> None:
    gone = next(iter(filled.controllers))
    del filled.controllers[gone]
    assert [entry["model_name"] for entry in module(MODULE, filled)["controllers"]] == ["Two"]


def test_an_empty_cluster(module: Runner, cluster: FakeCluster) -> None:
    cluster.index_missing = True
    assert module(MODULE, cluster)["controllers"] == []
