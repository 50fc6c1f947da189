# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of a stack: requests, and the slow fingerprints of credentials."""

from __future__ import annotations

import hashlib
import time
from typing import Any
from unittest import mock

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

SIZE = 20


def stack() -> dict[str, Any]:
    connector = {
        "parameters": {"model": "tiny"},
        "credential": {"key": "s3cret-1"},
        "update_credential": "when_changed",
        "actions": [
            {
                "action_type": "predict",
                "method": "POST",
                "url": "http://llm.test:8080/v1/chat/completions",
                "headers": {"Authorization": "Bearer ${credential.key}"},
                "request_body": '{"model": "${parameters.model}"}',
            }
        ],
    }
    return {
        "connectors": [{"name": f"C {number}", **connector} for number in range(SIZE)],
        "models": [{"name": f"M {number}", "connector": f"C {number}"} for number in range(SIZE)],
    }


def test_parallel_creates_share_searches(cluster: FakeCluster) -> None:
    for creating in ("_create", "_register"):
        # Creates that the server answers at the same time share a search.
        cluster.before("POST", creating, lambda: time.sleep(0.005), times=SIZE)
    execute(cluster, "ml_stack", **stack())
    assert len(cluster.writes) == 2 * SIZE
    # The searches for duplicate names and for the states of all models.
    assert len(cluster.exchanges) - 2 * SIZE <= SIZE


def test_without_parallel_items_each_create_has_its_own_search(cluster: FakeCluster) -> None:
    execute(cluster, "ml_stack", parallel=1, **stack())
    assert 4 * SIZE <= len(cluster.exchanges) <= 4 * SIZE + 20


def test_one_credential_costs_one_fingerprint(cluster: FakeCluster) -> None:
    with mock.patch.object(hashlib, "scrypt", wraps=hashlib.scrypt) as slow:
        execute(cluster, "ml_stack", **stack())
        assert not execute(cluster, "ml_stack", **stack())["changed"]
    # 0 if another test in this process used the same key before.
    assert slow.call_count <= 1
