# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""One HTTP exchange on a kept-alive session of requests: sends, reads a bounded answer, and says how it failed."""

from __future__ import annotations

import sys
import traceback
from typing import Any, BinaryIO, Iterator, Mapping, NamedTuple, Protocol

from .._errors.exceptions import Failure
from . import deadline_reads

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError, ReadTimeoutError

    HAS_REQUESTS = True
except ImportError:
    HAS_REQUESTS = False

#: The most that is read of one answer, in bytes. A page of 10,000 connectors is about 15 MB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024


#: What a socket takes for a timeout, in seconds: eleven days.
LONGEST = 1_000_000.0


class NotSent(Exception):
    """The request did not leave: refused, unknown host, connect timeout."""


class NoAnswer(Exception):
    """The request left, at least in part, and no whole answer came."""


class RawAnswer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    content: bytes


class StreamedAnswer(NamedTuple):
    """An answer whose content is still to come; ``chunks`` raises :class:`NoAnswer` where it breaks off."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Transport(Protocol):
    """What the client needs of HTTP; tests script it."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None, timeout: float
    ) -> RawAnswer:
        """One exchange; an open file is sent as it is read. ``timeout`` is for the whole answer, in seconds. Raises
        :class:`NotSent`, :class:`NoAnswer` or Failure."""

    def stream(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> StreamedAnswer:
        """As :meth:`send`, but the content is handed over as it arrives; ``timeout`` is for each silence."""


class RequestsTransport:
    """Keeps connections alive between the exchanges of one task. Never follows redirects, never reads netrc files."""

    #: Seconds for making a connection; a host that does not accept one by then is taken for down.
    CONNECT_TIMEOUT = 10.0

    def __init__(self, verify: bool | str, cert: str | tuple[str, str] | None) -> None:
        if not HAS_REQUESTS:
            raise Failure(
                "library_missing",
                "The Python library 'requests' is missing.",
                library="requests",
                interpreter=sys.executable,
            )
        self._session = _session()
        self._verify = verify
        self._cert = cert

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None, timeout: float
    ) -> RawAnswer:
        answer = self._begin(method, url, headers, content, timeout)
        try:
            return RawAnswer(
                answer.status_code, answer.headers, read_all(_told(deadline_reads.chunks(answer.raw), timeout))
            )
        finally:
            answer.close()

    def stream(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> StreamedAnswer:
        answer = self._begin(method, url, headers, content, timeout)
        return StreamedAnswer(answer.status_code, answer.headers, _arriving(answer, timeout))

    def _begin(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None, timeout: float
    ) -> Any:
        """The answer of requests, of which only the head is there."""
        timeout = min(timeout, LONGEST)
        try:
            # 'verify' is passed with each request, as REQUESTS_CA_BUNDLE overrides that of a session.
            return self._session.request(
                method,
                url,
                headers=dict(headers),
                data=content,
                timeout=(min(timeout, self.CONNECT_TIMEOUT), timeout),
                allow_redirects=False,
                verify=self._verify,
                cert=self._cert,
                stream=True,
                auth=_keep_headers,
            )
        except requests.exceptions.SSLError as exc:
            raise _tls_problem(url, exc, with_cert=self._cert is not None) from exc
        except requests.exceptions.ConnectTimeout as exc:
            raise NotSent(f"no connection within {min(timeout, self.CONNECT_TIMEOUT):g} s") from exc
        except requests.exceptions.Timeout as exc:
            raise NoAnswer(f"no answer within {timeout:g} s") from exc
        except requests.exceptions.ConnectionError as exc:
            raise _connection_problem(exc) from exc
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
        ) as exc:
            raise Failure("invalid_input", f"'hosts' holds no usable URL: {url}: {exc}") from exc
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError) as exc:
            if any(isinstance(arg, HTTPError) for arg in exc.args):
                raise NoAnswer(f"the answer has a head that makes no sense: {_innermost(exc)}") from exc
            # Both carry the value, which may be a secret: neither is shown, nor kept as the cause.
            raise Failure(
                "invalid_input",
                "'headers', 'token', 'username', 'api_key' or an AWS option holds a character that no HTTP header can carry, "
                "such as a line break.",
            ) from None
        except requests.exceptions.RequestException as exc:
            raise NoAnswer(_innermost(exc)) from exc
        except OSError as exc:
            # A certificate, key or authority file that is missing or unreadable.
            raise Failure("invalid_input", f"'ca_path', 'client_cert' or 'client_key' cannot be used: {exc}") from exc


