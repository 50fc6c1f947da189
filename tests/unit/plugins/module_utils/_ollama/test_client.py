# SPDX-License-Identifier: GPL-3.0-or-later
"""The client of an Ollama server: URLs, the codes of errors, interrupted streams, and masked keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.searchops.opensearch_ml.plugins.module_utils._errors.exceptions import (
    Failure,
    WriteInCheckMode,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._http.transport import (
    NoAnswer,
    NotSent,
)
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama import client as client_module
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._ollama import ndjson
from ansible_collections.searchops.opensearch_ml.plugins.module_utils._values.masking import Masker
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.clock import FakeClock
from ansible_collections.searchops.opensearch_ml.tests.unit.fakes.ollama import FakeOllama, definition

OPTIONS = {"url": "http://ollama.test:11434", "timeout": 5.0, "retries": 2, "validate_certs": True}


def client(
    server: Any, *, read_only: bool = False, clock: FakeClock | None = None, **more: Any
) -> client_module.OllamaClient:
    return client_module.connect(
        {**OPTIONS, **more},
        read_only=read_only,
        transport=server,
        clock=clock or FakeClock(),
        mask=more.get("mask"),
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "http://127.0.0.1:11434"),
        ("ollama", "http://ollama:11434"),
        ("ollama:80", "http://ollama:80"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - nothing is bound to it
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("http://ollama", "http://ollama"),
        ("https://gateway.test/ollama/", "https://gateway.test/ollama"),
        ("http://ollama:11434/v1/", "http://ollama:11434"),
        ("[::1]:1", "http://[::1]:1"),
    ],
)
def test_base_url(given: str, expected: str) -> None:
    assert client_module.base_url(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "ftp://x",
        "http://",
        "http://a:b",
        "http://joe:s3cret@a",
        "http://joe:s3cret@a:99999",
        "a b",
        "http://a:99999",
        "http://[a",
    ],
)
def test_invalid_url_is_refused(given: str) -> None:
    with pytest.raises(Failure, match=r"^url: ") as caught:
        client_module.base_url(given)
    assert caught.value.code == "invalid_input"
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("option", [{"timeout": 0.0}, {"timeout": -1.0}, {"retries": -1}])
def test_invalid_timeout_and_retries_are_refused(option: dict[str, Any]) -> None:
    with pytest.raises(Failure) as caught:
        client(FakeOllama(), **option)
    assert caught.value.code == "invalid_input"


def test_headers_and_key_are_sent() -> None:
    server = FakeOllama()
    client(server, api_key="first-key", headers={"X-Team": 5}).get("/api/tags")
    assert server.headers["Authorization"] == "Bearer first-key"
    assert server.headers["X-Team"] == "5"
    assert client_module.secrets_of({"api_key": "first-key", "headers": {"X-Team": 5}}) == ["first-key", "5"]


#: Error texts of Ollama 0.17.4 and its gateways.
ERRORS = [
    (200, "pull model manifest: file does not exist", "ollama_unknown_model"),
    (200, 'pull model manifest: Get "https://registry.ollama.ai/v2/library/x/manifests/latest": dial tcp: lookup '
          "registry.ollama.ai on 127.0.0.11:53: server misbehaving", "ollama_registry_unreachable"),
    (200, 'pull model manifest: Get "https://r.test/v2/": tls: failed to verify certificate: x509: unknown authority',
     "ollama_registry_unreachable"),
    (200, "max retries exceeded: unexpected EOF", "ollama_registry_unreachable"),
    (200, 'pull model manifest: Get "https://127.0.0.1:5000/v2/library/x/manifests/latest": http: server gave HTTP '
          "response to HTTPS client", "ollama_registry_plain_http"),
    (200, "pull model manifest: 412: \n\nThe model you are attempting to pull requires a newer version of Ollama.",
     "ollama_too_old"),
    (200, "pull model manifest: 403: denied", "ollama_registry_refused"),
    (200, "write /root/.ollama/models/blobs/sha256-1-partial: no space left on device", "ollama_disk_full"),
    (500, "write /models/blobs/sha256-123: no space left on device", "ollama_disk_full"),
    (500, "model requires more system memory (40.1 GiB) than is available (2.0 GiB)", "ollama_out_of_memory"),
    (400, "template error: template: :1: unexpected EOF", "ollama_invalid_template"),
    (400, "supplied file was not in GGUF format", "ollama_invalid_file"),
    (500, "EOF", "ollama_invalid_file"),
    (400, "unknown type", "ollama_invalid_file"),
    (500, "llama runner process has terminated: exit status 2", "ollama_cannot_load"),
    (400, '"x" does not support generate', "ollama_cannot_load"),
    (404, "model 'x' not found", "ollama_model_missing"),
    (400, "invalid model name", "invalid_input"),
    (500, "something new", "ollama_error"),
]  # fmt: skip


@pytest.mark.parametrize(("status", "text", "code"), ERRORS)
def test_error_codes(status: int, text: str, code: str) -> None:
    assert client_module.error_code(text) == code
    server = FakeOllama()
    server.overrides["/api/pull"] = (status, {"error": text}) if status != 200 else [{"status": "x"}, {"error": text}]
    with pytest.raises(Failure) as caught:
        client(server).stream("/api/pull", {"model": "x"}, silence_timeout=5.0, timeout=60.0)
    assert caught.value.code == code
    assert text.strip()[:20] in caught.value.message


def test_progress_is_reported() -> None:
    reported: list[str] = []
    server = FakeOllama()
    partial, complete = [
        {"status": "pulling 1", "digest": "1", "completed": done, "total": 5e6} for done in (25e5, 5e6)
    ]
    server.overrides["/api/pull"] = [{"status": "pulling manifest"}, partial, complete, {"status": "success"}]
    client(server).stream("/api/pull", {"model": "x"}, silence_timeout=5.0, timeout=60.0, progress=reported.append)
    assert reported == [
        "pulling manifest",
        "pulling 1, 2.5 of 5.0 MB",
        "pulling 1, 5.0 of 5.0 MB",
        "success, 5.0 of 5.0 MB",
    ]


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "body", "code"),
        [
            (200, "<html>hello</html>", "not_ollama"),
            (200, [1], "not_ollama"),
            (404, "404 page not found", "not_ollama"),
            (400, {"error": "no handler found for uri [/api/tags] and method [GET]"}, "not_ollama"),
            (500, "oops", "not_ollama"),
            (500, {"error": "disk I/O error"}, "ollama_error"),
            (302, "", "redirected"),
            (401, {"error": "no key"}, "ollama_unauthorized"),
            (403, "Forbidden", "ollama_unauthorized"),
            (503, "busy", "ollama_no_answer"),
        ],
    )
    def test_of_another_server_or_with_an_error(self, status: int, body: Any, code: str) -> None:
        server = FakeOllama()
        server.overrides["/api/tags"] = (status, body)
        with pytest.raises(Failure) as caught:
            client(server).get("/api/tags")
        assert (caught.value.code, caught.value.status) == (code, status)
        assert len(server.exchanges) == (3 if status == 503 else 1)

    @pytest.mark.parametrize(
        ("fault", "code"), [(NotSent("refused"), "ollama_unreachable"), (NoAnswer("lost"), "ollama_no_answer")]
    )
    def test_no_answer(self, fault: Exception, code: str) -> None:
        server = FakeOllama()
        server.overrides["/api/tags"] = fault
        with pytest.raises(Failure) as caught:
            client(server).get("/api/tags")
        assert caught.value.code == code
        assert len(server.exchanges) == 3

    def test_post_is_not_repeated(self) -> None:
        server = FakeOllama()
        server.overrides["/api/generate"] = NoAnswer("lost")
        with pytest.raises(Failure) as caught:
            client(server).post("/api/generate", {"model": "x"}, timeout=9.0)
        assert caught.value.code == "ollama_no_answer"
        assert len(server.exchanges) == 1


class TestStreams:
    def pull(self, lines: list[Any], **more: Any) -> client_module.Progress:
        server = FakeOllama()
        server.overrides["/api/pull"] = lines
        return client(server, **more).stream("/api/pull", {"model": "x"}, silence_timeout=5.0, timeout=60.0)

    def test_progress_adds_up(self) -> None:
        files = [{"status": "p", "digest": name, "total": 10, "completed": done} for name, done in
                 (("a", 5), ("b", 10), ("a", 10))]  # fmt: skip
        assert self.pull([*files, {"status": "success"}]) == ("success", 20)

    def test_line_in_pieces_and_last_line_without_a_line_break(self) -> None:
        assert self.pull([b'{"sta', b'tus": "x"}\n\n{"status": "succ', b'ess"}']).status == "success"

    @pytest.mark.parametrize(
        "lines",
        [
            [],
            [{"status": "pulling manifest"}],
            [{"status": "pulling 1", "digest": "a", "total": 10, "completed": 4}, NoAnswer("the answer broke off")],
            [b'{"status": "pulling 1", "dig'],
        ],
    )
    def test_interrupted_stream(self, lines: list[Any]) -> None:
        with pytest.raises(Failure) as caught:
            self.pull(lines)
        assert caught.value.code == "ollama_stream_cut"
        assert set(caught.value.details) == {"completed", "total"}

    def test_failure_contains_the_progress(self) -> None:
        with pytest.raises(Failure) as caught:
            self.pull(
                [
                    {"status": "pulling 1", "digest": "a", "total": 10, "completed": 4},
                    {"error": "no space left on device"},
                ]
            )
        assert (caught.value.code, caught.value.details) == ("ollama_disk_full", {"completed": 4, "total": 10})
        assert "pulling 1" in caught.value.message

    @pytest.mark.parametrize("lines", [[b"<html>\n"], [b"[1]\n"], [b"x" * (ndjson.MAX_LINE + 1)]])
    def test_answer_that_is_not_a_stream(self, lines: list[Any]) -> None:
        with pytest.raises(Failure) as caught:
            self.pull(lines)
        assert caught.value.code == "not_ollama"

    def test_stream_that_does_not_end(self) -> None:
        clock = FakeClock()
        server = FakeOllama()

        def drip() -> Any:
            while True:
                clock.sleep(7)
                yield b'{"status": "pulling"}\n'

        server._pieces = lambda lines: drip()  # type: ignore[method-assign] # for this server only
        server.overrides["/api/pull"] = []
        with pytest.raises(Failure) as caught:
            client(server, clock=clock).stream("/api/pull", {}, silence_timeout=5.0, timeout=60.0)
        assert caught.value.code == "wait_timeout"
        assert 60 < sum(clock.slept) < 70

    def test_unreachable_server(self) -> None:
        server = FakeOllama()
        server.overrides["/api/pull"] = NotSent("refused")
        with pytest.raises(Failure) as caught:
            client(server).stream("/api/pull", {}, silence_timeout=5.0, timeout=60.0)
        assert caught.value.code == "ollama_unreachable"

    def test_refused_in_check_mode(self) -> None:
        server = FakeOllama()
        with pytest.raises(WriteInCheckMode):
            client(server, read_only=True).stream("/api/pull", {}, silence_timeout=5.0, timeout=60.0)
        with pytest.raises(WriteInCheckMode):
            client(server, read_only=True).upload("/api/blobs/x", None, timeout=5.0)  # type: ignore[arg-type] # it is never read
        assert server.exchanges == []


def test_interrupted_upload(tmp_path: Path) -> None:
    server = FakeOllama()
    server.overrides["/api/blobs/x"] = NoAnswer("connection reset")
    (tmp_path / "f").write_bytes(b"GGUF")
    with (tmp_path / "f").open("rb") as file, pytest.raises(Failure) as caught:
        client(server).upload("/api/blobs/x", file, timeout=5.0)
    assert caught.value.code == "ollama_stream_cut"


def test_error_texts_of_the_server_are_masked() -> None:
    server = FakeOllama()
    server.models["x:latest"] = definition()
    server.overrides["/api/pull"] = [{"error": "the key first-key is wrong"}]
    with pytest.raises(Failure) as caught:
        client(server, mask=Masker(["first-key"])).stream("/api/pull", {}, silence_timeout=5, timeout=9)
    assert "first-key" not in caught.value.message
