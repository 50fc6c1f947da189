# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recording proxy that counts the exchanges and injects a fault into one of them."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import struct
import threading
import time
from html import escape
from typing import Any, Callable, NamedTuple

from ansible_collections.searchops.opensearch_ml.tests.integration._recorder import (
    Answer,
    Handler,
    Recorder,
)

#: The part of a path that differs from run to run.
_ID = re.compile(r"(?<=/)[A-Za-z0-9_-]{20}(?=/|$)")

#: Seconds: the client's timeout in cases where it must expire, the duration of a slow answer, and of a dripping one.
TIMEOUT, SLOW, DRIPPING = 2.0, 0.8, 4.0


class Fault(NamedTuple):
    """A fault at one exchange. ``handled``: the server receives and processes the request."""

    name: str
    means: str
    handled: bool
    #: The client's timeout must expire.
    slow: bool = False
    #: The fault strikes while the connection is made, before there is a request.
    connecting: bool = False


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            "refused",
            "connection refused, at this exchange and from then on: the listener is closed",
            False,
            connecting=True,
        ),
        Fault("reset at accept", "the connection is reset as soon as it is accepted", False, connecting=True),
        Fault("reset before", "reset after the request was read, before it reached the server", False),
        Fault("reset after", "reset after the server handled the request, before its answer", True),
        Fault("reset, then refused", "as 'reset after', and every further connection is refused", True),
        Fault("cut", "a part of the answer, then the end of the connection", True),
        Fault("no answer", "handled by the server, and no answer until the client's timeout", True, slow=True),
        Fault("slow", f"the answer arrives in pieces within {SLOW:g} s", True),
        Fault("drips on", "the answer arrives in pieces beyond the client's timeout", True, slow=True),
        Fault("429", "not handled: 429 without Retry-After", False),
        Fault("429, Retry-After", "not handled: 429 with 'Retry-After: 1'", False),
        Fault("429 after", "handled by the server: 429, as if it had no room for further work", True),
        Fault("502", "not handled: 502 with a gateway's page", False),
        Fault("503", "not handled: 503", False),
        Fault("504", "handled by the server: 504 with a gateway's page", True),
        Fault("HTML", "handled by the server: 200 with a page instead of JSON", True),
        Fault("401", "not handled: 401", False),
        Fault("killed before", "kill -9 of the process before its request reaches the server", False),
        Fault("killed after", "kill -9 of the process after the server handled its request", True),
    )
}

_REASONS = {200: "OK", 401: "Unauthorized", 429: "Too Many Requests", 502: "Bad Gateway", 503: "Service Unavailable",
            504: "Gateway Timeout"}  # fmt: skip


class Counter:
    """Numbers exchanges from 0 on.

    Of several equal consecutive exchanges only the first two count: the number of polls varies.
    """

    def __init__(self) -> None:
        #: The label of each number.
        self.labels: list[str] = []
        #: The numbers after which the same exchange was repeated.
        self.polled: set[int] = set()

    def count(self, method: str, path: str) -> bool:
        """Count an exchange; returns whether it got a number of its own."""
        label = f"{method} {_ID.sub('<id>', path.split('?')[0])}"
        if self.labels[-2:] == [label, label]:
            self.polled.add(len(self.labels) - 1)
            return False
        self.labels.append(label)
        return True