def _session() -> Any:
    class Adapter(HTTPAdapter):
        """Makes connections that read answers within bounds of time, to a proxy as well."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            deadline_reads.bound(self.poolmanager)

        def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if not known:
                deadline_reads.bound(manager)
            return manager

    class Session(requests.Session):
        def get_redirect_target(self, resp: Any) -> None:
            """None: requests prepares a redirect even where it does not follow it, and reads the whole answer for that."""

    session = Session()
    session.headers["Accept-Encoding"] = deadline_reads.ENCODING
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter())
    return session


def read_all(pieces: Iterator[bytes]) -> bytes:
    """All of a content. Raises Failure where it is too large."""
    chunks, size = [], 0
    for chunk in pieces:
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise Failure("answer_too_large", f"The answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB.")
    return b"".join(chunks)


def _arriving(answer: Any, timeout: float) -> Iterator[bytes]:
    try:
        yield from _told(deadline_reads.renewing(answer.raw), timeout)
    finally:
        answer.close()


def _told(pieces: Iterator[bytes], timeout: float) -> Iterator[bytes]:
    """The same pieces; what goes wrong with them is a :class:`NoAnswer`."""
    try:
        yield from pieces
    except ReadTimeoutError as exc:
        raise NoAnswer(f"the answer was not complete within {timeout:g} s") from exc
    except (HTTPError, OSError, deadline_reads.Undecodable) as exc:
        raise NoAnswer(f"the answer broke off: {exc}") from exc


def _keep_headers(request: Any) -> Any:
    """An authentication that adds nothing: with none at all, requests would take credentials from a netrc file."""
    return request


def _tls_problem(url: str, exc: Exception, *, with_cert: bool) -> Exception:
    text = str(exc)
    host = url.split("/")[2]
    # The first is OpenSSL's word for a connection that just ends, the second for one that is ended in form.
    if "EOF occurred" in text or "connection has been closed" in text:
        return _connection_problem(exc)
    if any(
        sign in text
        for sign in (
            "WRONG_VERSION_NUMBER",
            "RECORD_LAYER_FAILURE",
            "record layer failure",
            "wrong version number",
            "UNKNOWN_PROTOCOL",
        )
    ):
        return Failure("tls_to_plain_port", f"{host} does not answer in TLS on this port.")
    if any(sign in text.replace(" ", "_").upper() for sign in ("ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL")):
        return Failure("tls_too_old", f"{host} speaks no version of TLS that is safe: {_innermost(exc)}")
    # Said while the files are read, before anything is sent. Of an authority's file OpenSSL says "[X509] PEM lib".
    if with_cert and any(sign in text for sign in ("[SSL] PEM lib", "KEY_VALUES_MISMATCH", "key values mismatch")):
        return Failure(
            "invalid_input",
            "'client_cert' and 'client_key' do not make a pair: the certificate's own private key must be given, "
            f"either in the file of 'client_cert' or as 'client_key': {_innermost(exc)}",
        )
    return Failure("tls_not_trusted", f"The TLS connection to {host} was not trusted: {_innermost(exc)}")


def _connection_problem(exc: Exception) -> Exception:
    """Tell a request that never left from one whose answer was lost; in doubt the latter."""
    if _in_handshake(exc):
        return NotSent(f"the connection was closed before TLS was agreed on: {_innermost(exc)}")
    return (NotSent if any(_never_left(cause) for cause in _wrapped(exc)) else NoAnswer)(_innermost(exc))


def _wrapped(exc: BaseException) -> Iterator[BaseException]:
    """An exception of requests or urllib3 and those that it was made of."""
    yield exc
    for inner in (*exc.args, getattr(exc, "reason", None)):
        if isinstance(inner, BaseException):
            yield from _wrapped(inner)


def _never_left(exc: BaseException) -> bool:
    """By the type, as a server has its say in the text. A proxy's error may come after it has passed the request on, unless
    it is that there is no way to the server."""
    if isinstance(exc, ProxyError):
        return str(exc.original_error).startswith("Tunnel connection failed")
    return isinstance(exc, (NewConnectionError, ConnectTimeoutError))


def _in_handshake(exc: BaseException) -> bool:
    """Whether it struck while TLS was agreed on, before any request. No exception says so, only where it comes from."""
    seen: BaseException | None = exc
    while seen is not None:
        if any(frame.f_code.co_name == "do_handshake" for frame, _line in traceback.walk_tb(seen.__traceback__)):
            return True
        seen = seen.__context__
    return False


def _innermost(exc: BaseException) -> str:
    """The cause at the bottom of a chain, in one line: the outer ones repeat it with object addresses."""
    seen: BaseException = exc
    for _depth in range(10):
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        if inner is None:
            break
        seen = inner
    return str(seen).rsplit(">: ", 1)[-1] or type(seen).__name__
