# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A client certificate alone: TLS itself authenticates, no header is added."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._auth._base import Auth


class ClientCertAuth(Auth):
    NAME = "client_cert"
    NEEDS = ("client_cert",)
    IMPLIED_BY = ("client_cert",)
