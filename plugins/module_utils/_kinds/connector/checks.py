# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What can be known to be wrong with a connector before anything is sent."""

from __future__ import annotations

from typing import Any, Mapping

from ..._endpoints.blueprint import find_placeholders
from ..._endpoints.url import parse, plain_port_warning
from ..._errors.exceptions import Failure
from ..._runtime import versions
from ..._runtime.run import Run
from ..._values.compare import text_of
from ..base import check_name
from ..notes import check_parameters
from . import resource as connectors


def check(
    run: Run, fields: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None
) -> None:
    """Everything that can be known to be wrong before anything is sent. Raises Failure, notes warnings."""
    name = fields.get("name") or ""
    check_name("name", name)
    check_parameters(fields.get("parameters"))
    left = list(find_placeholders({**fields, "credential": credential or {}, "probe": probe or {}}))
    if left:
        raise Failure(
            "placeholder_left_in", f"A placeholder of a blueprint was left in at {', '.join(left)}.", places=left
        )
    headers = text_of([fields.get("headers"), *(action.get("headers") for action in fields.get("actions") or [])])
    for key, value in (credential or {}).items():
        if f"${{credential.{key}}}" in headers and any(ord(char) < 32 for char in text_of(value)):
            raise Failure(
                "invalid_input", f"credential.{key} holds a line end or the like, which no header can; strip it."
            )
    for field, words in (("url", "url"), ("headers", "mcp_headers")):
        if fields.get(field) is not None and not fields["protocol"].startswith("mcp_"):
            raise Failure("invalid_input", f"{words}: belongs to the MCP protocols; state it in an action instead.")
    if fields["protocol"] in ("http", "aws_sigv4") and not fields.get("actions"):
        raise Failure("invalid_input", f"actions: a connector of protocol {fields['protocol']} needs at least one.")
    for number, action in enumerate(fields.get("actions") or []):
        where = f"actions[{number}]"
        if not action.get("url") or not action.get("method"):
            raise Failure("invalid_input", f"{where}: 'method' and 'url' are needed.")
        if "${" not in action["url"]:
            try:
                parse(action["url"])
            except Failure as failure:
                raise Failure(failure.code, f"{where}.url: {failure.message}") from failure
            warning = plain_port_warning(action["url"])
            if warning:
                run.warn(warning)
        elif "${parameters." in action["url"].split("://", 1)[-1].split("/", 1)[0]:
            run.warn(
                f"{where}.url takes its host from a parameter, which whoever may predict can override; "
                "write the host into the URL."
            )
    if "stream" in (fields.get("parameters") or {}):
        run.warn(
            "parameters: from OpenSearch 3.3 on one named 'stream', whatever its value, leaves predictions without an "
            "answer; write it into the request body instead."
        )
    _check_filled(fields, credential, probe)
    for header in connectors.literal_secrets(fields.get("actions"), fields.get("headers")):
        if header:
            run.warn(
                "A header carries a secret in the open, where everybody who may read the connector sees it; use 'credential'."
            )


def _check_filled(
    fields: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None
) -> None:
    filled = set(fields.get("parameters") or {}) | set(probe or {})
    for kind, name, default in connectors.placeholders(fields):
        if kind == "credential" and credential is not None and name not in credential:
            raise Failure(
                "credential_missing",
                f"${{credential.{name}}} is used, but 'credential' has no {name!r}.",
                placeholder=name,
            )
        if kind == "parameters" and probe is not None and not default and name not in filled:
            raise Failure(
                "placeholder_unfilled",
                f"${{parameters.{name}}} is used, but neither the connector's parameters nor the probe's have {name!r}.",
                placeholder=name,
            )


def check_version(version: versions.Version, fields: Mapping[str, Any]) -> None:
    """What depends on the server's version. Raises Failure."""
    versions.check_text(version, "name", fields.get("name"))
    versions.check_text(version, "description", fields.get("description"))
    if fields["protocol"].startswith("mcp_"):
        versions.require(version, fields["protocol"], f"protocol: {fields['protocol']}")
    if (fields.get("client_config") or {}).get("skip_ssl_verification"):
        versions.require(version, "skip_ssl_verification", "client_config.skip_ssl_verification")
    if any("name" in action for action in fields.get("actions") or []):
        versions.require(version, "action_name", "The name of an action")
