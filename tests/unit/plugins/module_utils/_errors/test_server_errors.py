# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of real servers (2.19 and 3.6), and the codes and retries that they are classified as."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import server_errors
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.catalogue import CATALOGUE, SECTIONS
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import Failure
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.server_errors import (
    RECOVERING,
    SOON,
    STARTING,
    classify,
    decode_error,
    missing_permission,
    remedy_details,
    without_middle,
)

REMOTE = "Error from remote service: "
MASTER_KEY = "The ML encryption master key has not been initialized yet. Please retry after waiting for 10 seconds."

#: What 2.19.1 answers to a prediction whose answer is not JSON.
GSON = (
    "Fail to execute PREDICT in aws connector; json_syntax_exception: com.google.gson.stream.MalformedJsonException: Use "
    "JsonReader.setStrictness(Strictness.LENIENT) to accept malformed JSON at {} path $\nSee https://github.com/google/gson"
)

#: status, exception type, reason -> code
TEXTS = [
    (404, "status_exception", MASTER_KEY, "master_key"),
    (404, "resource_not_found_exception", MASTER_KEY, "master_key"),
    (500, "m_l_exception", "Fetching master key timed out.", "master_key"),
    (500, "m_l_exception", "No response to create ML Config index", "master_key"),
    (503, "", "OpenSearch Security not initialized.", "security_starting"),
    (503, "security_exception", "OpenSearch Security not initialized for cluster:monitor/main", "security_starting"),
    (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];", "cluster_starting"),
    (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no cluster-manager];", "no_cluster_manager"),
    (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];", "no_cluster_manager"),
    (503, "search_phase_execution_exception", "all shards failed", "shards_unavailable"),
    (503, "no_shard_available_action_exception", "No shard available for [get [.plugins-ml-connector][x]]", "shards_unavailable"),
    (500, "no_shard_available_action_exception", "No shard available for [get [x]]", "shards_unavailable"),
    (503, "unavailable_shards_exception", "[.plugins-ml-connector][0] primary shard is not active", "shards_unavailable"),
    (500, "status_exception", "Failed to get data object; unavailable_shards_exception: [x][0] primary", "shards_unavailable"),
    (500, "search_phase_execution_exception", "all shards failed", "api_error"),
    (503, "", "Service Unavailable", "cluster_starting"),
    (503, "", "<html><h1>503 Service Temporarily Unavailable</h1></html>", "cluster_starting"),
    (503, "strange_exception", "for the moment", "api_error"),
    (409, "version_conflict_engine_exception", "[x]: version conflict, required seqNo [1]", "version_conflict"),
    (500, "m_l_exception", "version_conflict_engine_exception: [x]: required seqNo [1]", "version_conflict"),
    (500, "node_not_connected_exception", "[node-3][127.0.0.1:9303] Node not connected", "node_lost"),
    (500, "node_disconnected_exception", "[node-3][127.0.0.1:9303][cluster:admin/opensearch/ml/predict] disconnected", "node_lost"),
    (500, "status_exception", "Failed to get data object from index .plugins-ml-model; node_not_connected_exception: [node-1]",
     "node_lost"),
    (503, "cluster_manager_not_discovered_exception", "None", "no_cluster_manager"),
    (500, "m_l_limit_exceeded_exception", "exceed max running task limit", "too_many_tasks"),
    (503, "m_l_limit_exceeded_exception", "Disk Circuit Breaker is open, please check your resources!", "circuit_breaker"),
    (429, "circuit_breaking_exception", "Memory Circuit Breaker is open, please check your resources!", "circuit_breaker"),
    (401, "", "Unauthorized", "wrong_credentials"),
    (403, "security_exception", "no permissions for [cluster:monitor/x] and User [name=joe]", "forbidden"),
    (403, "", "Forbidden", "forbidden"),
    (500, "", "Failed to get ML node level profile: no permissions for [a:b] and User [name=joe]", "forbidden"),
    (403, "", "Signature expired: 20261123T101010Z is now earlier than 20261123T101510Z (20261123T102010Z - 5 min.)", "aws_clock_skew"),
    (403, "", "Missing Authentication Token", "aws_signature_missing"),
    (403, "", "Signature not yet current: 20261123T102010Z is still later than 20261123T101510Z", "aws_clock_skew"),
    (403, "", "The security token included in the request is expired", "aws_credentials_expired"),
    (403, "", "The security token included in the request is invalid.", "aws_credentials_unknown"),
    (403, "", "The request signature we calculated does not match the signature you provided. Check ...", "aws_signature_mismatch"),
    (403, "", "Credential should be scoped to a valid region, not 'us-east-1'. ", "aws_wrong_scope"),
    (403, "", "User: anonymous is not authorized to perform: es:ESHttpGet", "aws_signature_missing"),
    (403, "", "User: arn:aws:iam::1:user/joe is not authorized to perform: es:ESHttpPut because no ...", "aws_not_authorized"),
    (401, "", "Your request: '/_cluster/settings' payload is not allowed.", "not_offered"),
    (401, "", "Your request: '/_plugins/_ml/x' is not allowed for verb: POST", "not_offered"),
    (400, "", "Signature expired: 20261123T101010Z is now earlier than 20261123T101510Z", "aws_clock_skew"),
    (400, "", "ExpiredTokenException", "aws_credentials_expired"),
    (400, "", "UnrecognizedClientException", "aws_credentials_unknown"),
    (400, "", "The request signature we calculated does not match the signature you provided.", "aws_signature_mismatch"),
    (400, "", "Credential should be scoped to correct service: 'es'.", "aws_wrong_scope"),
    (403, "Forbidden", "403 Forbidden", "forbidden"),
    (403, "status_exception", "Model is disabled.", "model_disabled"),
    (429, "status_exception", "Request is throttled at model level.", "rate_limited"),
    (400, "illegal_argument_exception", "Connector URL is not matching the trusted connector endpoint regex", "untrusted_endpoint"),
    (400, "x", "Connector URL is not matching the trusted connector endpoint regex, URL is: http://a", "untrusted_endpoint"),
    (400, "x", "Remote inference host name has private ip address: ollama", "private_address_refused"),
    (400, "illegal_argument_exception", "Connector URL is not matching the trusted connector private endpoint regex",
     "private_endpoint_refused"),
    (400, "illegal_argument_exception", "Remote inference host name has restricted ip address: ollama", "restricted_address"),
    (400, "illegal_argument_exception", "Regex pattern too long (max 256 chars): ^a$", "unsafe_pattern"),
    (400, "illegal_argument_exception", "Regex pattern contains nested quantifiers or backreferences that may cause ReDoS: (a+)+",
     "unsafe_pattern"),
    (400, "illegal_argument_exception", "Invalid regex pattern: (a", "invalid_regex"),
    (400, "illegal_argument_exception", "Trusted connector endpoints regex is not configured. Please set plugins.x",
     "untrusted_endpoint"),
    (400, "illegal_argument_exception", "Header 'Host' cannot use ${parameters.*} placeholders for security reasons. Use "
     "${credential.*} instead.", "header_placeholder_refused"),
    (400, "illegal_argument_exception", "Header 'X-A' cannot use ${parameters.*} placeholders in MCP connectors.",
     "header_placeholder_refused"),
    (400, "illegal_argument_exception", "Header 'X-A' contains unresolved placeholder. Required parameter is missing.",
     "placeholder_unfilled"),
    (400, "illegal_argument_exception", "Header value contains invalid control character", "header_refused"),
    (400, "illegal_argument_exception", "Total headers size (key + value) exceeds 64KB limit", "header_refused"),
    (400, "illegal_argument_exception", "Header size (key + value) exceeds 8KB limit", "header_refused"),
    (500, "status_exception", "Failed to read connector: a", "unreadable_connector"),
    (400, "status_exception", "The model uses a connector of protocol [mcp_sse], which defines no predict action. Point ...",
     "connector_without_predict"),
    (400, "illegal_argument_exception", "Cannot Create a Model from MCP Connector: a", "connector_without_predict"),
    (403, "status_exception", "The Vertex AI (google_cloud) connector is not enabled.", "feature_disabled"),
    (403, "status_exception", "The Agentic Memory APIs are not enabled. To enable, please update the setting "
     "plugins.ml_commons.agentic_memory_enabled", "feature_disabled"),
    (500, "illegal_state_exception", "Remote Inference is currently disabled. To enable it, update the setting "
     "\"plugins.ml_commons.remote_inference_enabled\" to true.", "feature_disabled"),
    (429, "status_exception", "Error communicating with remote model: Acquire operation took longer than the configured "
     "maximum time.", "connection_pool_full"),
    (500, "status_exception", "Error communicating with remote model: Acquire operation took longer than the configured "
     "maximum time.", "backend_unreachable"),
    (409, "status_exception", "connector id 'connector-a-1' already exists", "id_taken"),
    (409, "status_exception", "model group id 'model-group-a-1' already exists", "id_taken"),
    (409, "status_exception", "memory container id 'memory-a' already exists", "id_taken"),
    (503, "node_closed_exception", "node closed {node-3}{127.0.0.1:9303}", "node_lost"),
    (400, "parse_exception", "[model_id] required property is missing", "invalid_pipeline"),
    (400, "illegal_argument_exception", "Can't update non dynamic settings [[index.knn]] for open indices", "index_not_changeable"),
    (400, "illegal_argument_exception", "mapper [a] cannot be changed from type [text] to [knn_vector]", "index_not_changeable"),
    (400, "mapper_parsing_exception", "No handler for type [vector] declared on field [a]", "invalid_mapping"),
    (404, "status_exception", "Failed to find model controller with the provided model ID: a", "unknown_controller"),
    (500, "illegal_state_exception", "Controller is currently disabled. To enable it, update the setting", "controller_disabled"),
    (409, "status_exception", "Cannot delete the model group when it has associated model versions", "group_in_use"),
    (404, "status_exception", "Failed to find agent with the provided agent id: a", "unknown_agent"),
    (404, "x", "Tool not found", "unknown_tool"),
    (404, "status_exception", "Memory container not found", "unknown_memory_container"),
    (409, "status_exception", "Cannot delete memory indices as multiple containers share the index prefix 'default'.", "memory_indexes_shared"),
    (400, "illegal_argument_exception", "Unable to register tool: a tool with the same name already exists.", "mcp_tool_name_taken"),
    (400, "parse_exception", "No processor type exists with name [a]", "unknown_processor"),
    (400, "illegal_argument_exception", "Invalid processor type a", "unknown_processor"),
    (400, "illegal_argument_exception", "Processor type [a] is not installed on node", "unknown_processor"),
    (400, "x", "pipeline [a] cannot be deleted because it is the default pipeline for 1 index(es)", "pipeline_in_use"),
    (404, "index_not_found_exception", "no such index [rag]", "unknown_index"),
    (404, "index_not_found_exception", "no such index [.plugins-ml-model]", "api_error"),
    (400, "pattern_syntax_exception", "Unclosed group near index 4", "broken_trusted_regex"),
    (400, "settings_exception", "persistent setting [plugins.ml_commons.nope], not recognized", "unknown_setting"),
    (400, "settings_exception", "unknown setting [x] please check", "unknown_setting"),
    (400, "settings_exception", "persistent setting [x], not dynamically updateable", "static_setting"),
    (400, "x", "Failed to parse value [yes] as only [true] or [false] are allowed.", "invalid_setting_value"),
    (400, "x", "1 models are still using this connector, please undeploy the models first: [a]", "connector_in_use"),
    (409, "x", "2 models are still using this connector, please delete or update the models first: [a]", "connector_in_use"),
    (404, "x", "Failed to find connector with the provided connector id: a", "unknown_connector"),
    (404, "x", "Failed to find connector:a", "unknown_connector"),
    (404, "x", "Failed to find connector", "unknown_connector"),
    (404, "x", "Failed to find model with the provided model id: a", "unknown_model"),
    (500, "exception", "Model Group Response is empty for a", "unknown_model_group"),
    (404, "x", "Failed to find model group with the provided model group id: a", "unknown_model_group"),
    (400, "x", "The name you provided is already being used by a model group with ID: a.", "group_name_taken"),
    (400, "x", "You cannot specify connector access control parameters because the Security plugin or connector access "
     "control is disabled on your cluster.", "access_control_disabled"),
    (400, "x", "Unsupported connector protocol. Please use one of [aws_sigv4, http]", "invalid_protocol"),
    (400, "illegal_argument_exception", "Can't find class for type oci_sigv1", "invalid_protocol"),
    (400, "illegal_argument_exception", "Missing credential", "sigv4_incomplete"),
    (400, "illegal_argument_exception", "Missing region", "sigv4_incomplete"),
    (500, "x", "The MCP connector is not enabled. To enable, please update the setting plugins.x", "mcp_disabled"),
    (400, "x", "Model connector name can only contain letters, numbers, spaces, and basic punctuation", "invalid_characters"),
    (400, "x", "Some parameter placeholder not filled in payload: m", "placeholder_unfilled"),
    (404, "status_exception", "Remote service returned error status 404 with empty body", "backend_path_missing"),
    (401, "status_exception", "Remote service returned error status 401 with empty body", "backend_unauthorized"),
    (500, "illegal_state_exception", "Failed to parse LLM output due to invalid JSON", "plan_not_json"),
    (400, "illegal_argument_exception", "Invalid _llm_interface", "unknown_llm_interface"),
    (400, "illegal_argument_exception", "Content length is 0. Aborting request to remote model", "request_body_missing"),
    (400, "x", "Some parameter placeholder not filled in payload: tool_descriptions, tool_names", "agent_prompt_unfilled"),
    (400, "x", "Invalid payload: {", "invalid_payload"),
    (400, "x", "Invalid payload: {\n\"messages\": ${parameters.messages} }", "placeholder_unfilled"),
    (400, "x", "Invalid payload: { \"prompt\": ${prompt} }", "invalid_payload"),
    (400, "x", "Error validating input schema: $.a is missing", "interface_mismatch"),
    (400, "x", "guardrails triggered for user input", "guardrail"),
    (500, "x", "Error communicating with remote model: Connection refused: llm/10.0.0.1:1", "backend_refused"),
    (500, "x", "Error communicating with remote model: Read timed out", "backend_timeout"),
    (500, "x", "Error communicating with remote model: The connection was closed during the request.", "backend_closed"),
    (500, "x", "Error communicating with remote model: not an SSL/TLS record: 48", "backend_closed"),
    (500, "x", "SSLHandshakeException: No subject alternative names matching IP address 10.0.0.7 found", "backend_certificate_name"),
    (500, "x", "PKIX path building failed: unable to find valid certification path", "backend_tls_untrusted"),
    (500, "unknown_host_exception", "llm.nowhere", "backend_unknown_host"),
    (500, "x", "llm: Name or service not known", "backend_unknown_host"),
    (500, "x", "Error communicating with remote model: No route to host", "backend_unreachable"),
    (500, "x", "Error communicating with remote model: strange", "backend_unreachable"),
    (500, "m_l_exception", "Fail to execute http connector", "backend_error"),
    # 3.6.0 and 2.19.1: events, lines, a web page, plain text.
    (400, "illegal_argument_exception", "Invalid JSON format: Unrecognized token 'data': was expecting (JSON String, Number", "backend_streams"),
    (400, "illegal_argument_exception", "Invalid JSON format: Unrecognized token 'event': was expecting (JSON", "backend_streams"),
    (500, "m_l_exception", GSON.format("line 1 column 6"), "backend_streams"),
    (500, "m_l_exception", GSON.format("line 2 column 2"), "backend_streams"),
    (400, "illegal_argument_exception", "Invalid JSON format: Unexpected character ('<' (code 60)): expected a valid", "backend_not_json"),
    (400, "illegal_argument_exception", "Invalid JSON format: Unrecognized token 'Ollama': was expecting", "backend_not_json"),
    (500, "m_l_exception", GSON.format("line 1 column 12"), "backend_not_json"),
    (500, "m_l_exception", "Fail to execute PREDICT in aws connector; path_not_found_exception: Expected to find an object with "
     "property ['data'] in path $ but found 'java.lang.String'. This is not a json object", "backend_not_json"),
    (500, "m_l_exception", "Fail to execute PREDICT in aws connector; path_not_found_exception: Missing property in path "
     "$['data']", "answer_not_processed"),
    (500, "m_l_exception", "Fail to execute PREDICT in aws connector; class_cast_exception: class java.math.BigDecimal",
     "answer_not_processed"),
    (400, "illegal_argument_exception", "Encountered error when trying to create uri from endpoint in ml connector. Please "
     "update the endpoint in connection configuration: ", "invalid_endpoint"),
    (502, "x", "Remote service returned empty response body", "backend_empty_answer"),
    (400, "x", "No response from model", "backend_empty_answer"),
    (400, "x", "Model not ready yet. Please deploy the model first.", "model_not_deployed"),
    (400, "", "no handler found for uri [/_plugins/_ml/connectors/_create] and method [POST]", "no_ml_plugin"),
    (401, "status_exception", REMOTE + '{"error": "wrong key"}', "backend_unauthorized"),
    (403, "status_exception", REMOTE + "Forbidden", "backend_unauthorized"),
    (404, "status_exception", REMOTE + '{"error": "model \'x\' not found, try pulling it first"}', "backend_model_missing"),
    (403, "x", REMOTE + "The security token included in the request is expired", "backend_unauthorized"),
    (404, "status_exception", REMOTE + "404 page not found", "backend_path_missing"),
    (404, "status_exception", REMOTE + '{"detail":"Not Found"}', "backend_without_capability"),
    (501, "status_exception", REMOTE + '{"error":{"code":501,"message":"This server does not support embeddings. Start it with '
     '`--embeddings`","type":"not_supported_error"}}', "backend_without_capability"),
    (429, "status_exception", REMOTE + "Too many requests", "backend_busy"),
    (503, "status_exception", REMOTE + '{"error": {"message": "Loading model"}}', "backend_loading"),
    (503, "status_exception", REMOTE + "overloaded", "backend_busy"),
    (400, "status_exception", REMOTE + '{"error": {"message": "\\"auto\\" tool choice requires --enable-auto-tool-choice and '
     '--tool-call-parser to be set"}}', "backend_without_tools"),
    (400, "status_exception", REMOTE + '{"error": {"message": "registry.ollama.ai/library/x does not support tools"}}',
     "backend_without_tools"),
    (400, "status_exception", REMOTE + '{"error": {"message": "This model\'s maximum context length is 256 tokens. However, your"}}',
     "context_too_long"),
    (400, "status_exception", REMOTE + "max_tokens=5000 cannot be greater than max_model_len=256", "context_too_long"),
    (400, "status_exception", REMOTE + "the request exceeds the available context size, try increasing it", "context_too_long"),
    (400, "status_exception", REMOTE + "<center>The plain HTTP request was sent to HTTPS port</center>", "backend_requires_tls"),
    (400, "status_exception", REMOTE + "Client sent an HTTP request to an HTTPS server.", "backend_requires_tls"),
    (400, "status_exception", REMOTE + '{"error": {"message": "[] is too short - \'messages\'"}}', "backend_rejected"),
    (422, "status_exception", REMOTE + '{"detail": [{"msg": "Field required"}]}', "backend_rejected"),
    # The backend may itself be a proxy for another one.
    (503, "status_exception", REMOTE + "gateway: " + REMOTE + "Loading model", "backend_loading"),
    (500, "status_exception", REMOTE + "Connection refused by the backend's own backend", "backend_error"),
    (429, "rejected_execution_exception", "queue", "api_error"),
    (500, "null_pointer_exception", "", "api_error"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "kind", "reason", "code"), TEXTS)
