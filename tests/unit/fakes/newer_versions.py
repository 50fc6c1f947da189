# SPDX-License-Identifier: GPL-3.0-or-later
"""What ML Commons 3.7 and 3.9 add, with the texts of their published source. The tests have run no such server.

3.7: MLValidatableAsyncHttpClient and MLCommonsSettings. 3.9: MLResourceIdUtils and the actions that create.
"""

from __future__ import annotations

import re
from typing import Any, Container, Mapping
from urllib.parse import urlsplit

PRIVATE_ENDPOINTS = "plugins.ml_commons.trusted_connector_private_endpoints_regex"


def release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def new_settings(version: str) -> dict[str, Any]:
    """The settings of this version that 3.6 does not have."""
    return {PRIVATE_ENDPOINTS: []} if release(version) >= (3, 7) else {}


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


def unsafe_pattern(version: str, name: str, value: Any) -> str | None:
    """Why the server refuses a list of patterns; None if it accepts it, as all versions before 3.7 do."""
    if release(version) < (3, 7) or not name.endswith("_endpoints_regex"):
        return None
    for pattern in value or []:
        if re.fullmatch(r".*\([^)]*[*+?]\)[*+?{].*|.*\\[1-9].*", pattern):
            return f"Regex pattern contains nested quantifiers or backreferences that may cause ReDoS: {pattern}"
        if len(pattern) > 256:
            return f"Regex pattern too long (max 256 chars): {pattern}"
        try:
            re.compile(pattern)
        except re.error:
            return f"Invalid regex pattern: {pattern}"
    return None


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
