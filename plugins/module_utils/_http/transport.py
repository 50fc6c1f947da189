# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module util is private to the collection: it may change at any time.

"""HTTP by the library requests: sends one request, reads an answer of limited size, and classifies errors."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from typing import Any, BinaryIO, Iterator, Mapping, NamedTuple, Protocol

from .._errors.exceptions import Failure
from . import deadline_reads

try:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.exceptions import (
        ConnectTimeoutError,
        HTTPError,
        InsecureRequestWarning,
        NewConnectionError,
        ProxyError,
        ReadTimeoutError,
    )

    HAS_REQUESTS = True
except ImportError:
    HAS_REQUESTS = False

#: The largest answer that the client reads, in bytes. A page of 10,000 connectors is about 15 MB.
MAX_ANSWER_BYTES = 64 * 1024 * 1024

#: The longest timeout of a socket, in seconds: eleven days. A socket refuses much longer ones.
MAX_TIMEOUT = 1_000_000.0


class NotSent(Exception):
    """The request was not sent: connection refused, unknown host, connect timeout."""


class NoAnswer(Exception):
    """The request was sent, at least in part, and no complete answer arrived."""


class RawAnswer(NamedTuple):
    """A complete answer with its undecoded content."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class StreamedAnswer(NamedTuple):
    """An answer whose content is still arriving; ``chunks`` raises :class:`NoAnswer` if it stays incomplete."""

    status: int
    headers: Mapping[str, str]
    chunks: Iterator[bytes]


class Transport(Protocol):
    """The HTTP that the client needs; tests replace it."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None, timeout: float
    ) -> RawAnswer:
        """Send a request and read the answer. An open file is sent while it is read.

        ``timeout`` is for the whole answer, in seconds. Raises :class:`NotSent`, :class:`NoAnswer` or Failure.
        """

    def stream(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> StreamedAnswer:
        """As :meth:`send`, but return when the head has arrived. ``timeout`` is for each further chunk."""


class RequestsTransport:
    """Keeps connections alive between the exchanges of one task. Never follows redirects, never reads netrc files."""

    #: Seconds until a host that does not accept the connection counts as down.
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
        if not verify:
            # The option asked for it. Ansible would show the warning of urllib3 for each task, as text on the wrong stream.
            warnings.simplefilter("ignore", InsecureRequestWarning)
        self._verify = verify
        self._cert = cert

    def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None, timeout: float
    ) -> RawAnswer:
        answer = self._begin(method, url, headers, content, timeout)
        try:
            content = read_all(_with_read_errors(deadline_reads.chunks(answer.raw), timeout))
            return RawAnswer(answer.status_code, answer.headers, content)
        finally:
            answer.close()

    def stream(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, timeout: float
    ) -> StreamedAnswer:
        answer = self._begin(method, url, headers, content, timeout)
        return StreamedAnswer(answer.status_code, answer.headers, _stream(answer, timeout))

    def _begin(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | BinaryIO | None, timeout: float
    ) -> Any:
        """Send a request and return the response of requests when its head has arrived."""
        timeout = min(timeout, MAX_TIMEOUT)
        try:
            # With each request: REQUESTS_CA_BUNDLE overrides the 'verify' of a session.
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
            raise _classify_tls_error(url, exc, with_cert=self._cert is not None) from exc
        except requests.exceptions.ConnectTimeout as exc:
            raise NotSent(f"no connection within {min(timeout, self.CONNECT_TIMEOUT):g} s") from exc
        except requests.exceptions.Timeout as exc:
            raise NoAnswer(f"no answer within {timeout:g} s") from exc
        except requests.exceptions.ConnectionError as exc:
            raise _classify_connection_error(exc) from exc
        except (
            requests.exceptions.InvalidURL,
            requests.exceptions.MissingSchema,
            requests.exceptions.InvalidSchema,
        ) as exc:
            raise Failure("invalid_input", f"'hosts' contains no usable URL: {url}: {exc}") from exc
        except (requests.exceptions.InvalidHeader, UnicodeEncodeError) as exc:
            if any(isinstance(arg, HTTPError) for arg in exc.args):
                raise NoAnswer(f"the head of the answer is malformed: {_root_cause(exc)}") from exc
            # Both exceptions carry the value, which may be a secret: it is neither shown nor kept as the cause.
            raise Failure(
                "invalid_input",
                "'headers', 'token', 'username', 'api_key' or an AWS option contains a character that HTTP headers cannot "
                "contain, such as a line break.",
            ) from None
        except requests.exceptions.RequestException as exc:
            raise NoAnswer(_root_cause(exc)) from exc
        except OSError as exc:
            # Before a connection: the file of a certificate, key or authority is missing or unreadable.
            raise Failure("invalid_input", self._unreadable_file() or f"A TLS file cannot be used: {exc}") from exc

    def _unreadable_file(self) -> str:
        """The option whose file cannot be read, and why; empty if all can."""
        cert, key = self._cert if isinstance(self._cert, tuple) else (self._cert, None)
        for option, path in (("ca_path", self._verify), ("client_cert", cert), ("client_key", key)):
            if not isinstance(path, str):
                continue
            try:
                if not os.path.isdir(path):
                    with open(path, "rb"):
                        pass
            except OSError as exc:
                return f"{option}: {path} cannot be read on the host that runs the task: {exc.strerror}."
        return ""


def _session() -> Any:
    class Adapter(HTTPAdapter):
        """Opens connections that read their answers with a deadline, also to a proxy."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, **kwargs)
            deadline_reads.limit_read_time(self.poolmanager)

        def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
            known = proxy in self.proxy_manager
            manager = super().proxy_manager_for(proxy, **kwargs)
            if not known:
                deadline_reads.limit_read_time(manager)
            return manager

    class Session(requests.Session):
        def get_redirect_target(self, resp: Any) -> None:
            """None: requests prepares a redirect even if it does not follow it, and reads the whole answer for that."""

    session = Session()
    session.headers["Accept-Encoding"] = deadline_reads.ENCODING
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter())
    return session


