# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A reverse proxy in the test process that records each request to a server."""

from __future__ import annotations

import http.client
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

#: A POST whose path contains one of these is a read.
READING = ("/_search", "/_mget", "/_predict", "/_execute")


class Request(NamedTuple):
    method: str
    path: str
    body: bytes
    status: int

    @property
    def writes(self) -> bool:
        path = self.path.split("?")[0]
        reads = self.method == "POST" and any(each in path for each in READING)
        return self.method not in ("GET", "HEAD") and not reads


class Answer(NamedTuple):
    status: int
    reason: str
    headers: list[tuple[str, str]]
    content: bytes


class Recorder:
    """Listens on a free loopback port and forwards to ``target``; with a certificate, TLS on both sides."""

    def __init__(
        self,
        target: str,
        ca: str | None = None,
        certificate: tuple[str, str] | None = None,
        handler: type[Handler] | None = None,
    ) -> None:
        self.requests: list[Request] = []
        self._target = urlsplit(target)
        self._context = ssl.create_default_context(cafile=ca) if ca else None
        bound = type("Bound", (handler or Handler,), {"recorder": self})
        self._server = _Server(("127.0.0.1", 0), bound)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def clear(self) -> None:
        self.requests.clear()

    @property
    def writes(self) -> list[str]:
        """The writes since the last :meth:`clear`, as 'METHOD path'."""
        return [f"{request.method} {request.path}" for request in self.requests if request.writes]

    def connect(self) -> http.client.HTTPConnection:
        host, port = str(self._target.hostname), self._target.port
        if self._context:
            return http.client.HTTPSConnection(host, port, timeout=200, context=self._context)
        return http.client.HTTPConnection(host, port, timeout=200)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client reports a broken connection."""


class Handler(BaseHTTPRequestHandler):
    recorder: Recorder
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    upstream: http.client.HTTPConnection | None = None

    def finish(self) -> None:
        self.close_upstream()
        super().finish()

    def close_upstream(self) -> None:
        if self.upstream:
            self.upstream.close()
            self.upstream = None

    def forward(self) -> None:
        self.reply(self.ask(self.content()))

    def content(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def ask(self, body: bytes) -> Answer:
        """Forward the request and record it."""
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        # One connection to the server for each connection of a client: with TLS, a new one costs more than most requests.
        upstream = self.upstream = self.upstream or self.recorder.connect()
        try:
            upstream.request(self.command, self.path, body=body or None, headers=headers)
            answer = upstream.getresponse()
            content = answer.read()
        except Exception:
            self.close_upstream()
            raise
        self.recorder.requests.append(Request(self.command, self.path, body, answer.status))
        return Answer(answer.status, answer.reason, answer.getheaders(), content)

    def reply(self, answer: Answer) -> None:
        self.reply_head(answer)
        if self.command != "HEAD":
            self.wfile.write(answer.content)

    def reply_head(self, answer: Answer) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = forward

    def log_message(self, format: str, *args: Any) -> None:
        pass
