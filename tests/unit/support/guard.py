# SPDX-License-Identifier: GPL-3.0-or-later
"""The suite-wide promise that nothing is written in check mode, held at the last seam before the network."""

from __future__ import annotations

from typing import Any, Mapping
from urllib.parse import urlsplit

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer, Transport


def is_read(method: str, url: str) -> bool:
    """A GET, a HEAD, a search, many documents at once, or Ollama's way to show a model. A prediction is none: it costs, and it deploys models."""
    path = urlsplit(url).path
    return method in ("GET", "HEAD") or (method == "POST" and path.endswith(("/_search", "/_mget", "/api/show")))


class ReadOnly:
    """A transport that lets only reads through; the rest goes to ``violations`` and fails the test."""

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
        """All that is streamed writes."""
        self.violations.append(f"{method} {url}")
        raise AssertionError(f"written in check mode: {method} {url}")


def watch(run: Any, violations: list[str]) -> None:
    """Put the guard in front of the transport of a run in check mode."""
    if run.check_mode and not isinstance(run.client._transport, ReadOnly):
        run.client._transport = ReadOnly(run.client._transport, violations)
