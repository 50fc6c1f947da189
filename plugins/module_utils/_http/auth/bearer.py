# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A bearer token (RFC 6750), for example a JWT that the security plugin checks."""

from __future__ import annotations

from typing import Mapping

from .base import Auth, from_environment


class BearerAuth(Auth):
    NAME = "bearer"
    NEEDS = ("token",)
    IMPLIED_BY = ("token",)
    SUMMARY = "With O(token)."
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
