# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_cluster_setting_info: the settings that it lists, with values and origins, by one request."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.state import DEFAULT_SETTINGS
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import PRIVATE_IP, TRUSTED
from ansible_collections.searchops.opensearch_ml.tests.unit.support.script import Script, get

Runner = Callable[..., dict[str, Any]]
MODULE = "opensearch_cluster_setting_info"
ONLY_ML_NODES = "plugins.ml_commons.only_run_on_ml_node"


@pytest.mark.parametrize("check_mode", [True, False])
def test_values_and_origins(module: Runner, cluster: FakeCluster, check_mode: bool) -> None:
    cluster.persistent[PRIVATE_IP] = "true"
    cluster.transient[PRIVATE_IP] = "false"
    result = module(MODULE, cluster, check_mode=check_mode, patterns=[PRIVATE_IP, TRUSTED, ONLY_ML_NODES])
    assert result["settings"] == {PRIVATE_IP: "false", ONLY_ML_NODES: "true", TRUSTED: [".*"]}
    assert result["origins"] == {PRIVATE_IP: "transient", ONLY_ML_NODES: "default", TRUSTED: "persistent"}
    assert (result["changed"], result["actions"], len(cluster.exchanges)) == (False, [], 1)


@pytest.mark.parametrize(
    ("args", "listed"),
    [
        ({}, sorted(DEFAULT_SETTINGS)),
        ({"patterns": ["*"]}, sorted(DEFAULT_SETTINGS)),
        ({"patterns": []}, []),
        ({"patterns": ["nope", "Cluster.*"]}, []),
        ({"patterns": ["cluster.*", "*.private_ip_*"]}, ["cluster.routing.allocation.enable", PRIVATE_IP]),
        ({"patterns": ["plugins.ml_commons.only_run_on_m[lm]_node"]}, [ONLY_ML_NODES]),
    ],
)
def test_patterns(module: Runner, cluster: FakeCluster, args: dict[str, Any], listed: list[str]) -> None:
    result = module(MODULE, cluster, **args)
    assert list(result["settings"]) == list(result["origins"]) == listed


def test_it_returns_the_same_as_opensearch_cluster_setting(module: Runner, cluster: FakeCluster) -> None:
    written = module("opensearch_cluster_setting", cluster, settings={PRIVATE_IP: True, TRUSTED: ["^http://x$"]})
    assert module(MODULE, cluster, patterns=[PRIVATE_IP, TRUSTED])["settings"] == written["settings"]


def test_an_answer_of_another_server(module: Runner, script: Callable[..., Script]) -> None:
    answer = get("/_cluster/settings?flat_settings=true&include_defaults=true").answers(200, {"hello": "world"})
    assert module(MODULE, script(answer))["failure"]["code"] == "not_opensearch"
