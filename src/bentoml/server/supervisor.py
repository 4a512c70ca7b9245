"""The parent of the server's processes: it binds the socket, starts them, replaces workers that die, and ends them."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
import socket
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLException
from bentoml.server.child import OPTIONS_FILE, READY, SOCKET_FILE, WORKER_LOST
from bentoml.server.child_process import ChildProcess
from bentoml.server.options import cpu_count
from bentoml.server.places import bind_public, make_runtime_dir

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bentoml.server.options import ServeOptions

logger = logging.getLogger(__name__)

# A worker that dies this often in a row without having been ready for `STEADY_S` ends the server.
MAX_EARLY_DEATHS = 5
STEADY_S = 10.0
# After a drain the workers have nothing to do; one that does not end is killed.
WORKER_END_S = 5.0
# After a worker's end, its other end at the front is seen within this time.
HEARSAY_S = 1.0
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Supervisor:
    """One run of the server.

    Args:
        options: what to serve, and how.
        on_ready: called once with the base URL when the first worker can answer.
    """

    def __init__(self, options: ServeOptions, on_ready: Callable[[str], None] | None) -> None:
        self._options = options
        self._on_ready = on_ready
        self._runtime_dir = make_runtime_dir()
        self._lifeline_read, self._lifeline_write = os.pipe()
        self._workers: set[ChildProcess] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._early_deaths = 0
        # By process id: whether a worker had calls in hand when the front lost it.
        self._losses: dict[int, asyncio.Future[bool]] = {}
        self._failure: str | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._was_ready = False

    async def run(self, listener: socket.socket) -> int:
        """Serve until told to stop.

        Returns:
            0 after an orderly end, 1 when the front died or the bundle cannot be served.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        try:
            front = self._start_front(listener)
        except OSError as error:
            raise BentoMLException(f"the server cannot be started: {error}") from error
        host, port = listener.getsockname()[:2]
        listener.close()
        front_task = asyncio.ensure_future(front.watch(lambda message: self._hear_front(message, host, port)))
        for _ in range(self._options.workers):
            self._keep_worker()
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({front_task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return await self._end(front, front_task)

    def close(self) -> None:
        """Let go of files and descriptors; children that are left notice and end."""
        os.close(self._lifeline_write)
        os.close(self._lifeline_read)
        shutil.rmtree(self._runtime_dir, ignore_errors=True)

    # -- inside -------------------------------------------------------------------------------------------------

    def _start_front(self, listener: socket.socket) -> ChildProcess:
        (self._runtime_dir / OPTIONS_FILE).write_text(self._options.to_json(), encoding="utf-8")
        with socket.socket(socket.AF_UNIX) as workers_listener:
            workers_listener.bind(str(self._runtime_dir / SOCKET_FILE))
            workers_listener.listen(128)
            return self._start("bentoml.server.front", listener.fileno(), workers_listener.fileno())

    def _hear_front(self, message: dict[str, Any], host: str, port: int) -> None:
        if message["event"] == READY:
            self._announce(f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}")  # noqa: S104
        elif message["event"] == WORKER_LOST:
            loss = self._losses.get(message["pid"])
            if loss is not None and not loss.done():
                loss.set_result(message["had_work"])

    def _announce(self, address: str) -> None:
        if self._was_ready:
            return
        self._was_ready = True
        if self._on_ready is not None:
            try:
                self._on_ready(address)
            except Exception as error:  # noqa: BLE001 - the caller's code; a closed terminal is no reason to stop
                logger.warning("%s is served, but that could not be told: %r", address, error)

    def _stop(self) -> None:
        """End in order; a second signal hurries."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def _start(self, module: str, *fds: int, env: Mapping[str, str] | None = None) -> ChildProcess:
        return ChildProcess.start(module, self._runtime_dir, self._lifeline_read, fds, env or {})

    def _keep_worker(self) -> None:
        task = asyncio.ensure_future(self._run_worker())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run_worker(self) -> None:
        """Start a worker, and another one when it dies, until the server stops."""
        threads = str(max(1, cpu_count() // self._options.workers))
        env = {name: threads for name in _THREAD_VARIABLES if name not in os.environ}
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started_s = loop.time()
            try:
                child = self._start("bentoml.server.worker", env=env)
            except OSError as error:
                self._fail(f"no worker can be started: {error}")
                return
            self._losses[child.popen.pid] = loop.create_future()
            self._workers.add(child)
            exit_code = await child.watch()
            self._workers.discard(child)
            if self._stopping.is_set():
                return
            if child.failure is not None and not self._was_ready:
                self._fail(f"the bundle {self._options.bundle_path} cannot be loaded: {child.failure}")
                return
            is_early = not child.ready.is_set() or loop.time() - started_s <= STEADY_S
            if not await self._had_work(child):
                self._early_deaths = self._early_deaths + 1 if is_early else 0
            if self._early_deaths >= MAX_EARLY_DEATHS:
                self._fail(f"workers died {self._early_deaths} times in a row; the last one {_how(exit_code)}")
                return
            logger.warning("Worker %d %s; a new one is started", child.popen.pid, _how(exit_code))

    async def _had_work(self, child: ChildProcess) -> bool:
        """Whether a worker died over its calls: a few that kill it must not end the server for everyone else."""
        loss = self._losses[child.popen.pid]
        if child.ready.is_set():
            await asyncio.wait({loss}, timeout=HEARSAY_S)
        del self._losses[child.popen.pid]
        return loss.done() and loss.result()

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._stopping.set()

    async def _end(self, front: ChildProcess, front_task: asyncio.Future[int]) -> int:
        """Drain the front, then end the workers."""
        if front_task.done() and not self._stopping.is_set():
            self._fail(front.failure or f"the front process {_how(front_task.result())}")
        front.signal(signal.SIGTERM)
        hurrying = asyncio.ensure_future(self._hurry_up(front))
        exit_code = await front_task
        hurrying.cancel()
        for child in self._workers:
            child.signal(signal.SIGTERM)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=0 if self._hurry.is_set() else WORKER_END_S)
            for child in self._workers if late else ():
                child.signal(signal.SIGKILL)
            if late:
                await asyncio.wait(late)
        if self._failure is not None:
            raise BentoMLException(self._failure)
        # A front that was told to stop before it could listen for it is ended by the signal itself.
        return 0 if exit_code in {0, -signal.SIGTERM} or self._hurry.is_set() else 1

    async def _hurry_up(self, front: ChildProcess) -> None:
        """Pass a second signal on."""
        await self._hurry.wait()
        front.signal(signal.SIGKILL)


def _how(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was ended by {signal.Signals(-exit_code).name}"


def serve(options: ServeOptions, on_ready: Callable[[str], None] | None = None) -> int:
    """Serve a bundle until SIGTERM or SIGINT. Call it from the main thread.

    Args:
        options: what to serve, and how.
        on_ready: called once with the base URL when the first worker can answer.

    Returns:
        Exit code: 0 after an orderly end.

    Raises:
        BentoMLException: the address is taken, a file of the bundle was changed, or the bundle cannot be loaded.
    """
    if options.verify:
        from bentoml.saved_bundle.integrity import verify_bundle

        verify_bundle(options.bundle_path)

    async def run() -> int:
        supervisor = Supervisor(options, on_ready)
        try:
            return await supervisor.run(listener)
        finally:
            supervisor.close()

    listener = bind_public(options)
    try:
        return asyncio.run(run())
    finally:
        listener.close()
