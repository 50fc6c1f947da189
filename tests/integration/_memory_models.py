# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of the two models of a memory container, which the containers of the stack can reach.

The tiny model of the stack cannot answer with the JSON that ML Commons asks for. This double answers the same fact for each
conversation and the same vector for each text.
"""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

from ansible_collections.searchops.opensearch_ml.tests.integration._vllm import host_address

FACT = "Ada drinks green tea in the morning."

DIMENSION = 4

PROMPT = (
    '{"messages": [{"role": "system", "content": "${parameters.system_prompt}"}, '
    '{"role": "user", "content": "${parameters.user_prompt}"}]}'
)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/embed":
            answer: dict[str, Any] = {"data": [{"embedding": [0.1] * DIMENSION}]}
        else:
            content = json.dumps({"facts": [FACT]})
            answer = {
                "choices": [{"message": {"role": "assistant", "content": content}}],
                "asked": len(body["messages"]),
            }
        sent = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *args: Any) -> None:
        """Keep the log out of the tests' output."""


@contextlib.contextmanager
def memory_models() -> Iterator[str]:
    """The URL of the double: ``/chat`` and ``/embed``."""
    server = ThreadingHTTPServer((host_address(), 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
