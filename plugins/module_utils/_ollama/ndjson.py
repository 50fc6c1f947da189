# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Reads a streamed answer of Ollama: one JSON object per line."""

from __future__ import annotations

from typing import Any, Iterator

from .._errors.exceptions import Failure, describe_shape
from .._http.transport import NoAnswer
from .._values.nested import parse_json

#: Maximum length of a line in bytes. A line of Ollama has some hundred bytes; a longer one comes from another server.
MAX_LINE = 1024 * 1024


def objects(where: str, chunks: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a streamed answer. ``where`` names the request in messages.

    Raises Failure for a line that is not an object, and NoAnswer for an incomplete last line.
    """
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > MAX_LINE:
            raise Failure("not_ollama", f"{where} sent more than {MAX_LINE} bytes without a line break.", 200)
        yield from (_object(where, line) for line in whole if line.strip())
    if rest.strip():
        yield _object(where, rest)


def _object(where: str, line: bytes) -> dict[str, Any]:
    try:
        found = parse_json(line.decode("utf-8", "replace"))
        if isinstance(found, dict):
            return found
    except ValueError as exc:
        if line.lstrip()[:1] == b"{":
            raise NoAnswer("the last line is incomplete") from exc
    raise Failure("not_ollama", f"{where} sent a line that is not a JSON object: {describe_shape(line)}", 200)
