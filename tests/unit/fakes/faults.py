# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures that a fake cluster can inject instead of a normal answer."""

from __future__ import annotations

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    NotSent,
    RawAnswer,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.answers import error, raw


class Fault:
    """An outcome other than the normal answer. ``handled``: the server processes the request before the failure."""

    def __init__(self, name: str, *, handled: bool, outcome: RawAnswer | Exception) -> None:
        self.name = name
        self.handled = handled
        self.outcome = outcome

    def __repr__(self) -> str:
        return self.name


HTML = "<html><body><h1>Sign in to the wireless network</h1></body></html>"

FAULTS = {
    fault.name: fault
    for fault in (
        Fault("lost_after", handled=True, outcome=NoAnswer("the connection broke")),
        Fault("lost_before", handled=False, outcome=NoAnswer("the connection broke")),
        Fault("refused", handled=False, outcome=NotSent("connection refused")),
        Fault(
            "unavailable",
            handled=False,
            outcome=raw(503, error(503, "unavailable_shards_exception", "primary shard is not active")),
        ),
        Fault("starting", handled=False, outcome=raw(503, "OpenSearch Security not initialized.")),
        Fault(
            "recovering",
            handled=False,
            outcome=raw(503, error(503, "search_phase_execution_exception", "all shards failed")),
        ),
        Fault(
            "throttled",
            handled=False,
            outcome=raw(429, error(429, "rejected_execution_exception", "queue is full"), {"Retry-After": "3"}),
        ),
        Fault(
            "rejected_after",
            handled=True,
            outcome=raw(429, error(429, "rejected_execution_exception", "rejected execution of MLTaskManager")),
        ),
        Fault(
            "conflict",
            handled=False,
            outcome=raw(409, error(409, "version_conflict_engine_exception", "required seqNo [1]")),
        ),
        Fault("gateway_after", handled=True, outcome=raw(502, "<html>Bad Gateway</html>")),
        Fault("gateway_timeout", handled=True, outcome=raw(504, "<html>Gateway Timeout</html>")),
        Fault("error", handled=False, outcome=raw(500, error(500, "null_pointer_exception", "boom"))),
        Fault("html", handled=False, outcome=raw(200, HTML)),
    )
}
