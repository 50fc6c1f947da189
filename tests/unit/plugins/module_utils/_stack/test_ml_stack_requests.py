# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cost of a stack: requests, and the slow fingerprints of credentials."""

from __future__ import annotations

import hashlib
from typing import Any
from unittest import mock

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute, run_module

SIZE = 20


def stack(size: int = SIZE, *, key_of_the_first: str = "s3cret-1") -> dict[str, Any]:
    def connector(number: int) -> dict[str, Any]:
        return {
            "name": f"C {number}",
            "parameters": {"model": "tiny"},
            "credential": {"key": "s3cret-1" if number else key_of_the_first},
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
        "connectors": [connector(number) for number in range(size)],
        "models": [{"name": f"M {number}", "connector": f"C {number}"} for number in range(size)],
    }


def requests(cluster: FakeCluster, options: dict[str, Any], *, check_mode: bool = False) -> tuple[int, int, int]:
    """The number of reads, of writes, and of requests for the lease."""
    cluster.exchanges.clear()
    cluster.lease_exchanges.clear()
    result = run_module("ml_stack", options, cluster, [], check_mode=check_mode)
    assert not result.get("failed"), result
    writes = len(cluster.writes)
    return len(cluster.exchanges) - writes, writes, len(cluster.lease_exchanges)


@pytest.mark.parametrize("size", [1, SIZE])
@pytest.mark.parametrize(("version", "changed"), [("3.6.0", 9), ("2.19.1", 17)])
def test_requests(version: str, changed: int, size: int) -> None:
    """A task that writes reads everything twice, without and under the lease, and once more to verify."""
    cluster = FakeCluster(version)
    planned, *written = requests(cluster, stack(size), check_mode=True)
    # One of them reads the settings, once for all connectors.
    assert (planned <= 5, written) == (True, [0, 0])
    reads, *written = requests(cluster, stack(size))
    assert (reads <= 17, written) == (True, [2 * size, 3])
    assert requests(cluster, stack(size)) == (3, 0, 0)
    reads, *written = requests(cluster, stack(size, key_of_the_first="s3cret-2"))
    assert (reads <= changed, written) == (True, [3, 3])


def test_one_credential_costs_one_fingerprint(cluster: FakeCluster) -> None:
    with mock.patch.object(hashlib, "scrypt", wraps=hashlib.scrypt) as slow:
        execute(cluster, "ml_stack", **stack())
        assert not execute(cluster, "ml_stack", **stack())["changed"]
    # None if another test in this process used the same key before. A short one only finds out whether scrypt is available.
    assert len([call for call in slow.call_args_list if call[1]["n"] > 2]) <= 1
