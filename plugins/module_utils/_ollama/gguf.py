# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Whether a file is whole GGUF, as far as its head tells.

Ollama 0.17.4 believes the lengths that it reads: one broken file makes the server panic, with all models that it serves.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

#: The bytes of each type of value, by its number; a text (8) and a list (9) tell their own length.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _LIST = 8, 9

#: Versions in use, in little-endian order. Any other number is read as one of them by the server.
_VERSIONS = (2, 3)


class Broken(Exception):
    """What is wrong with the file."""


def check(file: BinaryIO) -> None:
    """Read the head of an open file. Raises :class:`Broken`."""
    head = _Head(file)
    if head.take(4) != b"GGUF":
        raise Broken("it does not begin with GGUF")
    version = head.number("<I")
    if version not in _VERSIONS:
        raise Broken(f"its version is {version}, and only 2 and 3 are known")
    tensors, values = head.number("<Q"), head.number("<Q")
    for _count in range(values):
        head.skip(head.number("<Q"))
        head.value(head.number("<I"))
    last = 0
    for _count in range(tensors):
        head.skip(head.number("<Q"))
        head.skip(8 * head.number("<I") + 4)
        last = max(last, head.number("<Q"))
    if tensors and file.tell() + last >= head.size:
        raise Broken("it ends before its last tensor")


class _Head:
    """Reads on, and never past the end."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def take(self, length: int) -> bytes:
        found = self.file.read(length)
        if len(found) < length:
            raise Broken("it ends within its head")
        return found

    def skip(self, length: int) -> None:
        if length > self.size - self.file.tell():
            raise Broken("it names a length that goes past its end")
        self.file.seek(length, os.SEEK_CUR)

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def value(self, kind: int) -> None:
        if kind == _TEXT:
            self.skip(self.number("<Q"))
        elif kind == _LIST:
            kind, count = self.number("<I"), self.number("<Q")
            if kind in _SIZES:
                self.skip(count * _SIZES[kind])
            elif kind == _TEXT:
                for _count in range(count):
                    self.skip(self.number("<Q"))
            else:
                raise Broken(f"it holds a list of an unknown type, {kind}")
        elif kind in _SIZES:
            self.skip(_SIZES[kind])
        else:
            raise Broken(f"it holds a value of an unknown type, {kind}")
