# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A double of vLLM for answers that the tiny model never gives: with reasoning. The containers of the stack can reach it.

The fields and their order are those of vLLM 0.32.0.
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


def host_address() -> str:
    """The address of the host in the network of the stack's containers. A firewall must accept their connections."""
    network = os.environ.get("STACK_NETWORK", "searchops-ml")
    done = subprocess.run(
        ["docker", "network", "inspect", network, "--format", "{{range .IPAM.Config}}{{.Gateway}} {{end}}"],
        check=True, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    return next(address for address in done.stdout.split() if ipaddress.ip_address(address).version == 4)


class Vllm(ThreadingHTTPServer):
    """Answers each chat request with ``message`` and ``finish_reason``, which a test changes."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Handler)
        self.url = f"http://{address}:{self.server_port}"
        self.message: dict[str, Any] = {}
        self.finish_reason = "stop"


class _Handler(BaseHTTPRequestHandler):
    server: Vllm

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = json.dumps(self._completion()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _completion(self) -> dict[str, Any]:
        # Without a call of a tool, "tool_calls" is absent.
        unused = {"refusal": None, "annotations": None, "audio": None, "function_call": None}
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": None, **unused, "reasoning": None, **self.server.message},
            "logprobs": None,
            "finish_reason": self.server.finish_reason,
            "stop_reason": None,
            "token_ids": None,
            "routed_experts": None,
        }
        return {
            "id": "chatcmpl-9f2c1d0a7b3e4f56",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": MODEL,
            "choices": [choice],
            "service_tier": None,
            "system_fingerprint": "vllm-0.32.0-9f2c1d0a",
            "usage": {
                "prompt_tokens": 9,
                "total_tokens": 23,
                "completion_tokens": 14,
                "prompt_tokens_details": None,
                "completion_tokens_details": {"reasoning_tokens": 0},
            },
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "prompt_text": None,
            "kv_transfer_params": None,
            "ec_transfer_params": None,
            "metrics": None,
        }

    def log_message(self, *args: Any) -> None:
        """Keep the log out of the tests' output."""


@contextlib.contextmanager
def vllm() -> Iterator[Vllm]:
    server = Vllm(host_address())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
