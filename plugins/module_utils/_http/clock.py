# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The clock and the callbacks of a task; tests replace them."""

from __future__ import annotations

import random
import time
from typing import Callable

#: Progress callback: called with a status line.
ProgressCallback = Callable[[str], None]

#: Retry callback: called with a status line and the pause in seconds before a request is sent again.
RetryCallback = Callable[[str, float], None]

_RANDOM = random.SystemRandom()

#: On Linux this clock also runs while the machine is suspended: a lease of the suspended task expires then.
_MONOTONIC = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """The system's clocks. All times are in seconds."""

    def now(self) -> float:
        """The monotonic time, for durations."""
        return time.clock_gettime(_MONOTONIC)

    def epoch(self) -> float:
        """The wall-clock time, in seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self) -> float:
        """A random number between 0 and 1, so that clients do not retry in step."""
        return _RANDOM.random()


def no_progress(line: str) -> None:
    """Progress callback that does nothing."""
