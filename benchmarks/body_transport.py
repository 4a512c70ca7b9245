"""How large bodies reach a worker: through the socket, or through memory files that it reads itself.

`python -m benchmarks.body_transport` starts a process that stands for a worker, sends it bodies one after the other,
waits for a short answer to each, and prints per size and way the megabytes per second and the CPU time of both.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bentoml.server.processes.allocator import allocator_settings
from bentoml.server.processes.child import run_on_fast_loop
from bentoml.server.transport import body_pool, wire

SIZES_KIB = (16, 32, 64, 128, 256, 512, 1024, 5 * 1024, 20 * 1024)
_BATCH_ID = 1


def _work(sock: socket.socket) -> None:
    """Stand for a worker: take each body as bytes, and answer with its length."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        ended = loop.create_future()

        def on_frame(protocol: wire.FrameProtocol, payload: bytes) -> None:
            _, body = wire.unpack(payload)
            if isinstance(body, list):
                body = body_pool.read_body(body)
            protocol.send(wire.pack([wire.ANSWER, len(body)]))

        await loop.create_unix_connection(
            lambda: wire.FrameProtocol(on_frame, lambda _: ended.set_result(None)), sock=sock
        )
        await ended

    run_on_fast_loop(run())


@dataclass
class Sender:
    """Stands for the front."""

    sock: socket.socket
    pool: body_pool.BodyPool
    repeats: int

    async def send_all(self, body: bytes) -> float:
        """Send a body again and again; returns the median of the seconds that one takes."""
        loop = asyncio.get_running_loop()
        answers: asyncio.Queue[int] = asyncio.Queue()
        transport, protocol = await loop.create_unix_connection(
            lambda: wire.FrameProtocol(lambda _, payload: answers.put_nowait(wire.unpack(payload)[1]), lambda _: None),
            sock=self.sock.dup(),
        )
        times_s: list[float] = []
        for _ in range(self.repeats):
            began_s = time.perf_counter()
            protocol.send_message([wire.CALL, self.pool.send_form(_BATCH_ID, body)])
            if await answers.get() != len(body):
                raise RuntimeError("the body did not arrive whole")
            self.pool.release(_BATCH_ID)
            times_s.append(time.perf_counter() - began_s)
        transport.pause_reading()
        return sorted(times_s)[len(times_s) // 2]


def measure(size_bytes: int, *, uses_slots: bool) -> tuple[float, float]:
    """Seconds and CPU seconds (of both processes) per body."""
    ours, theirs = socket.socketpair()
    worker = multiprocessing.get_context("fork").Process(target=_work, args=(theirs,))
    worker.start()
    theirs.close()
    body_pool.MIN_BODY_BYTES = 0
    pool = body_pool.BodyPool()
    pool.is_enabled = uses_slots
    repeats = max(20, min(1000, (200 << 20) // size_bytes))
    begun_s = _cpu_s(worker.pid)
    taken: list[float] = []

    async def run() -> None:
        taken.append(await Sender(ours, pool, repeats).send_all(os.urandom(size_bytes)))

    run_on_fast_loop(run())
    cpu_s = _cpu_s(worker.pid) - begun_s
    ours.close()
    worker.terminate()
    worker.join()
    pool.close()
    return taken[0], cpu_s / repeats


def _cpu_s(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="latin-1").rpartition(")")[2].split()
    return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure every size both ways, in turns, and print a table."""
    settings = allocator_settings(os.environ)
    if settings:
        # The C library reads them when a process starts; the server's processes have them.
        os.execve(sys.executable, sys.orig_argv, {**os.environ, **settings})  # noqa: S606 - this very program
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(f"{'KiB':>6}  {'socket MB/s':>12} {'slots MB/s':>12}  {'socket CPU ms':>14} {'slots CPU ms':>13}")
    for size_kib in SIZES_KIB:
        size_bytes = size_kib << 10
        results = [[measure(size_bytes, uses_slots=uses) for uses in (False, True)] for _ in range(rounds)]
        best = [(min(each[way][0] for each in results), min(each[way][1] for each in results)) for way in (0, 1)]
        rates = [size_bytes / seconds / 1e6 for seconds, _ in best]
        print(
            f"{size_kib:>6}  {rates[0]:>12,.0f} {rates[1]:>12,.0f}  {best[0][1] * 1e3:>14.3f} {best[1][1] * 1e3:>13.3f}"
        )


if __name__ == "__main__":
    main()
