# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry of models in the test process with the requests that Ollama sends, and the address of the stack's Ollama."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

URL = os.environ.get("STACK_OLLAMA_URL", "http://127.0.0.1:21434")
CONTAINER = os.environ.get("STACK_OLLAMA_CONTAINER", "searchops-ml-ollama")


def host_as_ollama_sees_it() -> str:
    """The address of this machine in the network of Ollama's container."""
    form = "{{range .NetworkSettings.Networks}}{{.Gateway}} {{end}}"
    done = subprocess.run(
        ["docker", "inspect", "--format", form, CONTAINER], check=True, capture_output=True, text=True, timeout=30
    )
    return done.stdout.split()[0]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class Registry:
    """``offer`` adds a model; ``cut`` is the number of bytes of each file after which the connection breaks, or None."""

    def __init__(self) -> None:
        self.manifests: dict[str, bytes] = {}
        self.blobs: dict[str, bytes] = {}
        self.cut: int | None = None
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = _Server(("0.0.0.0", 0), handler)  # noqa: S104 - containers must reach it
        self.address = f"{host_as_ollama_sees_it()}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def offer(self, model: str, weights: bytes, parameters: dict[str, Any]) -> str:
        """Add a model; returns the name under which Ollama can pull it."""
        config = {"model_format": "gguf", "model_family": "llama", "model_families": ["llama"], "model_type": "461K",
                  "file_type": "F16", "architecture": "amd64", "os": "linux", "rootfs": {"type": "layers"}}  # fmt: skip
        layers = [
            self._layer("application/vnd.ollama.image.model", weights),
            self._layer("application/vnd.ollama.image.params", json.dumps(parameters).encode()),
        ]
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": self._layer("application/vnd.docker.container.image.v1+json", json.dumps(config).encode()),
            "layers": layers,
        }
        self.manifests[f"/v2/library/{model}/manifests/latest"] = json.dumps(manifest).encode()
        return f"{self.address}/library/{model}"

    def _layer(self, kind: str, content: bytes) -> dict[str, Any]:
        self.blobs[digest_of(content)] = content
        return {"mediaType": kind, "digest": digest_of(content), "size": len(content)}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client reports a broken connection."""


class _Handler(BaseHTTPRequestHandler):
    registry: Registry
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        content = self.registry.manifests.get(self.path)
        cut = None
        if "/blobs/" in self.path and self.command == "GET" and "Range" not in self.headers:
            # Before Ollama downloads the parts of a file, it requests their location.
            self.send_response(200)
            self.send_header("Location", f"http://{self.registry.address}{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if content is None:
            content, cut = self.registry.blobs.get(self.path.rsplit("/", 1)[1]), self.registry.cut
        if content is None:
            self.send_error(404)
            return
        first, last = 0, len(content) - 1
        if "Range" in self.headers:
            start, _dash, end = self.headers["Range"].removeprefix("bytes=").partition("-")
            first, last = int(start), min(int(end), last)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if self.command == "GET":
            part = content[first : last + 1]
            self.wfile.write(part if cut is None else part[:cut])
            self.close_connection = cut is not None

    do_GET = do_HEAD = _answer

    def log_message(self, format: str, *args: Any) -> None:
        pass
