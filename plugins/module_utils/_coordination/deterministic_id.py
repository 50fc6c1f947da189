# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Ids that follow from what an object is, so that all who create it ask for the same one.

The server takes 1 to 512 of the letters A to Z in both cases, digits, ``_`` and ``-``, the first of them a letter or a
digit, and refuses an id that is taken (ml-commons, MLResourceIdUtils; from 3.9 on).
"""

from __future__ import annotations

import hashlib
import re

#: How much of a name is kept for people to read; the digest tells names apart.
READABLE = 64


def custom_id(kind: str, name: str, apart: str = "") -> str:
    """As in ``model_group_house_chat_0f1e2d3c4b5a6978``. ``apart`` is what tells objects of the kind and name apart."""
    # In one word, as the server takes two connectors for the same where it looks for users if their ids share a word.
    readable = re.sub(r"[^a-z0-9]+", "_", f"{kind} {name}".lower())[:READABLE].strip("_")
    digest = hashlib.sha256("\0".join((kind, name, apart)).encode("utf-8", "backslashreplace")).hexdigest()
    return f"{readable}_{digest[:16]}"
