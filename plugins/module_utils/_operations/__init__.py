# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What concerns several kinds of resources at once: the reconcile engine, registration, deployments, swaps, predictions,
references, uses, dedupe."""

from __future__ import annotations
