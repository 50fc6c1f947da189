# SPDX-License-Identifier: GPL-3.0-or-later
"""opensearch_cluster_setting from its arguments to its result. Details are in module_utils/_kinds/test_cluster_setting.py."""

from __future__ import annotations

from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import PRIVATE_IP, TRUSTED

Runner = Callable[..., dict[str, Any]]
NAME = "opensearch_cluster_setting"


def test_set_and_reset(module: Runner, cluster: FakeCluster) -> None:
    args = {"settings": {TRUSTED: ["^http://x$"], PRIVATE_IP: True}, "list_mode": "append"}
    check = module(NAME, cluster, check_mode=True, **args)
    done = module(NAME, cluster, **args)
    assert (check["diff"], check["settings"]) == (done["diff"], done["settings"])
    assert done["settings"] == {TRUSTED: [".*", "^http://x$"], PRIVATE_IP: "true"}
    assert not module(NAME, cluster, **args)["changed"]
    assert module(NAME, cluster, settings={PRIVATE_IP: None})["settings"] == {PRIVATE_IP: "false"}


def test_warnings(module: Runner, cluster: FakeCluster) -> None:
    cluster.transient[PRIVATE_IP] = "false"
    assert "a transient value is set" in str(module(NAME, cluster, settings={PRIVATE_IP: True})["warnings"])


def test_warnings_of_a_failed_task(module: Runner, cluster: FakeCluster) -> None:
    cluster.transient[PRIVATE_IP] = "false"
    result = module(NAME, cluster, settings={PRIVATE_IP: True, "no.such.setting": 1})
    assert result["failure"]["code"] == "unknown_setting"
    assert "a transient value is set" in str(result["warnings"])


def test_a_failure(module: Runner, cluster: FakeCluster) -> None:
    result = module(NAME, cluster, settings={TRUSTED: [".*"]})
    assert (result["failed"], result["failure"]["code"]) == (True, "catch_all_refused")
