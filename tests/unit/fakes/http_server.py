# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTP server on the loopback interface, in a thread. The path of a request selects how it misbehaves."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Iterator


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _answer(self) -> None:
        self.server.connections.add(self.client_address)
        length = int(self.headers.get("Content-Length", 0))
        self.server.requests.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        name = self.path.strip("/").split("?")[0] or "plain"
        getattr(self, f"_{name}")()

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def _plain(self, content: bytes = b'{"ok": true}', status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _silent(self) -> None:
        self.server.stop.wait(5)
        self.close_connection = True

    def _redirect(self) -> None:
        self._plain(b"", 302, Location="/plain")

    def _empty(self) -> None:
        self._plain(b"")

    def _gzip(self) -> None:
        self._plain(gzip.compress(b'{"compressed": true}'), Content_Encoding="gzip")

    def _chunked(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (b'{"a"', b": 1}", b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"half":')
        self.close_connection = True

    def _hangup(self) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _drip(self) -> None:
        """One byte at a time, each well within the timeout of one read."""
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        with contextlib.suppress(OSError):
            end = time.monotonic() + 5
            while time.monotonic() < end and not self.server.stop.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()
        self.close_connection = True

    def _large(self) -> None:
        with contextlib.suppress(OSError):
            self._plain(b" " * self.server.large)

    def log_message(self, *args: Any) -> None:
        """Keep the log out of the tests' output."""


class Server(ThreadingHTTPServer):
    """``requests`` lists (method, path, headers, content) of each request, ``connections`` the clients' addresses."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections: set[Any] = set()
        self.stop = threading.Event()
        self.large = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gives up is what the tests expect."""


@contextlib.contextmanager
def serving(certificate: Path | None = None) -> Iterator[Server]:
    """Run a server; ``certificate`` is a PEM file with certificate and key, without it the server speaks plain HTTP."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    with running(context) as server:
        yield server


@contextlib.contextmanager
def running(context: ssl.SSLContext | None) -> Iterator[Server]:
    """Run a server that speaks TLS with this context, or plain HTTP."""
    server = Server()
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
