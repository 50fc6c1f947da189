# SPDX-License-Identifier: GPL-3.0-or-later
"""What ML Commons 3.7 and 3.9 add, with the texts of their published source; no such server was run.

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
    """The settings that this version has and 3.6 has not."""
    return {PRIVATE_ENDPOINTS: []} if release(version) >= (3, 7) else {}


def unsafe_pattern(version: str, name: str, value: Any) -> str | None:
    """Why a list of patterns is refused; None where it is not, as by all versions before 3.7."""
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
    """A URL as the server's HTTP client writes it: without the port that belongs to the scheme."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, {"http": 80, "https": 443}[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def refused_endpoint(patterns: list[str] | None, url: str) -> str | None:
    """Why a backend is not called; hosts under ``.test`` have private addresses here."""
    if not patterns or not str(urlsplit(url).hostname).endswith(".test"):
        return None
    if any(re.fullmatch(pattern, called_url(url)) for pattern in patterns):
        return None
    return "Connector URL is not matching the trusted connector private endpoint regex"


def id_asked_for(
    version: str, kind: str, body: Mapping[str, Any], taken: Container[str]
) -> tuple[str | None, tuple[int, str, str] | None]:
    """The id that the body of a create names, and why it is refused: status, reason, type."""
    wanted = body.get(f"{kind.replace(' ', '_')}_id")
    if wanted is None:
        return None, None
    assert release(version) >= (3, 9), f"{version} knows no {kind}_id in a create; it must not be sent"
    label = f"{kind} id"
    for wrong, reason in (
        (not wanted.strip(), "is invalid"),
        (wanted.startswith(("_", "-")), f"must not start with '{wanted[:1]}'"),
        (len(wanted.encode()) > 512, "is too long, max length is 512"),
        (
            not re.fullmatch(r"[a-zA-Z0-9][a-zA-Z0-9_-]*", wanted),
            "must contain only letters, digits, underscores, and hyphens, and must start with a letter or digit",
        ),
    ):
        if wrong:
            return None, (400, f"{label} {reason}", "illegal_argument_exception")
    if wanted in taken:
        return None, (409, f"{label} '{wanted}' already exists", "status_exception")
    return wanted, None
