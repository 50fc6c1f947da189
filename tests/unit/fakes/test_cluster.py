# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake cluster behaves as the real server does, so that tests can rely on it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import NoAnswer, NotSent
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import ML, FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.faults import FAULTS


def send(transport: Any, method: str, path: str, content: bytes | None = None) -> Any:
    return transport.send(method, f"http://cluster.test{path}", {}, content, 1.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_injected_once(cluster: FakeCluster, fault: str) -> None:
    cluster.inject(fault, at=1)
    statuses = []
    for _count in range(3):
        try:
            statuses.append(send(cluster, "PUT", "/_cluster/settings", b'{"persistent": {}}').status)
        except (NoAnswer, NotSent) as exc:
            statuses.append(type(exc))
    assert (statuses[0], statuses[2]) == (200, 200)
    assert statuses[1] != 200 or fault == "html"
    assert cluster.versions["settings"] == (3 if FAULTS[fault].handled else 2)


def test_after_a_crash_nothing_is_handled(cluster: FakeCluster) -> None:
    cluster.crash("lost_after", at=1)
    send(cluster, "GET", "/")
    with pytest.raises(NoAnswer):
        send(cluster, "GET", "/")
    for _count in range(3):
        with pytest.raises(NotSent):
            send(cluster, "GET", "/")
    cluster.heal()
    assert send(cluster, "GET", "/").status == 200


def test_it_stores_and_refuses_as_ml_commons_does(cluster: FakeCluster) -> None:
    connector_id = cluster.add_connector("chat-1", parameters={"a": 1, "b": None, "c": {"x": 0.5}})
    assert cluster.connectors[connector_id]["parameters"] == {"a": "1", "b": "null", "c": '{"x":0.5}'}
    assert cluster.connectors[connector_id]["actions"][0]["action_type"] == "PREDICT"
    cluster.call("PUT", f"{ML}/connectors/{connector_id}", {"parameters": {"d": True}})
    assert set(cluster.connectors[connector_id]["parameters"]) == set("abcd")
    cluster.call("PUT", f"{ML}/connectors/{connector_id}", {})
    assert cluster.versions[connector_id] == 3
    by_text = cluster.call("POST", f"{ML}/connectors/_search", {"query": {"term": {"name": "chat-1"}}})
    assert by_text["hits"]["hits"] == []
    model_id = cluster.add_model("Chat", connector_id)
    assert cluster.handle("PUT", f"{ML}/connectors/{connector_id}", {}, {}).status == 400
    assert cluster.handle("DELETE", f"{ML}/connectors/{connector_id}", {}, None).status == 409
    assert cluster.handle("DELETE", f"{ML}/models/{model_id}", {}, None).status == 400
    assert cluster.handle("DELETE", f"{ML}/connectors/nope", {}, None).status == 200
    assert cluster.handle("DELETE", f"{ML}/models/nope", {}, None).status == 404


def test_a_deployment_takes_its_time(cluster: FakeCluster) -> None:
    model_id = cluster.add_model("Chat", cluster.add_connector(), state="REGISTERED")
    cluster.deploy_outcomes = [("DEPLOY_FAILED", {"node-1": "x"})]
    assert cluster.call("POST", f"{ML}/models/{model_id}/_deploy")["status"] == "COMPLETED"
    states = [cluster.call("GET", f"{ML}/models/{model_id}")["model_state"] for _count in range(4)]
    assert states == ["DEPLOYING", "DEPLOYING", "DEPLOY_FAILED", "DEPLOY_FAILED"]


def test_an_unknown_query_fails_the_test(cluster: FakeCluster) -> None:
    cluster.add_connector()
    with pytest.raises(AssertionError, match="does not know"):
        cluster.call("POST", f"{ML}/connectors/_search", {"query": {"prefix": {"name": "x"}}})
