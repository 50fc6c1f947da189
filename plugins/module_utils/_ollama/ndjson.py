# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The lines of a streamed answer of Ollama, each of which is a JSON object."""

from __future__ import annotations

from typing import Any, Iterator

from .._errors.exceptions import Failure
from .._errors.printable import describe_shape
from .._http.transport import NoAnswer
from .._values import json_text

#: A line has some hundred bytes; what sends more is no Ollama.
LONGEST_LINE = 1024 * 1024


def objects(where: str, pieces: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a streamed answer. Raises Failure for anything else."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > LONGEST_LINE:
            raise Failure("not_ollama", f"{where} answered without lines.", 200)
        yield from (_object(where, line) for line in whole if line.strip())
    if rest.strip():
        yield _object(where, rest)


def _object(where: str, line: bytes) -> dict[str, Any]:
    try:
        found = json_text.parse(line.decode("utf-8", "replace"))
        if isinstance(found, dict):
            return found
    except ValueError as exc:
        if line.lstrip()[:1] == b"{":
            raise NoAnswer("the last line is incomplete") from exc
    raise Failure("not_ollama", f"{where} answered a line that is no JSON object: {describe_shape(line)}", 200)
