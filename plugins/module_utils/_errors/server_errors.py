# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Classifies the server's errors: one table from an answer to a code and to the kind of retry that can help.

The texts are those of ML Commons 2.19.1 and 3.6.0 and of OpenSearch's REST layer; those of backends are from Ollama 0.17,
llama.cpp and vLLM. Those of later versions are from the published source: 3.7 (``private endpoint regex``,
``restricted ip address``, ``Regex pattern``, ``Header``), 3.8 (the connection pool) and 3.9 (``already exists``,
``defines no predict action``, ``Failed to read connector``).
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, NamedTuple

#: When to send a request again. SOON: after the usual back-off. STARTING: for as long as a cluster may take to start;
#: it has refused the request before doing anything. RECOVERING: as long, but the server may have done a part of it.
SOON, STARTING, RECOVERING = "soon", "starting", "recovering"

#: Marks a backend's error in one of ML Commons. Without it a 404, 429 or 503 is OpenSearch's own.
_FROM_BACKEND = re.compile(r"Error from remote service:|Remote service returned error status (?=\d+ with empty body)")

#: The server names the parameter of an unfilled placeholder; if the placeholder has no quotes, it quotes the body.
_UNFILLED = r"placeholder not filled in payload(?:: *([\w.-]*\w))?|Invalid payload:[\s\S]*?\$\{parameters\.([^}:]+)"

#: The end of the error of a feature that is disabled: the setting that enables it.
_DISABLED = r"To enable(?: it)?, (?:please )?update the setting:? \"?(plugins\.ml_commons\.\w+(?:\.\w+)*)"

#: Settings that these errors name wrongly (2.19.1 to 3.8) -> their names.
_MISNAMED_SETTINGS = {"plugins.ml_commons.remote_inference_enabled": "plugins.ml_commons.remote_inference.enabled"}

#: Number of characters at the beginning and at the end of a reason that are searched: the time that patterns take grows
#: faster than the text.
_ENDS = 10_000


class Rule(NamedTuple):
    """The ``code`` of errors with one of ``status`` (any if empty) whose text matches ``pattern``."""

    code: str
    pattern: str
    status: tuple[int, ...] = ()
    retry: str | None = None


#: A chat server whose answer is a stream of events or of lines: the server of OpenSearch reads it as one JSON value and names
#: its first word (3.6) or where it ends (2.19: the column after ``data:``, the beginning of the second line).
_STREAM = (
    r"Invalid JSON format: Unrecognized token '(data|event)'|"
    r"MalformedJsonException: .{0,100} at line (1 column 6|2 column 2) path"
)

#: An answer that is text, such as a web page: read as JSON (3.6, 2.19), or by a path in it.
_NO_JSON = (
    r"Invalid JSON format|Unsupported response type|MalformedJsonException|in path \$ but found 'java\.lang\.String'"
)

#: 400 of a chat server for a request that is too long: vLLM, llama.cpp, OpenAI.
_TOO_LONG = (
    r"(?i)maximum context length|context[_ ]length[_ ]exceeded|exceeds? the (available )?context|"
    r"cannot be greater than max_model_len"
)

#: 400 of a chat server that offers no function calling: vLLM, llama.cpp, Ollama.
_NO_TOOLS = r"(?i)tool[-_]call[-_]parser|does not support tools|tools? param requires --jinja"

#: A server that does not offer the route as it was started: vLLM (404), llama.cpp (501).
_NO_ROUTE = r'\{"detail": ?"Not Found"\}'
_NO_CAPABILITY = r"(?i)does not support (embeddings|reranking)"
#: 400 of a server that expects TLS: nginx, and programs in Go.
_NO_TLS = r"plain HTTP request was sent to HTTPS port|HTTP request to an HTTPS server"

_BACKEND_RULES = (
    Rule("backend_requires_tls", _NO_TLS, (400,)),
    Rule("context_too_long", _TOO_LONG, (400, 413, 500)),
    Rule("backend_without_tools", _NO_TOOLS, (400, 500)),
    Rule("backend_rejected", "", (400, 413, 415, 422)),
    Rule("backend_unauthorized", "", (401, 403)),
    Rule("backend_without_capability", _NO_ROUTE, (404,)),
    Rule("backend_without_capability", _NO_CAPABILITY, (500, 501)),
    Rule("backend_model_missing", r"(?i)model|pull", (404,)),
    Rule("backend_path_missing", "", (404,)),
    Rule("backend_busy", "", (429,)),
    Rule("backend_loading", r"(?i)loading", (503,)),
    Rule("backend_busy", "", (503,)),
    Rule("backend_error", ""),
)