def read_all(chunks: Iterator[bytes]) -> bytes:
    """The whole content. Raises Failure if it is larger than :data:`MAX_ANSWER_BYTES`."""
    read, size = [], 0
    for chunk in chunks:
        read.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise Failure("answer_too_large", f"The answer is larger than {MAX_ANSWER_BYTES // 2**20} MiB.")
    return b"".join(read)


def _stream(answer: Any, timeout: float) -> Iterator[bytes]:
    try:
        yield from _with_read_errors(deadline_reads.chunks_with_own_deadlines(answer.raw), timeout)
    finally:
        answer.close()


def _with_read_errors(chunks: Iterator[bytes], timeout: float) -> Iterator[bytes]:
    """The same chunks, with any error while reading them as :class:`NoAnswer`."""
    try:
        yield from chunks
    except ReadTimeoutError as exc:
        raise NoAnswer(f"the answer was not complete within {timeout:g} s") from exc
    except (HTTPError, OSError, deadline_reads.UndecodableContent) as exc:
        raise NoAnswer(f"the answer broke off: {exc}") from exc


def _keep_headers(request: Any) -> Any:
    """Authentication that adds nothing. Without any, requests would use the credentials of a netrc file."""
    return request


def _classify_tls_error(url: str, exc: Exception, *, with_cert: bool) -> Exception:
    text = str(exc)
    host = url.split("/")[2]
    # OpenSSL reports the first if the connection just ends, the second if the server closed it properly.
    if "EOF occurred" in text or "connection has been closed" in text:
        return _classify_connection_error(exc)
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
        return Failure("tls_too_old", f"{host} supports no secure version of TLS: {_root_cause(exc)}")
    # OpenSSL reports these when it reads the files, before anything is sent; "[X509] PEM lib" is about the file of an
    # authority.
    if with_cert and any(sign in text for sign in ("[SSL] PEM lib", "KEY_VALUES_MISMATCH", "key values mismatch")):
        return Failure(
            "invalid_input",
            "'client_cert' and 'client_key' do not belong together. Give the private key of the certificate, either in "
            f"the file of 'client_cert' or as 'client_key': {_root_cause(exc)}",
        )
    return Failure("tls_not_trusted", f"The TLS connection to {host} was not trusted: {_root_cause(exc)}")


def _classify_connection_error(exc: Exception) -> Exception:
    """:class:`NotSent` if the request was certainly not sent, else :class:`NoAnswer`."""
    if _in_handshake(exc):
        return NotSent(f"the connection was closed before TLS was agreed on: {_root_cause(exc)}")
    return (NotSent if any(_was_not_sent(cause) for cause in _with_causes(exc)) else NoAnswer)(_root_cause(exc))


def _with_causes(exc: BaseException) -> Iterator[BaseException]:
    """An exception of requests or urllib3, and those that it wraps."""
    yield exc
    for inner in (*exc.args, getattr(exc, "reason", None)):
        if isinstance(inner, BaseException):
            yield from _with_causes(inner)


def _was_not_sent(exc: BaseException) -> bool:
    """True if the type of the exception shows that the request was not sent. Its text may contain what a server sent.

    A proxy may fail after it has forwarded the request, except when it cannot open a tunnel to the server.
    """
    if isinstance(exc, ProxyError):
        return str(exc.original_error).startswith("Tunnel connection failed")
    return isinstance(exc, (NewConnectionError, ConnectTimeoutError))


def _in_handshake(exc: BaseException) -> bool:
    """True if the error was raised during the TLS handshake, before any request. Only the traceback shows this."""
    seen: BaseException | None = exc
    while seen is not None:
        if any(frame.f_code.co_name == "do_handshake" for frame, _line in traceback.walk_tb(seen.__traceback__)):
            return True
        seen = seen.__context__
    return False


def _root_cause(exc: BaseException) -> str:
    """The text of the innermost exception, in one line: the outer ones repeat it with object addresses."""
    seen: BaseException = exc
    for _depth in range(10):
        inner = getattr(seen, "reason", None)
        if not isinstance(inner, BaseException):
            inner = next((arg for arg in seen.args if isinstance(arg, BaseException)), None)
        if inner is None:
            break
        seen = inner
    return str(seen).rsplit(">: ", 1)[-1] or type(seen).__name__
