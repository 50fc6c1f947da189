# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""User name and password (RFC 7617), the security plugin's internal users and LDAP."""

from __future__ import annotations

import base64
from typing import Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._auth._base import Auth


class BasicAuth(Auth):
    NAME = "basic"
    NEEDS = ("username", "password")
    IMPLIED_BY = ("username",)

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        pair = f"{self.options['username']}:{self.options['password']}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
