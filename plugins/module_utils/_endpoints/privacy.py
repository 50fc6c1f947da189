# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether ML Commons takes the address of a model server for private, and why."""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import Callable, NamedTuple, Sequence

from .providers import PROVIDERS
from .url import parse

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


def is_private_suffix(host: str) -> bool:
    """Whether a host name ends in a domain that is private by definition."""
    return bool(_private_suffix(host.lower().rstrip(".")))


def _private_suffix(host: str) -> str:
    """The domain in which a host name ends, if it is private by definition, else an empty text."""
    return next((suffix for suffix in _PRIVATE_SUFFIXES if host.endswith(suffix)), "")


@functools.lru_cache(maxsize=256)
def resolve_host(host: str) -> tuple[str, ...]:
    """The addresses of a host name, resolved on this machine once; empty if it cannot resolve the name, which may take long."""
    try:
        return tuple(sorted({str(info[4][0]) for info in socket.getaddrinfo(host, None)}))
    except (OSError, UnicodeError):
        return ()


class Privacy(NamedTuple):
    """Whether ML Commons takes a backend for private, and so refuses it by default, and why, as a clause.

    ``known`` is false if nothing shows it: then it counts as public.
    """

    private: bool
    reason: str
    known: bool = True


def privacy(url: str, resolver: Callable[[str], Sequence[str]] = resolve_host) -> Privacy:
    """Whether ML Commons takes the backend for private.

    It resolves the host on each node and refuses loopback, RFC 1918, link-local and site-local addresses. A name that this machine
    cannot resolve counts as public, unless it is one of a private network: a machine without a name service must not open private
    addresses for api.openai.com. Raises Failure for a URL that ML Commons could not use.
    """
    host = parse(url).host.rstrip(".").lower()
    try:
        private = _is_private_address(host)
    except ValueError:
        pass
    else:
        return Privacy(private, f"{host} is a {'private' if private else 'public'} address")
    if "." not in host:
        return Privacy(True, f"{host} is a name without a dot, as only private networks have")
    suffix = _private_suffix(host)
    if suffix:
        return Privacy(True, f"{host} ends with {suffix}, as only names of private networks do")
    hosted = _hosted_by(host)
    if hosted:
        return Privacy(False, f"{host} is the public address of {hosted}")
    addresses = resolver(host)
    if not addresses:
        return Privacy(False, f"the controller cannot resolve {host}, which counts as public then", known=False)
    found = [address for address in addresses if _is_private_address(address)]
    if found:
        return Privacy(True, f"the controller resolves {host} to the private address {found[0]}")
    return Privacy(False, f"the controller resolves {host} to public addresses only")


def is_private(url: str, resolver: Callable[[str], Sequence[str]] = resolve_host) -> bool:
    """Whether ML Commons takes the backend for private, as far as :func:`privacy` knows."""
    return privacy(url, resolver).private


def _hosted_by(host: str) -> str | None:
    """The provider of the table that offers its service to everyone at this host; None if none does."""
    hosted = (entry for entry in PROVIDERS.values() if (entry.base_url or "").startswith("https://"))
    return next((entry.label for entry in hosted if parse(str(entry.base_url)).host == host), None)


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