_RULES = (
    Rule(
        "master_key",
        r"encryption master key has not been initialized|Fetching master key timed out|"
        r"No response to create ML Config index",
        (),
        STARTING,
    ),
    # Two texts: the security plugin checks every route and every action.
    Rule("security_starting", r"(?i)security not initialized", (), STARTING),
    Rule("cluster_starting", r"state not recovered / initialized", (), STARTING),
    # 2.19.1 answers _deploy with a conflict as 500.
    Rule("version_conflict", r"version_conflict_engine_exception|version conflict", (409, 500), SOON),
    # The index has just been created, or a starting node has not opened its shards yet.
    Rule("shards_unavailable", r"no_shard_available_action_exception", (500, 503), RECOVERING),
    Rule("shards_unavailable", r"all shards failed", (503,), RECOVERING),
    # A search for model groups answers only the second text (3.6.0, three nodes).
    Rule("api_error", r"all shards failed|: Fail to search", (500,), SOON),
    # The server has already waited for the shard.
    Rule("shards_unavailable", r"unavailable_shards_exception", (500, 503), SOON),
    # The remaining nodes answer so until they have detected the loss of a node.
    Rule("node_lost", r"node_(not_connected|disconnected|closed)_exception", (500, 503), SOON),
    Rule(
        "no_cluster_manager",
        r"(cluster_manager|master)_not_discovered_exception|no (cluster-manager|master)",
        (503,),
        SOON,
    ),
    Rule("too_many_tasks", r"exceed max running task limit", (), SOON),
    Rule("circuit_breaker", r"(?i)circuit.?breaker|circuit_breaking_exception"),
    # Amazon's gateway, whose status for this is 401 (public reports).
    Rule("not_offered", r"^: Your request: .* is not allowed", (400, 401, 403)),
    Rule("wrong_credentials", "", (401,)),
    # No exception type: the answer is from a proxy in front of the cluster.
    Rule("cluster_starting", r"^: ", (503,), SOON),
    # Amazon's gateway, which checks requests before OpenSearch gets them.
    Rule("aws_signature_missing", r"Missing Authentication Token|^: User: anonymous is not authorized", (403,)),
    Rule("aws_clock_skew", r"Signature expired|Signature not yet current", (400, 403)),
    Rule("aws_credentials_expired", r"security token included in the request is expired|ExpiredToken", (400, 403)),
    Rule(
        "aws_credentials_unknown", r"security token included in the request is invalid|UnrecognizedClient", (400, 403)
    ),
    Rule("aws_signature_mismatch", r"request signature we calculated does not match", (400, 403)),
    Rule("aws_wrong_scope", r"Credential should be scoped to", (400, 403)),
    Rule("aws_not_authorized", r"is not authorized to perform", (403,)),
    Rule("forbidden", r"security_exception|no permissions for|Forbidden", (403,)),
    # ML Commons sends requests to its nodes as the user; it reports their refusal as an internal error.
    Rule("forbidden", r"no permissions for \[", (500,)),
    Rule("model_disabled", r"Model is disabled"),
    Rule("rate_limited", r"Request is throttled at", (429,)),
    Rule(
        "untrusted_endpoint",
        r"not matching the trusted connector endpoint regex|Trusted connector endpoints regex is not configured",
    ),
    Rule("private_endpoint_refused", r"not matching the trusted connector private endpoint regex"),
    Rule("private_address_refused", r"has private ip address"),
    Rule("restricted_address", r"has restricted ip address"),
    Rule("broken_trusted_regex", r"pattern_syntax_exception|PatternSyntaxException"),
    # Before the errors of settings, which these are as well.
    Rule("unsafe_pattern", r"Regex pattern (contains|too long)"),
    Rule("invalid_regex", r"Invalid regex pattern"),
    Rule("unknown_setting", r"setting \[[^\]]*\], not recognized|unknown setting \["),
    Rule("static_setting", r"not dynamically updateable"),
    Rule(
        "invalid_setting_value",
        r"Failed to parse value|illegal value can't update|failed to parse setting",
    ),
    # Of connectors, models, model groups, agents and memory containers.
    Rule("id_taken", r"[a-z ]+ id '[^']*' already exists", (409,)),
    Rule("connector_in_use", r"models are still using this connector"),
    Rule("unknown_connector", r"Failed to find connector"),
    Rule("unreadable_connector", r"Failed to read connector"),
    Rule("connector_without_predict", r"defines no predict action|Cannot Create a Model from MCP"),
    Rule("unknown_model_group", r"Model Group Response is empty|Fail(ed)? to find (the )?model group"),
    Rule("unknown_controller", r"Failed to find model controller"),
    Rule("controller_disabled", r"Controller is currently disabled"),
    Rule("unknown_model", r"Failed to find model|Model not found|Not find model"),
    Rule("group_name_taken", r"already being used by (a model group|another model)"),
    Rule("group_in_use", r"model group when it has associated model versions"),
    Rule("unknown_memory_container", r"Failed to find memory container|Memory container not found"),
    Rule("memory_indexes_shared", r"Cannot delete memory indices as multiple containers share", (409,)),
    Rule("mcp_tool_name_taken", r"Unable to register tool: a tool with the same name already exists"),
    Rule("unknown_tool", r"Tool not found|Unrecognized tool in request"),
    Rule("unknown_agent", r"Fail(ed)? to (find|get) (ml )?agent|Agent not found"),
    Rule(
        "unknown_processor",
        r"No processor type exists with name|Invalid processor type|Processor type \[.*not installed",
    ),
    Rule("pipeline_in_use", r"pipeline.*cannot be deleted"),
    Rule(
        "invalid_pipeline",
        r"(required property is missing|property isn't a |doesn't support one or more provided configuration)",
        (400,),
    ),
    Rule(
        "index_not_changeable",
        r"Can't update non dynamic settings|mapper \[.*cannot be changed from type|conflicts with existing mapper",
        (400,),
    ),
    # Not for the indexes of ML Commons, whose names begin with a dot.
    Rule("unknown_index", r"no such index \[[^.]", (404,)),
    Rule("invalid_mapping", r"mapper_parsing_exception", (400,)),
    Rule("access_control_disabled", r"You cannot specify (connector|model) access control parameters"),
    # The second form is that of 2.19.
    Rule("invalid_protocol", r"Unsupported connector protocol|Can't find class for type [a-z0-9_]+$"),
    Rule("sigv4_incomplete", r": Missing (credential|service name|region)$", (400,)),
    Rule("mcp_disabled", r"MCP connector is not enabled"),
    Rule("feature_disabled", _DISABLED),
    # Without the setting's name in some versions.
    Rule("feature_disabled", r"\(google_cloud\) connector is not enabled"),
    Rule("header_placeholder_refused", r"Header '[^']*' cannot use \$\{parameters"),
    Rule("placeholder_unfilled", r"Header '[^']*' contains unresolved placeholder"),
    Rule(
        "header_refused", r"Header value contains invalid control character|[Hh]eaders? size \(key \+ value\) exceeds"
    ),
    Rule("invalid_characters", r"can only contain letters, numbers, spaces"),
    Rule("agent_prompt_unfilled", r"placeholder not filled in payload: tool_(descriptions|names)"),
    Rule("plan_not_json", r"Failed to parse LLM output due to invalid JSON"),
    Rule("unknown_llm_interface", r"Invalid _llm_interface"),
    Rule("request_body_missing", r"Content length is 0"),
    Rule("placeholder_unfilled", _UNFILLED),
    Rule("backend_streams", _STREAM),
    Rule("backend_not_json", _NO_JSON),
    Rule("invalid_payload", r"Invalid payload"),
    Rule("interface_mismatch", r"Error validating (input|output) schema"),
    Rule("guardrail", r"guardrails triggered"),
    Rule("backend_refused", r"Connection refused"),
    Rule("backend_timeout", r"Read timed out|timed out during the request|ReadTimeout"),
    Rule(
        "backend_closed",
        r"connection was closed during the request|not an SSL/TLS record|Unsupported or unrecognized SSL",
    ),
    Rule("backend_certificate_name", r"No subject alternative|No name matching"),
    Rule("backend_tls_untrusted", r"PKIX path building failed|unable to find valid certification path|SSLHandshake"),
    Rule(
        "backend_unknown_host",
        r"Name or service not known|unknown_host_exception|UnknownHostException|No address associated",
    ),
    # Before 3.8 with status 500, also where the backend is unreachable; what 3.8 answers then is not known.
    Rule("connection_pool_full", r"Acquire operation took longer", (429,)),
    Rule(
        "backend_unreachable",
        r"Acquire operation took longer|No route to host|Network is unreachable|connection timed out",
    ),
    Rule("backend_empty_answer", r"Remote service returned empty response body|No response from model"),
    Rule("backend_unreachable", r"Error communicating with remote model"),
    Rule("invalid_endpoint", r"trying to create uri from endpoint"),
    # After the answer has arrived: a path of it is missing, or a function fails.
    Rule("answer_not_processed", r"path_not_found_exception|Fail to execute \w+ in aws connector"),
    Rule("backend_error", r"Fail to execute http"),
    Rule("model_not_deployed", r"Model not ready yet|please deploy model first|model.{0,200}not.{0,50}deployed"),
    # Behind a load balancer, other nodes may have the plugin already.
    Rule("no_ml_plugin", r"no handler found for uri \[/_plugins/_ml", (), SOON),
    Rule("api_error", r"", (429, 503), SOON),
    Rule("api_error", ""),
)


