# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Time and progress as the collection sees them; tests replace both."""

from __future__ import annotations

import random
import time
from typing import Callable

#: Whom a line is told that says how far something is.
ProgressCallback = Callable[[str], None]

_RANDOM = random.SystemRandom()


class Clock:
    """Time as the collection sees it, in seconds."""

    def now(self) -> float:
        return time.monotonic()

    def epoch(self) -> float:
        """The time of day, as seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self) -> float:
        """A random share between 0 and 1, so that callers in step fall out of step."""
        return _RANDOM.random()


def no_progress(line: str) -> None:
    """What is told to nobody."""
