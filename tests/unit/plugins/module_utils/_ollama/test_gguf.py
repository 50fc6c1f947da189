# SPDX-License-Identifier: GPL-3.0-or-later
"""The header of a GGUF file: complete files are accepted, files that would make Ollama panic are refused."""

from __future__ import annotations

import io
import struct

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama import gguf


def text(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def header(values: bytes = b"", count: int = 0, tensors: bytes = b"", tensor_count: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensor_count, count) + values + tensors


def value(kind: int, content: bytes) -> bytes:
    return text(b"key") + struct.pack("<I", kind) + content


TENSOR = text(b"weights") + struct.pack("<IQQIQ", 2, 4, 4, 0, 0)
WHOLE = header(
    value(8, text(b"llama"))
    + value(4, b"1234")
    + value(9, struct.pack("<IQ", 8, 2) + text(b"a") + text(b"b"))
    + value(9, struct.pack("<IQ", 6, 2) + b"12345678"),
    4, TENSOR, 1,
)  # fmt: skip


@pytest.mark.parametrize("content", [header(), WHOLE + b"\0" * 64, header(version=2)])
def test_complete_file_is_accepted(content: bytes) -> None:
    gguf.check(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "ends within its header"),
        (b"hello", "does not begin with GGUF"),
        (b"GGUF" + b"x" * 3, "ends within its header"),
        (b"GGUF" + b"x" * 500, "its version is 2021161080"),
        (header(version=1), "its version is 1,"),
        (WHOLE, "ends before its last tensor"),
        (header(text(b"x")[:-1] + b"", 1), "past its end"),
        (header(value(8, struct.pack("<Q", 2**63)), 1), "past its end"),
        (header(value(9, struct.pack("<IQ", 6, 2**60)), 1), "past its end"),
        (header(value(9, struct.pack("<IQ", 9, 1)), 1), "a list of an unknown type, 9"),
        (header(value(77, b""), 1), "a value of an unknown type, 77"),
        (header(b"", 2**60), "ends within its header"),
    ],
)
def test_invalid_file_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(gguf.InvalidFile, match=message):
        gguf.check(io.BytesIO(content))


def test_header_that_is_cut_off_anywhere_is_refused() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(gguf.InvalidFile):
            gguf.check(io.BytesIO(WHOLE[:length]))
