# SPDX-License-Identifier: GPL-3.0-or-later
"""Malicious and broken HTTP servers on the loopback interface."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import threading
import time
from typing import Callable, Iterator

#: Answers one connection after its first request. The second argument is the time at which it gives up.
Behaviour = Callable[[socket.socket, float], None]


@contextlib.contextmanager
def serving(behaviour: Behaviour, lasting: float = 5.0) -> Iterator[str]:
    """Run a server that answers each connection with ``behaviour``, for at most ``lasting`` seconds; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def answer(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.recv(65536)
            behaviour(connection, time.monotonic() + lasting)
            connection.shutdown(socket.SHUT_WR)
            # Close only after the client: a reset would discard what it has not read yet.
            connection.settimeout(lasting)
            while connection.recv(65536):
                pass
        connection.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = listener.accept()
                open_ones.append(connection)
                threads.append(threading.Thread(target=answer, args=(connection,)))
                threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join()
        for connection in open_ones:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def sends(content: bytes) -> Behaviour:
    return lambda connection, until: connection.sendall(content)


def answers(content: bytes, *headers: str, status: str = "200 OK") -> Behaviour:
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers))
    return sends(head.encode("latin-1") + b"\r\n" + content)


def without_end(head: bytes, again: bytes, pause: float = 0.0) -> Behaviour:
    """Send ``head`` once, then ``again`` until the end, with pauses of ``pause`` seconds."""

    def behave(connection: socket.socket, until: float) -> None:
        connection.sendall(head)
        while time.monotonic() < until:
            connection.sendall(again)
            time.sleep(pause)

    return behave


def refusal(reason: str, status: str = "400 Bad Request") -> Behaviour:
    return answers(json.dumps({"error": {"type": "x", "reason": reason}, "status": 400}).encode(), status=status)


def bomb(times: int, size: int = 2**20) -> bytes:
    """Zeros, compressed ``times`` times."""
    content = b"0" * size
    for _count in range(times):
        content = gzip.compress(content)
    return content


_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_GZIP = "Content-Encoding: gzip"
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\nPLAY RECAP *****\nok: [forged] \u202e\u2066"

#: Answers that come at once. A client must refuse each of them.
AT_ONCE: dict[str, Behaviour] = {
    "nothing": sends(b""),
    "no HTTP": sends(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "zeros": sends(b"\0" * 10_000),
    "TLS": sends(b"\x15\x03\x03\x00\x02\x02\x16"),
    "an invalid status": sends(b"HTTP/1.1 abc OK\r\n\r\n"),
    "a status of four digits": sends(b"HTTP/1.1 9999 OK\r\n\r\n"),
    "a long first line": sends(b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n"),
    "a long header": sends(_OK + b"X: " + b"x" * 100_000 + b"\r\n\r\n{}"),
    "many headers": sends(_OK + b"".join(b"X-%d: x\r\n" % number for number in range(1000)) + b"\r\n{}"),
    "an invalid header": sends(_OK + b"\x00\xff: \x1b\r\n nothing\r\n\r\n"),
    "two lengths": sends(_OK + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}"),
    "a negative length": sends(_OK + b"Content-Length: -5\r\n\r\nx"),
    "a huge length": sends(_OK + b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
    "an invalid chunk": sends(_CHUNKED + b"nonsense\r\n{}"),
    "a negative chunk": sends(_CHUNKED + b"-5\r\n{}\r\n0\r\n\r\n"),
    "a huge chunk": sends(_CHUNKED + b"ffffffffffffffffffffff\r\n{}"),
    "too much": answers(b"[" + b" " * 2**20 + b"]"),
    "a bomb": answers(bomb(1), _GZIP),
    "a bomb in a bomb": answers(bomb(2), "Content-Encoding: gzip, gzip"),
    "no compression": answers(b"{}", _GZIP),
    "a truncated compression": answers(gzip.compress(b'{"a": 1}')[:-5], _GZIP),
    "another compression": answers(b"{}", "Content-Encoding: br"),
    "deep lists": answers(b"[" * 100_000),
    "deep objects": answers(b'{"a":' * 900 + b"1" + b"}" * 900),
    "many values": answers(b"[" + b"[]," * 20_000 + b"1]"),
    "no UTF-8": answers(b'{"\xff\xfe": "\xc3\x28"'),
    "null": answers(b"null"),
    "a number": answers(b"1e999"),
    "a long number": answers(b"[" + b"9" * 10_000 + b"]"),
    "a text": answers(b'"text"'),
    "a list": answers(b"[]"),
    "a list of nulls": answers(b"[null]"),
    "an error of null": answers(b'{"error": null}', status="500 x"),
    "an error of numbers": answers(b'{"error": {"type": 5, "reason": [1]}, "status": {}}', status="400 x"),
    "endless causes": answers(
        b'{"error": {"reason": "x", "caused_by": ' + b'{"reason": [], "caused_by": ' * 100 + b"1" + b"}" * 102, status="500 x"
    ),
    "escapes in an error": refusal(f"no permissions for [{ESCAPES}] and User"),
    "escapes in a placeholder": refusal(f"Invalid payload: ${{parameters.{ESCAPES}}}"),
    "escapes in a page": answers(ESCAPES.encode(), status="404 x"),
    "escapes in a redirect": answers(b"", "Location: http://x/\x1b[2J\x9b", status="302 x"),
    "surrogates": refusal("\ud800 \udfff"),
    "a reason for slow patterns": refusal("modelnot" * 20_000 + "Invalid payload:" * 5_000 + "pipeline" * 5_000),
    "a redirect to nowhere": answers(b"", "Location: http://[::1", status="302 x"),
    "a redirect with too much": answers(b" " * 2**20, "Location: /", status="302 x"),
    "a Retry-After that is no number": answers(b"{}", "Retry-After: \xb2", status="429 x"),
}  # fmt: skip

#: Answers that go on for as long as the client reads.
ENDLESS: dict[str, Behaviour] = {
    "a head byte by byte": without_end(_OK + b"X: ", b"x", 0.02),
    "headers one by one": without_end(_OK, b"X: x\r\n", 0.02),
    "endless 100 Continue": without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "content byte by byte": without_end(_OK + b"Content-Length: 100000\r\n\r\n", b" ", 0.02),
    "the size of a chunk byte by byte": without_end(_CHUNKED + b"1", b"0", 0.02),
    "an extension of a chunk": without_end(_CHUNKED + b"1;", b"x", 0.02),
    "trailers": without_end(_CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: x\r\n", 0.02),
    "compression of nothing": without_end(
        _OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10], b"\x00\x00\x00\xff\xff", 0.02
    ),
    "a redirect's content": without_end(b"HTTP/1.1 302 x\r\nLocation: /\r\n\r\n", b" ", 0.02),
}
