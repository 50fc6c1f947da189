# SPDX-License-Identifier: GPL-3.0-or-later
"""A double with a wrong answer: one value of one answer is replaced or removed."""

from __future__ import annotations

import json
from typing import Any, Callable

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import RawAnswer


class Mutant:
    """A double whose answer number ``at`` is replaced by ``mutate(answer)``, with another ``status`` if given.

    ``always``: all later answers are replaced too.
    """

    def __init__(
        self, double: Any, at: int, mutate: Callable[[Any], Any], status: int | None = None, *, always: bool = False
    ) -> None:
        self._double = double
        self._at = at
        self._mutate = mutate
        self._status = status
        self._always = always
        self._exchanges = 0

    def send(self, *args: Any) -> RawAnswer:
        raw: RawAnswer = self._double.send(*args)
        if not self._is_next():
            return raw
        body = self._mutate(json.loads(raw.content) if raw.content else None)
        return RawAnswer(self._status or raw.status, raw.headers, json.dumps(body).encode())

    def stream(self, *args: Any) -> Any:
        answer = self._double.stream(*args)
        if not self._is_next():
            return answer
        lines = self._mutate([json.loads(line) for line in b"".join(answer.chunks).splitlines()])
        content = b"".join(
            json.dumps(line).encode() + b"\n" for line in (lines if isinstance(lines, list) else [lines])
        )
        return answer._replace(chunks=iter([content]))

    def _is_next(self) -> bool:
        self._exchanges += 1
        return self._exchanges > self._at if self._always else self._exchanges - 1 == self._at


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path (keys and indexes) to each nested value, and to the value itself."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [place, *(each for key, item in inner for each in places(item, (*place, key)))]


def put(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    """A copy with another value at one path."""
    if not place:
        return other
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[place[0]] = put(value[place[0]], place[1:], other)
    return copied


def without(value: Any, place: tuple[Any, ...]) -> Any:
    """A copy without the value at one path."""
    copied = dict(value) if isinstance(value, dict) else list(value)
    if len(place) == 1:
        del copied[place[0]]
    else:
        copied[place[0]] = without(value[place[0]], place[1:])
    return copied
