# SPDX-License-Identifier: GPL-3.0-or-later
"""An Ollama in memory. It is a transport that answers as 0.17.4 does and records each request in ``exchanges``."""

from __future__ import annotations

import hashlib
import json
from typing import Any, BinaryIO, Iterator, Mapping
from urllib.parse import urlsplit

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    NotSent,
    RawAnswer,
    StreamedAnswer,
)
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.exchanges import is_read

NOW = "Tue, 24 Nov 2026 00:20:53 GMT"
FOR_EVER = "2319-03-06T00:08:09.717053087Z"
IN_FIVE_MINUTES = "2026-11-24T00:25:53.5Z"
WEIGHTS = "sha256:" + "1" * 64
NOT_FOUND = "model '{}' not found"


def definition(**fields: Any) -> dict[str, Any]:
    return {
        "weights": [WEIGHTS], "parameters": {}, "system": "", "template": "{{ .Prompt }}", "license": "", **fields,
    }  # fmt: skip


class FakeOllama:
    """``models`` and ``registry``: definitions by name; ``loaded``: models in memory and when they expire; ``blobs``: digests."""

    def __init__(self) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self.registry: dict[str, dict[str, Any]] = {}
        #: Number of pulls that fail because another pull of the same file was canceled.
        self.canceled_pulls = 0
        self.canceled_pull_error = "context canceled"
        self.loaded: dict[str, dict[str, Any]] = {}
        self.blobs: set[str] = set()
        self.exchanges: list[tuple[str, str, Any]] = []
        self.headers: Mapping[str, str] = {}
        #: path -> the outcome there instead of the normal answer: (status, body), the pieces of a stream, or an exception.
        self.overrides: dict[str, Any] = {}
        self.template_of_files = "{{ .Prompt }}"

    @property
    def writes(self) -> list[str]:
        return [f"{method} {path}" for method, path, _body in self.exchanges if not is_read(method, path)]

    def digest(self, name: str) -> str:
        return hashlib.sha256(json.dumps(self.models[name], sort_keys=True).encode()).hexdigest()

    def load(self, name: str, expires_at: str = FOR_EVER) -> None:
        context = self.models[name]["parameters"].get("num_ctx", 4096)
        self.loaded[name] = {"digest": self.digest(name), "expires_at": expires_at, "context_length": context}

    def snapshot(self) -> str:
        return json.dumps([self.models, self.loaded, sorted(self.blobs)], sort_keys=True)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None, timeout: float
    ) -> RawAnswer:
        path = urlsplit(url).path
        self.headers = headers
        if content is not None and not isinstance(content, bytes):
            content = content.read()
            self.exchanges.append((method, path, len(content)))
            status, answer = self._override(path) or self._store(path, content)
        else:
            body = json.loads(content) if content else {}
            self.exchanges.append((method, path, body))
            status, answer = self._override(path) or self._answer(method, path, body)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return RawAnswer(status, {"Date": NOW}, text.encode())

    def stream(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> StreamedAnswer:
        path, body = urlsplit(url).path, json.loads(content or b"{}")
        self.exchanges.append((method, path, body))
        override = self.overrides.get(path)
        if isinstance(override, list):
            return StreamedAnswer(200, {}, self._pieces(override))
        status, answer = self._override(path) or getattr(self, "_" + path.rsplit("/", 1)[1])(body)
        if status == 200:
            # Cut in the middle of lines, as a network does.
            text = b"".join(json.dumps(line).encode() + b"\n" for line in answer)
            return StreamedAnswer(200, {}, iter([text[:7], text[7:40], text[40:]]))
        return StreamedAnswer(status, {}, iter([json.dumps(answer).encode()]))

    def _pieces(self, lines: list[Any]) -> Iterator[bytes]:
        for line in lines:
            if isinstance(line, Exception):
                raise line
            yield line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n"

    def _override(self, path: str) -> tuple[int, Any] | None:
        override = self.overrides.get(path)
        if isinstance(override, (NoAnswer, NotSent)):
            raise override
        return override

    def _store(self, path: str, content: bytes) -> tuple[int, Any]:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if not path.endswith(digest):
            return 400, {"error": f'digest mismatch, expected "{path}", got "{digest}"'}
        self.blobs.add(digest)
        return 201, ""

    def _answer(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if method == "HEAD":
            return (200, "") if path.rsplit("/", 1)[1] in self.blobs else (404, "")
        if path == "/api/tags":
            return 200, {"models": [self._line(name) for name in self.models]}
        if path == "/api/ps":
            entry = {"size": 10, "size_vram": 0}
            return 200, {"models": [{"name": name, **entry, **facts} for name, facts in self.loaded.items()]}
        name = body["model"]
        if name not in self.models:
            return 404, {"error": NOT_FOUND.format(name)}
        return getattr(self, "_" + path.rsplit("/", 1)[1])(body)

    def _line(self, name: str) -> dict[str, Any]:
        details = {"format": "gguf", "family": "llama", "parameter_size": "461K", "quantization_level": "F16"}
        moment = "2026-11-24T00:17:36Z"
        return {"name": name, "digest": self.digest(name), "size": 942046, "modified_at": moment, "details": details}

    def _show(self, body: Any) -> tuple[int, Any]:
        model = self.models[body["model"]]
        lines = ["# Modelfile generated by", f"# FROM {body['model']}", ""]
        lines += [f"FROM /models/blobs/{digest.replace(':', '-')}" for digest in model["weights"]]
        lines += [f'TEMPLATE """{model["template"]}"""']
        parameters = []
        for name, value in model["parameters"].items():
            values = value if isinstance(value, list) else [value]
            parameters += [f"{name:<30} {json.dumps(each)}" for each in values]
        shown = {key: model[key] for key in ("system", "template", "license") if model[key]}
        return 200, {
            **shown,
            "modelfile": "\n".join(lines),
            "parameters": "\n".join(parameters),
            "capabilities": model.get("capabilities", ["completion"]),
        }

    def _pull(self, body: Any) -> tuple[int, Any]:
        if body["model"] not in self.registry:
            return 200, [{"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}]
        if self.canceled_pulls:
            self.canceled_pulls -= 1
            return 200, [{"status": "pulling manifest"}, {"error": self.canceled_pull_error}]
        self.models[body["model"]] = self.registry[body["model"]]
        file = {"status": "pulling 111", "digest": WEIGHTS, "total": 100}
        return 200, [
            {"status": "pulling manifest"}, file, {**file, "completed": 60}, {**file, "completed": 100},
            {"status": "success"},
        ]  # fmt: skip

    def _create(self, body: Any) -> tuple[int, Any]:
        given = {key: body[key] for key in ("system", "template") if key in body}
        if "files" in body:
            (digest,) = body["files"].values()
            if digest not in self.blobs:
                return 400, {"error": "unknown type"}
            base = definition(weights=[digest], template=self.template_of_files)
        else:
            base = self.models[body["from"]]
        licences = [text for text in (base["license"], body.get("license")) if text]
        self.models[body["model"]] = {
            **base,
            **given,
            "parameters": {**base["parameters"], **body.get("parameters", {})},
            "license": "\n".join(licences),
        }
        return 200, [{"status": "parsing GGUF"}, {"status": "writing manifest"}, {"status": "success"}]

    def _loaded_for(self, name: str) -> list[Any]:
        return [self.models[name]["parameters"].get(parameter) for parameter in ("num_ctx", "num_gpu", "num_thread")]

    def _delete(self, body: Any) -> tuple[int, Any]:
        del self.models[body["model"]]
        return 200, ""

    def _generate(self, body: Any) -> tuple[int, Any]:
        if body.get("keep_alive") == 0:
            del self.loaded[body["model"]]
            return 200, {"done": True, "done_reason": "unload"}
        if "completion" not in self.models[body["model"]].get("capabilities", ["completion"]):
            return 400, {"error": f'"{body["model"]}" does not support generate'}
        return self._embed(body)

    def _embed(self, body: Any) -> tuple[int, Any]:
        name = body["model"]
        expires_at = FOR_EVER if str(body.get("keep_alive", "")).startswith("-") else IN_FIVE_MINUTES
        same = next(
            (each for each in self.loaded if self.models[each]["weights"] == self.models[name]["weights"]), None
        )
        if same and self._loaded_for(same) == self._loaded_for(name):
            # The loaded model answers for both, under its own name and with its own settings.
            self.loaded[same]["expires_at"] = expires_at
        else:
            self.loaded.pop(same or name, None)
            self.load(name, expires_at)
        return 200, {"done": True, "done_reason": "load"}
