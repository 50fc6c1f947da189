# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""One file for each module, named like it: its options and its task.

Most options of ``ml_connector`` are in ``_kinds/connector/options.py``, as stacks have them too.
"""

from __future__ import annotations