def test_classify_returns_the_code(status: int, kind: str, reason: str, code: str) -> None:
    assert classify(status, kind, reason).code == code


@pytest.mark.parametrize(
    ("status", "kind", "reason", "retry"),
    [
        (404, "", MASTER_KEY, STARTING),
        (409, "version_conflict_engine_exception", "", SOON),
        (500, "version_conflict_engine_exception", "", SOON),
        (409, "status_exception", "model id 'model-a-1' already exists", None),
        (409, "x", "Cannot delete the model group when it has associated model versions", None),
        (429, "rejected_execution_exception", "queue", SOON),
        (503, "unavailable_shards_exception", "primary shard is not active", SOON),
        (503, "", "OpenSearch Security not initialized.", STARTING),
        (
            503,
            "cluster_block_exception",
            "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered / initialized];",
            STARTING,
        ),
        (503, "search_phase_execution_exception", "all shards failed", RECOVERING),
        (500, "status_exception", "Fail to search", SOON),
        (503, "", "Service Unavailable", SOON),
        (400, "", "no handler found for uri [/_plugins/_ml/models/_search] and method [POST]", SOON),
        (500, "node_not_connected_exception", "[node-3][127.0.0.1:9303] Node not connected", SOON),
        (503, "cluster_manager_not_discovered_exception", "None", SOON),
        (503, "x", REMOTE + "Loading model", None),
        (429, "x", REMOTE + "slow down", None),
        (429, "x", "Request is throttled at model level.", None),
        (500, "null_pointer_exception", "boom", None),
        (500, "search_phase_execution_exception", "all shards failed", SOON),
        (503, "strange_exception", "for the moment", SOON),
    ],
)
def test_classify_returns_the_retry(status: int, kind: str, reason: str, retry: str | None) -> None:
    assert classify(status, kind, reason).retry == retry


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        ({"error": {"type": "a", "reason": "b", "root_cause": []}, "status": 400}, ("a", "b")),
        ({"error": "no handler found"}, ("", "no handler found")),
        ({"error": {"type": "a", "reason": "b", "caused_by": {"type": "c", "reason": "d"}}}, ("a", "b; c: d")),
        ({"error": {"type": "a", "reason": "b", "caused_by": {"type": "c", "reason": "b"}}}, ("a", "b; c")),
        ({"error": {"type": "a", "reason": "b", "caused_by": {"type": "a", "reason": "b"}}}, ("a", "b")),
        ({"error": {"type": "a", "reason": None, "caused_by": {"type": "c", "reason": "d"}}}, ("a", "c: d")),
        ({"error": {"type": "a", "details": "b"}}, ("a", "b")),
        ({"error": {"type": "a", "reason": "b", "details": "a"}}, ("a", "b; a")),
        ({"error": {"type": "a", "reason": "b", "details": "c"}}, ("a", "b; c")),
        ({"error": {"type": "a", "reason": "b", "details": "b"}}, ("a", "b")),
        ({"error": {"code": 7}}, ("", "{'error': {'code': 7}}")),
        ({"error": "no profile", "exception": "denied"}, ("", "no profile: denied")),
        ({"message": "denied"}, ("", "denied")),
        ({"Message": "denied"}, ("", "denied")),
        ({}, ("", "{}")),
        ("Unauthorized", ("", "Unauthorized")),
        ([1], ("", "[1]")),
        (None, ("", "None")),
    ],
)
def test_decode_error(body: Any, decoded: tuple[str, str]) -> None:
    assert decode_error(body) == decoded


