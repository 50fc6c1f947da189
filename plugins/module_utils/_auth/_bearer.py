# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A bearer token (RFC 6750), for example a JWT that the security plugin checks."""

from __future__ import annotations

from typing import Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._auth._base import Auth


class BearerAuth(Auth):
    NAME = "bearer"
    NEEDS = ("token",)
    IMPLIED_BY = ("token",)

    def headers(self, method: str, url: str, content: bytes | None, given: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.options['token']}"}
