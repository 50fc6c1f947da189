# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a set costs: requests, and the slow fingerprints of credentials."""

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


def test_many_creates_share_a_search(cluster: FakeCluster) -> None:
    for making in ("_create", "_register"):
        # What is answered at once is looked for at once.
        cluster.before("POST", making, lambda: time.sleep(0.005), times=SIZE)
    execute(cluster, "ml_stack", **stack())
    assert len(cluster.writes) == 2 * SIZE
    # To see that there is no other of a name, and the states of all.
    assert len(cluster.exchanges) - 2 * SIZE <= SIZE


def test_one_after_the_other_each_looks_by_itself(cluster: FakeCluster) -> None:
    execute(cluster, "ml_stack", parallel=1, **stack())
    assert 4 * SIZE <= len(cluster.exchanges) <= 4 * SIZE + 20


def test_one_key_costs_one_fingerprint(cluster: FakeCluster) -> None:
    with mock.patch.object(hashlib, "scrypt", wraps=hashlib.scrypt) as slow:
        execute(cluster, "ml_stack", **stack())
        assert not execute(cluster, "ml_stack", **stack())["changed"]
    # None at all where another test has had the same key in this process.
    assert slow.call_count <= 1