def test_decode_error_of_endless_causes() -> None:
    body: dict[str, Any] = {"type": "a", "reason": "b"}
    body["caused_by"] = body
    assert decode_error({"error": body}) == ("a", "b")


def test_decode_error_reads_five_causes() -> None:
    body: dict[str, Any] = {}
    for number in range(8, -1, -1):
        body = {"type": "t", "reason": f"r{number}", "caused_by": body}
    assert decode_error({"error": body}) == ("t", "r0; t: r1; t: r2; t: r3; t: r4; t: r5")


def test_without_middle() -> None:
    ends = "a" * 10_000, "z" * 10_000
    for text in ("", "short", "".join(ends)):
        assert without_middle(text) == text
    assert without_middle("b".join(ends)) == " ... ".join(ends)


@pytest.mark.parametrize(("rules", "remote"), [(server_errors._RULES, False), (server_errors._BACKEND_RULES, True)])
def test_each_rule_is_the_first_match_of_a_text(rules: tuple[server_errors.Rule, ...], remote: bool) -> None:
    first = set()
    for status, kind, reason, _code in TEXTS:
        if reason.startswith(REMOTE) == remote:
            text = reason.removeprefix(REMOTE) if remote else f"{kind}: {reason}"
            first.add(next(
                number for number, rule in enumerate(rules)
                if (not rule.status or status in rule.status) and re.search(rule.pattern, text)
            ))  # fmt: skip
    assert [rule for number, rule in enumerate(rules) if number not in first] == []


