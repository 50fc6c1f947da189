# SPDX-License-Identifier: GPL-3.0-or-later
"""ml_connector from its arguments to its result; its task is tested in module_utils/_kinds/connector."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import connectors as fake_connectors
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster
from ansible_collections.searchops.opensearch_ml.tests.unit.support.operations import CHAT, URL

Runner = Callable[..., dict[str, Any]]


def test_create_check_and_delete(module: Runner, cluster: FakeCluster) -> None:
    check = module("ml_connector", cluster, check_mode=True, **CHAT)
    assert (check["changed"], check["connector_id"]) == (True, None)
    created = module("ml_connector", cluster, **CHAT)
    assert created["connector_id"] in cluster.connectors
    assert created["diff"] == check["diff"]
    assert created["actions"] == [{"action": "create", "kind": "connector", "name": "Local chat"}]
    again = module("ml_connector", cluster, **CHAT)
    assert (again["changed"], again["actions"], again["connector"]) == (False, [], created["connector"])
    deleted = module("ml_connector", cluster, name="Local chat", state="absent")
    assert (deleted["changed"], deleted["connector"], cluster.connectors) == (True, None, {})


def test_failure(module: Runner) -> None:
    result = module("ml_connector", FakeCluster(trusted=()), **CHAT)
    assert result["failed"]
    assert result["changed"] is False
    assert result["actions"] == []
    assert result["failure"]["code"] == "untrusted_endpoint"
    assert result["failure"]["status"] == 400
    assert result["msg"].endswith(result["failure"]["remedy"])
    assert "http://cluster.test:9200" in result["msg"]


def test_failure_lists_the_actions_before_it(module: Runner, cluster: FakeCluster) -> None:
    """The task undoes a swap that was interrupted, and then fails."""
    old = cluster.add_connector()
    cluster.add_model("Chat", old, state="UNDEPLOYED")
    cluster.add_connector(parameters={"_searchops": f'{{"replaces": ["{old}"]}}'})
    cluster.fail_next("PUT", old, "error")
    result = module("ml_connector", cluster, **CHAT, description="New")
    assert result["failed"]
    assert (result["changed"], [action["action"] for action in result["actions"]]) == (True, ["undo_swap"])


def test_warnings(module: Runner, cluster: FakeCluster) -> None:
    actions = [{"url": "http://${parameters.host}/v1"}]
    result = module("ml_connector", cluster, **{**CHAT, "actions": actions})
    assert "takes its host from a parameter" in str(result["warnings"])


def test_request_body_may_be_a_mapping(module: Runner, cluster: FakeCluster) -> None:
    body = {"model": "${parameters.model}"}
    module("ml_connector", cluster, **{**CHAT, "actions": [{"url": URL, "request_body": body}]})
    [connector] = cluster.connectors.values()
    assert connector["actions"][0]["request_body"] == '{"model": "${parameters.model}"}'
    assert not module("ml_connector", cluster, **{**CHAT, "actions": [{"url": URL, "request_body": body}]})["changed"]


def test_a_protocol_of_another_server(module: Runner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    args = {**CHAT, "protocol": "oci_sigv1"}
    planned = module("ml_connector", cluster, check_mode=True, **args)
    assert "but no 'oci_sigv1'. Servers without it refuse the connector" in str(planned["warnings"])
    assert module("ml_connector", cluster, **args)["failure"]["code"] == "invalid_protocol"
    monkeypatch.setattr(fake_connectors, "PROTOCOLS", (*fake_connectors.PROTOCOLS, "oci_sigv1"))
    assert module("ml_connector", cluster, **args)["changed"]
    assert not module("ml_connector", cluster, **args)["changed"]


def test_an_mcp_connector_without_a_url(module: Runner, cluster: FakeCluster) -> None:
    """As the server names no option, 'uri' in a definition would be a riddle."""
    body = {"name": "Tools", "protocol": "mcp_sse", "uri": "http://mcp.test/"}
    failure = module("ml_connector", cluster, definition=body)["failure"]
    assert failure["message"] == "url: a connector of protocol mcp_sse needs the URL of its MCP server."
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({}, "one of the following is required: name, connector_id"),
        ({"name": "x", "actions": [{}]}, "missing required arguments: url found in actions"),
        ({"name": "x", "protocol": "https"}, "protocol: there is no 'https'; did you mean 'http'?"),
        ({"name": "x", "protocol": "MCP-SSE"}, "protocol: there is no 'MCP-SSE'; did you mean 'mcp_sse'?"),
        ({"name": "x", "protocol": "mcp"}, "there is no 'mcp'; did you mean 'mcp_sse' or 'mcp_streamable_http'?"),
        ({"name": "x", "protocol": "SigV4"}, "protocol: there is no 'SigV4'; did you mean 'aws_sigv4'?"),
        ({"name": "x", "hosts": ["localhost:9200"]}, "must start with http"),
        ({"name": "x", "hosts": ["https://joe:s3cret@localhost:9200"]}, "give the user and the password in"),
        ({"name": "x", "timeout": 0}, "timeout: 0.0 is too small"),
        ({"name": "x", "retries": -1}, "retries: -1 is too small"),
        (
            {"name": "x", "auth_type": "basic"},
            "auth_type=basic needs username and password, or OPENSEARCH_USERNAME and OPENSEARCH_PASSWORD in the environment",
        ),
    ],
)
def test_refused_arguments(module: Runner, cluster: FakeCluster, args: dict[str, Any], text: str) -> None:
    result = module("ml_connector", cluster, **args)
    assert result["failed"]
    assert text in result["msg"]
    assert cluster.exchanges == []


def test_the_connection_from_the_environment(
    module: Runner, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENSEARCH_USERNAME", "joe")
    result = module("ml_connector", cluster, **CHAT)
    assert "auth_type=basic needs password, or OPENSEARCH_PASSWORD in the environment" in result["msg"]
    monkeypatch.setenv("OPENSEARCH_PASSWORD", "s3cret")
    assert module("ml_connector", cluster, **CHAT)["changed"]
