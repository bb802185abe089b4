"""A TCP proxy in front of Redis: it loses the answers of chosen scripts, or all of the traffic."""

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from avnu.lua import NAMES, Scripts

_CHUNK_BYTES = 1 << 16


class Cutter:
    """Passes everything on, but loses the answer to every n-th call of a script.

    That call reaches the server, and its answer comes back as far as here: it has taken effect.
    Then the connection is cut. ``every`` is that n of each script by name; ``cut`` counts the
    answers that were lost.
    """

    def __init__(self, port: int, scripts: Scripts, every: Mapping[str, int]) -> None:
        self._server_port = port
        self._names = {scripts[name].sha: name for name in NAMES}
        self.every = dict(every)
        self._calls: Counter[str] = Counter()
        self.cut: Counter[str] = Counter()
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cutter", daemon=True)
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(5)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut_off(self) -> None:
        """Nothing passes any more, either way, and no connection is closed: a cable is pulled."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def mend(self) -> None:
        """What was held arrives late, as TCP sends it again."""
        self._loop.call_soon_threadsafe(self._passing.set)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listener.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = _Link()
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            writer.transport.abort()
            return
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._requests(reader, to_server, link)),
                    asyncio.ensure_future(self._replies(from_server, writer, link)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        except asyncio.CancelledError:
            pass  # the test is over; asyncio's streams would log it as a fault
        finally:
            writer.transport.abort()
            to_server.transport.abort()

    async def _requests(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: "_Link"
    ) -> None:
        while chunk := await _read(reader):
            await self._passing.wait()
            link.losing = link.losing or self._chosen(chunk)
            writer.write(chunk)

    async def _replies(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: "_Link"
    ) -> None:
        while chunk := await _read(reader):
            await self._passing.wait()
            if link.losing and not chunk.startswith(b"-"):
                self.cut[link.losing] += 1
                return
            link.losing = ""
            writer.write(chunk)

    def _chosen(self, chunk: bytes) -> str:
        """The script whose answer is to be lost, if this is a call of one and its turn has come."""
        at = chunk.find(b"EVALSHA\r\n$40\r\n")
        if at < 0:
            return ""
        name = self._names.get(chunk[at + 14 : at + 54], "")
        self._calls[name] += 1
        n = self.every.get(name, 0)
        return name if n and self._calls[name] % n == 0 else ""


class _Link:
    """One connection; ``losing`` names the script whose answer is not passed on."""

    def __init__(self) -> None:
        self.losing = ""


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(_CHUNK_BYTES)
    except OSError:
        return b""
