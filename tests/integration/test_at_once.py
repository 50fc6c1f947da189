# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several runs of one task at the same moment, each a process of its own, as two controllers would be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Mapping

import pytest

from ansible_collections.searchops.opensearch_ml.tests.integration import _stack
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import Cluster
from ansible_collections.searchops.opensearch_ml.tests.integration.conftest import PLUGINS, Modules

VIEW = Path(__file__).parents[2] / "dev" / "collections"
AT_ONCE = 4

AtOnce = Callable[..., "list[dict[str, Any]]"]


@pytest.fixture
def at_once(connection: Mapping[str, Any]) -> AtOnce:
    """Starts the module once for each of the arguments and returns the results. Failures are of the expected kind."""

    def run(module: str, *arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", f"{PLUGINS}.{module}"],
                env={**os.environ, "PYTHONPATH": str(VIEW)}, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
            for _ in arguments
        ]  # fmt: skip
        for process, args in zip(processes, arguments):
            assert process.stdin
            process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**connection, **args}}))
            process.stdin.close()
            process.stdin = None
        results = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
        for result in results:
            assert not result.get("failed") or result["failure"]["code"] in (
                "concurrent_change", "ambiguous_name", "unknown_connector", "connector_in_use", "version_conflict",
            ), result["msg"]  # fmt: skip
        return results

    return run


def test_all_make_the_same(at_once: AtOnce, module: Modules, cluster: Cluster, name: str) -> None:
    for number in range(3):
        fields = _stack.chat(f"{name} {number}")
        results = at_once("ml_connector", *[fields] * AT_ONCE)
        assert any(not result.get("failed") for result in results)
        # A bystander may have taken one for good that its maker then withdrew; what is left is one all the same.
        made = cluster.one("connectors", fields["name"]).id
        assert made in {result["connector_id"] for result in results if not result.get("failed")}
        assert not module("ml_connector", **fields)["changed"]


def test_all_register_the_same(at_once: AtOnce, module: Modules, cluster: Cluster, name: str) -> None:
    connector = module("ml_connector", **_stack.chat(name))["connector_id"]
    fields = {"name": name, "connector": connector}
    at_once("ml_model", *[fields] * AT_ONCE)
    module("ml_model", **fields)
    assert cluster.state_of(cluster.one("models", name).id) == "DEPLOYED"
    cluster.one("model_groups", name)
    assert not module("ml_model", **fields)["changed"]


def test_all_change_what_serves(at_once: AtOnce, module: Modules, cluster: Cluster, name: str) -> None:
    connector = module("ml_connector", **_stack.chat(name))["connector_id"]
    module("ml_model", name=name, connector=connector)
    for number in range(2):
        wanted = _stack.chat(name, description=f"round {number}")
        at_once("ml_connector", *[wanted] * AT_ONCE)
        module("ml_connector", **wanted)
        left = cluster.one("connectors", name)
        assert left.source["description"] == wanted["description"]
        assert cluster.one("models", name).source["connector_id"] == left.id
        assert cluster.answer(cluster.one("models", name).id) == "Pong."
        assert not module("ml_connector", **wanted)["changed"]
