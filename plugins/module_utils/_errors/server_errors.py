# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What the server's errors mean: one table from an answer to a code, and whether sending it again can help.

The texts are those of ML Commons 2.19.1 and 3.6.0 and of OpenSearch's REST layer; those of later versions are from the
published source: 3.7 (``private endpoint regex``, ``restricted ip address``, ``Regex pattern``), 3.9 (``already exists``).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

#: When an answer may be asked for again: after the usual back-off; with the patience that a starting cluster needs, as it
#: refuses before it does anything; or with that patience, while what was done by then is not known.
SOON, STARTING, RECOVERING = "soon", "starting", "recovering"

#: How ML Commons marks what the backend itself said. Without it a 404, 429 or 503 is OpenSearch's own.
FROM_BACKEND = "Error from remote service:"

#: How the server names a parameter that nobody gave: on its own, or, where it stands in the body without quotes, by what has
#: become of the body.
_UNFILLED = r"placeholder not filled in payload(?:: *([\w.-]*\w))?|Invalid payload:[\s\S]*?\$\{parameters\.([^}:]+)"


#: How much of the beginning and of the end of a reason is looked at: patterns take time that grows faster than a text.
_ENDS = 10_000


class Rule(NamedTuple):
    code: str
    pattern: str
    status: tuple[int, ...] = ()
    retry: str | None = None


