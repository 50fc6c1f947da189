# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that a fake server records."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit


def is_read(method: str, url: str) -> bool:
    """True for a GET, a HEAD, a search, a multi-get, and Ollama's request to show a model.

    A prediction is a write: it costs money, and it deploys models.
    """
    path = urlsplit(url).path
    return method in ("GET", "HEAD") or (method == "POST" and path.endswith(("/_search", "/_mget", "/api/show")))


def decoded(content: bytes | None) -> Any:
    """The JSON of a request; a list if each line is a JSON of its own."""
    if content and content.endswith(b"\n"):
        return [json.loads(line) for line in content.splitlines()]
    return json.loads(content) if content else None


class Exchange(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    body: Any
    status: int | None

    @property
    def write(self) -> bool:
        return not is_read(self.method, self.path) and not re.search("/_(predict|execute)(/|$)", self.path)

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"
