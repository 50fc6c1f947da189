# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The errors of a connector that can be found before anything is sent."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, Iterator, Mapping

from ..._endpoints import connector_checks
from ..._errors.exceptions import Failure
from ..._runtime import versions
from ..._runtime.run import Run
from ..._values.compare import text_of
from ..._values.masking import is_plain_secret
from ..base import check_name, check_no_notes
from . import functions, headers, template
from . import resource as connectors

#: The protocols of OpenSearch 3.9. A later server or a provider's own may know others, which pass.
PROTOCOLS = ("http", "aws_sigv4", "google_cloud", "mcp_sse", "mcp_streamable_http")

#: The options that only connectors of an MCP protocol have, by field.
_MCP_FIELDS = {"url": "url", "headers": "mcp_headers"}

#: A placeholder in any text: angle brackets around words that ask the reader for a value, or around capital letters.
#: Prompts (``<|im_start|>``, ``<context>``, ``<replace_in_file>``) and Painless (``List<String>``) do not match.
_PLACEHOLDER = re.compile(
    r"<\s*(?:(?i:your(?![A-Za-z])|(?:please|enter|insert|replace|add|fill)\b)[^<>]*|[A-Z][A-Z0-9]*[ _-][A-Z0-9 _-]+)>"
)

#: In a field whose text is a single value: angle brackets around the whole text.
_WHOLE_TEXT = re.compile(r"\A\s*<[^<>]+>\s*\Z")

#: In a URL or a header, which have no other use for angle brackets: around any words.
_ANY_WORDS = re.compile(rf"<[A-Za-z][\w .-]*>|{_WHOLE_TEXT.pattern}")

#: In a credential: around words that are separated from the rest, as a generated password may contain any characters.
_SEPARATE_WORDS = re.compile(rf"(?<!\w)<[A-Za-z][\w .-]*>(?!\w)|{_WHOLE_TEXT.pattern}")

#: Name of a field -> what else is a placeholder in it.
_PLACEHOLDER_IN = {
    "name": _WHOLE_TEXT,
    "version": _WHOLE_TEXT,
    # A parameter may be a prompt, which contains tags.
    "parameters": _WHOLE_TEXT,
    "credential": _SEPARATE_WORDS,
    "headers": _ANY_WORDS,
    "url": _ANY_WORDS,
}

_PARAMETER = re.compile(r"\$\{parameters\.([^}:]+)")


def check_given(
    given: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None
) -> None:
    """Check the given fields before the server is asked, whose connector may have the others. Raises Failure.

    ``credential`` is None if none is given.
    """
    if "name" in given:
        check_name("name", given["name"])
    check_no_notes(given.get("parameters"))
    _check_name_of_protocol(given.get("protocol"))
    _check_placeholders(given, credential, probe)
    _check_header_values(given, credential or {})
    for number, action in enumerate(given.get("actions") or []):
        _check_action(action, f"actions[{number}]")
    # An update replaces the parameters as a whole, but may keep the actions that use them.
    template.check(given, credential, probe if "parameters" in given else None)
    connector_checks.check(given, credential)


def check(
    run: Run, fields: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None
) -> None:
    """Check what does not depend on the server's version. Raises Failure, adds warnings to the run.

    ``credential`` is None if the server keeps the one that it has, whose keys are unknown.
    """
    check_name("name", fields.get("name") or "")
    check_no_notes(fields.get("parameters"))
    _check_placeholders(fields, credential, probe)
    _check_header_values(fields, credential or {})
    headers.check_parameters(run, fields)
    _check_protocol(fields)
    if fields["protocol"] not in PROTOCOLS:
        run.warn(
            f"protocol: OpenSearch has {', '.join(PROTOCOLS)}, but no {fields['protocol']!r}. Servers without it refuse the "
            "connector."
        )
    for number, action in enumerate(fields.get("actions") or []):
        _check_action(action, f"actions[{number}]")
    for warning in connector_checks.check(fields, credential):
        run.warn(warning)
    if connector_checks.needs_amazon(fields, credential) and not run.client.signs:
        run.warn(
            "credential: only Amazon OpenSearch Service takes the keys of a role; any other server refuses this connector. "
            "Set 'access_key' and 'secret_key' there."
        )
    if "stream" in (fields.get("parameters") or {}):
        run.warn(
            "parameters: from OpenSearch 3.3 on a parameter named 'stream', whatever its value, makes predictions return no "
            "answer; write it into the request body instead."
        )
    template.check(fields, credential, probe)
    for warning in (*template.warnings(fields, probe), *functions.warnings(fields)):
        run.warn(warning)
    exposed = [name for name, value in (fields.get("parameters") or {}).items() if is_plain_secret(name, value)]
    if exposed:
        run.warn(
            f"parameters: every user who may read the connector can see {', '.join(exposed)}. Give it as 'credential: "
            f"{{{exposed[0]}: ...}}' instead, and write ${{credential.{exposed[0]}}} in place of "
            f"${{parameters.{exposed[0]}}}."
        )
    if any(connectors.literal_secrets(fields.get("actions"), fields.get("headers"))):
        run.warn(
            "A header contains a plain secret, which every user who may read the connector can see; use 'credential'."
        )


