# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The exceptions of the collection: :class:`Failure` with a code of the catalogue, and its subclasses."""

from __future__ import annotations

import contextlib
import os
import re
import traceback
from typing import Any, Dict, Iterator, Sequence

from .catalogue import CATALOGUE

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


#: What Python raises for a value of an unexpected type: a list instead of a mapping, null instead of a number.
_UNEXPECTED_TYPE_ERRORS = (TypeError, AttributeError, LookupError, ValueError, OverflowError, RecursionError)


class Failure(Exception):
    """The reason why a task fails.

    ``code`` is stable and listed in :data:`CATALOGUE`; ``status`` is the HTTP status of the server's answer, if any;
    ``details`` are further facts for the user, as JSON values. ``secrets`` are texts to mask in the result, beyond those of
    the task's parameters.
    """

    secrets: Sequence[str] = ()

    def __init__(self, code: str, message: str, status: int | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = printable(message)
        self.status = status
        self.details = details

    def append(self, sentence: str) -> None:
        """Add a sentence to the message."""
        self.message = f"{self.sentence} {sentence}"

    @property
    def sentence(self) -> str:
        """The message with its full stop. A question, such as which name was meant, has its own mark."""
        return self.message if self.message.endswith("?") else f"{self.message.rstrip('.')}."

    @property
    def remedy(self) -> str:
        """What to do; empty if the message says it."""
        return printable(CATALOGUE[self.code].remedy.format_map(_WithDefault(self.details))).rstrip()

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "status": self.status,
            "details": self.details,
        }


class Unreachable(Failure):
    """Connecting failed for every host; nothing was sent."""


class AnswerLost(Failure):
    """A write was sent, but not answered, or answered by a gateway: the server may or may not have done it."""


class ApiError(Failure):
    """The server answered with an error. ``kind`` is its exception type, ``reason`` its text."""

    def __init__(self, code: str, message: str, status: int, kind: str, reason: str, **details: Any) -> None:
        super().__init__(code, message, status, **details)
        self.kind = kind
        self.reason = reason


class ConcurrentChange(Failure):
    """Another controller has changed what this task relies on. The task starts over."""

    def __init__(self, message: str, status: int | None = None, **details: Any) -> None:
        super().__init__("concurrent_change", message, status, **details)


class WriteInCheckMode(Failure):
    """A write was about to be sent in check mode, which is a defect of the collection."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__("internal_error", f"{method} {path} was about to be sent in check mode")


class _WithDefault(Dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "what the message names"


@contextlib.contextmanager
def reraise_malformed_answer() -> Iterator[None]:
    """Raise Failure ``unexpected_answer`` for an error that a value of an unexpected type causes."""
    try:
        yield
    except _UNEXPECTED_TYPE_ERRORS as exc:
        # Without the exception's text: it may quote a part of a secret, which masking would not find.
        trail = [
            f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(exc.__traceback__)[1:]
        ]
        raise Failure(
            "unexpected_answer",
            f"An answer of the server has an unexpected structure: {type(exc).__name__} at {trail[-1]}.",
            trail=trail[-10:],
        ) from exc
