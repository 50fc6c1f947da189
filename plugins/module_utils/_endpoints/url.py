# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The URL of a model server: its parts, and whether ML Commons takes it for private."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Callable, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from .._errors.exceptions import Failure

#: Host names that are private by definition (RFC 6762, 8375, 6761 and ICANN's reserved 'internal').
_PRIVATE_SUFFIXES = (
    ".local",
    ".internal",
    ".home.arpa",
    ".lan",
    ".localhost",
    ".test",
    ".intranet",
    ".private",
    ".corp",
)

#: Characters that no URL may contain. Python removes some of them silently, ML Commons and its patterns do not.
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")

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
        raise Failure("invalid_input", f"{url!r} is not a usable URL: it contains a space or a control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Failure("invalid_input", f"{url!r} is not a usable URL: {exc}") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(
            "invalid_input", f"{url!r} is not a usable URL: it must begin with http:// or https:// and contain a host."
        )
    if parts.username or parts.password:
        raise Failure(
            "invalid_input", "A backend's URL must not contain a user or a password; use the connector's credential."
        )
    return BackendUrl(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.path)


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


def resolve_host(host: str) -> list[str]:
    """The addresses of a host name, resolved on this machine; an empty list if it cannot resolve the name."""
    try:
        return sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError):
        return []


def is_private(url: str, resolver: Callable[[str], list[str]] = resolve_host) -> bool:
    """Whether ML Commons takes the backend for private, and so refuses it by default.

    It resolves the host on each node and refuses loopback, RFC 1918, link-local and site-local addresses. A name that
    this machine cannot resolve counts as private: a name that only the cluster's network knows usually is.
    """
    host = parse(url).host.rstrip(".").lower()
    try:
        return _is_private_address(host)
    except ValueError:
        pass
    if host == "localhost" or "." not in host or host.endswith(_PRIVATE_SUFFIXES):
        return True
    addresses = resolver(host)
    return not addresses or any(_is_private_address(address) for address in addresses)


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


def _is_private_address(text: str) -> bool:
    address = ipaddress.ip_address(text.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return address.is_loopback or address.is_unspecified or address.is_site_local
        # Java turns an IPv4-mapped IPv6 address into the IPv4 address.
        address = address.ipv4_mapped
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or any(address in ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
    )
