# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The ways to authenticate. A new one is a file beside this and its name in METHODS, then `make derive`."""

from __future__ import annotations

from typing import Any, Callable, Mapping

from .aws_sigv4 import AwsSigV4Auth
from .base import Auth
from .basic import BasicAuth
from .bearer import BearerAuth
from .client_cert import ClientCertAuth
from .none import NoAuth

#: In the order in which given options choose among them; the last is what remains.
METHODS: tuple[type[Auth], ...] = (BearerAuth, BasicAuth, ClientCertAuth, AwsSigV4Auth, NoAuth)


def choose(options: Mapping[str, Any], hide: Callable[..., None] = lambda *secrets: None) -> Auth:
    """The method that 'auth_type' names, else the first whose options are given."""
    wanted = options.get("auth_type")
    for method in METHODS:
        if wanted == method.NAME or (not wanted and any(options.get(name) for name in method.IMPLIED_BY)):
            return method(options, hide)
    return NoAuth(options, hide)
