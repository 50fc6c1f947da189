# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""What a server tells in a form that it never has: one net below all places that read it, instead of a check at each."""

from __future__ import annotations

import contextlib
import os
import traceback
from typing import Iterator

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors import Failure

#: What Python raises where a value is not what it was taken for: a list for a mapping, null for a number.
_MISFITS = (TypeError, AttributeError, LookupError, ValueError, OverflowError, RecursionError)


@contextlib.contextmanager
def understood() -> Iterator[None]:
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
