# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a model file: whole ones pass, and whatever would make Ollama panic does not."""

from __future__ import annotations

import io
import struct

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama import gguf


def text(content: bytes) -> bytes:
    return struct.pack("<Q", len(content)) + content


def head(values: bytes = b"", count: int = 0, tensors: bytes = b"", tensor_count: int = 0, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensor_count, count) + values + tensors


def value(kind: int, content: bytes) -> bytes:
    return text(b"key") + struct.pack("<I", kind) + content


TENSOR = text(b"weights") + struct.pack("<IQQIQ", 2, 4, 4, 0, 0)
WHOLE = head(
    value(8, text(b"llama"))
    + value(4, b"1234")
    + value(9, struct.pack("<IQ", 8, 2) + text(b"a") + text(b"b"))
    + value(9, struct.pack("<IQ", 6, 2) + b"12345678"),
    4, TENSOR, 1,
)  # fmt: skip


@pytest.mark.parametrize("content", [head(), WHOLE + b"\0" * 64, head(version=2)])
def test_what_passes(content: bytes) -> None:
    gguf.check(io.BytesIO(content))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "ends within its head"),
        (b"hello", "does not begin with GGUF"),
        (b"GGUF" + b"x" * 3, "ends within its head"),
        (b"GGUF" + b"x" * 500, "its version is 2021161080"),
        (head(version=1), "its version is 1,"),
        (WHOLE, "ends before its last tensor"),
        (head(text(b"x")[:-1] + b"", 1), "past its end"),
        (head(value(8, struct.pack("<Q", 2**63)), 1), "past its end"),
        (head(value(9, struct.pack("<IQ", 6, 2**60)), 1), "past its end"),
        (head(value(9, struct.pack("<IQ", 9, 1)), 1), "a list of an unknown type, 9"),
        (head(value(77, b""), 1), "a value of an unknown type, 77"),
        (head(b"", 2**60), "ends within its head"),
    ],
)
def test_what_does_not(content: bytes, complaint: str) -> None:
    with pytest.raises(gguf.Broken, match=complaint):
        gguf.check(io.BytesIO(content))


def test_each_cut_of_the_head_is_noticed() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(gguf.Broken):
            gguf.check(io.BytesIO(WHOLE[:length]))
