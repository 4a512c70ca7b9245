"""Clients of a server under faults. Whatever they send ends up in the books once."""

from __future__ import annotations

import asyncio
import random
import socket
import struct

from tests.server.fault_injection.books import Books
from tests.server.fault_injection.orders import LEFT, Answer, Order, OrderBook

# Longer than any limit of the server: who waits so long gets no answer any more.
PATIENCE_S = 40.0
# Whoever is told that there is no worker leaves the processors to those that start.
BACK_OFF_S = 0.3
_RESET = struct.pack("ii", 1, 0)


class Connection:
    """One connection of a client, kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=1 << 21))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self) -> Answer:
        """The next answer.

        Raises:
            asyncio.IncompleteReadError: the connection ended before its head did.
            TimeoutError: nothing came for `PATIENCE_S`.
        """
        return await asyncio.wait_for(self._receive(), PATIENCE_S)

    async def _receive(self) -> Answer:
        status = 100
        while status == 100:
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head[:-4].split(b"\r\n")
            status = int(first.split()[1])
        headers = dict(line.split(b": ", 1) for line in lines)
        if headers.get(b"transfer-encoding") == b"chunked":
            return await self._receive_chunks(status, headers)
        return Answer(status, headers, await self.reader.readexactly(int(headers[b"content-length"])))

    async def _receive_chunks(self, status: int, headers: dict[bytes, bytes]) -> Answer:
        pieces: list[bytes] = []
        try:
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                pieces.append((await self.reader.readexactly(size + 2))[:-2])
            await self.reader.readexactly(2)
        except (asyncio.IncompleteReadError, ConnectionError):
            return Answer(status, headers, b"".join(pieces), is_cut=True)
        return Answer(status, headers, b"".join(pieces))

    def close(self) -> None:
        """End it as a client does that needs nothing more."""
        self.writer.transport.abort()

    def reset(self) -> None:
        """End it with a reset."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.writer.transport.abort()


