# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The URL of a model server: its parts, and what is wrong with it."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Mapping, NamedTuple
from urllib.parse import SplitResult, urlsplit, urlunsplit

from .._errors.exceptions import Failure
from .._values.compare import text_of

#: Characters that no URL may contain. Python removes some of them silently, ML Commons and its patterns do not.
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")

#: What java.net.URI, with which ML Commons reads a URL, refuses in a path or a query: some characters, and a percent sign
#: that begins no escape.
_NOT_IN_PATHS = re.compile(r"[\"<>\\^`{|}]|%(?![0-9A-Fa-f]{2})")

#: The names that java.net.URI takes for a host. For any other the host is null, and each prediction fails with "Invalid URI".
_JAVA_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?")

#: A scheme behind a scheme, as ``http://${parameters.endpoint}`` becomes with an endpoint that has one.
_TWO_SCHEMES = re.compile(r"(?i)\w+://https?:/")

#: What a template has in place of a part of a URL, such as your_region, PUT_YOUR_ENDPOINT_HERE and {endpoint-name}.
_LEFT_IN = re.compile(
    r"(?i)(?<!\$)\{+[\w .-]+\}+|(?<![a-z0-9])(?:put|enter|insert|add|replace|with|your)[-_]\w+(?:-\w+)*"
)

#: How often the values of parameters that contain placeholders themselves are filled.
_MAX_FILLS = 5

#: A placeholder in the URL of an action, with its default.
_PARAMETER = re.compile(r"\$\{parameters\.([^}:]+)(?::-([^}]*))?\}")

#: port -> the server that uses it, for plain HTTP only.
PLAIN_PORTS = {11434: "Ollama"}


class BackendUrl(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str


def parse(url: str) -> BackendUrl:
    """The parts of a backend's URL. Raises Failure for a URL that ML Commons could not use."""
    if _NOT_IN_URLS.search(url):
        raise _unusable(url, "it contains a space or a control character")
    if _TWO_SCHEMES.match(url):
        raise _unusable(url, f"it has two schemes; write {url.split('://', 1)[1]!r}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise _unusable(url, str(exc)) from exc
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _unusable(url, f"it must begin with http:// or https:// and contain a host{_with_scheme(url)}")
    if parts.username or parts.password:
        raise Failure(
            "invalid_input", "A backend's URL must not contain a user or a password; use the connector's credential."
        )
    if port == 0:
        raise _unusable(url, "port out of range 1-65535")
    _check_for_java(url, parts)
    return BackendUrl(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.path)


def fill(url: str, parameters: Mapping[str, Any]) -> str:
    """The URL of an action with a connector's parameters in place of its placeholders, as the server fills them.

    A placeholder without a value stays.
    """
    for _depth in range(_MAX_FILLS):
        filled = _PARAMETER.sub(lambda match: _value(match, parameters), url)
        if filled == url:
            break
        url = filled
    return url


def _value(match: re.Match[str], parameters: Mapping[str, Any]) -> str:
    if parameters.get(match[1]) is not None:
        return text_of(parameters[match[1]])
    return match[0] if match[2] is None else match[2]


def _unusable(url: str, reason: str) -> Failure:
    """The Failure for a URL, which is shown without the user that it may contain.

    A part that a template left in it is the reason, instead of the given one, as it is what has to be corrected."""
    left_in = _LEFT_IN.search(url)
    if left_in:
        reason = f"{left_in[0]!r} is a word of a template; write your own value in its place"
    message = f"{url!r} is not a usable URL: {reason}."
    return Failure("invalid_input", re.sub(r"//[^/@']*@", "//********@", message))


def _with_scheme(url: str) -> str:
    """What to type in place of a host without a scheme, as the end of a message."""
    return f"; write 'http://{url}' or 'https://{url}'" if re.match(r"[\w.-]+(:\d+)?(/|\Z)", url) else ""


def _check_for_java(url: str, parts: SplitResult) -> None:
    """Raises Failure for a URL that java.net.URI does not read as the URL of a host."""
    host = str(parts.hostname)
    if "[" not in parts.netloc and not _JAVA_HOST.fullmatch(host) and not _is_ipv4(host):
        reason = "an underscore" if "_" in host else "a form"
        raise _unusable(
            url,
            f"its host {host!r} has {reason} that Java does not accept in a host name, so that each prediction would fail "
            "with 'Invalid URI'; use a name of letters, digits, hyphens and dots, or an IP address",
        )
    bad = _NOT_IN_PATHS.search(url.split("://", 1)[1][len(parts.netloc) :])
    if bad:
        raise _unusable(
            url, f"its path contains {bad[0]!r}, which no URL may have; write %{ord(bad[0]):02X} in its place"
        )


def _is_ipv4(host: str) -> bool:
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return False
    return True


def normalize(url: str) -> str:
    """The URL as ML Commons calls it: its HTTP client removes the default port of the scheme, and the fragment.

    Raises Failure for a URL that ML Commons could not use.
    """
    port = parse(url).port
    parts = urlsplit(url)
    netloc = parts.netloc
    if (parts.scheme, port) in (("http", 80), ("https", 443)) and netloc.endswith((":", f":{port}")):
        netloc = netloc.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=netloc, fragment=""))


def plain_port_warning(url: str) -> str | None:
    """A warning about an https URL with a port of :data:`PLAIN_PORTS`, else None."""
    backend = parse(url)
    server = PLAIN_PORTS.get(backend.port)
    if backend.scheme == "https" and server:
        return (
            f"{url} uses TLS on port {backend.port}, where {server} speaks plain HTTP: predictions will fail with "
            "'The connection was closed'. Write http:// unless a proxy terminates TLS on this port."
        )
    return None