def test_missing_permission() -> None:
    assert missing_permission("no permissions for [a:b/c] and User [x]") == "a:b/c"
    assert missing_permission("no permissions for [a:b/c[shard]] and User [name=x]") == "a:b/c[shard]"
    both = "no permissions for [a:b/bulk[s], a:b/index] and User [name=x]"
    assert missing_permission(both) == "a:b/bulk[s]"
    assert missing_permission(both.replace("[s]", "")) == "a:b/bulk"
    assert missing_permission("Forbidden") is None


def test_remedy_details() -> None:
    refused, unfilled = "no permissions for [a:b] and User [x]", "Some parameter placeholder not filled in payload: m"
    assert remedy_details("forbidden", refused) == {"permission": "a:b"}
    assert remedy_details("placeholder_unfilled", unfilled) == {"placeholder": "m"}
    for code in ("api_error", "invalid_payload", "wait_timeout"):
        assert remedy_details(code, refused) == remedy_details(code, unfilled) == {}


def sources() -> str:
    """The text of all source files except the catalogue."""
    plugins = Path(server_errors.__file__).resolve().parents[2]
    paths = [path for path in sorted(plugins.rglob("*.py")) if path.name != "catalogue.py"]
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_every_code_of_the_catalogue_is_used() -> None:
    text = sources()
    assert [code for code in CATALOGUE if f'"{code}"' not in text] == []


