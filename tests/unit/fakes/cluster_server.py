# SPDX-License-Identifier: GPL-3.0-or-later
"""The fake cluster behind a real port, for programs that run in a process of their own."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Iterator

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.cluster import FakeCluster


@contextlib.contextmanager
def serving(cluster: FakeCluster) -> Iterator[str]:
    """Serve the cluster on the loopback interface; yields its URL."""
    one_at_a_time = threading.Lock()
    failed: list[BaseException] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body are sent separately; with Nagle's algorithm the body would wait 40 ms for the head's receipt.
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                with one_at_a_time:
                    answer = cluster.send(self.command, self.path, {}, content or None, 0)
            except BaseException as exc:  # the test reports it, not this thread
                failed.append(exc)
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PUT = do_DELETE = _answer

        def log_message(self, *args: object) -> None:
            """Keep the log out of the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not failed, json.dumps([repr(exc) for exc in failed])
