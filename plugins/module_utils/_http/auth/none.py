# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""No authentication: a cluster without the security plugin."""

from __future__ import annotations

from .base import Auth


class NoAuth(Auth):
    NAME = "none"
    SUMMARY = "Not at all; for clusters without the security plugin."
