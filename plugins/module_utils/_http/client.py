# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""The one way to the cluster: hosts, retries, check-mode guard, decoding. Knows HTTP, not ML Commons."""

from __future__ import annotations

import json
from typing import Any, Callable, Mapping, NamedTuple
from urllib.parse import quote, urlencode

from .._errors import server_errors
from .._errors.exceptions import AnswerLost, ApiError, Failure, Unreachable, WriteInCheckMode
from .._values import json_text
from .auth import Auth
from .clock import Clock
from .transport import NoAnswer, NotSent, RawAnswer, Transport

#: Gateways answer these without saying whether the server has done its work.
GATEWAY = (502, 503, 504)

#: Longest pause between two tries, and the longest that a Retry-After is obeyed, in seconds.
LONGEST_PAUSE, LONGEST_RETRY_AFTER = 5.0, 30.0

#: A starting cluster opens its shards, sets its security up and makes its master key within some ten seconds each: a pause
#: and a number of tries that outlast it.
STARTING_PAUSE, STARTING_TRIES = 2.0, 15


class Answer(NamedTuple):
    """An HTTP status and the decoded JSON body."""

    status: int
    body: Any


class Client:
    """Talks to one cluster. Counts what it sends in ``reads`` and ``writes``.

    With ``read_only`` every write raises :class:`WriteInCheckMode` before it leaves.
    """

    #: Whether whoever asks again is told the same again.
    is_cached = False

    def __init__(
        self,
        hosts: list[str],
        transport: Transport,
        auth: Auth,
        *,
        timeout: float = 30.0,
        retries: int = 5,
        headers: Mapping[str, str] | None = None,
        read_only: bool = False,
        clock: Clock | None = None,
        mask: Callable[[str], str] = str,
    ) -> None:
        self.hosts = [host.rstrip("/") for host in hosts]
        self.clock = clock or Clock()
        self.reads = 0
        self.writes = 0
        self._transport = transport
        self._auth = auth
        self._timeout = timeout
        self._retries = retries
        self._headers = dict(headers or {})
        self._read_only = read_only
        # Messages are cut: a secret has to be masked before, as half of one would not be known again.
        self.mask = mask
        self._current = 0

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: tuple[int, ...] = ()) -> Answer:
        return self._send("GET", path, None, query, write=False, repeatable=True, accept=accept)

    def search(self, path: str, body: Mapping[str, Any], *, accept: tuple[int, ...] = ()) -> Answer:
        """A read that carries a body."""
        return self._send("POST", path, body, None, write=False, repeatable=True, accept=accept)

    def create(self, path: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None) -> Answer:
        """A write that must not be sent twice unasked. Raises :class:`AnswerLost` where its fate is unknown."""
        return self._send("POST", path, body, query, write=True, repeatable=False)

    def change(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, accept: tuple[int, ...] = ()
    ) -> Answer:
        """A write that has the same effect when it is sent twice."""
        return self._send(method, path, body, None, write=True, repeatable=True, accept=accept)

    def bulk(self, path: str, lines: list[dict[str, Any]], query: Mapping[str, str] | None = None) -> Answer:
        """A write of one JSON in each line, all of which have the same effect when they are sent twice."""
        return self._send("POST", path, lines, query, write=True, repeatable=True)

    def ask(
        self, path: str, body: Mapping[str, Any], query: Mapping[str, str] | None = None, *, timeout: float
    ) -> Answer:
        """A question to a model: no write, yet costly, so its answer is waited for ``timeout`` seconds and not asked for again
        where it may have been given."""
        return self._send("POST", path, body, query, write=False, repeatable=False, timeout=timeout)

    def _send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | list[dict[str, Any]] | None,
        query: Mapping[str, str] | None,
        *,
        write: bool,
        repeatable: bool,
        accept: tuple[int, ...] = (),
        timeout: float | None = None,
    ) -> Answer:
        if write and self._read_only:
            raise WriteInCheckMode(method, path)
        # A space as %20: what is signed is decoded and encoded again on the way, where a plus sign would stand for itself.
        target = path + ("?" + urlencode(query, quote_via=quote) if query else "")
        content = None if body is None else encode(body)
        tried, starting = 0, 0
        while True:
            # Named before the exchange, as a failed one moves on to the next host.
            host = self._host
            try:
                raw = self._exchange(method, target, content, timeout or self._timeout, write)
            except NotSent as exc:
                reason = self.mask(str(exc))
                if tried >= self._retries + len(self.hosts) - 1:
                    raise Unreachable(
                        "unreachable", f"No host could be reached ({', '.join(self.hosts)}): {reason}"
                    ) from exc
                # The other hosts are tried at once; the pause comes when all were tried.
                if (tried + 1) % len(self.hosts) == 0:
                    self._pause(tried // len(self.hosts))
                tried += 1
                continue
            except NoAnswer as exc:
                lost = f"{method} {path} on {host} brought no answer: {self.mask(str(exc))}"
                if not repeatable:
                    raise AnswerLost("no_answer", lost) from exc
                if tried >= self._retries:
                    raise Failure("no_answer", lost) from exc
                self._pause(tried)
                tried += 1
                continue

            failure, retry = self._judge(method, path, raw, accept)
            if failure is None:
                return Answer(raw.status, decode(raw))
            rejected = raw.status == 429 and retry is not None and isinstance(failure, ApiError) and failure.kind != ""
            in_doubt = raw.status in GATEWAY or (raw.status >= 500 and retry is not None) or rejected
            if write and not repeatable and in_doubt and retry != server_errors.STARTING:
                if rejected:
                    # Not the request alone: ML Commons answers so, too, where it has no room for what follows after a
                    # model was stored (3.6.0).
                    self._pause(tried, raw)
                raise AnswerLost(failure.code, failure.message, raw.status)
            if not repeatable and (raw.status == 504 or retry == server_errors.RECOVERING):
                raise failure
            if retry in (server_errors.STARTING, server_errors.RECOVERING) and starting < STARTING_TRIES:
                # Another node may be further.
                self._current += raw.status in GATEWAY
                self.clock.sleep(STARTING_PAUSE)
                starting += 1
            elif retry == server_errors.SOON and tried < self._retries:
                # Another node may be better off.
                self._current += raw.status in GATEWAY
                self._pause(tried, raw)
                tried += 1
            else:
                raise failure

    def _exchange(self, method: str, target: str, content: bytes | None, timeout: float, write: bool) -> RawAnswer:
        url, headers = self._prepare(method, target, content)
        if write:
            self.writes += 1
        else:
            self.reads += 1
        try:
            return self._transport.send(method, url, headers, content, timeout)
        except (NotSent, NoAnswer):
            self._current += 1
            raise

    def _prepare(self, method: str, target: str, content: bytes | None) -> tuple[str, dict[str, str]]:
        """The URL and the headers of a request."""
        headers = {"Accept": "application/json", **self._headers}
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = self._host + target
        try:
            headers.update(self._auth.headers(method, url, content, headers))
        except UnicodeEncodeError:
            # It carries the value, which may be a secret: neither shown, nor kept as the cause.
            raise Failure(
                "invalid_input", "A user name, a password or a key holds a character that UTF-8 cannot carry."
            ) from None
        return url, headers

    @property
    def _host(self) -> str:
        return self.hosts[self._current % len(self.hosts)]

    def _pause(self, tried: int, raw: RawAnswer | None = None) -> None:
        pause = min(0.2 * 2**tried, LONGEST_PAUSE) * (0.5 + self.clock.jitter() / 2)
        asked = raw.headers.get("Retry-After", "") if raw else ""
        if asked.isdecimal():
            pause = max(pause, min(float(asked), LONGEST_RETRY_AFTER))
        self.clock.sleep(pause)

    def _judge(
        self, method: str, path: str, raw: RawAnswer, accept: tuple[int, ...]
    ) -> tuple[Failure | None, str | None]:
        """None where the answer is a success, else what it means and whether it may be asked for again."""
        where = f"{method} {path} on {self._host}"
        if raw.status in accept:
            return None, None
        if 300 <= raw.status < 400:
            said = decode(raw)
            if path.endswith("/_predict") and isinstance(said, dict):
                # ML Commons passes the backend's own redirect on, as JSON and without its Location; a proxy in front
                # of the cluster answers with a page or nothing.
                reason = self.mask(server_errors.decode_error(said)[1])
                return Failure(
                    "backend_redirected", f"{where} answered {raw.status}, from the backend: {reason}", raw.status
                ), None
            target = self.mask(raw.headers.get("Location", "nowhere"))
            return Failure("redirected", f"{where} was redirected to {target}.", raw.status), None
        body = decode(raw)
        if raw.status < 300:
            if isinstance(body, (dict, list)):
                return None, None
            return Failure(
                "not_opensearch",
                f"{where} answered {raw.status} without JSON: {self.mask(str(body))[:200]}",
                raw.status,
            ), None
        kind, reason = server_errors.decode_error(body)
        if server_errors.is_from_another_server(self._host, path, raw.status, body, reason):
            message = f"{where} answered {raw.status}: {self.mask(reason)[:200]}"
            return Failure("not_opensearch", message, raw.status), None
        code, retry = server_errors.classify(raw.status, kind, reason)
        details = server_errors.remedy_details(code, reason)
        # First, as the payload in which it stands may be longer than what is shown.
        unfilled = f" (${{parameters.{details['placeholder']}}} is not filled)" if "placeholder" in details else ""
        message = f"{where} answered {raw.status}{unfilled}: {self.mask(reason)}"
        if retry is None and raw.status in (502, 504) and code == "api_error":
            retry = server_errors.SOON
        return ApiError(code, message, raw.status, kind, reason, **details), retry


def segment(text: str) -> str:
    """A name or id as one segment of a path, so that it cannot reach another path. Raises Failure where none can be."""
    if text in (".", ".."):
        # Quoted or not, they are taken out of the path on the way, the latter with the segment before it.
        raise Failure("invalid_input", f"{text!r} is no name or id of an object.")
    return quote(text, safe="")


def encode(body: Mapping[str, Any] | list[dict[str, Any]]) -> bytes:
    """JSON; of a list one in each line, which the server takes under the same content type."""
    return (
        "".join(json.dumps(line) + "\n" for line in body).encode()
        if isinstance(body, list)
        else json.dumps(body).encode()
    )


def decode(raw: RawAnswer) -> Any:
    text = raw.content.decode("utf-8", "replace")
    try:
        return json_text.parse(text) if text else ""
    except ValueError:
        return text
