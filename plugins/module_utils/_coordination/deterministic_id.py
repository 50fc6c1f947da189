# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Ids that follow from the kind and name of an object, so that all controllers that create it request the same id.

The server accepts 1 to 512 of the letters A to Z in both cases, digits, ``_`` and ``-``, the first of them a letter or a
digit, and refuses an id that is taken (ml-commons, MLResourceIdUtils; from 3.9 on).
"""

from __future__ import annotations

import hashlib
import re

#: How many characters of a name the id keeps for readers; the digest distinguishes the names.
READABLE = 64


def custom_id(kind: str, name: str, discriminator: str = "") -> str:
    """The id of an object, as in ``model_group_house_chat_0f1e2d3c4b5a6978``.

    ``discriminator`` distinguishes objects of one kind and name.
    """
    # A single word: the server searches for the users of a connector word by word and confuses two ids that share one.
    readable = re.sub(r"[^a-z0-9]+", "_", f"{kind} {name}".lower())[:READABLE].strip("_")
    digest = hashlib.sha256("\0".join((kind, name, discriminator)).encode("utf-8", "backslashreplace")).hexdigest()
    return f"{readable}_{digest[:16]}"
