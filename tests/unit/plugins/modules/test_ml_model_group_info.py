# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_model_group_info: which groups it lists, with which models, and that it never writes."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import generated_id

Runner = Callable[..., dict[str, Any]]
MODULE = "ml_model_group_info"


@pytest.fixture
def filled(cluster: FakeCluster) -> FakeCluster:
    cluster.add_model("Chat", cluster.add_connector())
    cluster.add_group("chat empty")
    cluster.add_group("Other")
    return cluster


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize(
    ("args", "listed", "requests"),
    [
        ({}, ["Chat", "chat empty", "Other"], 1),
        ({"name": "Other"}, ["Other"], 2),
        ({"name": "nope"}, [], 1),
        ({"model_group_id": generated_id(2, "group")}, ["Chat"], 1),
        ({"model_group_id": "nope"}, [], 1),
        ({"name_pattern": "[Cc]hat*"}, ["Chat", "chat empty"], 1),
        ({"name_pattern": "chat*"}, ["chat empty"], 1),
        ({"unused": True}, ["chat empty", "Other"], 2),
        ({"name_pattern": "Chat", "unused": True}, [], 2),
    ],
)
def test_what_is_listed(
    module: Runner, filled: FakeCluster, args: dict[str, Any], listed: list[str], requests: int, check_mode: bool
) -> None:
    if "model_group_id" in args and args["model_group_id"] != "nope":
        args = {"model_group_id": next(iter(filled.groups))}
    result = module(MODULE, filled, check_mode=check_mode, **args)
    assert [group["name"] for group in result["model_groups"]] == listed
    assert (result["changed"], result["actions"]) == (False, [])
    assert (len(filled.exchanges), filled.writes) == (requests, [])


def test_an_entry(module: Runner, filled: FakeCluster) -> None:
    first, second, _third = module(MODULE, filled, include_used_by=True)["model_groups"]
    assert (first["access_mode"], first["latest_version"]) == ("public", 1)
    assert (first["used_by"], second["used_by"]) == (list(filled.models), [])
    assert "used_by" not in module(MODULE, filled)["model_groups"][0]


def test_an_entry_equals_the_result_of_ml_model_group(module: Runner, filled: FakeCluster) -> None:
    group = module("ml_model_group", filled, name="Other")["model_group"]
    assert module(MODULE, filled, name="Other")["model_groups"] == [group]


def test_options_that_exclude_each_other(module: Runner, cluster: FakeCluster) -> None:
    assert "mutually exclusive" in module(MODULE, cluster, name="x", name_pattern="y")["msg"]