class Classification(NamedTuple):
    """``retry`` is SOON, STARTING, RECOVERING, or None if sending the request again does not help."""

    code: str
    retry: str | None


def classify(status: int, kind: str, reason: str) -> Classification:
    """The code of an error answer, and when to send the request again. ``kind`` is the exception type."""
    reason = without_middle(reason)
    from_backend = _FROM_BACKEND.search(reason)
    text = reason[from_backend.end() :] if from_backend else f"{kind}: {reason}"
    for rule in _BACKEND_RULES if from_backend else _RULES:
        if (not rule.status or status in rule.status) and re.search(rule.pattern, text):
            return Classification(rule.code, rule.retry)
    raise AssertionError("the last rule matches everything")


def without_middle(text: str) -> str:
    """The text; if it is longer than any server's own message, only its beginning and its end."""
    return text if len(text) <= 2 * _ENDS else f"{text[:_ENDS]} ... {text[-_ENDS:]}"


def decode_error(body: Any) -> tuple[str, str]:
    """The exception type and the reason in the body of an error answer.

    The usual body is ``{"error": {"type", "reason", "caused_by"}, "status"}``. In errors of the router, ``error`` is a
    string; errors of profiles also have an ``exception``; the security plugin answers plain text, and Amazon's gateway
    a ``message`` or ``Message``.
    """
    if not isinstance(body, dict):
        return "", str(body)
    error = body.get("error", body.get("message", body.get("Message", body)))
    if not isinstance(error, dict):
        return "", f"{error}: {body['exception']}" if body.get("exception") else str(error)
    kind = str(error.get("type") or "")
    reasons = [str(error.get("reason") or "")]
    # Predictions and runs of agents add details; the reason is then only "System Error".
    if error.get("details") and str(error["details"]) != reasons[0]:
        reasons.append(str(error["details"]))
    for cause in _causes(error):
        if cause.get("reason") and str(cause["reason"]) not in reasons:
            reasons.append(f"{cause.get('type')}: {cause['reason']}")
        elif cause.get("type") and cause["type"] != kind:
            # For ten seconds after a failed name resolution, the reason is only the host; the type shows the problem.
            reasons.append(str(cause["type"]))
    return kind, "; ".join(reason for reason in reasons if reason) or str(body)


