# SPDX-License-Identifier: GPL-3.0-or-later
"""A transport that follows a script: it expects these requests in this order and gives these answers.

script(get("/").answers(200, {"version": {"number": "3.6.0"}}), post("/x/_search").answers(200, hits()))
"""

from __future__ import annotations

import json
from typing import Any, Mapping
from urllib.parse import urlsplit

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    NotSent,
    RawAnswer,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.exchanges import decoded

_ANY = object()


class Expected:
    """One exchange: the expected request and its outcome."""

    def __init__(self, method: str, path: str, body: Any = _ANY) -> None:
        self.method = method
        self.path = path
        self.body = body
        self.outcome: RawAnswer | Exception = RawAnswer(200, {}, b"{}")

    def answers(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Expected:
        """``body`` is sent as JSON, or unchanged if it is text."""
        text = body if isinstance(body, str) else json.dumps({} if body is None else body)
        self.outcome = RawAnswer(status, dict(headers or {}), text.encode())
        return self

    def is_lost(self, why: str = "the connection broke") -> Expected:
        self.outcome = NoAnswer(why)
        return self

    def is_refused(self) -> Expected:
        self.outcome = NotSent("connection refused")
        return self

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"


def get(path: str) -> Expected:
    return Expected("GET", path)


def post(path: str, body: Any = _ANY) -> Expected:
    return Expected("POST", path, body)


def put(path: str, body: Any = _ANY) -> Expected:
    return Expected("PUT", path, body)


def delete(path: str) -> Expected:
    return Expected("DELETE", path)


class Script:
    """``sent`` lists the requests: (method, url, headers, content, timeout)."""

    def __init__(self, *expected: Expected) -> None:
        self.expected = list(expected)
        self.sent: list[tuple[str, str, Mapping[str, str], bytes | None, float]] = []
        self.complaints: list[str] = []

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> RawAnswer:
        parts = urlsplit(url)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        self.sent.append((method, url, headers, content, timeout))
        if not self.expected:
            self._complain(f"{method} {path} came after the end of the script")
        step = self.expected.pop(0)
        if (method, path) != (step.method, step.path):
            self._complain(f"{method} {path} came instead of {step}")
        body = decoded(content)
        if step.body is not _ANY and body != step.body:
            self._complain(f"{step} carried {body!r} instead of {step.body!r}")
        if isinstance(step.outcome, Exception):
            raise step.outcome
        return step.outcome

    def _complain(self, text: str) -> None:
        self.complaints.append(text)
        raise AssertionError(text)

    def close(self) -> None:
        """Fail if a request was unexpected or the script has not ended."""
        assert not self.complaints, self.complaints
        assert not self.expected, f"never sent: {self.expected}"

    @property
    def hosts(self) -> list[str]:
        """The host of each request, in order."""
        return [urlsplit(url).netloc for _method, url, *_rest in self.sent]
