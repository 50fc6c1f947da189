# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The HTTP client of one server: hosts, retries, check mode, JSON.

:class:`Client` also knows what the answers of OpenSearch and ML Commons mean; the client for Ollama overrides that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Callable, Mapping, NamedTuple
from urllib.parse import quote, urlencode

from .._errors import server_errors
from .._errors.exceptions import AnswerLost, ApiError, Failure, Unreachable, WriteInCheckMode, describe_shape
from .._values.nested import parse_json
from .auth import Auth
from .clock import Clock
from .retry import GATEWAY, NOT_SENT, Problem, Retries
from .transport import NoAnswer, NotSent, RawAnswer, Transport

#: Number of objects per request. The server allows 10,000, but large objects could then exceed the limit for one
#: answer.
PAGE_SIZE = 2000

#: No cluster has more objects; a server that returns more is not OpenSearch.
MAX_OBJECTS = 100_000


class Answer(NamedTuple):
    """An HTTP status and the decoded JSON body."""

    status: int
    body: Any


@dataclass(frozen=True)
class Request:
    """One request to the server.

    ``body`` is sent as JSON; a list as one JSON document per line. ``repeatable``: the server may execute it twice with
    the same effect as once. ``accept``: statuses that count as a success in addition to 2xx. ``timeout`` in seconds, if
    not the client's.
    """

    method: str
    path: str
    body: Mapping[str, Any] | list[dict[str, Any]] | None = None
    query: Mapping[str, str] | None = None
    write: bool = False
    repeatable: bool = True
    accept: tuple[int, ...] = ()
    timeout: float | None = None

    @property
    def target(self) -> str:
        """The path with the query."""
        # A space as %20: signing decodes and encodes the query again and would keep a plus sign as such.
        return self.path + ("?" + urlencode(self.query, quote_via=quote) if self.query else "")

    @cached_property
    def content(self) -> bytes | None:
        return None if self.body is None else encode(self.body)


@dataclass(frozen=True)
class ClientOptions:
    """How a client sends its requests. ``timeout`` is for a whole answer, in seconds; ``headers`` go with each request.

    With ``read_only`` every write raises :class:`WriteInCheckMode` before it is sent.
    """

    timeout: float = 30.0
    retries: int = 5
    headers: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False


class Client:
    """Talks to one cluster, whose ``hosts`` are URLs. Counts the requests that it sends in ``reads`` and ``writes``."""

    #: True for a client that answers from a cache: a repeated read returns the same answer, so do not poll.
    is_cached = False

    def __init__(
        self,
        hosts: list[str],
        transport: Transport,
        auth: Auth,
        options: ClientOptions | None = None,
        *,
        clock: Clock | None = None,
        mask: Callable[[str], str] = str,
    ) -> None:
        options = options or ClientOptions()
        self.hosts = [host.rstrip("/") for host in hosts]
        self.clock = clock or Clock()
        self.reads = 0
        self.writes = 0
        #: The server's clock at its last answer, as an HTTP date.
        self.server_time: str | None = None
        self._transport = transport
        self._auth = auth
        self._timeout = options.timeout
        self._retries = options.retries
        self._headers = dict(options.headers)
        self._read_only = options.read_only
        # Secrets are masked before a message is shortened: a shortened secret would no longer be recognized.
        self.mask = mask
        self._current = 0

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: tuple[int, ...] = ()) -> Answer:
        return self._send(Request("GET", path, query=query, accept=accept))

    def search(self, path: str, body: Mapping[str, Any], *, accept: tuple[int, ...] = ()) -> Answer:
        """A read with a body."""
        return self._send(Request("POST", path, body, accept=accept))

    def search_all(self, path: str, query: Mapping[str, Any], what: str) -> dict[str, dict[str, Any]]:
        """All objects that match, by id. Raises Failure if the answers are not those of a search.

        ``what`` is the kind of the objects, in the singular. The pages are sorted by the sequence number of each object's
        last write, which is unique because these indexes have one shard. An object that is written during the search moves
        to a later page, so it may be found twice but is never missed.
        """
        body: dict[str, Any] = {"query": query, "size": PAGE_SIZE, "sort": [{"_seq_no": "asc"}]}
        found: dict[str, dict[str, Any]] = {}
        while True:
            previously, hits = len(found), _hits(self.search(path, body).body)
            found.update((object_id, source) for object_id, source, _position in hits)
            if len(hits) < PAGE_SIZE:
                return found
            if len(found) == previously or len(found) > MAX_OBJECTS:
                raise Failure("not_opensearch", f"A search for {what}s does not end.")
            body["search_after"] = hits[-1][2]

    def create(self, path: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None) -> Answer:
        """A write that must not be executed twice. Raises :class:`AnswerLost` if the server may have executed it."""
        return self._send(Request("POST", path, body, query, write=True, repeatable=False))

    def change(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, accept: tuple[int, ...] = ()
    ) -> Answer:
        """A write that has the same effect when it is executed twice."""
        return self._send(Request(method, path, body, write=True, accept=accept))

    def bulk(self, path: str, lines: list[dict[str, Any]], query: Mapping[str, str] | None = None) -> Answer:
        """A write of one JSON document per line that has the same effect when it is executed twice."""
        return self._send(Request("POST", path, lines, query, write=True))

    def ask(
        self, path: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None, *, timeout: float
    ) -> Answer:
        """A call of a model: not a write, but costly, so it is not repeated if the server may have executed it.

        ``timeout`` is for the whole answer, in seconds.
        """
        return self._send(Request("POST", path, body, query, repeatable=False, timeout=timeout))

    def _send(self, request: Request) -> Answer:
        """Send a request, and again as the retry policy allows. Raises Failure."""
        if request.write and self._read_only:
            raise WriteInCheckMode(request.method, request.path)
        retries = None
        while True:
            outcome = self._attempt(request)
            if isinstance(outcome, Answer):
                return outcome
            retries = retries or Retries(self._retries, len(self.hosts), self.clock.jitter)
            pause = retries.next_pause(outcome)
            if pause is None:
                if outcome.pause_before_failure:
                    self.clock.sleep(retries.backoff(outcome))
                raise outcome.failure from outcome.cause
            # Another node may be ready, or less busy.
            self._current += outcome.status in GATEWAY
            if pause:
                self.clock.sleep(pause)

    def _attempt(self, request: Request) -> Answer | Problem:
        """Send a request once. If the host does not answer, the next request goes to the next host."""
        host = self._host
        url, headers = self._prepare(request.method, request.target, request.content)
        if request.write:
            self.writes += 1
        else:
            self.reads += 1
        timeout = request.timeout or self._timeout
        try:
            raw = self._transport.send(request.method, url, headers, request.content, timeout)
        except NotSent as exc:
            self._current += 1
            message = f"No host could be reached ({', '.join(self.hosts)}): {self.mask(str(exc))}"
            return Problem(Unreachable("unreachable", message), NOT_SENT, cause=exc)
        except NoAnswer as exc:
            self._current += 1
            message = f"{request.method} {request.path} on {host} brought no answer: {self.mask(str(exc))}"
            if request.repeatable:
                return Problem(Failure("no_answer", message), server_errors.SOON, cause=exc)
            return Problem(AnswerLost("no_answer", message), cause=exc)
        self.server_time = raw.headers.get("Date")
        # Once for both: the answer of a search may have several megabytes.
        body = decode(raw)
        problem = self._classify(request, raw, body)
        if problem is None:
            return Answer(raw.status, body)
        return problem if request.repeatable else problem.if_not_repeatable(write=request.write)

    def _prepare(self, method: str, target: str, content: bytes | None) -> tuple[str, dict[str, str]]:
        """The URL and the headers of a request."""
        headers = {"Accept": "application/json", **self._headers}
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = self._host + target
        try:
            headers.update(self._auth.headers(method, url, content, headers))
        except UnicodeEncodeError:
            # The exception carries the value, which may be a secret: it is neither shown nor kept as the cause.
            raise Failure(
                "invalid_input", "A user name, a password or a key contains a character that UTF-8 cannot encode."
            ) from None
        return url, headers

    @property
    def _host(self) -> str:
        return self.hosts[self._current % len(self.hosts)]

    def _classify(self, request: Request, raw: RawAnswer, body: Any) -> Problem | None:
        """None for a success, else what the answer means and whether the request may be sent again.

        ``body`` is the decoded content of ``raw``.
        """
        where = f"{request.method} {request.path} on {self._host}"
        if raw.status in request.accept:
            return None
        if raw.status >= 400:
            return self._classify_error(where, request.path, raw, body)
        if raw.status >= 300:
            return self._classify_redirect(where, request.path, raw, body)
        if isinstance(body, (dict, list)):
            return None
        message = f"{where} answered {raw.status} without JSON: {self.mask(str(body))[:200]}"
        return Problem.of_answer(raw, Failure("not_opensearch", message, raw.status))

    def _classify_redirect(self, where: str, path: str, raw: RawAnswer, body: Any) -> Problem:
        # ML Commons passes a redirect of the backend on as JSON, without its Location; a proxy in front of the cluster
        # answers with a page or nothing.
        if path.endswith("/_predict") and isinstance(body, dict):
            reason = self.mask(server_errors.decode_error(body)[1])
            message = f"{where} answered {raw.status}, from the backend: {reason}"
            return Problem.of_answer(raw, Failure("backend_redirected", message, raw.status))
        location = self.mask(raw.headers.get("Location", "nowhere"))
        return Problem.of_answer(raw, Failure("redirected", f"{where} was redirected to {location}.", raw.status))

    def _classify_error(self, where: str, path: str, raw: RawAnswer, body: Any) -> Problem:
        kind, reason = server_errors.decode_error(body)
        if server_errors.is_from_another_server(self._host, path, raw.status, body, reason):
            message = f"{where} answered {raw.status}: {self.mask(reason)[:200]}"
            return Problem.of_answer(raw, Failure("not_opensearch", message, raw.status))
        code, retry = server_errors.classify(raw.status, kind, reason)
        if retry is None and raw.status in (502, 504) and code == "api_error":
            retry = server_errors.SOON
        details = server_errors.remedy_details(code, reason)
        # Before the reason, as that quotes the payload and may be shortened.
        unfilled = f" (${{parameters.{details['placeholder']}}} is not filled)" if "placeholder" in details else ""
        message = f"{where} answered {raw.status}{unfilled}: {self.mask(reason)}"
        return Problem.of_answer(raw, ApiError(code, message, raw.status, kind, reason, **details), retry)


def segment(text: str) -> str:
    """A name or id, quoted as one segment of a path so that it cannot reach another path.

    Raises Failure if the text cannot be such a segment.
    """
    if text in (".", ".."):
        # HTTP clients remove these segments even when they are quoted, the latter with the segment before it.
        raise Failure("invalid_input", f"{text!r} is not a valid name or id of an object.")
    return quote(text, safe="")


def encode(body: Mapping[str, Any] | list[dict[str, Any]]) -> bytes:
    """The JSON of a body; of a list, one document per line, which the server accepts with the same content type."""
    if isinstance(body, list):
        return "".join(json.dumps(line) + "\n" for line in body).encode()
    return json.dumps(body).encode()


def decode(raw: RawAnswer) -> Any:
    """The JSON of an answer, or its text if it is not JSON."""
    text = raw.content.decode("utf-8", "replace")
    try:
        return parse_json(text) if text else ""
    except ValueError:
        return text


def _hits(body: Any) -> list[tuple[str, dict[str, Any], Any]]:
    """The id, source and sort values of each hit. Raises Failure if the answer has no hits."""
    try:
        return [(str(hit["_id"]), dict(hit["_source"]), hit.get("sort")) for hit in body["hits"]["hits"]]
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Failure("not_opensearch", f"A search was answered without hits: {describe_shape(body)}") from exc
