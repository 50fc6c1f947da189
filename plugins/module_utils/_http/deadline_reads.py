# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Limits for the answers of a server: the time until an answer is complete, and the memory to decompress it.

A socket's own timeout is for one read. A server that sends one byte within each timeout could block a task for ever, in
the head of an answer as in its body.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from typing import Any, Iterable, Iterator

#: Size of the chunks that are read and decompressed at a time, in bytes.
CHUNK_SIZE = 65536

#: The compression that the client accepts, and zlib's name for it.
ENCODING, _GZIP = "gzip", zlib.MAX_WBITS | 16


class UndecodableContent(Exception):
    """The content has another compression than the client accepts, or a damaged one."""


class _DeadlineSocket(io.RawIOBase):
    """Reads a socket until the socket's timeout has passed since the start, however many reads that takes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        # Older versions of requests use pyOpenSSL if it is installed; urllib3's wrapper for it has no gettimeout().
        self._timeout = (getattr(sock, "gettimeout", None) or sock.socket.gettimeout)()  # type: ignore[attr-defined] # of that wrapper
        self.restart()

    def restart(self) -> None:
        """Let the timeout start again."""
        self._end = None if self._timeout is None else time.monotonic() + self._timeout

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is None:
            return int(self._raw.readinto(buffer))
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise socket.timeout("timed out")
        self._sock.settimeout(remaining)
        try:
            return int(self._raw.readinto(buffer))
        finally:
            # The next request uses the same socket.
            self._sock.settimeout(self._timeout)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    """A response whose head and body must arrive within the socket's timeout."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.source = _DeadlineSocket(sock)
        self.fp = io.BufferedReader(self.source)


def limit_read_time(manager: Any) -> None:
    """Make all connections that a pool manager of urllib3 opens read their answers with a deadline."""
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _with_deadline(pool.ConnectionCls)})
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _with_deadline(connection: Any) -> Any:
    return type(connection.__name__, (connection,), {"response_class": _DeadlineResponse})


def chunks(raw: Any) -> Iterator[bytes]:
    """The content of a response of urllib3 as it arrives, decompressed.

    Raises the exceptions of urllib3, and :class:`UndecodableContent`.
    """
    return _decompressed(_raw_chunks(raw), (raw.headers.get("Content-Encoding") or "identity").strip().lower())


def chunks_with_own_deadlines(raw: Any) -> Iterator[bytes]:
    """As :func:`chunks`, but the timeout starts again with each chunk."""
    source = raw._original_response.source
    source.restart()
    for chunk in chunks(raw):
        yield chunk
        source.restart()


def _raw_chunks(raw: Any) -> Iterator[bytes]:
    read = getattr(raw, "read1", None)
    if read is None:
        # urllib3 1 has no read1(), and stream() waits for a complete chunk.
        yield from raw.stream(CHUNK_SIZE, decode_content=False)
        return
    while True:
        chunk = read(CHUNK_SIZE, decode_content=False)
        if not chunk:
            return
        yield chunk


def _decompressed(raw_chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decompress at most :data:`CHUNK_SIZE` bytes at a time: a compressed body can expand a thousandfold."""
    if encoding == "identity":
        yield from raw_chunks
        return
    if encoding not in (ENCODING, f"x-{ENCODING}"):
        # Above all not gzip inside gzip, which can expand a millionfold.
        raise UndecodableContent(f"its encoding is {encoding!r}, which the client does not accept")
    decoder, started = zlib.decompressobj(_GZIP), False
    try:
        for chunk in raw_chunks:
            started = True
            while chunk:
                if decoder.eof:
                    # The content may consist of several gzip members, one after the other.
                    decoder = zlib.decompressobj(_GZIP)
                decompressed = decoder.decompress(chunk, CHUNK_SIZE)
                chunk = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
                yield decompressed
        yield decoder.flush()
    except zlib.error as exc:
        raise UndecodableContent(f"its compression is damaged: {exc}") from exc
    if started and not decoder.eof:
        raise UndecodableContent("its compression is incomplete")
