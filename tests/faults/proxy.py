"""A TCP proxy that does what bad networks and bad servers do: its own loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Literal, Self

from tests.servers import free_port

Way = Literal["up", "down"]
"""From client to server, or back."""
Kinds = tuple[int, ...]
"""Of an MQTT stream the kinds of the packets that begin in a piece; of an HTTP one the answer's status."""
Watch = Callable[[Way, Kinds], bool]
"""Sees each piece before it goes on; False drops it."""

PUBLISH, PUBACK, SUBACK = 3, 4, 9
_CHUNK = 65_536
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_WRITES = (b"POST /write", b"POST /api/v2/write")
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")


class Proxy:
    """Passes everything on, until it is told otherwise.

    Every way to misbehave is a switch of its own, so that several faults can overlap.

    Parameters
    ----------
    to_port : int
    http : bool
        Whether requests are read whole, so that they can be answered in the server's place.
    """

    def __init__(self, to_port: int, *, http: bool = False) -> None:
        self.to_port = to_port
        self.http = http
        self.port = free_port()
        self.seen: Counter[tuple[Way, int]] = Counter()
        self.watch: Watch | None = None
        self.after: Watch | None = None
        self.delay_s = 0.0
        self.drip_s = 0.0  # a byte of an answer takes so long
        self.swallowing = False  # answers do not come back
        self.forged: Callable[[bytes], bytes | None] | None = None  # answers given in the server's place
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    # -- faults

    def reset(self) -> None:
        """End every connection with a reset."""
        self._call(self._reset())

    def strand(self) -> None:
        """What is connected now never hears of the other side again, and is not told so."""
        self._loop.call_soon_threadsafe(self._strand)

    @contextmanager
    def refused(self) -> Iterator[None]:
        """Nobody listens, and what was connected is reset."""
        self._call(self._close())
        try:
            yield
        finally:
            self._call(self._listen())

    @contextmanager
    def held(self) -> Iterator[None]:
        """The cable is out: connections stand, nothing comes through, not even their end."""
        self._loop.call_soon_threadsafe(self._flowing.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flowing.set)

    @contextmanager
    def half_open(self) -> Iterator[None]:
        """Likewise; and afterwards the connections that stood are gone."""
        with self.held():
            yield
            self.reset()

    @contextmanager
    def switched(self, **switches: Any) -> Iterator[None]:
        """Some switches set, and then as before."""
        before = {name: getattr(self, name) for name in switches}
        try:
            for name, value in switches.items():
                setattr(self, name, value)
            yield
        finally:
            for name, value in before.items():
                setattr(self, name, value)

    # -- the loop's side

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(60)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def _strand(self) -> None:
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._reset()

    async def _reset(self) -> None:
        for writer in list(self._writers):
            sock = writer.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _end(self) -> None:
        await self._close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        server: asyncio.StreamWriter | None = None
        gate = self._flowing
        try:
            await gate.wait()
            from_server, server = await asyncio.open_connection("127.0.0.1", self.to_port)
            self._writers.add(server)
            answers = asyncio.create_task(self._down(from_server, writer, gate))
            questions = asyncio.create_task(self._up(reader, server, writer, gate))
            await asyncio.wait({answers, questions}, return_when=asyncio.FIRST_COMPLETED)
            # Either side went away; so does the other, once that can get through.
            await gate.wait()
            for task in (answers, questions):
                task.cancel()
            await asyncio.gather(answers, questions, return_exceptions=True)
        except OSError:
            pass  # the server does not listen
        finally:
            for end in (writer, server):
                if end is not None:
                    self._writers.discard(end)
                    end.close()

    async def _up(
        self,
        reader: asyncio.StreamReader,
        server: asyncio.StreamWriter,
        client: asyncio.StreamWriter,
        gate: asyncio.Event,
    ) -> None:
        packets = _Packets()
        while True:
            data = await (_request(reader) if self.http else reader.read(_CHUNK))
            if not data:
                break
            kinds = () if self.http else packets.feed(data)
            answer = self.forged(data) if self.forged is not None else None
            if answer is not None:
                client.write(answer)
                continue
            await self._forward("up", kinds, data, server, gate)

    async def _down(
        self, server: asyncio.StreamReader, client: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        packets = _Packets()
        while data := await server.read(_CHUNK):
            kinds = _statuses(data) if self.http else packets.feed(data)
            if self.drip_s and not self.swallowing:
                await self._drip(data, client)
            else:
                await self._forward("down", kinds, data, client, gate)

    async def _forward(
        self, way: Way, kinds: Kinds, data: bytes, to: asyncio.StreamWriter, gate: asyncio.Event
    ) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await gate.wait()
        if self.watch is not None and not self.watch(way, kinds):
            return
        if way == "down" and self.swallowing:
            return
        to.write(data)
        await to.drain()
        self.seen.update((way, kind) for kind in kinds)
        if self.after is not None:
            self.after(way, kinds)

    async def _drip(self, data: bytes, client: asyncio.StreamWriter) -> None:
        sent = 0
        while sent < len(data) and self.drip_s:
            client.write(data[sent : sent + 1])
            await client.drain()
            sent += 1
            await asyncio.sleep(self.drip_s)
        client.write(data[sent:])
        await client.drain()


class _Packets:
    """Finds where MQTT packets begin in a stream."""

    def __init__(self) -> None:
        self._head = b""
        self._body = 0  # bytes of the packet in hand that are still to come

    def feed(self, data: bytes) -> Kinds:
        """The kinds of the packets whose head is complete with this piece."""
        kinds: list[int] = []
        while data:
            if self._body:
                taken = min(self._body, len(data))
                self._body -= taken
                data = data[taken:]
                continue
            self._head += data[:1]
            data = data[1:]
            if len(self._head) > 1 and self._head[-1] < 128:
                self._body = sum((byte & 127) << (7 * i) for i, byte in enumerate(self._head[1:]))
                kinds.append(self._head[0] >> 4)
                self._head = b""
        return tuple(kinds)


async def _request(reader: asyncio.StreamReader) -> bytes:
    """One whole HTTP request; empty at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def _statuses(data: bytes) -> Kinds:
    return tuple(int(status) for status in _STATUS.findall(data))


def answering(status: str, body: bytes = b"", **headers: str) -> Callable[[bytes], bytes | None]:
    """An answer for every write, in the server's place; other requests go on to it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    answer = "\r\n".join([*lines, "", ""]).encode() + body

    def answered(request: bytes) -> bytes | None:
        return answer if request.startswith(_WRITES) else None

    return answered