def _causes(error: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The chain of ``caused_by``, at most five of them."""
    cause = error.get("caused_by")
    for _depth in range(5):
        if not isinstance(cause, dict):
            return
        yield cause
        cause = cause.get("caused_by")


def is_from_another_server(host: str, path: str, status: int, body: Any, reason: str) -> bool:
    """Whether the error shows that the host's URL is not the root of OpenSearch.

    Either another server has answered, or OpenSearch has refused the path that the host's URL contains.
    """
    base = "/".join(host.split("/")[3:])
    if base and f"no handler found for uri [/{base}/" in reason:
        return True
    if base and f"no such index [{base}]" in reason and not path.startswith(f"/{base}"):
        return True
    # Other statuses also come from Amazon, the security plugin and proxies in front of a real OpenSearch.
    if status not in (404, 405):
        return False
    if not isinstance(body, dict):
        return True
    error = body.get("error")
    if isinstance(error, dict):
        # The format of OpenAI, which model servers share.
        return "reason" not in error and "status" not in body
    # The format of FastAPI. OpenSearch's answers about missing documents and pipelines have other fields.
    return error is None and "detail" in body


def remedy_details(code: str, reason: str) -> dict[str, str]:
    """What fills the braces of the code's remedy, if the server names it: a permission, a setting, a placeholder."""
    reason = without_middle(reason)
    if code == "forbidden":
        permission = missing_permission(reason)
        return {"permission": permission} if permission else {}
    if code == "feature_disabled":
        disabled = re.search(_DISABLED, reason)
        name = disabled[1] if disabled else "plugins.ml_commons.connector.vertexai_enabled"
        return {"setting": _MISNAMED_SETTINGS.get(name, name)}
    unfilled = re.search(_UNFILLED, reason) if code == "placeholder_unfilled" else None
    placeholder = unfilled and (unfilled[1] or unfilled[2])
    return {"placeholder": placeholder} if placeholder else {}


def missing_permission(reason: str) -> str | None:
    """The action that the security plugin refused, from ``no permissions for [x] and User [...]``."""
    # The name of an action on shards contains brackets: [indices:data/read/mget[shard]]. The first of several is enough.
    match = re.search(r"no permissions for \[([^\[\],]+(?:\[\w+\])?)[\],]", reason)
    return match[1] if match else None
