# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the task of ml_model on a fake cluster with the connector 'Local chat', and read what it did."""

from __future__ import annotations

from typing import Any

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.harness import execute

#: The options of a model that does not exist yet.
NEW = {"name": "Chat", "connector": "Local chat"}


def apply(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    """The result of the task of ml_model."""
    return execute(cluster, "ml_model", **options)


def add_chat_model(cluster: FakeCluster, state: str = "DEPLOYED", **fields: Any) -> str:
    """Add a model 'Chat' that uses the first connector. Returns its id."""
    return cluster.add_model("Chat", next(iter(cluster.connectors)), state=state, **fields)


def actions_of(result: dict[str, Any]) -> list[str]:
    return [action["action"] for action in result["actions"]]


def count_requests(cluster: FakeCluster, ending: str) -> int:
    """The number of requests whose path ends like this."""
    return sum(exchange.path.endswith(ending) for exchange in cluster.exchanges)
