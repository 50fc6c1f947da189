# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on the loopback interface that checks AWS signatures as Amazon's gateway does, without botocore.

It recomputes each signature as "Create a signed AWS API request" in the IAM user guide describes, and answers 403 with the
texts of the real gateway.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator, Mapping
from urllib.parse import quote, unquote

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details.\n\nThe Canonical String for this request should have "
    "been\n'{canonical}'\n\nThe String-to-Sign should have been\n'{to_sign}'\n"
)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _encode(text: str) -> str:
    return quote(text, safe="-_.~")


def canonical_request(method: str, target: str, headers: Mapping[str, str], signed: list[str], body_hash: str) -> str:
    """``headers`` have names in lower case; ``target`` is the one of the request line, unchanged."""
    path, _mark, query = target.partition("?")
    # Everything but S3 encodes each segment of the path twice.
    twice = "/".join(_encode(_encode(unquote(segment))) for segment in path.split("/"))
    pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
    arguments = "&".join(
        "=".join(pair) for pair in sorted((_encode(unquote(k)), _encode(unquote(v))) for k, v in pairs)
    )
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in signed]
    return "\n".join([method, twice, arguments, *lines, "", ";".join(signed), body_hash])


def signature(secret: str, day: str, region: str, service: str, to_sign: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request", to_sign):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key.hex()


class Gateway(ThreadingHTTPServer):
    """``seen`` lists the accepted requests: (method, target, headers, body). ``fail``: number of 503 answers to give."""

    daemon_threads = True

    def __init__(
        self, service: str, key: str, secret: str, token: str | None, clock: Callable[[], datetime.datetime]
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service, self.key, self.secret, self.token, self.clock = service, key, secret, token, clock
        self.region = "eu-central-1"
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.fail = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def refusal(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> str | None:
        """Why the gateway refuses the request; None if it accepts it."""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=(\S+), "
            r"Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if not found:
            return "Missing Authentication Token"
        key, day, region, service, names, given = found.groups()
        signed = names.split(";")
        if key != self.key or headers.get("x-amz-security-token") != self.token:
            return "The security token included in the request is invalid."
        if (region, service) != (self.region, self.service):
            return f"Credential should be scoped to a valid region, not '{region}', and to service: '{self.service}'."
        # Each header that could change the request's meaning must be signed.
        must = {"host"} | {name for name in headers if name == "content-type" or name.startswith("x-amz-")}
        if signed != sorted(signed) or not must <= set(signed):
            return f"The request has headers that are not signed: {sorted(must - set(signed))}"
        stamp = headers.get("x-amz-date", "")
        sent = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        if abs((self.clock() - sent).total_seconds()) > 300 or not stamp.startswith(day):
            return f"Signature expired: {stamp} is now earlier than {self.clock():%Y%m%dT%H%M%SZ} (- 5 min.)"
        body_hash = hashlib.sha256(body).hexdigest()
        if self.service == "aoss" and headers.get("x-amz-content-sha256") != body_hash:
            return "Forbidden"
        canonical = canonical_request(method, target, headers, signed, body_hash)
        to_sign = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                stamp,
                f"{day}/{region}/{service}/aws4_request",
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        if not hmac.compare_digest(signature(self.secret, day, region, service, to_sign), given):
            return MISMATCH.format(canonical=canonical, to_sign=to_sign)
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        refused = self.server.refusal(self.command, self.path, headers, body)
        if refused:
            self._send(403, {"message": refused})
            return
        self.server.seen.append((self.command, self.path, headers, body))
        if self.server.fail:
            self.server.fail -= 1
            self._send(503, {"message": "Service Unavailable"})
        else:
            self._send(200, {"hits": {"hits": []}, "version": {"number": "3.6.0"}})

    do_GET = do_POST = do_PUT = do_DELETE = _answer

    def _send(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        """Keep the log out of the tests' output."""


@contextlib.contextmanager
def gateway(
    service: str, key: str, secret: str, token: str | None = None, clock: Callable[[], datetime.datetime] = _now
) -> Iterator[Gateway]:
    server = Gateway(service, key, secret, token, clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
