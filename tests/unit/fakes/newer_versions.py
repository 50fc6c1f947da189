# SPDX-License-Identifier: GPL-3.0-or-later
"""What ML Commons 3.7 to 3.9 add, with the texts of their published source. The tests have run no such server.

3.7: MLValidatableAsyncHttpClient, MLCommonsSettings, AbstractConnector and Connector. 3.8: MLSdkAsyncHttpResponseHandler.
3.9: MLResourceIdUtils, ConnectorProtocolValidator and the actions that create. Later versions behave as 3.9.
"""

from __future__ import annotations

import re
from typing import Any, Container, Mapping
from urllib.parse import urlsplit

TRUSTED_ENDPOINTS = "plugins.ml_commons.trusted_connector_endpoints_regex"
PRIVATE_ENDPOINTS = "plugins.ml_commons.trusted_connector_private_endpoints_regex"
RESTRICTED_ADDRESSES = "plugins.ml_commons.connector.restricted_ip_patterns"
MUTUAL_TLS = "plugins.ml_commons.connector.mutual_tls_enabled"
VERTEX_AI = "plugins.ml_commons.connector.vertexai_enabled"

#: The first version with a setting -> the setting and its default.
_NEW_SETTINGS: dict[tuple[int, int], dict[str, Any]] = {
    (3, 7): {PRIVATE_ENDPOINTS: [], RESTRICTED_ADDRESSES: []},
    (3, 8): {
        f"plugins.ml_commons.memory.{name}": default
        for name, default in (
            ("retention_enabled", "false"), ("retention_job_interval_hours", "24"),
            ("retention_job_throttle_seconds", "0"), ("default_session_retention_days", "0"),
            ("default_session_max_count", "0"), ("default_long_term_max_count", "0"),
            ("default_history_max_count", "0"), ("working_memory_ttl_days", "0"), ("orphan_ttl_days", "0"),
        )
    },
    (3, 9): {MUTUAL_TLS: "false", VERTEX_AI: "false", "plugins.ml_commons.agentic_search_template_enabled": "false"},
}  # fmt: skip

#: Headers that must not be taken from a parameter.
_IDENTIFYING_HEADERS = (
    "authorization", "proxy-authorization", "cookie", "x-api-key", "x-auth-token", "x-auth-header", "x-forwarded-for",
    "x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip", "x-originating-ip", "host", "x-forwarded-host",
    "x-forwarded-server", "forwarded",
)  # fmt: skip


def release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def new_settings(version: str) -> dict[str, Any]:
    """The settings of this version that 3.6 does not have."""
    return {
        name: value
        for since, added in _NEW_SETTINGS.items()
        if release(version) >= since
        for name, value in added.items()
    }


def stored_fields_of_connector(version: str) -> set[str]:
    """The fields of a connector that a create stores in this version, and 3.6 does not (MLCreateConnectorInput)."""
    return {"provisioned_by"} if release(version) >= (3, 7) else set()


def stored_fields_of_action(version: str, action: Mapping[str, Any]) -> set[str]:
    """The same of an action (ConnectorAction): the flag only if it is true."""
    return (
        {"supports_structured_output"}
        if release(version) >= (3, 7) and action.get("supports_structured_output")
        else set()
    )


def stored_fields_of_client_config(version: str) -> set[str]:
    """The same of a client_config (ConnectorClientConfig)."""
    return {"mutual_tls_enabled"} if release(version) >= (3, 9) else set()


def stored_fields_of_model(version: str) -> set[str]:
    """The fields of a model that this version stores (MLRegisterModelInput)."""
    later = {"provisioned_by"} if release(version) >= (3, 7) else set()
    return {
        "name", "description", "model_group_id", "connector_id", "connector", "is_enabled", "rate_limiter", "guardrails",
        "interface", "deploy_setting", "model_config", *later,
    }  # fmt: skip


def stored_fields_of_agent(version: str) -> set[str]:
    """The fields of an agent that this version stores (MLAgent)."""
    known = {"name", "type", "description", "llm", "tools", "parameters", "memory", "app_type"}
    if release(version) >= (3, 5):
        known |= {"model", "context_management", "context_management_name"}
    return known | ({"provisioned_by"} if release(version) >= (3, 7) else set())


#: The fields of an agent that an update ignores (MLAgentUpdateInput).
FIXED_FIELDS_OF_AGENT = {"type", "model", "context_management", "context_management_name", "provisioned_by"}


def stored_fields_of_memory(version: str) -> set[str]:
    """The fields of an agent's memory that this version stores (MLMemorySpec)."""
    return {"type", "session_id", "window_size"} | ({"memory_container_id"} if release(version) >= (3, 5) else set())