class Crowd:
    """Makes clients of all kinds until it is told to stop.

    Args:
        port: of the server, on 127.0.0.1.
        rng: decides what they do.
        orders: what they ask for.
        books: where it ends up.
        max_body_bytes: larger bodies are refused by the server.
    """

    def __init__(self, port: int, rng: random.Random, orders: OrderBook, books: Books, max_body_bytes: int) -> None:
        self._port = port
        self._rng = rng
        self._orders = orders
        self._books = books
        self._max_body_bytes = max_body_bytes
        self.is_over = False
        self._is_served = True

    async def run(self, steady: int, leaving: int, hostile: int) -> None:
        """Run so many clients of each kind side by side, until `is_over`."""
        kinds = [self._buy] * steady + [self._leave] * leaving + [self._attack] * hostile
        await asyncio.gather(*(self._repeat(kind) for kind in kinds))

    async def ask(self, *orders: Order) -> None:
        """Send orders in one go on a new connection and take their answers."""
        connection = await Connection.open(self._port)
        await self._ask(connection, list(orders))
        connection.close()

    async def _repeat(self, kind: object) -> None:
        assert callable(kind)
        while not self.is_over:
            await kind()

    async def _buy(self) -> None:
        """A steady client: one connection for many requests, some of them pipelined."""
        connection = await Connection.open(self._port)
        for _ in range(self._rng.randrange(5, 60)):
            if self.is_over:
                break
            count = self._rng.choices([1, 2, 5, 20], [80, 10, 7, 3])[0]
            orders = [self._orders.next_order() for _ in range(count)]
            if self._rng.random() < 0.05:
                orders.append(self._orders.stream())
            if not await self._ask(connection, orders):
                break
            await asyncio.sleep(self._rng.choice([0, 0, 0.002, 0.02, 0.1]) if self._is_served else BACK_OFF_S)
        connection.close()

    async def _ask(self, connection: Connection, orders: list[Order]) -> bool:
        """Whether the connection can be used for more."""
        connection.send(b"".join(order.to_bytes() for order in orders))
        return await self._take_answers(connection, orders)

    async def _take_answers(self, connection: Connection, orders: list[Order]) -> bool:
        for number, order in enumerate(orders):
            try:
                answer = await connection.receive()
            except (asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError) as error:
                for lost in orders[number:]:
                    self._books.lose(lost, repr(error))
                return False
            self._books.enter(order, answer)
            self._is_served = answer.status != 503
            if answer.is_cut:
                return False
        return True

    async def _leave(self) -> None:
        """A client that goes away at any moment."""
        connection = await Connection.open(self._port)
        orders = [self._orders.next_order() for _ in range(self._rng.choice([1, 1, 3, 25]))]
        if self._rng.random() < 0.3:
            orders.append(self._orders.stream())
        for order in orders:
            order.api = LEFT + order.api
        data = b"".join(order.to_bytes() for order in orders)
        connection.send(data[: self._rng.choice([len(data), self._rng.randrange(len(data))])])
        self._books.dropped += len(orders)
        await asyncio.sleep(self._rng.choice([0, 0.001, 0.01, 0.1, 0.5]))
        if self._rng.random() < 0.5:
            connection.reset()
        else:
            connection.close()

    async def _attack(self) -> None:
        """A client that breaks the rules."""
        attacks = [self._too_large, self._too_large_in_chunks, self._bad_chunk, self._wrong_method, self._nonsense]
        connection = await Connection.open(self._port)
        attacks += [self._large_head, self._lost_path, self._slow, self._odd_method, self._half_close]
        await self._rng.choice(attacks)(connection)
        connection.close()
        await asyncio.sleep(self._rng.choice([0.01, 0.05, 0.2]))

    async def _expect(self, connection: Connection, status: int, what: str, api: str | None = None) -> None:
        try:
            answer = await connection.receive()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError) as error:
            self._books.faults.append(f"{what}: {error!r} instead of {status}")
            return
        if answer.status != status:
            self._books.faults.append(f"{what}: {answer} instead of {status}")
        elif api is not None:
            self._books.enter_refusal(api, status)

    async def _too_large(self, connection: Connection) -> None:
        connection.send(b"POST /rows HTTP/1.1\r\nContent-Length: %d\r\n\r\n[" % (self._max_body_bytes + 1))
        await self._expect(connection, 413, "too large a body", "rows")

    async def _too_large_in_chunks(self, connection: Connection) -> None:
        connection.send(b"POST /single HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(self._max_body_bytes // 60_000 + 2):
            connection.send(b"ea60\r\n" + b"x" * 60_000 + b"\r\n")
        await self._expect(connection, 413, "too large a chunked body", "single")

    async def _bad_chunk(self, connection: Connection) -> None:
        connection.send(b"POST /rows HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnot a size\r\n")
        await self._expect(connection, 400, "a chunk without a size", "rows")

    async def _wrong_method(self, connection: Connection) -> None:
        connection.send(b"PUT /frame HTTP/1.1\r\nContent-Length: 5\r\n\r\n[[1]]")
        await self._expect(connection, 405, "PUT", "frame")

    async def _odd_method(self, connection: Connection) -> None:
        connection.send(b"OPTIONS /frame HTTP/1.1\r\n\r\nOPTIONS /stream HTTP/1.1\r\n\r\n")
        await self._expect(connection, 200, "OPTIONS", "frame")
        await self._expect(connection, 200, "OPTIONS", "stream")

    async def _half_close(self, connection: Connection) -> None:
        """Whoever has said that nothing more comes still gets the answers."""
        orders = [self._orders.next_order() for _ in range(3)]
        connection.send(b"".join(order.to_bytes() for order in orders))
        connection.writer.write_eof()
        await self._take_answers(connection, orders)

    async def _nonsense(self, connection: Connection) -> None:
        connection.send(self._rng.choice([b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\0" * 100 + b"\r\n\r\n"]))
        await self._expect(connection, 400, "nonsense")

    async def _large_head(self, connection: Connection) -> None:
        connection.send(b"POST /rows HTTP/1.1\r\nX-Padding: " + b"x" * 70_000 + b"\r\n\r\n")
        await self._expect(connection, 431, "too large a head")

    async def _lost_path(self, connection: Connection) -> None:
        connection.send(b"POST /nowhere HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]")
        await self._expect(connection, 404, "an unknown path")

    async def _slow(self, connection: Connection) -> None:
        """Bytes that come one at a time are a request like any other."""
        order = self._orders.next_order()
        while len(order.body) > 1000:
            order = self._orders.next_order()
        for byte in order.to_bytes():
            connection.send(bytes([byte]))
            await asyncio.sleep(0)
        try:
            self._books.enter(order, await connection.receive())
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.TimeoutError) as error:
            self._books.lose(order, repr(error))
