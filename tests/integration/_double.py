# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A backend that answers as a test says, and that the containers of the stack can reach."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator

from ansible_collections.searchops.opensearch_ml.tests.unit.fakes import tool_models

#: Returns the HTTP status and the JSON text of the answer to a request's body.
Answer = Callable[[Any], "tuple[int, str]"]


def host_address() -> str:
    """The address of the host in the network of the stack's containers. A firewall must accept their connections."""
    network = os.environ.get("STACK_NETWORK", "searchops-ml")
    done = subprocess.run(
        ["docker", "network", "inspect", network, "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"],
        check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return next(address for address in done.stdout.split() if ipaddress.ip_address(address).version == 4)


class Double(ThreadingHTTPServer):
    """``answers`` are the answers by path; ``seen`` lists the requests as (path, body), the oldest first."""

    daemon_threads = True

    def __init__(self, answers: dict[str, Answer]) -> None:
        address = host_address()
        super().__init__((address, 0), _Handler)
        self.answers = answers
        self.url = f"http://{address}:{self.server_port}"
        self.seen: list[tuple[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Double

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.server.seen.append((self.path, body))
        answer = self.server.answers.get(self.path)
        status, text = answer(body) if answer else (404, '{"detail": "Not Found"}')
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Keep the log out of the tests' output."""


@contextlib.contextmanager
def double(answers: dict[str, Answer]) -> Iterator[Double]:
    server = Double(answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


CHAT = "/v1/chat/completions"


def chat(model: Callable[[tool_models.Request], tool_models.Answer]) -> Answer:
    """The answers of one of the models of ``tool_models``."""

    def answer(body: Any) -> tuple[int, str]:
        status, content = model(body)
        return status, json.dumps(content)

    return answer


@contextlib.contextmanager
def calls_tools() -> Iterator[Double]:
    """A server whose model calls tools as it should."""
    with double({CHAT: chat(tool_models.works)}) as server:
        yield server
