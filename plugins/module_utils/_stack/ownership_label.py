# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whose an object is: a mark at the end of its description names the stack that made it."""

from __future__ import annotations

import re

from .._errors.exceptions import Failure

#: What a stack can be called: words that a search finds again, and characters that every server takes.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_MARK = re.compile(r"\s?\(stack: ([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\)\Z")


def check_name(stack: str) -> None:
    """Raises Failure where no stack can be called so."""
    if not _NAME.fullmatch(stack):
        raise Failure(
            "invalid_input", f"name: {stack!r} must be up to 64 letters, digits, dots, hyphens and underscores."
        )


def owner(description: str | None) -> str | None:
    """The stack that made the object; None where none did."""
    found = _MARK.search(description or "")
    return found[1] if found else None


def marked(description: str | None, stack: str | None) -> str | None:
    """The description with the mark of a stack."""
    if stack is None:
        return description
    return f"{description or ''} (stack: {stack})".lstrip()


def unmarked(description: str | None) -> str:
    """The description as it was stated."""
    return _MARK.sub("", description or "")
