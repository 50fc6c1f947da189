# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tools of the MCP server on real servers: registered, called by JSON-RPC, changed and removed."""

from __future__ import annotations

import re

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._kinds.mcp_tool import McpTool
from ansible_collections.searchops.opensearch_ml.tests.integration._double import calls_tools
from ansible_collections.searchops.opensearch_ml.tests.integration._stack import ML, TRUST, TRUSTED, index_of

TOOL = "ml_mcp_tool"
ENABLED = "plugins.ml_commons.mcp_server_enabled"
on_3 = pytest.mark.parametrize("cluster", ["3.6.0"], indirect=True)
on_2 = pytest.mark.parametrize("cluster", ["2.19.1-tls"], indirect=True)


@pytest.fixture
def tool(cluster, name, settings_restored):
    """A name of a tool that only this test uses, as one word. The tool is removed afterwards."""
    word = index_of(name).replace("-", "_")
    cluster.put_settings({ENABLED: True})
    yield word
    for each in listed(cluster):
        if each["name"].startswith(word):
            # The server removes those that share a word with it as well.
            cluster.send("POST", f"{ML}/mcp/tools/_remove", [each["name"]])
    assert not [each for each in listed(cluster) if each["name"].startswith(word)]


def listed(cluster):
    answer = cluster.send("GET", f"{ML}/mcp/tools/_list")
    return answer.json()["tools"] if answer.status_code == 200 else []