_BACKEND_RULES = (
    Rule("backend_unauthorized", "", (401, 403)),
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
        r"encryption master key has not been initialized|Fetching master key timed out|No response to create ML Config index",
        (),
        STARTING,
    ),
    # By the gate in front of every route, and by the one in front of every action.
    Rule("security_starting", r"(?i)security not initialized", (), STARTING),
    Rule("cluster_starting", r"state not recovered / initialized", (), STARTING),
    # 2.19.1 answers _deploy with a conflict as 500.
    Rule("version_conflict", r"version_conflict_engine_exception|version conflict", (409, 500), SOON),
    # The shards of an index that was made this moment, or of one that a starting node has not opened yet.
    Rule("shards_unavailable", r"no_shard_available_action_exception", (500, 503), RECOVERING),
    Rule("shards_unavailable", r"all shards failed", (503,), RECOVERING),
    # The second is all that a search for model groups says of that (3.6.0, three nodes).
    Rule("api_error", r"all shards failed|: Fail to search", (500,), SOON),
    # The server has waited for the shard before it says so.
    Rule("shards_unavailable", r"unavailable_shards_exception", (500, 503), SOON),
    # What the others answer between the loss of a node and the moment when they know of it.
    Rule("node_lost", r"node_(not_connected|disconnected|closed)_exception", (500, 503), SOON),
    Rule(
        "no_cluster_manager",
        r"(cluster_manager|master)_not_discovered_exception|no (cluster-manager|master)",
        (503,),
        SOON,
    ),
    Rule("too_many_tasks", r"exceed max running task limit", (), SOON),
    Rule("circuit_breaker", r"(?i)circuit.?breaker|circuit_breaking_exception"),
    Rule("wrong_credentials", "", (401,)),
    # Without an exception's type it is what stands in front of the cluster that says so.
    Rule("cluster_starting", r"^: ", (503,), SOON),
    # Amazon's front door, before OpenSearch itself is reached.
    Rule("aws_clock_skew", r"Signature expired|Signature not yet current", (400, 403)),
    Rule("aws_credentials_expired", r"security token included in the request is expired|ExpiredToken", (400, 403)),
    Rule(
        "aws_credentials_unknown", r"security token included in the request is invalid|UnrecognizedClient", (400, 403)
    ),
    Rule("aws_signature_mismatch", r"request signature we calculated does not match", (400, 403)),
    Rule("aws_wrong_scope", r"Credential should be scoped to", (400, 403)),
    Rule("aws_not_authorized", r"is not authorized to perform", (403,)),
    Rule("forbidden", r"security_exception|no permissions for|Forbidden", (403,)),
    # What ML Commons asks its nodes for in the user's name comes back as its own failure.
    Rule("forbidden", r"no permissions for \[", (500,)),
    Rule("model_disabled", r"Model is disabled"),
    Rule("rate_limited", r"Request is throttled at", (429,)),
    Rule("untrusted_endpoint", r"not matching the trusted connector endpoint regex"),
    Rule("private_endpoint_refused", r"not matching the trusted connector private endpoint regex"),
    Rule("private_address_refused", r"has private ip address"),
    Rule("restricted_address", r"has restricted ip address"),
    Rule("broken_trusted_regex", r"pattern_syntax_exception|PatternSyntaxException"),
    Rule("unknown_setting", r"setting \[[^\]]*\], not recognized|unknown setting \["),
    Rule("static_setting", r"not dynamically updateable"),
    Rule(
        "invalid_setting_value",
        r"Failed to parse value|illegal value can't update|failed to parse setting|Regex pattern (contains|too long)",
    ),
    Rule("id_taken", r"(connector|model|model group|agent) id '[^']*' already exists", (409,)),
    Rule("connector_in_use", r"models are still using this connector"),
    Rule("unknown_connector", r"Failed to find connector"),
    Rule("unknown_model_group", r"Model Group Response is empty|Fail(ed)? to find (the )?model group"),
    Rule("unknown_controller", r"Failed to find model controller"),
    Rule("controller_disabled", r"Controller is currently disabled"),
    Rule("unknown_model", r"Failed to find model|Model not found|Not find model"),
    Rule("group_name_taken", r"already being used by (a model group|another model)"),
    Rule("group_in_use", r"model group when it has associated model versions"),
    Rule("unknown_tool", r"Tool not found"),
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
    # The indexes of ML Commons are missing under names that begin with a dot.
    Rule("unknown_index", r"no such index \[[^.]", (404,)),
    Rule("invalid_mapping", r"mapper_parsing_exception", (400,)),
    Rule("access_control_disabled", r"You cannot specify (connector|model) access control parameters"),
    Rule("invalid_protocol", r"Unsupported connector protocol"),
    Rule("mcp_disabled", r"MCP connector is not enabled"),
    Rule("invalid_characters", r"can only contain letters, numbers, spaces"),
    Rule("placeholder_unfilled", _UNFILLED),
    Rule("invalid_payload", r"Invalid payload|Invalid JSON"),
    Rule("interface_mismatch", r"Error validating (input|output) schema"),
    Rule("guardrail", r"guardrails triggered"),
    Rule("backend_refused", r"Connection refused"),
    Rule("backend_timeout", r"Read timed out|timed out during the request|ReadTimeout"),
    Rule(
        "backend_closed",
        r"connection was closed during the request|not an SSL/TLS record|Unsupported or unrecognized SSL",
    ),
    Rule("backend_tls_untrusted", r"PKIX path building failed|unable to find valid certification path|SSLHandshake"),
    Rule(
        "backend_unknown_host",
        r"Name or service not known|unknown_host_exception|UnknownHostException|No address associated",
    ),
    Rule(
        "backend_unreachable",
        r"Acquire operation took longer|No route to host|Network is unreachable|connection timed out",
    ),
    Rule("backend_empty_answer", r"Remote service returned empty response body|No response from model"),
    Rule("backend_error", r"Error communicating with remote model|Fail to execute (http|predict)"),
    Rule("model_not_deployed", r"Model not ready yet|please deploy model first|model.{0,200}not.{0,50}deployed"),
    # Behind one address nodes may get the plugin one after the other.
    Rule("no_ml_plugin", r"no handler found for uri \[/_plugins/_ml", (), SOON),
    Rule("api_error", r"", (429, 503), SOON),
    Rule("api_error", ""),
)


class Classification(NamedTuple):
    code: str
    retry: str | None


