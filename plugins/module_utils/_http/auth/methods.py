# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The base class of authentication methods, and the methods basic, bearer, client_cert and none."""

from __future__ import annotations

import base64
from typing import Any, Callable, Mapping

from ansible.module_utils.basic import AnsibleFallbackNotFound, env_fallback

from ..._errors.exceptions import Failure


def from_environment(option: str) -> dict[str, Any]:
    """The entries of an option's argument spec that make it fall back to its environment variable, unless that is empty."""
    return {"fallback": (_nonempty_fallback, [f"OPENSEARCH_{option.upper()}"])}


def _nonempty_fallback(variable: str) -> Any:
    value = env_fallback(variable)
    if not value.strip():
        raise AnsibleFallbackNotFound
    return value


class Auth:
    """One authentication method. A subclass declares its name and options, and returns the headers for a request."""

    NAME = ""
    #: The description of this choice of 'auth_type'.
    SUMMARY = ""
    #: The argument spec of the method's own options, and their documentation, which `dev/run nox -s derive` writes
    #: into the doc fragment.
    OPTIONS: Mapping[str, Any] = {}
    DOCUMENTATION = ""
    #: Options that are required when this method is chosen.
    NEEDS: tuple[str, ...] = ()
    #: Options that choose this method when 'auth_type' is not given.
    IMPLIED_BY: tuple[str, ...] = ()

    def __init__(self, options: Mapping[str, Any], hide: Callable[..., None]) -> None:
        """``hide`` is called with secrets that are not among the options, before an answer can contain them."""
        missing = [name for name in self.NEEDS if not options.get(name)]
        if missing:
            variables = " and ".join(f"OPENSEARCH_{name.upper()}" for name in missing)
            raise Failure(
                "invalid_input",
                f"auth_type={self.NAME} needs {' and '.join(missing)}, or {variables} in the environment.",
            )
        self.options = options
        self.hide = hide

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        """The headers that authenticate this request. ``given`` are its other headers."""
        return {}


class BasicAuth(Auth):
    """User name and password (RFC 7617): the security plugin's internal users and LDAP."""

    NAME = "basic"
    NEEDS = ("username", "password")
    IMPLIED_BY = ("username",)
    SUMMARY = "A user name and a password, from O(username) and O(password)."
    OPTIONS = {
        "username": {"type": "str", **from_environment("username")},
        "password": {"type": "str", "no_log": True, **from_environment("password")},
    }
    DOCUMENTATION = r"""
  username:
    description: The user. If not given, the environment variable E(OPENSEARCH_USERNAME) is used.
    type: str
  password:
    description: The user's password. If not given, the environment variable E(OPENSEARCH_PASSWORD) is used.
    type: str
"""

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        pair = f"{self.options['username']}:{self.options['password']}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}


class BearerAuth(Auth):
    """A bearer token (RFC 6750), for example a JWT that the security plugin checks."""

    NAME = "bearer"
    NEEDS = ("token",)
    IMPLIED_BY = ("token",)
    SUMMARY = "A bearer token, from O(token)."
    OPTIONS = {
        "token": {"type": "str", "no_log": True, **from_environment("token")},
    }
    DOCUMENTATION = r"""
  token:
    description: A bearer token. If not given, the environment variable E(OPENSEARCH_TOKEN) is used.
    type: str
"""

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.options['token']}"}


class ClientCertAuth(Auth):
    """A client certificate alone: TLS authenticates, without a header."""

    NAME = "client_cert"
    NEEDS = ("client_cert",)
    IMPLIED_BY = ("client_cert",)
    SUMMARY = "A client certificate and nothing else, from O(client_cert)."
    OPTIONS = {
        "client_cert": {"type": "path", **from_environment("client_cert")},
        "client_key": {"type": "path", "no_log": False, **from_environment("client_key")},
    }
    DOCUMENTATION = r"""
  client_cert:
    description:
      - A client certificate in PEM format, a path on the host that runs the module. It may hold the key as well.
      - If not given, the environment variable E(OPENSEARCH_CLIENT_CERT) is used.
    type: path
  client_key:
    description:
      - The key of O(client_cert) in PEM format, without a passphrase, a path on the host that runs the module.
      - If not given, the environment variable E(OPENSEARCH_CLIENT_KEY) is used.
    type: path
"""


class NoAuth(Auth):
    """No authentication: a cluster without the security plugin."""

    NAME = "none"
    SUMMARY = "No authentication, for clusters without the security plugin."
