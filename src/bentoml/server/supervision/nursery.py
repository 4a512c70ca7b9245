"""Where a fleet gets workers from with `--preload`: a fork server, started when the first one is needed."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from bentoml._util.worker_threads import thread_limits
from bentoml.server.processes.child import FORK_LINE_BYTES, FORKED_ENDED
from bentoml.server.processes.child_process import how
from bentoml.server.supervision.forked_worker import ForkedWorker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.server.processes.child_process import ChildProcess
    from bentoml.server.processes.runtime import Runtime

logger = logging.getLogger(__name__)

# A fork takes milliseconds, and seconds when the system is short of memory.
FORK_LIMIT_S = 30.0


class NurseryDiedError(Exception):
    """The fork server ended instead of giving a worker.

    Attributes:
        failure: why it could not load the bundle, in its own words; None when it said nothing.
        how: how it has come to its end.
    """

    def __init__(self, failure: str | None, how_it_ended: str) -> None:
        super().__init__(failure or how_it_ended)
        self.failure = failure
        self.how = how_it_ended


class Nursery:
    """Gives workers of one generation, and starts its fork server anew when that has died.

    Args:
        generation: its number.
        runtime: where the processes live.
    """

    def __init__(self, generation: int, runtime: Runtime) -> None:
        self._generation = generation
        self._runtime = runtime
        self._process: ChildProcess | None = None
        self._control: socket.socket | None = None
        self._watching: asyncio.Future[int | None] | None = None
        # One request at a time.
        self._asking = asyncio.Lock()
        self._workers: dict[int, ForkedWorker] = {}
        # Exit codes of workers that were gone before we knew of them, by process id.
        self._early_ends: dict[int, int] = {}
        self._is_ended = False

    async def fork(self, env: Mapping[str, str]) -> ForkedWorker:
        """A new worker; waits until the bundle is loaded.

        Args:
            env: variables added to those of the fork server.

        Raises:
            NurseryDiedError: there is none, as the fork server died.
            OSError: there is no memory, descriptor or process left for it.
        """
        async with self._asking:
            control = await self._running_control()
            ours, theirs = socket.socketpair()
            with theirs:
                try:
                    socket.send_fds(control, [json.dumps({"env": dict(env)}).encode()], [theirs.fileno()])
                    answer, fds = await asyncio.wait_for(_receive(control), FORK_LIMIT_S)
                except (ConnectionError, asyncio.TimeoutError) as error:
                    ours.close()
                    raise await self._given_up() from error
            if "pid" not in answer:
                ours.close()
                raise OSError(answer["error"])
            worker = ForkedWorker(answer["pid"], fds[0] if fds else None, ours)
            self._workers[worker.pid] = worker
            if worker.pid in self._early_ends:
                self._take_end(worker.pid, self._early_ends.pop(worker.pid))
            elif self._watching is None or self._watching.done():
                worker.take_orphaned()
            return worker

    async def end(self) -> None:
        """End the fork server; workers that it has made go on."""
        self._is_ended = True
        if self._process is not None and self._watching is not None:
            self._process.signal(signal.SIGKILL)
            await asyncio.wait({self._watching})
        async with self._asking:
            if self._control is not None:
                self._control.close()
                self._control = None

    async def _running_control(self) -> socket.socket:
        """The socket of a fork server that has loaded the bundle.

        Raises:
            NurseryDiedError: it died before that.
        """
        if self._is_ended:
            raise NurseryDiedError(None, "is not needed any more")
        if self._watching is None or self._watching.done() or self._control is None:
            self._start()
        assert self._control is not None
        assert self._process is not None
        assert self._watching is not None
        ready = asyncio.ensure_future(self._process.ready.wait())
        awaited: set[asyncio.Future[Any]] = {ready, self._watching}
        await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not self._process.ready.is_set():
            raise await self._given_up()
        return self._control

    def _start(self) -> None:
        # Libraries that start threads when they are loaded are told not to; the workers raise that again.
        limits = dict.fromkeys(thread_limits(1, 1, os.environ), "1")
        if self._control is not None:
            self._control.close()
        self._control, theirs = socket.socketpair()
        self._control.setblocking(False)
        with theirs:
            self._process = self._runtime.start(
                "bentoml.server.supervision.fork_server", self._generation, theirs.fileno(), env=limits
            )
        self._watching = asyncio.ensure_future(self._process.watch(self._hear))
        self._watching.add_done_callback(self._take_death)

    async def _given_up(self) -> NurseryDiedError:
        """End a fork server that does not do its work; returns what to raise."""
        assert self._process is not None
        assert self._watching is not None
        self._process.signal(signal.SIGKILL)
        return NurseryDiedError(self._process.failure, how(await asyncio.shield(self._watching)))

    def _hear(self, message: dict[str, Any]) -> None:
        if message["event"] == FORKED_ENDED:
            self._take_end(message["pid"], message["exit_code"])

    def _take_end(self, pid: int, exit_code: int) -> None:
        worker = self._workers.pop(pid, None)
        if worker is None:
            self._early_ends[pid] = exit_code
        else:
            worker.take_exit_code(exit_code)

    def _take_death(self, watching: asyncio.Future[int | None]) -> None:
        """The fork server is gone; its workers go on."""
        for worker in self._workers.values():
            worker.take_orphaned()
        self._workers.clear()
        self._early_ends.clear()
        if not (self._is_ended or watching.cancelled()):
            logger.warning(
                "The fork server %s; its workers go on, and another one is started for the next worker",
                how(watching.result()),
            )


async def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """An answer of the fork server, and the descriptors that come with it.

    Raises:
        ConnectionError: it is gone.
    """
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(control.fileno(), readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(control.fileno())
    line, fds, _, _ = socket.recv_fds(control, FORK_LINE_BYTES, 1)
    if not line:
        raise ConnectionError("the fork server is gone")
    answer: dict[str, Any] = json.loads(line)
    for fd in fds:
        os.set_inheritable(fd, False)
    return answer, fds
