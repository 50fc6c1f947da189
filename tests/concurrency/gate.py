# Copyright (c) The searchops.opensearch_ml maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A proxy that holds the first connections to a cluster until all controllers have connected."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from functools import partial
from typing import Sequence
from urllib.parse import urlsplit

#: Seconds for which the controllers wait for each other.
LONGEST = 180.0


class Gate:
    """One port for each controller, forwarded to its node. The first connections are forwarded at the same moment."""

    def __init__(self, targets: Sequence[str]) -> None:
        self.urls: list[str] = []
        self._missing = set(range(len(targets)))
        self._loop = asyncio.new_event_loop()
        self._open = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._passing: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        for number, target in enumerate(targets):
            split = urlsplit(target)
            made = asyncio.run_coroutine_threadsafe(self._listen(number, split.port or 9200), self._loop)
            # The bytes of TLS are forwarded as they are. The servers' certificates are valid for this address, too.
            self.urls.append(f"{split.scheme}://127.0.0.1:{made.result(10)}")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def opened(self) -> bool:
        """Whether all controllers have connected."""
        return not self._missing

    async def _listen(self, number: int, port: int) -> int:
        server = await asyncio.start_server(partial(self._arrive, number, port), "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing)

    async def _arrive(self, number: int, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._passing.add(task)
        try:
            # Only the end of the gate closes the listener.
            with suppress(asyncio.CancelledError):
                await self._pass(number, port, reader, writer)
        finally:
            self._passing.discard(task)
            writer.close()

    async def _pass(self, number: int, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._missing.discard(number)
        if not self._missing:
            self._open.set()
        # A missing controller delays the others only for this long; `opened` then shows that it is missing.
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._open.wait(), LONGEST)
        self._open.set()
        answers, requests = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, requests), _copy(answers, writer))
        finally:
            requests.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    # One end may be closed already when the end of the other is passed on; that raises no ConnectionError.
    with suppress(OSError):
        while piece := await source.read(65536):
            target.write(piece)
            await target.drain()
        target.write_eof()
