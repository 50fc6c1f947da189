# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The exceptions of the collection: :class:`Failure`, which carries a code of the catalogue, and what derives from it."""

from __future__ import annotations

import contextlib
import os
import traceback
from typing import Any, Dict, Iterator

from .catalogue import CATALOGUE
from .printable import printable

#: What Python raises where a value is not what it was taken for: a list for a mapping, null for a number.
_MISFITS = (TypeError, AttributeError, LookupError, ValueError, OverflowError, RecursionError)


class Failure(Exception):
    """Why a task could not do its work.

    ``code`` is stable and listed in :data:`CATALOGUE`; ``status`` is the HTTP status where the server answered;
    ``details`` are further facts for the caller, JSON-like.
    """

    def __init__(self, code: str, message: str, status: int | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = printable(message)
        self.status = status
        self.details = details

    @property
    def remedy(self) -> str:
        return printable(CATALOGUE[self.code].format_map(_Lenient(self.details)))

    def as_dict(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
            "status": self.status,
            "details": self.details,
        }


class Unreachable(Failure):
    """No host could be connected to: nothing was sent."""


class AnswerLost(Failure):
    """A write was sent and its answer did not come, or came from a gateway: it may or may not have been done."""


class ApiError(Failure):
    """The server answered with an error. ``kind`` is its exception type, ``reason`` its text."""

    def __init__(self, code: str, message: str, status: int, kind: str, reason: str, **details: Any) -> None:
        super().__init__(code, message, status, **details)
        self.kind = kind
        self.reason = reason


class WriteInCheckMode(Failure):
    """A write was about to leave although the task runs in check mode: a defect, never expected."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__("internal_error", f"{method} {path} was about to be sent in check mode")


class _Lenient(Dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "what the message names"


@contextlib.contextmanager
def reraise_malformed_answer() -> Iterator[None]:
    """Raises Failure ``unexpected_answer`` where the work fails of a value that is not what it was taken for."""
    try:
        yield
    except _MISFITS as exc:
        # Not the exception's text, which may quote a part of a secret that nobody would know again.
        trail = [
            f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(exc.__traceback__)[1:]
        ]
        raise Failure(
            "unexpected_answer",
            f"An answer of the server has not the form that it should have: {type(exc).__name__} at {trail[-1]}.",
            trail=trail[-10:],
        ) from exc
