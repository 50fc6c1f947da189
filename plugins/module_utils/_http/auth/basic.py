# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""User name and password (RFC 7617), the security plugin's internal users and LDAP."""

from __future__ import annotations

import base64
from typing import Mapping

from .base import Auth, from_environment


class BasicAuth(Auth):
    NAME = "basic"
    NEEDS = ("username", "password")
    IMPLIED_BY = ("username",)
    SUMMARY = "With O(username) and O(password)."
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
