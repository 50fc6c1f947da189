# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""Bounds for what a server sends: in time from its first byte to its last, and in size once it is decompressed.

The timeout of a socket is for one read: a byte within each would hold a task up for ever, in the head as in the body.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import zlib
from typing import Any, Iterable, Iterator

#: How much is decompressed, and handed over, at a time.
PIECE = 65536

#: What answers may be compressed with, for servers and for zlib.
ENCODING, _GZIP = "gzip", zlib.MAX_WBITS | 16


class Undecodable(Exception):
    """The content is compressed otherwise than was asked for, or is broken."""


class _Socket(io.RawIOBase):
    """Reads a socket until a moment in time, whatever arrives meanwhile."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw: Any = sock.makefile("rb", buffering=0)
        # With pyOpenSSL, which older versions of requests take where it is installed, urllib3's own wrapper has no such method.
        self._patience = (getattr(sock, "gettimeout", None) or sock.socket.gettimeout)()  # type: ignore[attr-defined] # of that wrapper
        self.renew()

    def renew(self) -> None:
        """Let the time begin anew."""
        self._end = None if self._patience is None else time.monotonic() + self._patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is None:
            return int(self._raw.readinto(buffer))
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self._sock.settimeout(left)
        try:
            return int(self._raw.readinto(buffer))
        finally:
            # The next request is sent on the same socket.
            self._sock.settimeout(self._patience)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer that has to be there, head and body, within the socket's timeout."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.source = _Socket(sock)
        self.fp = io.BufferedReader(self.source)


def bound(manager: Any) -> None:
    """Let all connections that a pool manager of urllib3 will make read their answers within bounds of time."""
    manager.pool_classes_by_scheme = {
        scheme: type(pool.__name__, (pool,), {"ConnectionCls": _reading_in_time(pool.ConnectionCls)})
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


def _reading_in_time(connection: Any) -> Any:
    return type(connection.__name__, (connection,), {"response_class": _Answer})


def chunks(raw: Any) -> Iterator[bytes]:
    """The content of an answer of urllib3 as it arrives, decompressed. Raises what urllib3 raises, and Undecodable."""
    return _decoded(_arriving(raw), (raw.headers.get("Content-Encoding") or "identity").strip().lower())


def renewing(raw: Any) -> Iterator[bytes]:
    """As :func:`chunks`, but each of them may take the whole time."""
    source = raw._original_response.source
    source.renew()
    for piece in chunks(raw):
        yield piece
        source.renew()


def _arriving(raw: Any) -> Iterator[bytes]:
    read = getattr(raw, "read1", None)
    if read is None:
        # urllib3 1 gives whole chunks only.
        yield from raw.stream(PIECE, decode_content=False)
        return
    while True:
        piece = read(PIECE, decode_content=False)
        if not piece:
            return
        yield piece


def _decoded(arriving: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Decompressed by at most :data:`PIECE` at a time, as a thousandth of the memory is enough to spell what fills it."""
    if encoding == "identity":
        yield from arriving
        return
    if encoding not in (ENCODING, f"x-{ENCODING}"):
        # Above all not gzip in gzip, which makes a millionth enough.
        raise Undecodable(f"it is encoded as {encoding!r}, which was not asked for")
    decoder, begun = zlib.decompressobj(_GZIP), False
    try:
        for piece in arriving:
            begun = True
            while piece:
                if decoder.eof:
                    # A content may be several such parts, one behind the other.
                    decoder = zlib.decompressobj(_GZIP)
                found = decoder.decompress(piece, PIECE)
                piece = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
                yield found
        yield decoder.flush()
    except zlib.error as exc:
        raise Undecodable(f"its compression is broken: {exc}") from exc
    if begun and not decoder.eof:
        raise Undecodable("its compression breaks off")
