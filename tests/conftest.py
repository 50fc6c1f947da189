# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the marker no_cover work in the workers of pytest-xdist."""

from __future__ import annotations

import sys
import threading
from typing import Any, Generator

import pytest


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    # In a worker, pytest-cov starts to measure twice, with its options and with the session, and the marker stops only
    # one of them (seen with 7.1.0).
    trace, trace_of_threads = sys.gettrace(), threading.gettrace()
    if item.get_closest_marker("no_cover") is None or type(trace).__module__ != "coverage":
        return (yield)
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(trace)
        threading.settrace(trace_of_threads)