def rpc(cluster, method, **params):
    """The result of a call to the MCP server by JSON-RPC."""
    answer = cluster.must("POST", f"{ML}/mcp", {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert "error" not in answer, answer
    return answer["result"]


def offered(cluster, tool):
    """What the MCP server offers under this name; None if nothing."""
    return next((each for each in rpc(cluster, "tools/list")["tools"] if each["name"] == tool), None)


@on_3
def test_the_life_of_a_tool(cluster, converges, module, name, tool):
    cluster.must("PUT", f"/{index_of(name)}")
    schema = {"type": "object", "properties": {"indices": {"type": "array", "items": {"type": "string"}}}}
    args = {"name": tool, "type": "ListIndexTool", "description": "Lists", "attributes": {"input_schema": schema}}
    made = converges(TOOL, ["create"], **args)
    (found,) = [each for each in module("ml_mcp_tool_info")["mcp_tools"] if each["name"] == tool]
    assert found == made["mcp_tool"]
    for source in listed(cluster):
        assert McpTool.extra_names(source) == []
    assert offered(cluster, tool)["description"] == "Lists"
    assert offered(cluster, tool)["inputSchema"] == schema
    called = rpc(cluster, "tools/call", name=tool, arguments={"indices": [index_of(name)]})
    assert called["isError"] is False
    assert index_of(name) in called["content"][0]["text"]

    converges(TOOL, ["update"], name=tool, description="Lists the indexes", parameters={"a": 1, "b": {"c": True}})
    assert offered(cluster, tool)["description"] == "Lists the indexes"
    assert offered(cluster, tool)["inputSchema"] == schema
    refused = module.refuses("mcp_tool_not_changeable", TOOL, name=tool, parameters={"a": 1})
    assert "b must be removed" in refused["message"]
    converges(TOOL, ["replace"], name=tool, type="ListIndexTool", parameters={"a": 1}, update_strategy="recreate")
    module.refuses("mcp_tool_not_changeable", TOOL, name=tool, type="IndexMappingTool")
    converges(TOOL, ["replace"], name=tool, type="IndexMappingTool", attributes={}, update_strategy="recreate")
    called = rpc(cluster, "tools/call", name=tool, arguments={"index": [index_of(name)]})
    assert index_of(name) in called["content"][0]["text"]

    converges(TOOL, ["delete"], name=tool, state="absent")
    assert offered(cluster, tool) is None


@on_3
def test_names_that_share_a_word(cluster, module, tool):
    """The server would refuse the one and remove the other as well."""
    both = [f"{tool} one", f"{tool} two"]
    body = {"tools": [{"name": each, "type": "ListIndexTool"} for each in both]}
    cluster.must("POST", f"{ML}/mcp/tools/_register", body)
    module.refuses("mcp_tool_not_removable", TOOL, name=both[0], state="absent")
    module.refuses("mcp_tool_name_taken", TOOL, name=f"{tool} three", type="ListIndexTool")
    assert [each["name"] for each in listed(cluster) if each["name"] in both] == both
    # As the module says.
    assert (
        cluster.send(
            "POST", f"{ML}/mcp/tools/_register", {"tools": [{"name": f"{tool} x", "type": "ListIndexTool"}]}
        ).status_code
        == 400
    )
    cluster.must("POST", f"{ML}/mcp/tools/_remove", [both[0]])
    assert not [each for each in listed(cluster) if each["name"] in both]


@on_3
def test_a_tool_that_asks_a_model(cluster, converges, name, tool):
    cluster.make_model(name, cluster.make_connector(name), deploy=True)
    messages = '[{"role": "user", "content": "${parameters.question}"}]'
    parameters = {
        "model_id": f"${{model:{name}}}",
        "messages": messages,
        "response_filter": "$.choices[0].message.content",
    }
    converges(TOOL, ["create"], name=tool, type="MLModelTool", description="Asks", parameters=parameters)
    called = rpc(cluster, "tools/call", name=tool, arguments={"question": "Ping", "messages": messages})
    assert "Pong." in called["content"][0]["text"]


@on_3
def test_an_agent_calls_the_tool_through_a_connector(cluster, converges, module, name, tool):
    """The server's own MCP server, reached as any other: the agent has no other tool."""
    schema = {"type": "object", "properties": {"indices": {"type": "array", "items": {"type": "string"}}}}
    module(TOOL, name=tool, type="ListIndexTool", description="Lists", attributes={"input_schema": schema})
    with calls_tools() as backend:
        trusted = [*TRUST, f"^{re.escape(backend.url)}/.*$"]
        cluster.put_settings({"plugins.ml_commons.mcp_connector_enabled": True, TRUSTED: trusted})
        model = {"provider": "vllm", "base_url": backend.url, "model": "Qwen/Qwen3-4B", "capability": "agent"}
        module("ml_connector", name=name, **model)
        module("ml_model", name=name, connector=name, state="deployed")
        # The node reaches itself here.
        server = {"protocol": "mcp_streamable_http", "url": "http://localhost:9200/"}
        converges(
            "ml_connector", ["create"], name=f"{name} tools", parameters={"endpoint": "/_plugins/_ml/mcp"}, **server
        )
        offered_tools = [{"mcp_connector_id": f"${{connector:{name} tools}}", "tool_filters": [tool]}]
        agent = {
            "name": name,
            "type": "conversational",
            "llm": {"model_id": name, "parameters": {"prompt": "${parameters.question}"}},
            "parameters": {"_llm_interface": "openai/v1/chat/completions", "mcp_connectors": offered_tools},
            "memory": {"type": "conversation_index"},
        }
        converges("ml_agent", ["create"], **agent)
        answer = module("ml_agent_execute", agent=name, question="Which indexes are there?")
        assert [each["function"]["name"] for each in backend.seen[0][1]["tools"]] == [tool]
        assert "The tool says" in answer["content"]
        assert "health" in answer["content"]
        converges("ml_agent", ["delete"], name=name, state="absent")


@on_3
def test_bad_input_and_a_disabled_server(cluster, module, tool):
    module.refuses("unknown_tool", TOOL, name=tool, type="NoSuchTool")
    module.refuses("invalid_input", TOOL, name=tool)
    module.refuses("invalid_input", TOOL, name=f"{tool},b", type="ListIndexTool")
    cluster.put_settings({ENABLED: False})
    for args in ({"type": "ListIndexTool"}, {"state": "absent"}):
        assert ENABLED in module.refuses("feature_disabled", TOOL, name=tool, **args)["remedy"]


@on_2
def test_an_older_server(module, name):
    for state in ("present", "absent"):
        module.refuses("unsupported_version", TOOL, name="list_it", type="ListIndexTool", state=state)