def test_every_code_that_is_used_is_in_the_catalogue() -> None:
    import ast

    used = set()
    for path in sorted(Path(server_errors.__file__).resolve().parents[2].rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            function = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if function in ("Failure", "Unreachable", "AnswerLost", "ApiError", "Rule"):
                used.add(node.args[0].value)
    assert used - set(CATALOGUE) == set()
    assert len(used) > 50


def test_no_code_is_in_two_sections_of_the_catalogue() -> None:
    assert sum(map(len, SECTIONS.values())) == len(CATALOGUE)


@pytest.mark.parametrize("code", sorted(CATALOGUE))
def test_cause_and_remedy_are_sentences(code: str) -> None:
    cause, remedy = (
        CATALOGUE[code].cause,
        Failure(code, "x", remedies_of_the_problems="").remedy or "The message says it.",
    )
    assert re.match(r"[A-Z']", cause), "an option's name in quotes may come first"
    assert remedy[0].isupper()
    for text in (cause, remedy):
        assert text.endswith(".")
        assert "{" not in text


def test_an_unknown_refusal_is_corrected_before_logs_are_read() -> None:
    assert CATALOGUE["api_error"].remedy.startswith("Correct the option or the value that the server names.")


def test_no_remedy_only_repeats_that_the_message_says_it() -> None:
    empty = [code for code, entry in CATALOGUE.items() if re.search(r"(named in|as|what) the message", entry.remedy)]
    assert empty == []
    assert Failure("invalid_input", "x").as_dict()["remedy"] == ""


def test_a_failure_as_a_result() -> None:
    failure = Failure("forbidden", "no", 403, permission="a:b")
    assert failure.as_dict() == {
        "code": "forbidden",
        "message": "no",
        "remedy": "Give the user a role that allows a:b. See docs/security_roles.yml of the collection for the minimal roles.",
        "status": 403,
        "details": {"permission": "a:b"},
    }


def test_a_cached_failure_of_name_resolution() -> None:
    """3.6.0 answers so for some seconds after a name could not be resolved."""
    cause = {"type": "unknown_host_exception", "reason": "nowhere.invalid"}
    kind, reason = decode_error(
        {
            "error": {"type": "illegal_argument_exception", "reason": "nowhere.invalid", "caused_by": cause},
            "status": 400,
        }
    )
    assert reason == "nowhere.invalid; unknown_host_exception"
    assert server_errors.classify(400, kind, reason).code == "backend_unknown_host"