class FaultProxy(Recorder):
    """Forwards to ``target``, and injects a fault into exchange number ``at`` if it has this ``label``.

    Connections are kept alive, except before a fault that strikes while a connection is made.
    """

    def __init__(self, target: str, fault: Fault | None = None, at: int = 0, label: str = "") -> None:
        self._fault = fault
        self._at = at
        self._label = label
        self._down = False
        self._lock = threading.Lock()
        self.exchanges = Counter()
        #: Kills the process that sends the requests.
        self.kill: Callable[[], None] | None = None
        #: Whether the fault was injected.
        self.struck = False
        super().__init__(target, handler=_Faulty)
        self._server.verify_request = self._accept  # type: ignore[method-assign] # of this proxy's own server
        if fault and fault.name == "refused" and at == 0:
            self.go_down()

    @property
    def down(self) -> bool:
        return self._down

    def strikes(self, method: str, path: str) -> Fault | None:
        """Count an exchange; returns the fault to inject, or None."""
        with self._lock:
            counts = self.exchanges.count(method, path)
            labels = self.exchanges.labels
            if not counts or self._fault is None or len(labels) - 1 != self._at or labels[-1] != self._label:
                return None
            # A connection that was reset when accepted is counted when the client repeats the request.
            if self._fault.name == "reset at accept" and self.struck:
                return None
            self.struck = True
            return self._fault

    def closes_before_the_next(self) -> bool:
        """Whether the next exchange must make a new connection. It is decided before the client can send the next request."""
        if self._fault is None or not self._fault.connecting or len(self.exchanges.labels) != self._at:
            return False
        if self._fault.name == "refused":
            self.go_down()
        return True

    def go_down(self) -> None:
        """Refuse all connections from now on. The port stays reserved, so that no other server can answer there."""
        self.struck = self._down = True
        self._server.shutdown()
        address = self._server.server_address
        self._server.socket.close()
        self._server.socket = socket.socket()
        self._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._server.socket.bind(address)

    def close(self) -> None:
        if not self._down:
            self._server.shutdown()
        self._server.server_close()

    def _accept(self, request: Any, client_address: Any) -> bool:
        with self._lock:
            fault, at = self._fault, len(self.exchanges.labels)
            if self.struck or fault is None or fault.name != "reset at accept" or at != self._at:
                return True
            self.struck = True
        reset(request)
        return False


class _Faulty(Handler):
    recorder: FaultProxy

    def forward(self) -> None:
        proxy = self.recorder
        body = self.content()
        fault = proxy.strikes(self.command, self.path)
        if proxy.down:
            self._break_off()
        elif fault is None:
            answer = self.ask(body)
            self.close_connection |= proxy.closes_before_the_next()
            self.reply(answer)
        else:
            self._go_wrong(fault.name, self.ask(body) if fault.handled else None, body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = forward

    def end_headers(self) -> None:
        if self.close_connection:
            self.send_header("Connection", "close")
        super().end_headers()

    def _go_wrong(self, fault: str, handled: Answer | None, body: bytes) -> None:
        if fault.startswith("killed"):
            assert self.recorder.kill
            self.recorder.kill()
            self._break_off()
        elif fault.startswith("reset"):
            if fault == "reset, then refused":
                self.recorder.go_down()
            self._break_off()
        elif fault == "no answer":
            # Wait until the client gives up and closes the connection.
            select.select([self.connection], [], [], 30)
            self._break_off()
        elif fault == "cut":
            assert handled
            self.reply_head(handled)
            self.wfile.write(handled.content[: len(handled.content) // 2])
            self.wfile.flush()
            self.close_connection = True
        elif fault in ("slow", "drips on"):
            assert handled
            self._drip(handled, SLOW if fault == "slow" else DRIPPING)
        else:
            self._echo(fault, body)

    def _drip(self, answer: Answer, seconds: float) -> None:
        self.reply_head(answer)
        self.wfile.flush()
        size = max(1, len(answer.content) // 20)
        pieces = [answer.content[start : start + size] for start in range(0, len(answer.content), size)]
        for piece in pieces:
            time.sleep(seconds / len(pieces))
            self.wfile.write(piece)
            self.wfile.flush()

    def _echo(self, fault: str, body: bytes) -> None:
        """Answer with all that was sent, as some error pages do. The client must not print its secrets."""
        sent = "; ".join([*(f"{name}: {value}" for name, value in self.headers.items()), body.decode()])
        page = f"<html><body><h1>{fault}</h1><p>{self.command} {self.path}</p><pre>{escape(sent)}</pre></body></html>"
        status = 200 if fault == "HTML" else int(fault[:3])
        kind = "text/html"
        if status == 429:
            kind, page = "application/json", _rejected(sent)
        elif status == 401:
            kind, page = "text/plain", f"Unauthorized: {sent}"
        headers = [("Content-Type", kind)]
        if fault == "429, Retry-After":
            headers.append(("Retry-After", "1"))
        self.reply(Answer(status, _REASONS[status], headers, page.encode()))

    def _break_off(self) -> None:
        self.close_connection = True
        reset(self.connection)


def _rejected(sent: str) -> str:
    reason = f"rejected execution of [{sent}]"
    error = {"type": "rejected_execution_exception", "reason": reason}
    return json.dumps({"error": {**error, "root_cause": [error]}, "status": 429})


def reset(connection: socket.socket) -> None:
    """Close a connection with a reset, so that the other side gets an error."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The handler has files open on the socket, which would keep it open: detach it.
    os.close(connection.detach())
