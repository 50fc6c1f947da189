# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The options of the connection to a cluster, and the client for them."""

from __future__ import annotations

import os
from difflib import get_close_matches
from typing import Any, Callable, Iterable, Mapping, NamedTuple

from .._errors.exceptions import Failure
from .._values.masking import Masker, credential_values, passwords_in
from . import auth
from .auth.methods import from_environment
from .client import Client, ClientOptions
from .clock import Clock
from .transport import RequestsTransport, Transport


def connection_options() -> dict[str, Any]:
    """The argument spec of the connection; the doc fragment 'connection' documents it."""
    return {
        "hosts": {"type": "list", "elements": "str", **from_environment("hosts")},
        "auth_type": {
            "type": "str",
            "choices": [method.NAME for method in auth.METHODS],
            **from_environment("auth_type"),
        },
        **{name: option for method in auth.METHODS for name, option in method.OPTIONS.items()},
        "ca_path": {"type": "path", **from_environment("ca_path")},
        "validate_certs": {"type": "bool", "default": True, **from_environment("validate_certs")},
        "timeout": {"type": "float", "default": 30.0},
        "retries": {"type": "int", "default": 5},
        "headers": {"type": "dict", "no_log": True},
    }


#: The host if neither the option nor the environment names one.
DEFAULT_HOST = "http://localhost:9200"


def connect(
    options: Mapping[str, Any],
    *,
    read_only: bool,
    transport: Transport | None = None,
    clock: Clock | None = None,
    mask: Masker | None = None,
) -> Client:
    """A client for the cluster of the connection options. Sends nothing yet. Raises Failure for invalid options.

    Authentication adds the secrets that it finds by itself, such as credentials of the environment, to ``mask``.
    """
    mask = mask or Masker()
    # An empty OPENSEARCH_HOSTS arrives as one empty host.
    given = [host.strip() for host in options.get("hosts") or [] if host.strip()]
    if not given:
        _check_environment()
    hosts = given or [DEFAULT_HOST]
    for host in hosts:
        if not host.lower().startswith(("http://", "https://")):
            raise Failure("invalid_input", f"hosts: {host!r} must start with http:// or https://.")
        if "@" in host.split("/")[2]:
            raise Failure(
                "invalid_input", "hosts: give the user and the password in 'username' and 'password', not in the URL."
            )
    check_timeout_and_retries(options)
    client = Client(
        hosts,
        transport or make_transport(options),
        choose_authentication(options, mask.add),
        client_options(options, read_only=read_only),
        clock=clock,
        mask=mask,
    )
    if not given:
        client.host_hint = "OPENSEARCH_HOSTS is not set, nor is 'hosts'."
    return client


def _check_environment() -> None:
    """Raises Failure if the environment names a cluster by a misspelt variable, as the default would be another one."""
    misspelt = get_close_matches(
        "OPENSEARCH_HOSTS", {name for name in os.environ if os.environ[name]} - {"OPENSEARCH_HOSTS"}, 1, 0.9
    )
    if misspelt:
        raise Failure(
            "invalid_input",
            f"hosts: the environment has {misspelt[0]}, and the modules read OPENSEARCH_HOSTS. Set that to the cluster that is meant.",
        )


def choose_authentication(options: Mapping[str, Any], hide: Callable[..., None] = lambda *secrets: None) -> auth.Auth:
    """The method that 'auth_type' names, else the first one that a given option implies, else none. Raises Failure.

    ``hide`` is called with secrets that are not among the options.
    """
    auth_type = options.get("auth_type")
    for method in auth.METHODS:
        if auth_type == method.NAME or (not auth_type and any(options.get(name) for name in method.IMPLIED_BY)):
            return method(options, hide)
    return auth.NoAuth(options, hide)


def secrets_of(options: Mapping[str, Any]) -> list[str]:
    """The secrets among the connection options, which may be of any type."""
    own = [(name, option) for method in auth.METHODS for name, option in method.OPTIONS.items()]
    found = [options.get(name) for name, option in own if option.get("no_log")]
    found.append(options.get("headers"))
    if options.get("username") and options.get("password"):
        # Basic authentication encodes both together; the base64 of the password alone does not occur in that.
        found.append(f"{options['username']}:{options['password']}")
    return credential_values(found) + passwords_in(options.get("hosts"))


def check_timeout_and_retries(options: Mapping[str, Any]) -> None:
    """Raises Failure if 'timeout' or 'retries' is too small."""
    for name in ("timeout", "retries"):
        if options[name] < 0 or (name == "timeout" and options[name] == 0):
            raise Failure("invalid_input", f"{name}: {options[name]} is too small.")


def client_options(options: Mapping[str, Any], *, read_only: bool) -> ClientOptions:
    """How a client sends its requests, from the options 'timeout', 'retries' and 'headers'."""
    headers = {str(name): str(value) for name, value in (options.get("headers") or {}).items()}
    return ClientOptions(options["timeout"], options["retries"], headers, read_only)


def make_transport(options: Mapping[str, Any]) -> Transport:
    """The transport with the TLS options. The modules for Ollama have no options for a client certificate."""
    verify: bool | str = (options.get("ca_path") or True) if options["validate_certs"] else False
    cert, key = options.get("client_cert"), options.get("client_key")
    return RequestsTransport(verify, (cert, key) if cert and key else cert)


class Connection(NamedTuple):
    """A kind of server that modules connect to: the connection options, the client for them, the secrets among them.

    ``lockable``: tasks lock the server before they write to it, so that they write one after the other.
    """

    options: Callable[[], dict[str, Any]]
    connect: Callable[..., Client]
    secrets: Callable[[Mapping[str, Any]], Iterable[str]]
    lockable: bool


CLUSTER = Connection(connection_options, connect, secrets_of, lockable=True)
