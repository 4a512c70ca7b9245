"""The parent of the server's processes: it binds the socket, starts them, replaces workers that die, and ends them."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util import proc
from bentoml.exceptions import BentoMLException
from bentoml.server.child import FAILED, OPTIONS_FILE, READY, SOCKET_FILE
from bentoml.server.options import cpu_count

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from bentoml.server.options import ServeOptions

logger = logging.getLogger(__name__)

BACKLOG = 2048
# A worker that dies this often in a row without having been ready for `STEADY_S` ends the server.
MAX_EARLY_DEATHS = 5
STEADY_S = 10.0
# After a drain the workers have nothing to do; one that does not end is killed.
WORKER_END_S = 5.0
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Child:
    """A started process and what it says.

    Attributes:
        name: for log lines.
        popen: the process.
        ready: set once it has said so.
        failure: why it could not start, in its own words.
    """

    def __init__(self, name: str, popen: subprocess.Popen[bytes], status: socket.socket) -> None:
        self.name = name
        self.popen = popen
        self.ready = asyncio.Event()
        self.failure: str | None = None
        self._status = status

    async def watch(self, on_ready: Callable[[], None] | None = None) -> int:
        """Read what the process says until it ends.

        Returns:
            Its exit code; negative for a signal.
        """
        reader, writer = await asyncio.open_connection(sock=self._status)
        try:
            while line := await reader.readline():
                message = json.loads(line)
                if message["event"] == READY:
                    self.ready.set()
                    if on_ready is not None:
                        on_ready()
                elif message["event"] == FAILED:
                    self.failure = message["message"]
        finally:
            writer.close()
        # The pipe is closed, so the process is gone or about to be.
        return await asyncio.to_thread(self.popen.wait)

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when the process is gone."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)


class Supervisor:
    """One run of the server.

    Args:
        options: what to serve, and how.
        on_ready: called once with the base URL when the first worker can answer.
    """

    def __init__(self, options: ServeOptions, on_ready: Callable[[str], None] | None) -> None:
        self._options = options
        self._on_ready = on_ready
        self._runtime_dir = Path(tempfile.mkdtemp(prefix="bentoml-"))
        self._lifeline_read, self._lifeline_write = os.pipe()
        self._workers: set[Child] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._early_deaths = 0
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
        (self._runtime_dir / OPTIONS_FILE).write_text(self._options.to_json(), encoding="utf-8")
        with socket.socket(socket.AF_UNIX) as workers_listener:
            workers_listener.bind(str(self._runtime_dir / SOCKET_FILE))
            workers_listener.listen(128)
            front = self._start(
                "front", listener.fileno(), workers_listener.fileno(), module="bentoml.server.front", env={}
            )
        host, port = listener.getsockname()[:2]
        listener.close()
        front_task = asyncio.ensure_future(front.watch(lambda: self._announce(host, port)))
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

    def _announce(self, host: str, port: int) -> None:
        if self._on_ready is not None and not self._was_ready:
            self._on_ready(f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}")  # noqa: S104
        self._was_ready = True

    def _stop(self) -> None:
        """End in order; a second signal hurries."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def _start(self, name: str, *fds: int, module: str, env: dict[str, str]) -> Child:
        ours, theirs = socket.socketpair()
        with theirs:
            status_fd = theirs.fileno()
            popen = proc.spawn(
                [
                    sys.executable,
                    "-m",
                    module,
                    str(self._runtime_dir),
                    *(str(fd) for fd in (status_fd, self._lifeline_read, *fds)),
                ],
                env=env,
                pass_fds=(status_fd, self._lifeline_read, *fds),
                # The terminal's Ctrl-C is for the parent, which then ends its children in order.
                new_session=True,
            )
        return Child(name, popen, ours)

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
            child = self._start("worker", module="bentoml.server.worker", env=env)
            self._workers.add(child)
            exit_code = await child.watch()
            self._workers.discard(child)
            if self._stopping.is_set():
                return
            if child.failure is not None and not self._was_ready:
                self._fail(f"the bundle {self._options.bundle_path} cannot be loaded: {child.failure}")
                return
            steady = child.ready.is_set() and loop.time() - started_s > STEADY_S
            self._early_deaths = 0 if steady else self._early_deaths + 1
            if self._early_deaths >= MAX_EARLY_DEATHS:
                self._fail(f"workers died {self._early_deaths} times in a row; the last one {_how(exit_code)}")
                return
            logger.warning("Worker %d %s; a new one is started", child.popen.pid, _how(exit_code))

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._stopping.set()

    async def _end(self, front: Child, front_task: asyncio.Future[int]) -> int:
        """Drain the front, then end the workers."""
        if front_task.done() and not self._stopping.is_set():
            self._fail(f"the front process {_how(front_task.result())}")
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

    async def _hurry_up(self, front: Child) -> None:
        """Pass a second signal on."""
        await self._hurry.wait()
        front.signal(signal.SIGKILL)


def _how(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was ended by {signal.Signals(-exit_code).name}"


def _bind(options: ServeOptions) -> socket.socket:
    """The public listening socket.

    Raises:
        BentoMLException: the address cannot be used.
    """
    listener = socket.socket(socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
    except OSError as error:
        listener.close()
        raise BentoMLException(
            f"cannot listen on {options.host}:{options.port}: {error.strerror or error}; "
            "choose another port with --port"
        ) from error
    listener.listen(BACKLOG)
    return listener


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

    listener = _bind(options)
    try:
        return asyncio.run(run())
    finally:
        listener.close()
