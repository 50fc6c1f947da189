# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The client of an Ollama server, its connection options, and the codes of its errors (seen on 0.17.4)."""

from __future__ import annotations

import json
import re
from typing import Any, BinaryIO, Iterator, Mapping, NamedTuple, cast
from urllib.parse import urlsplit

from ansible.module_utils.basic import env_fallback

from .._errors.exceptions import Failure, WriteInCheckMode
from .._errors.server_errors import SOON, without_middle
from .._http import connection
from .._http.auth import BearerAuth, NoAuth
from .._http.classify import GATEWAY, SUCCESS, Decision, Dialect, classify, classify_redirect
from .._http.client import Client
from .._http.clock import Clock, ProgressCallback, no_progress
from .._http.exchange import Exchange, Request
from .._http.transport import NoAnswer, NotSent, RawAnswer, Transport, read_all
from .._runtime.run import Run, WaitTimeout
from .._values.masking import Masker, credential_values, passwords_in
from . import ndjson

#: The URL without the option 'url', and the port of a URL that is a host alone.
DEFAULT_URL, DEFAULT_PORT = "http://127.0.0.1:11434", 11434

#: Codes with a pattern of the server's error text. The first match counts.
_RULES = (
    ("ollama_disk_full", r"no space left on device|not enough space|disk quota exceeded"),
    ("ollama_pull_ended", r"(^|: )context canceled$"),
    ("ollama_too_old", r"requires a newer version of Ollama"),
    ("ollama_registry_plain_http", r"server gave HTTP response to HTTPS client|does not look like a TLS handshake"),
    ("ollama_invalid_template", r"template error|template: "),
    ("ollama_unknown_model", r"pull model manifest: file does not exist"),
    ("ollama_registry_refused", r"pull model manifest: .*(40[13]|unauthorized|denied)|^unauthorized"),
    (
        "ollama_registry_unreachable",
        r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|x509:|max retries exceeded|unexpected EOF"
        r"|connection reset|pull model manifest",
    ),
    ("ollama_out_of_memory", r"requires more (system )?memory|out of memory|unable to allocate"),
    (
        "ollama_invalid_file",
        r"not in GGUF format|invalid file magic|unsupported.*GGUF|^unknown type$|^EOF$|invalid model file|digest mismatch",
    ),
    ("ollama_cannot_load", r"unable to load model|error loading model|does not support|runner process"),
    ("ollama_model_missing", r"model .*not found|^model is required"),
    ("invalid_input", r"invalid model name|is invalid"),
)


class Progress(NamedTuple):
    """The result of a streamed request: its last status, and the transferred bytes of all files."""

    status: str
    bytes: int


class _Transfer:
    """The progress of a streamed request: its last status, and for each file its transferred and its total bytes."""

    def __init__(self) -> None:
        self.status = ""
        self._files: dict[str, tuple[int, int]] = {}

    @property
    def bytes(self) -> int:
        return sum(done for done, _total in self._files.values())

    @property
    def total(self) -> int:
        return sum(total for _done, total in self._files.values())

    def add(self, line: Mapping[str, Any]) -> None:
        self.status = str(line.get("status") or self.status)
        if line.get("digest"):
            self._files[str(line["digest"])] = (int(line.get("completed") or 0), int(line.get("total") or 0))

    def describe(self) -> str:
        """The status, and how much is transferred if that is known."""
        share = f", {self.bytes / 1e6:.1f} of {self.total / 1e6:.1f} MB" if self.total else ""
        return f"{self.status}{share}"

    def failure(self, code: str, message: str) -> Failure:
        return Failure(code, message, 200, completed=self.bytes, total=self.total)


