# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""One file for each kind of resource: what is desired, what is observed, how they differ, how it is written.

A snapshot has objects of all kinds as they were read at one moment.
"""

from __future__ import annotations
