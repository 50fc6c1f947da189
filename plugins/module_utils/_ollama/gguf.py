# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Checks the header of a GGUF file.

Ollama 0.17.4 trusts the lengths in a file: an invalid file makes the server panic, and all models with it.
"""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

#: The size in bytes of a value, by its type. A text (8) and a list (9) contain their own lengths.
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_TEXT, _LIST = 8, 9

#: Supported versions, in little-endian order. The server reads a file with any other number as one of these.
_VERSIONS = (2, 3)


class InvalidFile(Exception):
    """The file is not a complete GGUF file; the message says why."""


def check(file: BinaryIO) -> None:
    """Check the header of an open file. Raises :class:`InvalidFile`."""
    header = _Header(file)
    if header.read(4) != b"GGUF":
        raise InvalidFile("it does not begin with GGUF")
    version = header.read_number("<I")
    if version not in _VERSIONS:
        raise InvalidFile(f"its version is {version}, and only 2 and 3 are supported")
    tensors, values = header.read_number("<Q"), header.read_number("<Q")
    for _count in range(values):
        header.skip(header.read_number("<Q"))
        header.skip_value(header.read_number("<I"))
    last = 0
    for _count in range(tensors):
        header.skip(header.read_number("<Q"))
        header.skip(8 * header.read_number("<I") + 4)
        last = max(last, header.read_number("<Q"))
    if tensors and file.tell() + last >= header.size:
        raise InvalidFile("it ends before its last tensor")


class _Header:
    """Reads values from a file one after the other, and never past its end."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.size = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, length: int) -> bytes:
        found = self.file.read(length)
        if len(found) < length:
            raise InvalidFile("it ends within its header")
        return found

    def skip(self, length: int) -> None:
        if length > self.size - self.file.tell():
            raise InvalidFile("it contains a length that goes past its end")
        self.file.seek(length, os.SEEK_CUR)

    def read_number(self, format_: str) -> int:
        return int(struct.unpack(format_, self.read(struct.calcsize(format_)))[0])

    def skip_value(self, kind: int) -> None:
        if kind == _TEXT:
            self.skip(self.read_number("<Q"))
        elif kind == _LIST:
            kind, count = self.read_number("<I"), self.read_number("<Q")
            if kind in _SIZES:
                self.skip(count * _SIZES[kind])
            elif kind == _TEXT:
                for _count in range(count):
                    self.skip(self.read_number("<Q"))
            else:
                raise InvalidFile(f"it contains a list of an unknown type, {kind}")
        elif kind in _SIZES:
            self.skip(_SIZES[kind])
        else:
            raise InvalidFile(f"it contains a value of an unknown type, {kind}")
