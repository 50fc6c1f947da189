# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""HTTP: connection options, authentication, transport, the client, which refuses every write in check mode, what an answer
means, and how often and after which pause a request is sent again."""

from __future__ import annotations
