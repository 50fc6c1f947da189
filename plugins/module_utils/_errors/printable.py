# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Texts from outside the collection, made safe for output."""

from __future__ import annotations

import re

#: Control and formatting characters, line breaks included, that could forge or hide output in a terminal, and lone
#: surrogates, which no UTF-8 output can contain.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def printable(text: object, limit: int = 2000) -> str:
    """The first ``limit`` characters of a text, with control characters as Python's escapes."""
    whole = str(text)
    escaped = _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), whole[:limit])
    return escaped if len(whole) <= limit else f"{escaped}... (cut)"


def describe_shape(value: object) -> str:
    """The type and size of a decoded answer, without its text, which may contain parts of secrets."""
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, (str, bytes)):
        return f"{len(value)} characters"
    return "nothing" if value is None else f"a {type(value).__name__}"
