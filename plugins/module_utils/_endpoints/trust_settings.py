# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The cluster settings that decide which URLs connectors may call."""

from __future__ import annotations

from typing import Callable, Mapping

from . import privacy

#: The patterns of the trusted URLs.
TRUSTED = "plugins.ml_commons.trusted_connector_endpoints_regex"

#: Whether connectors may call private addresses.
PRIVATE_IP_ENABLED = "plugins.ml_commons.connector.private_ip_enabled"

#: The patterns of the private URLs that connectors may call; an empty list allows all. Added in OpenSearch 3.7.
TRUSTED_PRIVATE = "plugins.ml_commons.trusted_connector_private_endpoints_regex"

CATCH_ALL = ".*$"

#: What roles are to trust -> the function that returns whether a URL is private.
IS_PRIVATE: Mapping[str, Callable[[str], bool]] = {
    "auto": privacy.is_private,
    "always": lambda url: True,
    "never": lambda url: False,
}
