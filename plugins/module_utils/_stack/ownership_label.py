# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The ownership label: a suffix of an object's description that names the stack that created the object."""

from __future__ import annotations

import re

from .._errors.exceptions import Failure

#: A stack's name: words that a full-text search finds, in characters that every server version accepts.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_LABEL = re.compile(r"\s?\(stack: ([A-Za-z0-9][A-Za-z0-9_.-]{0,63})\)\Z")


def check_stack_name(stack: str) -> None:
    """Raises Failure if the name of a stack is not valid."""
    if not _NAME.fullmatch(stack):
        raise Failure(
            "invalid_input", f"name: {stack!r} must be up to 64 letters, digits, dots, hyphens and underscores."
        )


def owner(description: str | None) -> str | None:
    """The stack that the label names; None without a label."""
    found = _LABEL.search(description or "")
    return found[1] if found else None


def add_label(description: str | None, stack: str | None) -> str | None:
    """The description with the label of the stack; the description itself if ``stack`` is None."""
    if stack is None:
        return description
    return f"{description or ''} (stack: {stack})".lstrip()


def remove_label(description: str | None) -> str:
    """The description without its label."""
    return _LABEL.sub("", description or "")
