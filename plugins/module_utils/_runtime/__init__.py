# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The runtime of a task: the description of its module, its journal, which skips writes in check mode, waiting,
look-ups, and server versions."""

from __future__ import annotations
