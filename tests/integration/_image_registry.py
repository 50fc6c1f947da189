# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A registry of container images on the loopback address, to pull from only. It offers images of the local engine under other names."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar"


class ImageRegistry:
    """The registry's ``address``, and ``requests`` with the paths that the engine has requested."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.manifests: dict[str, bytes] = {}
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": self}))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def offer(self, name: str, image: str, change: Callable[[dict[str, Any], list[str]], None]) -> None:
        """Offer an image as ``name`` (``library/nginx:1.28.0``).

        ``change`` receives the configuration and the names of the layers' files, and may change both.
        """
        archive = self._folder / "image.tar"
        subprocess.run(["docker", "save", "--output", str(archive), image], check=True, timeout=300)
        with tarfile.open(archive) as saved:
            entry = json.loads(_file(saved, "manifest.json").read())[0]
            config = json.loads(_file(saved, entry["Config"]).read())
            files = list(entry["Layers"])
            change(config, files)
            layers = [self._layer(saved, file) for file in files]
        archive.unlink()
        repository, _colon, tag = name.rpartition(":")
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, **self._blob(json.dumps(config).encode())},
            "layers": layers,
        }
        content = json.dumps(manifest).encode()
        for reference in (tag, _digest(content)):
            self.manifests[f"/v2/{repository}/manifests/{reference}"] = content

    def blob(self, digest: str) -> Path:
        return self._folder / digest.replace(":", "-")

    def _layer(self, saved: tarfile.TarFile, file: str) -> dict[str, Any]:
        target = self._folder / "layer"
        with target.open("wb") as output:
            shutil.copyfileobj(_file(saved, file), output)
        with target.open("rb") as source:
            digest = "sha256:" + hashlib.file_digest(source, "sha256").hexdigest()
        target.rename(self.blob(digest))
        return {"mediaType": LAYER, "digest": digest, "size": self.blob(digest).stat().st_size}

    def _blob(self, content: bytes) -> dict[str, Any]:
        self.blob(_digest(content)).write_bytes(content)
        return {"digest": _digest(content), "size": len(content)}


def _file(saved: tarfile.TarFile, name: str) -> Any:
    found = saved.extractfile(name)
    assert found, name
    return found


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    registry: ImageRegistry
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        self.registry.requests.append(self.path)
        if self.path == "/v2/":
            self._send(b"{}", "application/json")
        elif self.path in self.registry.manifests:
            self._send(self.registry.manifests[self.path], MANIFEST)
        elif "/blobs/" in self.path:
            blob = self.registry.blob(self.path.rsplit("/", 1)[1])
            self._send(blob.read_bytes(), "application/octet-stream")
        else:
            self._send(
                b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}', "application/json", 404
            )

    do_GET = do_HEAD = _answer

    def _send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Docker-Content-Digest", _digest(content))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass
