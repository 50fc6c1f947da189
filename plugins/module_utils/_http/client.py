# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The HTTP client of one server: hosts, retries, check mode, JSON."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, NamedTuple
from urllib.parse import quote

from .._errors.exceptions import Failure, WriteInCheckMode, describe_shape, printable
from .auth import Auth
from .classify import GATEWAY, OPENSEARCH, classify
from .clock import Clock, RetryCallback
from .exchange import Exchange, Request
from .retry import RetryPolicy
from .transport import NoAnswer, NotSent, Transport

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
class ClientOptions:
    """How a client sends its requests. ``timeout`` is for a whole answer, in seconds; ``headers`` go with each request.

    With ``read_only`` every write raises :class:`WriteInCheckMode` before it is sent.
    """

    timeout: float = 30.0
    retries: int = 5
    headers: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = False


class Client:
    """Talks to one cluster, whose ``hosts`` are URLs. Counts the requests that it sends in ``reads`` and ``writes``, and
    how many of them were sent again in ``retries``."""

    #: How the server answers.
    dialect = OPENSEARCH

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
        self.reads = self.writes = self.retries = 0
        #: Called before each retry with a status line, without secrets, and the pause in seconds, which may be 0.
        self.on_retry: RetryCallback | None = None
        #: A sentence for failures that a wrong host may explain, if the user has not named one.
        self.host_hint = ""
        #: The server's clock at its last answer, as an HTTP date.
        self.server_time: str | None = None
        #: The version in the head of the answers, such as "OpenSearch/3.6.0 (opensearch)"; 2.19 has none. In a list, which
        #: all clients share that are made from this one.
        self.server_versions: list[str] = []
        self._transport = transport
        self._auth = auth
        #: Whether each request is signed for Amazon's gateway, which checks it before OpenSearch gets it.
        self.signs = auth.NAME == "aws_sigv4"
        self.timeout = options.timeout
        self._retries = options.retries
        self._headers = dict(options.headers)
        self._read_only = options.read_only
        #: Called before each write is sent; what it raises keeps the write from being sent.
        self.before_write: Callable[[], None] = _allow
        # Secrets are masked before a message is shortened: a shortened secret would no longer be recognized.
        self.mask = mask
        self._current = 0

    def with_timeout(self, seconds: float) -> Client:
        """A client for the same cluster that nothing keeps from writing, with another timeout and counts of its own."""
        other = self.clone()
        other.timeout, other.before_write = seconds, _allow
        return other

    def clone(self) -> Client:
        """A client for the same cluster with counts of its own, for one thread."""
        other = copy(self)
        other.reads = other.writes = other.retries = 0
        return other

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
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        accept: tuple[int, ...] = (),
    ) -> Answer:
        """A write that has the same effect when it is executed twice."""
        return self._send(Request(method, path, body, query, write=True, accept=accept))

    def bulk(self, method: str, path: str, lines: list[Any], query: Mapping[str, str] | None = None) -> Answer:
        """A write of one JSON document per line that has the same effect when it is executed twice."""
        return self._send(Request(method, path, lines, query, write=True))

    def ask(self, path: str, body: Mapping[str, Any], *, timeout: float) -> Answer:
        """A call of a model: not a write, but costly, so it is not repeated if the server may have executed it.

        ``timeout`` is for the whole answer, in seconds.
        """
        return self._send(Request("POST", path, body, repeatable=False, timeout=timeout))

    def add_counts(self, other: Client) -> None:
        """Count what another client has sent over the same connections."""
        self.reads += other.reads
        self.writes += other.writes
        self.retries += other.retries

    def _send(self, request: Request) -> Answer:
        """Send a request, and again as the retry policy allows. Raises Failure."""
        if request.write and self._read_only:
            raise WriteInCheckMode(request.method, request.path)
        policy = RetryPolicy(self._retries, len(self.hosts), self.clock.jitter)
        while True:
            exchange = self._attempt(request)
            decision = classify(exchange, self.dialect)
            if decision.failure is None:
                return Answer(exchange.status, exchange.body)
            retry = policy.next(decision)
            if retry is None:
                if decision.pause_before_failure:
                    pause = policy.pause(decision)
                    self._pause(pause, f"{exchange.summary}: continuing in {pause:.1f} s")
                if self.host_hint and decision.failure.code in self.dialect.wrong_host:
                    decision.failure.append(self.host_hint)
                raise decision.failure from exchange.error
            # Another node may be ready, or less busy.
            self._current += exchange.status in GATEWAY
            self.retries += 1
            self._pause(retry.pause, f"{exchange.summary}: {retry}")

    def _pause(self, seconds: float, line: str) -> None:
        if self.on_retry:
            self.on_retry(printable(self.mask(line)), seconds)
        if seconds:
            self.clock.sleep(seconds)

    def _attempt(self, request: Request) -> Exchange:
        """Send a request once. If the host does not answer, the next request goes to the next host."""
        if request.write:
            self.before_write()
        host = self._host
        url, headers = self._prepare(request.method, request.target, request.content)
        if request.write:
            self.writes += 1
        else:
            self.reads += 1
        timeout = request.timeout or self.timeout
        try:
            answer = self._transport.send(request.method, url, headers, request.content, timeout)
        except (NotSent, NoAnswer) as exc:
            self._current += 1
            return Exchange(request, host, self.hosts, self.mask, error=exc)
        self.server_time = answer.headers.get("Date")
        if not self.server_versions and answer.headers.get("X-OpenSearch-Version", "").startswith("OpenSearch/"):
            self.server_versions.append(answer.headers["X-OpenSearch-Version"])
        return Exchange(request, host, self.hosts, self.mask, answer)

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


def _allow() -> None:
    """Keep no write from being sent."""


def segment(text: str) -> str:
    """A name or id, quoted as one segment of a path so that it cannot reach another path.

    Raises Failure if the text cannot be such a segment.
    """
    if text in (".", ".."):
        # HTTP clients remove these segments even when they are quoted, the latter with the segment before it.
        raise Failure("invalid_input", f"{text!r} is not a valid name or id of an object.")
    return quote(text, safe="")


def _hits(body: Any) -> list[tuple[str, dict[str, Any], Any]]:
    """The id, source and sort values of each hit. Raises Failure if the answer has no hits."""
    try:
        return [(str(hit["_id"]), dict(hit["_source"]), hit.get("sort")) for hit in body["hits"]["hits"]]
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise Failure("not_opensearch", f"A search was answered without hits: {describe_shape(body)}") from exc
