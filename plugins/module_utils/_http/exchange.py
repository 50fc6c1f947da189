# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""A request to the server, and one attempt to send it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Callable, Mapping, Sequence
from urllib.parse import quote, urlencode

from .._values.nested import parse_json
from .transport import NoAnswer, NotSent, RawAnswer


@dataclass(frozen=True)
class Request:
    """One request to the server.

    ``body`` is sent as JSON; a list as one JSON document per line. ``repeatable``: the server may execute it twice with
    the same effect as once. ``accept``: statuses that count as a success in addition to 2xx. ``timeout`` in seconds, if
    not the client's.
    """

    method: str
    path: str
    body: Mapping[str, Any] | list[Any] | None = None
    query: Mapping[str, str] | None = None
    write: bool = False
    repeatable: bool = True
    accept: tuple[int, ...] = ()
    timeout: float | None = None

    @property
    def target(self) -> str:
        """The path with the query."""
        # A space as %20: signing decodes and encodes the query again and would keep a plus sign as such.
        return self.path + ("?" + urlencode(self.query, quote_via=quote) if self.query else "")

    @cached_property
    def content(self) -> bytes | None:
        """The JSON of the body; of a list, one document per line, which the server accepts with the same content type."""
        if isinstance(self.body, list):
            return "".join(json.dumps(line) + "\n" for line in self.body).encode()
        return None if self.body is None else json.dumps(self.body).encode()


#: The answer of an exchange that has none.
NO_ANSWER = RawAnswer(0, {}, b"")


@dataclass(frozen=True)
class Exchange:
    """One attempt to send a request to ``host``, one of ``hosts``: its ``answer``, or the ``error`` that explains why there
    is none. ``mask`` masks the secrets in a text."""

    request: Request
    host: str
    hosts: Sequence[str]
    mask: Callable[[str], str] = str
    answer: RawAnswer = NO_ANSWER
    error: NotSent | NoAnswer | None = None

    @property
    def status(self) -> int:
        return self.answer.status

    @property
    def where(self) -> str:
        return f"{self.request.method} {self.request.path} on {self.host}"

    @property
    def summary(self) -> str:
        """The request and its outcome, in a few words."""
        sent = f"{self.request.method} {self.request.path}"
        if isinstance(self.error, NotSent):
            return f"{sent} could not be sent"
        return f"{sent} brought no answer" if self.error else f"{sent} answered {self.status}"

    @cached_property
    def body(self) -> Any:
        """The JSON of the answer, or its text if it is not JSON."""
        # Cached, as the answer of a search may have several megabytes.
        text = self.answer.content.decode("utf-8", "replace")
        try:
            return parse_json(text) if text else ""
        except ValueError:
            return text
