# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A client certificate alone: TLS itself authenticates, no header is added."""

from __future__ import annotations

from .base import Auth, from_environment


class ClientCertAuth(Auth):
    NAME = "client_cert"
    NEEDS = ("client_cert",)
    IMPLIED_BY = ("client_cert",)
    SUMMARY = "With O(client_cert) alone."
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
