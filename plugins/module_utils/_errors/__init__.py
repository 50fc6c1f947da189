# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The exceptions, the failure codes with their remedies, and the rules that map the server's errors to codes.

The rules (``server_errors.py``) also say what a code means in the server's words, and which errors are worth a retry.
"""

from __future__ import annotations
