# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The address of an OpenAI-compatible server: taken apart, and judged as ML Commons will judge it."""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Callable, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from .._errors.exceptions import Failure

#: Names that are private by definition (RFC 6762, 8375, 6761 and ICANN's reserved 'internal').
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

#: What no URL can hold. Python takes some of it out without a word, ML Commons and its patterns do not.
_NO_URL = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]")

#: Ports on which a server is known to speak plain HTTP only.
PLAIN_PORTS = {11434: "Ollama"}


class Backend(NamedTuple):
    scheme: str
    host: str
    port: int
    path: str


def parse(url: str) -> Backend:
    """Take a backend's URL apart. Raises Failure where ML Commons could not use it."""
    if _NO_URL.search(url):
        raise Failure("invalid_input", f"{url!r} is no usable URL: it holds a space or a control character.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise Failure("invalid_input", f"{url!r} is no usable URL: {exc}") from exc
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failure(
            "invalid_input", f"{url!r} is no usable URL: it must begin with http:// or https:// and name a host."
        )
    if parts.username or parts.password:
        raise Failure(
            "invalid_input", "A backend's URL must not carry a user or a password; use the connector's credential."
        )
    return Backend(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.path)


def normalize(url: str) -> str:
    """The URL as ML Commons writes it when it calls it: its HTTP client leaves out a port that belongs to the scheme, and
    what follows a ``#``. Raises Failure where ML Commons could not use it."""
    port = parse(url).port
    parts = urlsplit(url)
    netloc = parts.netloc
    if (parts.scheme, port) in (("http", 80), ("https", 443)) and netloc.endswith((":", f":{port}")):
        netloc = netloc.rpartition(":")[0]
    return urlunsplit(parts._replace(netloc=netloc, fragment=""))


def resolve_host(host: str) -> list[str]:
    """The addresses of a host name as this machine sees them; none where it does not know the name."""
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None)})
    except (OSError, UnicodeError):
        return []


def is_private(url: str, resolver: Callable[[str], list[str]] = resolve_host) -> bool:
    """Whether ML Commons will take the backend for private and refuse it by default.

    It resolves the host on each node and looks for loopback, RFC 1918, link-local and site-local addresses. A name
    that cannot be resolved here is taken for private: names that only the cluster's own network knows usually are.
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
    """A warning where https is asked of a port that is known to speak plain HTTP."""
    backend = parse(url)
    server = PLAIN_PORTS.get(backend.port)
    if backend.scheme == "https" and server:
        return (
            f"{url} asks for TLS on port {backend.port}, where {server} speaks plain HTTP: predictions will fail with "
            "'The connection was closed'. Write http:// unless a proxy serves TLS there."
        )
    return None


def _is_private_address(text: str) -> bool:
    address = ipaddress.ip_address(text.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return address.is_loopback or address.is_unspecified or address.is_site_local
        # Java takes an IPv4 address that is written as an IPv6 one for the IPv4 address.
        address = address.ipv4_mapped
    return (
        address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or any(address in ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
    )
