# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of vLLM that answers as its documentation says, and that the containers of the stack can reach.

vLLM itself needs a larger machine than the tests may require. The double has only what OpenSearch and the collection use: the
routes, the key, and the formats of answers and errors. It has no model.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator

MODEL = "Qwen/Qwen3-0.6B"

#: A reasoning model answers in two parts. Every question gets this answer.
REASONING = "They said something. I answer it."
CONTENT = "Pong from the double."


def host_address() -> str:
    """The address of the host in the network of the stack's containers. A firewall must accept their connections."""
    network = os.environ.get("STACK_NETWORK", "searchops-ml")
    done = subprocess.run(
        ["docker", "network", "inspect", network, "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"],
        check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return next(address for address in done.stdout.split() if ipaddress.ip_address(address).version == 4)


class Vllm(ThreadingHTTPServer):
    """``seen`` lists the accepted chat requests as (headers with lower-case names, body), the oldest first."""

    daemon_threads = True

    def __init__(self, address: str, key: str | None) -> None:
        super().__init__((address, 0), _Handler)
        self.key = key
        self.url = f"http://{address}:{self.server_port}"
        self.seen: list[tuple[dict[str, str], dict[str, Any]]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Vllm

    def do_GET(self) -> None:
        if self.path == "/health":
            self._send(200, None)
        elif self._is_authorized():
            if self.path == "/v1/models":
                card = {"id": MODEL, "object": "model", "owned_by": "vllm", "root": MODEL, "max_model_len": 2048}
                self._send(200, {"object": "list", "data": [card]})
            else:
                self._send(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if not self._is_authorized():
            return
        if self.path != "/v1/chat/completions":
            self._send(404, {"detail": "Not Found"})
        elif body.get("model") != MODEL:
            self._refuse(404, "NotFoundError", f"The model `{body.get('model')}` does not exist.")
        elif body.get("tools") == []:
            message = "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely."
            self._refuse(400, "BadRequestError", message)
        else:
            self.server.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self._send(200, self._completion())

    def _is_authorized(self) -> bool:
        """Only /v1 requires the key. The body of this refusal has no message."""
        if (
            self.server.key
            and self.path.startswith("/v1")
            and self.headers.get("Authorization") != f"Bearer {self.server.key}"
        ):
            self._send(401, {"error": "Unauthorized"})
            return False
        return True

    def _completion(self) -> dict[str, Any]:
        message = {
            "role": "assistant",
            "reasoning_content": REASONING,
            "content": CONTENT,
            "refusal": None,
            "tool_calls": [],
        }
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop", "stop_reason": None}
        return {
            "id": "chatcmpl-1f0e",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODEL,
            "choices": [choice],
            "usage": {
                "prompt_tokens": 9,
                "completion_tokens": 14,
                "total_tokens": 23,
                "prompt_tokens_details": None,
            },
            "prompt_logprobs": None,
        }

    def _refuse(self, status: int, kind: str, message: str) -> None:
        self._send(status, {"error": {"message": message, "type": kind, "param": None, "code": status}})

    def _send(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        if content:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Keep the log out of the tests' output."""


@contextlib.contextmanager
def vllm(key: str | None) -> Iterator[Vllm]:
    server = Vllm(host_address(), key)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