def classify(status: int, kind: str, reason: str) -> Classification:
    """The code of an error answer, and whether (and how) the same request may be sent again."""
    reason = without_middle(reason)
    from_backend = FROM_BACKEND in reason
    text = reason.split(FROM_BACKEND, 1)[1] if from_backend else f"{kind}: {reason}"
    for rule in _BACKEND_RULES if from_backend else _RULES:
        if (not rule.status or status in rule.status) and re.search(rule.pattern, text):
            return Classification(rule.code, rule.retry)
    raise AssertionError("the last rule matches everything")


def without_middle(text: str) -> str:
    """A text without its middle, where it is longer than any server's own words."""
    return text if len(text) <= 2 * _ENDS else f"{text[:_ENDS]} ... {text[-_ENDS:]}"


def decode_error(body: Any) -> tuple[str, str]:
    """The exception type and the reason in an error answer, whatever its shape.

    The usual shape is ``{"error": {"type", "reason", "caused_by"}, "status"}``; the router's own errors carry
    ``error`` as a string, that of profiles has an ``exception`` beside it, the security plugin answers plain text, and
    Amazon's front door a ``message`` or ``Message``.
    """
    if isinstance(body, dict):
        error = body.get("error", body.get("message", body.get("Message", body)))
        if isinstance(error, dict):
            kind = str(error.get("type") or "")
            reasons = [str(error.get("reason") or "")]
            # What ML Commons' predictions and runs of agents add; the reason alone is then no more than "System Error".
            if error.get("details") and str(error["details"]) != reasons[0]:
                reasons.append(str(error["details"]))
            cause, depth = error.get("caused_by"), 0
            while isinstance(cause, dict) and depth < 5:
                if cause.get("reason") and str(cause["reason"]) not in reasons:
                    reasons.append(f"{cause.get('type')}: {cause['reason']}")
                elif cause.get("type") and cause["type"] != kind:
                    # For ten seconds a host that was not found is told by its name alone: only the type says what is the matter.
                    reasons.append(str(cause["type"]))
                cause, depth = cause.get("caused_by"), depth + 1
            return kind, "; ".join(reason for reason in reasons if reason) or str(body)
        return "", f"{error}: {body['exception']}" if body.get("exception") else str(error)
    return "", str(body)


def is_from_another_server(host: str, path: str, status: int, body: Any, reason: str) -> bool:
    """Whether the error that a host answers for a path comes from another server than OpenSearch, or from OpenSearch about
    what stands in front of the path in the host's URL."""
    base = "/".join(host.split("/")[3:])
    if base and f"no handler found for uri [/{base}/" in reason:
        return True
    if base and f"no such index [{base}]" in reason and not path.startswith(f"/{base}"):
        return True
    # With other codes Amazon, the security plugin and proxies answer for an OpenSearch behind them.
    if status not in (404, 405):
        return False
    if not isinstance(body, dict):
        return True
    error = body.get("error")
    if isinstance(error, dict):
        # OpenAI's form, which model servers share.
        return "reason" not in error and "status" not in body
    # FastAPI's. OpenSearch tells by other fields that it has no such document or pipeline, Amazon has a message.
    return error is None and "detail" in body


def remedy_details(code: str, reason: str) -> dict[str, str]:
    """What the remedy of an error names, where the server tells it: a permission, a placeholder."""
    reason = without_middle(reason)
    if code == "forbidden":
        permission = missing_permission(reason)
        return {"permission": permission} if permission else {}
    unfilled = re.search(_UNFILLED, reason) if code == "placeholder_unfilled" else None
    placeholder = unfilled and (unfilled[1] or unfilled[2])
    return {"placeholder": placeholder} if placeholder else {}


def missing_permission(reason: str) -> str | None:
    """The action that the security plugin refused, from ``no permissions for [x] and User [...]``."""
    # An action on shards has brackets of its own: [indices:data/read/mget[shard]]. Of several the first is named.
    found = re.search(r"no permissions for \[([^\[\],]+(?:\[\w+\])?)[\],]", reason)
    return found.group(1) if found else None