def _classify_answer(exchange: Exchange) -> Decision:
    """What an answer of Ollama means."""
    request, status, body = exchange.request, exchange.status, exchange.body
    if 300 <= status < 400:
        return classify_redirect(exchange)
    # Ollama reports a missing object in JSON; an HTML page or an empty 404 comes from another server.
    from_ollama = isinstance(body, dict) and isinstance(body.get("error", ""), str)
    accepted = status in request.accept and (from_ollama or request.method in ("HEAD", "DELETE"))
    if accepted or (status < 300 and (isinstance(body, dict) or not body)):
        return SUCCESS
    text = exchange.mask(str(body["error"] if from_ollama and "error" in body else body))
    message = f"{exchange.where} answered {status}: {text[:500]}"
    if status in GATEWAY:
        return Decision(Failure("ollama_no_answer", message, status), SOON)
    if status in (401, 403):
        return Decision(Failure("ollama_unauthorized", message, status))
    if status < 300 or not from_ollama or (request.method == "GET" and status < 500):
        return Decision(Failure("not_ollama", message, status))
    return Decision(Failure(error_code(text), message, status))


DIALECT = Dialect(_classify_answer, unreachable="ollama_unreachable", no_answer="ollama_no_answer")


class OllamaClient(Client):
    """Sends requests to one Ollama server."""

    dialect = DIALECT

    def show(self, name: str) -> Any:
        """The details of a model; None if the server has no model of this name."""
        answer = self._send(Request("POST", "/api/show", {"model": name}, accept=(404,)))
        return None if answer.status == 404 else answer.body

    def exists(self, path: str) -> bool:
        """Whether the server has something at this path: a HEAD request."""
        answer = self._send(Request("HEAD", path, accept=(404,)))
        return bool(answer.status == 200)

    def post(self, path: str, body: Mapping[str, Any], *, timeout: float) -> Any:
        """A write whose answer may take ``timeout`` seconds, such as loading a model. Sent once only."""
        return self._send(Request("POST", path, body, write=True, repeatable=False, timeout=timeout)).body

    def upload(self, path: str, content: BinaryIO, *, timeout: float) -> None:
        """Send a file. ``timeout`` is in seconds and applies to the answer after the end of the file."""
        url, headers = self._prepare_write(path, b"")
        headers["Content-Type"] = "application/octet-stream"
        where = f"POST {path} on {self._host}"
        try:
            raw = self._transport.send("POST", url, headers, content, timeout)
        except (NotSent, NoAnswer) as exc:
            raise Failure("ollama_stream_cut", f"{where} broke off: {exc}") from exc
        failure = self._failure(path, raw)
        if failure:
            raise failure

    def stream(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        silence_timeout: float,
        timeout: float,
        progress: ProgressCallback = no_progress,
    ) -> Progress:
        """A write whose answer streams its progress. ``progress`` is called with each status.

        Raises Failure if the server reports an error, the stream ends without success, nothing arrives for
        ``silence_timeout`` seconds, or the whole takes more than ``timeout`` seconds.
        """
        content = json.dumps(body).encode()
        url, headers = self._prepare_write(path, content)
        where = f"POST {path} on {self._host}"
        end = self.clock.now() + timeout
        transfer = _Transfer()

        def until_timeout(chunks: Iterator[bytes]) -> Iterator[bytes]:
            for chunk in chunks:
                yield chunk
                if self.clock.now() > end:
                    described = f"{transfer.status}, {transfer.bytes} bytes"
                    raise WaitTimeout(where, timeout, transfer.status, described)

        try:
            answer = self._transport.stream("POST", url, headers, content, silence_timeout)
            if answer.status != 200:
                raw = RawAnswer(answer.status, answer.headers, read_all(until_timeout(answer.chunks)))
                unexpected = Failure("not_ollama", f"{where} answered {answer.status}.", answer.status)
                raise self._failure(path, raw) or unexpected
            for line in ndjson.objects(where, until_timeout(answer.chunks)):
                if line.get("error"):
                    text = self.mask(str(line["error"]))
                    message = f"{where}, after {transfer.status or 'its start'!r}: {text}"
                    raise transfer.failure(error_code(text), message)
                transfer.add(line)
                progress(transfer.describe())
        except NotSent as exc:
            raise Failure("ollama_unreachable", f"{where}: {exc}") from exc
        except NoAnswer as exc:
            message = f"{where} broke off after {transfer.status or 'its start'!r}: {exc}"
            raise transfer.failure("ollama_stream_cut", message) from exc
        if transfer.status != "success":
            message = f"{where} ended after {transfer.status or 'nothing'!r}."
            raise transfer.failure("ollama_stream_cut", message)
        return Progress(transfer.status, transfer.bytes)

    def _prepare_write(self, path: str, content: bytes) -> tuple[str, dict[str, str]]:
        if self._read_only:
            raise WriteInCheckMode("POST", path)
        self.writes += 1
        return self._prepare("POST", path, content)

    def _failure(self, path: str, raw: RawAnswer) -> Failure | None:
        """Why a POST outside of :meth:`_send` failed; None after a success."""
        exchange = Exchange(Request("POST", path, write=True), self._host, self.hosts, self.mask, raw)
        return classify(exchange, self.dialect).failure


