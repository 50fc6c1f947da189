# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A recorder that counts the exchanges and lets one of them go wrong."""

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

#: What differs from run to run in a path.
_ID = re.compile(r"(?<=/)[A-Za-z0-9_-]{20}(?=/|$)")

#: The client's timeout where it is to run out, in seconds; a slow answer takes less, one that drips on takes more.
TIMEOUT, SLOW, DRIPPING = 2.0, 0.8, 4.0


class Fault(NamedTuple):
    """What happens at one exchange. ``handled``: the server gets the request and does its work all the same."""

    name: str
    means: str
    handled: bool
    #: The client has to run into its timeout.
    slow: bool = False
    #: It strikes before there is a request.
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
        Fault("cut", "half of the answer, then the end of the connection", True),
        Fault("no answer", "handled by the server, and no answer until the client's timeout", True, slow=True),
        Fault("slow", f"the answer arrives in pieces within {SLOW:g} s", True),
        Fault("drips on", "the answer arrives in pieces beyond the client's timeout", True, slow=True),
        Fault("429", "not handled: 429 without Retry-After", False),
        Fault("429, Retry-After", "not handled: 429 with 'Retry-After: 1'", False),
        Fault("429 after", "handled by the server: 429, as where it has no room for what follows", True),
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

    Of several that are the same and follow each other only the first two count: a state is polled more or less often.
    """

    def __init__(self) -> None:
        #: What each number stands for.
        self.labels: list[str] = []
        #: The numbers after which there was more of the same.
        self.polled: set[int] = set()

    def count(self, method: str, path: str) -> bool:
        """Whether this one has a number of its own."""
        label = f"{method} {_ID.sub('<id>', path.split('?')[0])}"
        if self.labels[-2:] == [label, label]:
            self.polled.add(len(self.labels) - 1)
            return False
        self.labels.append(label)
        return True


class FaultProxy(Recorder):
    """Forwards to ``target``; at the exchange number ``at``, if it is the one of this ``label``, there is a fault.

    Connections are kept alive, but for the one before a fault that strikes while a connection is made.
    """

    def __init__(self, target: str, fault: Fault | None = None, at: int = 0, label: str = "") -> None:
        self._fault = fault
        self._at = at
        self._label = label
        self._down = False
        self._lock = threading.Lock()
        self.exchanges = Counter()
        #: Kills the process that is at work.
        self.kill: Callable[[], None] | None = None
        #: Whether the exchange has taken place.
        self.struck = False
        super().__init__(target, handler=_Faulty)
        self._server.verify_request = self._accept  # type: ignore[method-assign] # of this proxy's own server
        if fault and fault.name == "refused" and at == 0:
            self.go_down()

    @property
    def down(self) -> bool:
        return self._down

    def strikes(self, method: str, path: str) -> Fault | None:
        """Counts an exchange; the fault that strikes it."""
        with self._lock:
            counts = self.exchanges.count(method, path)
            labels = self.exchanges.labels
            if not counts or self._fault is None or len(labels) - 1 != self._at or labels[-1] != self._label:
                return None
            # One that was reset as it was accepted is counted now that it comes again.
            if self._fault.name == "reset at accept" and self.struck:
                return None
            self.struck = True
            return self._fault

    def parts_before_the_next(self) -> bool:
        """Whether the next exchange has to make a connection of its own; told before the client knows it may."""
        if self._fault is None or not self._fault.connecting or len(self.exchanges.labels) != self._at:
            return False
        if self._fault.name == "refused":
            self.go_down()
        return True

    def go_down(self) -> None:
        """From now on connections are refused; the port stays taken, so that nobody else answers there."""
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
            self.close_connection |= proxy.parts_before_the_next()
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
            # Until the client gives up and closes the connection.
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
            self._tell(fault, body)

    def _drip(self, answer: Answer, seconds: float) -> None:
        self.reply_head(answer)
        self.wfile.flush()
        size = max(1, len(answer.content) // 20)
        pieces = [answer.content[start : start + size] for start in range(0, len(answer.content), size)]
        for piece in pieces:
            time.sleep(seconds / len(pieces))
            self.wfile.write(piece)
            self.wfile.flush()

    def _tell(self, fault: str, body: bytes) -> None:
        """An answer that repeats all that was sent, as error pages do: none of it may be shown."""
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
    """Closes a connection so that the other side is told of an error, and not of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Past the files that the handler has opened on it, which would keep it open.
    os.close(connection.detach())