def check_version(version: versions.Version, fields: Mapping[str, Any]) -> None:
    """Check what depends on the server's version. Raises Failure."""
    versions.check_text(version, "name", fields.get("name"))
    versions.check_text(version, "description", fields.get("description"))
    if fields["protocol"] in versions.SINCE:
        versions.require(version, fields["protocol"], f"protocol: {fields['protocol']}")
    if (fields.get("client_config") or {}).get("skip_ssl_verification"):
        versions.require(version, "skip_ssl_verification", "client_config.skip_ssl_verification")
    if (fields.get("client_config") or {}).get("mutual_tls_enabled"):
        versions.require(version, "mutual_tls", "client_config.mutual_tls_enabled")
    if any("name" in action for action in fields.get("actions") or []):
        versions.require(version, "action_name", "The name of an action")
    functions.check(version, fields)
    _check_header_parameters(version, fields)


def _check_header_parameters(version: versions.Version, fields: Mapping[str, Any]) -> None:
    """Raises Failure for a placeholder in a header that a server of this version sends unfilled."""
    unfilled = template.unfilled_in_headers(fields)
    if unfilled and not versions.supports(version, "header_parameters"):
        raise Failure(
            "placeholder_unfilled",
            f"{unfilled[0].place}: {unfilled[0].text} is used, and the connector's parameters do not have "
            f"{unfilled[0].name!r}. OpenSearch {version} does not fill headers with the parameters of a prediction; "
            f"{versions.SINCE['header_parameters']} and later do.",
            placeholder=unfilled[0].name,
        )


def _check_placeholders(
    fields: Mapping[str, Any], credential: Mapping[str, Any] | None, probe: Mapping[str, Any] | None
) -> None:
    """Raises Failure for a placeholder such as ``<YOUR KEY>``."""
    places = list(find_placeholders({**fields, "credential": credential or {}, "probe": probe or {}}))
    if places:
        raise Failure(
            "placeholder_left_in",
            f"A placeholder of a blueprint was not replaced at {', '.join(places)}.",
            places=places,
        )


def _check_header_values(fields: Mapping[str, Any], credential: Mapping[str, Any]) -> None:
    """Raises Failure for a credential with control characters that is used in a header."""
    values = text_of([fields.get("headers"), *(action.get("headers") for action in fields.get("actions") or [])])
    for key, value in credential.items():
        if f"${{credential.{key}}}" in values and any(ord(char) < 32 for char in text_of(value)):
            raise Failure(
                "invalid_input",
                f"credential.{key}: contains a line break or another control character, which no header may have; "
                "strip it.",
            )


def _check_name_of_protocol(protocol: str | None) -> None:
    """Raises Failure for a protocol that is a known one misspelt or shortened, and not another version of one."""
    if protocol is None or re.sub(r"\d+", "", protocol) in {re.sub(r"\d+", "", each) for each in PROTOCOLS}:
        return
    written = re.sub(r"\W", "_", protocol.lower())
    near = [each for each in PROTOCOLS if f"_{written}_" in f"_{each}_"] or get_close_matches(
        written, PROTOCOLS, 1, 0.8
    )
    if near:
        raise Failure(
            "invalid_input", f"protocol: there is no {protocol!r}; did you mean {' or '.join(map(repr, near))}?"
        )


def _check_protocol(fields: Mapping[str, Any]) -> None:
    """Raises Failure for fields that the connector's protocol does not have, or lacks."""
    protocol = fields["protocol"]
    for field, option in _MCP_FIELDS.items():
        if fields.get(field) is not None and not protocol.startswith("mcp_"):
            raise Failure("invalid_input", f"{option}: only valid with an MCP protocol; set it in an action instead.")
    if protocol.startswith("mcp_") and not fields.get("url"):
        raise Failure("invalid_input", f"url: a connector of protocol {protocol} needs the URL of its MCP server.")
    if not protocol.startswith("mcp_") and not fields.get("actions"):
        raise Failure("invalid_input", f"actions: a connector of protocol {protocol} needs at least one.")


def _check_action(action: Mapping[str, Any], place: str) -> None:
    """Raises Failure for an action without a method or a URL."""
    if not action.get("url") or not action.get("method"):
        raise Failure("invalid_input", f"{place}: 'method' and 'url' are required.")


def find_placeholders(fields: Mapping[str, Any]) -> Iterator[str]:
    """The places of placeholders such as ``<YOUR KEY>`` in a connector's fields, written as ``actions[0].url``."""
    urls = [fields.get("url"), *(action.get("url") for action in fields.get("actions") or [])]
    # A parameter that is inserted into a URL is not a prompt.
    names = _PARAMETER.findall(" ".join(str(url) for url in urls if url))
    yield from _find_placeholders(fields, "", None, {f"parameters.{name}": _ANY_WORDS for name in names})


def _find_placeholders(
    value: Any, place: str, pattern: re.Pattern[str] | None, pattern_of_place: Mapping[str, re.Pattern[str]]
) -> Iterator[str]:
    """``pattern`` is the field's own pattern; ``pattern_of_place`` overrides it for single places."""
    pattern = pattern_of_place.get(place, pattern)
    if isinstance(value, Mapping):
        for name, item in value.items():
            inner = f"{place}.{name}" if place else str(name)
            yield from _find_placeholders(item, inner, pattern or _PLACEHOLDER_IN.get(name), pattern_of_place)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from _find_placeholders(item, f"{place}[{number}]", pattern, pattern_of_place)
    elif isinstance(value, str) and (_PLACEHOLDER.search(value) or (pattern and pattern.search(value))):
        yield place
