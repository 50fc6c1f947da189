# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks for all tests that nothing is written in check mode, at the transport: the last step before the network."""

from __future__ import annotations

from typing import Any, Mapping

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer, Transport
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.exchanges import is_read


class ReadOnly:
    """A transport that passes reads on; a write is added to ``violations`` and fails the test."""

    def __init__(self, inner: Transport, violations: list[str]) -> None:
        self.inner = inner
        self.violations = violations

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> RawAnswer:
        if not is_read(method, url):
            self.violations.append(f"{method} {url}")
            raise AssertionError(f"written in check mode: {method} {url}")
        return self.inner.send(method, url, headers, content, timeout)

    def stream(self, method: str, url: str, *_rest: Any) -> Any:
        """Every streamed request writes."""
        self.violations.append(f"{method} {url}")
        raise AssertionError(f"written in check mode: {method} {url}")


def watch(run: Any, violations: list[str]) -> None:
    """Wrap the transport of a run in check mode."""
    # The client of a stack's plan has no transport.
    transport = getattr(run.client, "_transport", None)
    if run.check_mode and transport and not isinstance(transport, ReadOnly):
        run.client._transport = ReadOnly(transport, violations)
