# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Texts from outside, made safe to show."""

from __future__ import annotations

import re

#: Control and formatting characters that could forge or hide output in a terminal, line breaks among them, and halves of
#: surrogate pairs, which nothing can write.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def printable(text: object, limit: int = 2000) -> str:
    """Text from outside, safe to show: control characters as Python writes them, ``limit`` characters of it."""
    whole = str(text)
    shown = _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), whole[:limit])
    return shown if len(whole) <= limit else f"{shown}... (cut)"


def describe_shape(value: object) -> str:
    """What a decoded answer is, without any of its text: that is not masked yet, and half a secret is not known again."""
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, (str, bytes)):
        return f"{len(value)} characters"
    return "nothing" if value is None else f"a {type(value).__name__}"