def unsafe_pattern(version: str, name: str, value: Any) -> str | None:
    """Why the server refuses a list of patterns; None if it accepts it, as all versions before 3.7 do."""
    if release(version) < (3, 7) or not name.endswith("_endpoints_regex"):
        return None
    outer = "[*+?{]" if release(version) < (3, 9) else "[*+{]"
    for pattern in value or []:
        if re.fullmatch(rf".*\([^)]*[*+?]\){outer}.*|.*\\[1-9].*", pattern):
            return f"Regex pattern contains nested quantifiers or backreferences that may cause ReDoS: {pattern}"
        if len(pattern) > 256:
            return f"Regex pattern too long (max 256 chars): {pattern}"
        try:
            re.compile(pattern)
        except re.error:
            return f"Invalid regex pattern: {pattern}"
    return None


def untrusted_endpoint(version: str, patterns: list[str], url: str) -> str | None:
    """Why a prediction with this URL is refused; None if it is not, as by all versions before 3.7."""
    if release(version) < (3, 7) or any(re.fullmatch(pattern, url) for pattern in patterns):
        return None
    return "Connector URL is not matching the trusted connector endpoint regex"


def refused_headers(version: str, protocol: str, headers: Mapping[str, str] | None) -> str | None:
    """Why the server refuses the headers of an action, when it is created and at each prediction; None if it does not."""
    if release(version) < (3, 7):
        return None
    for name, value in (headers or {}).items():
        if not re.search(r"\$\{parameters\.[^}]+\}", str(value)):
            continue
        if protocol.startswith("mcp_"):
            return f"Header '{name}' cannot use ${{parameters.*}} placeholders in MCP connectors."
        if name.lower() in _IDENTIFYING_HEADERS:
            return (
                f"Header '{name}' cannot use ${{parameters.*}} placeholders for security reasons. "
                "Use ${credential.*} instead."
            )
    return None


def unfilled_header(version: str, headers: Mapping[str, str] | None, parameters: Mapping[str, Any]) -> str | None:
    """Why a prediction fails because of a header whose parameter has no value; None if there is none."""
    for name, value in (headers or {}).items():
        missing = [found for found in re.findall(r"\$\{parameters\.([^}:]+)\}", str(value)) if found not in parameters]
        if missing and release(version) >= (3, 7):
            return f"Header '{name}' contains unresolved placeholder. Required parameter is missing."
    return None


def refused_mutual_tls(version: str, connector: Mapping[str, Any], enabled: bool) -> tuple[int, str, str] | None:
    """Why the server refuses a connector with a client certificate: status, reason, type. 3.8 and older ignore the field.

    The text of the gate is not in the stored source; its end is that of all such texts.
    """
    if release(version) < (3, 9) or not (connector.get("client_config") or {}).get("mutual_tls_enabled"):
        return None
    if connector["protocol"] != "http":
        reason = (
            f"Mutual TLS is not supported for connector protocol [{connector['protocol']}]. mutual_tls_enabled is only"
        )
        return 400, reason, "illegal_argument_exception"
    if not enabled:
        reason = f"Mutual TLS for connectors is not enabled. To enable, please update the setting {MUTUAL_TLS}"
        return 403, reason, "status_exception"
    return None


def refused_google_cloud(connector: Mapping[str, Any], enabled: bool) -> tuple[int, str, str] | None:
    """Why the server refuses a connector of Google Cloud: status, reason, type. Before 3.9 the protocol is unknown."""
    if connector["protocol"] != "google_cloud" or enabled:
        return None
    return 403, "The Vertex AI (google_cloud) connector is not enabled.", "status_exception"


def called_url(url: str) -> str:
    """A URL as the server's HTTP client writes it: without the default port of the scheme."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def refused_endpoint(patterns: list[str] | None, url: str) -> str | None:
    """Why the server does not call a backend; None if it does. Hosts under ``.test`` count as private addresses."""
    if not patterns or not str(urlsplit(url).hostname).endswith(".test"):
        return None
    if any(re.fullmatch(pattern, called_url(url)) for pattern in patterns):
        return None
    return "Connector URL is not matching the trusted connector private endpoint regex"


def requested_id(
    version: str, kind: str, body: Mapping[str, Any], taken: Container[str]
) -> tuple[str | None, tuple[int, str, str] | None]:
    """The id that the body of a create requests, and why the server refuses it: status, reason, type."""
    requested = body.get(f"{kind.replace(' ', '_')}_id")
    if requested is None:
        return None, None
    assert release(version) >= (3, 9), f"{version} has no {kind}_id in a create; the client must not send it"
    label = f"{kind} id"
    for invalid, reason in (
        (not requested.strip(), "is invalid"),
        (requested.startswith(("_", "-")), f"must not start with '{requested[:1]}'"),
        (len(requested.encode()) > 512, "is too long, max length is 512"),
        (
            not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]*", requested),
            "must contain only letters, digits, underscores, and hyphens, and must start with a letter or digit",
        ),
    ):
        if invalid:
            return None, (400, f"{label} {reason}", "illegal_argument_exception")
    if requested in taken:
        return None, (409, f"{label} '{requested}' already exists", "status_exception")
    return requested, None