def error_code(text: str) -> str:
    """The failure code of a server's error text."""
    return next((code for code, pattern in _RULES if re.search(pattern, without_middle(text))), "ollama_error")


def client_of(run: Run) -> OllamaClient:
    """The client of a run whose module has the connection :data:`CONNECTION`."""
    return cast(OllamaClient, run.client)


def connection_options() -> dict[str, Any]:
    """The argument spec of the connection; the doc fragment 'ollama' documents it."""
    return {
        "url": {"type": "str", "default": DEFAULT_URL, "fallback": (env_fallback, ["OLLAMA_HOST"])},
        "api_key": {"type": "str", "no_log": True},
        "headers": {"type": "dict", "no_log": True},
        "ca_path": {"type": "path"},
        "validate_certs": {"type": "bool", "default": True},
        "timeout": {"type": "float", "default": 30.0},
        "retries": {"type": "int", "default": 3},
    }


def base_url(text: str) -> str:
    """The URL of the server. Scheme and port may be missing, as in Ollama's own programs. Raises Failure."""
    given = text.strip() or DEFAULT_URL
    try:
        parts = urlsplit(given if "://" in given else f"http://{given}")
        if "@" in parts.netloc:
            raise Failure("invalid_input", "url: give the key in 'api_key' or 'headers', not inside the URL.")
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise Failure("invalid_input", f"url: {text!r} is not a URL: {exc}") from exc
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", given):
        raise Failure("invalid_input", f"url: {text!r} is not an http:// or https:// URL.")
    if "://" not in given and port is None:
        port = DEFAULT_PORT
    # OLLAMA_HOST also configures the server, which listens on all addresses with this value.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - nothing is bound to it
    host = f"[{host}]" if ":" in host else host
    # The base URL of the server's OpenAI-compatible API ends with /v1.
    path = re.sub(r"/v1$", "", parts.path.rstrip("/"))
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{path}"


def connect(
    options: Mapping[str, Any],
    *,
    read_only: bool,
    transport: Transport | None = None,
    clock: Clock | None = None,
    mask: Masker | None = None,
) -> OllamaClient:
    """A client for the server that the options name. Sends nothing. Raises Failure for invalid options."""
    mask = mask or Masker()
    connection.check_timeout_and_retries(options)
    key = options.get("api_key")
    return OllamaClient(
        [base_url(options["url"])],
        transport or connection.make_transport(options),
        BearerAuth({"token": key}, mask.add) if key else NoAuth({}, mask.add),
        connection.client_options(options, read_only=read_only),
        clock=clock,
        mask=mask,
    )


def secrets_of(options: Mapping[str, Any]) -> list[str]:
    """The secrets among the connection options."""
    given = [options.get("api_key"), options.get("headers")]
    return credential_values(given) + passwords_in(options.get("url"))


CONNECTION = connection.Connection(connection_options, connect, secrets_of, lockable=False)
