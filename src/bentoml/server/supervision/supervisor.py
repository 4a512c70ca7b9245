"""The parent of the server's processes: it binds the socket, starts them, listens to the front, and ends them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from typing import TYPE_CHECKING, Any

from bentoml._http.tls import tls_context
from bentoml._util.logs import configure_logging
from bentoml.configuration import fix_config, get_config
from bentoml.exceptions import BentoMLException
from bentoml.server.http.listening import bind_management, bind_public
from bentoml.server.logs.log_writer import LogWriter
from bentoml.server.processes.child import (
    CUT_OFF_EXIT_CODE,
    LOG_DROPPED,
    LOGS_SOCKET_FILE,
    READY,
    SOCKET_FILE,
)
from bentoml.server.processes.child_process import how
from bentoml.server.processes.runtime import Runtime
from bentoml.server.processes.signals import END
from bentoml.server.processes.terminal import Hangup
from bentoml.server.supervision.bundle_check import check_bundle
from bentoml.server.supervision.fleet import WORKER_END_S, Fleet
from bentoml.server.supervision.reloading import BundleSource, Reloader
from bentoml.server.tracing.trace_export import check_tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml._http.listening import Address
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.processes.child_process import ChildProcess

logger = logging.getLogger(__name__)

# The front bounds its drain itself; when it is late by this much, something is wrong with it.
FRONT_END_S = 5.0
# A front that is hurried is killed when it takes longer than this.
HURRY_S = 2.0
# As shells report an end by a signal.
SIGNAL_EXIT_CODE = 128


class Supervisor:
    """One run of the server.

    Args:
        options: what to serve, and how.
        on_ready: called once when the first worker can answer, with the base URL and, where it is another one, that of
            pages and metrics.
        source: where the next bundle comes from when it is to be loaded anew.
    """

    def __init__(self, options: ServeOptions, on_ready: Callable[..., None] | None, source: BundleSource) -> None:
        self._options = options
        self._on_ready = on_ready
        self._loop = asyncio.get_running_loop()
        self._runtime = Runtime()
        self._log_writer = _start_log_writer(self._runtime, self._tell_dropped)
        self._front: ChildProcess | None = None
        self._reloader = Reloader(options, source, self._make_fleet, self._tell_front, self._fail)
        self._failure: str | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._hurried_by = 0
        self._was_ready = False

    async def run(self, *addresses: Address) -> int:
        """Serve until told to stop.

        Args:
            *addresses: where to, and where pages and metrics are if that is elsewhere; their listeners are closed here
                once the front has them.

        Returns:
            0 after an orderly end, 128 plus the number of a second signal that has cut requests off, 1 when the front
            died or could not answer everybody in time.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self._take_hangup, Hangup())
        try:
            front = self._front = self._start_front([address.listener for address in addresses])
        except OSError as error:
            raise BentoMLException(f"the server cannot be started: {error}") from error
        for address in addresses:
            address.listener.close()
        front_task = asyncio.ensure_future(front.watch(lambda message: self._hear_front(message, addresses)))
        self._reloader.start()
        stopping = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait({front_task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return await self._end(front, front_task)

    def close(self) -> None:
        """Let go of files and descriptors; children that are left notice and end."""
        self._log_writer.close()
        self._runtime.close()

    # -- inside -------------------------------------------------------------------------------------------------

    def _start_front(self, listeners: list[socket.socket]) -> ChildProcess:
        with socket.socket(socket.AF_UNIX) as workers_listener:
            workers_listener.bind(str(self._runtime.directory / SOCKET_FILE))
            workers_listener.listen(128)
            return self._runtime.start(
                "bentoml.server.front.front",
                self._reloader.current.generation,
                workers_listener.fileno(),
                *(listener.fileno() for listener in listeners),
            )

    def _make_fleet(self, number: int, options: ServeOptions, on_failure: Callable[[str], None]) -> Fleet:
        return Fleet(number, options, self._runtime, self._tell_front, on_failure)

    def _hear_front(self, message: dict[str, Any], addresses: Sequence[Address]) -> None:
        if message["event"] == READY:
            self._announce(addresses)
        else:
            self._reloader.hear(message)

    def _tell_front(self, event: str, **details: Any) -> None:
        if self._front is not None:
            self._front.say(event, **details)

    def _tell_dropped(self, counts: dict[str, int]) -> None:
        """Called in the writer's thread; the loop may be closed."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(lambda: self._tell_front(LOG_DROPPED, counts=counts))

    def _announce(self, addresses: Sequence[Address]) -> None:
        if self._was_ready:
            return
        self._was_ready = True
        if self._on_ready is not None:
            try:
                self._on_ready(*(address.url for address in addresses))
            except Exception as error:  # noqa: BLE001 - the caller's code; a closed terminal is no reason to stop
                logger.warning("%s is served, but that could not be told: %r", addresses[0].url, error)

    def _stop(self, number: int) -> None:
        """End in order; a second signal hurries."""
        if self._stopping.is_set():
            self._hurried_by = number
            self._hurry.set()
        self._stopping.set()

    def _take_hangup(self, hangup: Hangup) -> None:
        """Reload, unless it is the terminal that went away."""
        if not hangup.has_happened():
            self._reloader.ask()
        elif not hangup.is_ignored:
            self._stop(signal.SIGHUP)

    def _fail(self, reason: str) -> None:
        self._failure = self._failure or reason
        self._stopping.set()

    async def _end(self, front: ChildProcess, front_task: asyncio.Future[int | None]) -> int:
        """Drain the front, then end the workers."""
        if front_task.done() and not self._stopping.is_set():
            self._fail(front.failure or f"the front process {how(front_task.result())}")
        await self._reloader.stop()
        front.signal(END)
        ending = [asyncio.ensure_future(self._hurry_up(front)), asyncio.ensure_future(self._limit(front))]
        exit_code = await front_task
        for task in ending:
            task.cancel()
        await self._reloader.end(0 if self._hurry.is_set() else WORKER_END_S)
        if self._failure is not None:
            raise BentoMLException(self._failure)
        # A front that was told to stop before it could listen for it is ended by the signal itself.
        if exit_code in {0, -END}:
            return 0
        if exit_code == CUT_OFF_EXIT_CODE and not self._hurry.is_set():
            logger.error(
                "Within the grace time of %g s not all requests were answered; --grace-s sets it", self._options.grace_s
            )
        return SIGNAL_EXIT_CODE + self._hurried_by if self._hurry.is_set() else 1

    async def _hurry_up(self, front: ChildProcess) -> None:
        """Pass a second signal on."""
        await self._hurry.wait()
        front.signal(END)
        await asyncio.sleep(HURRY_S)
        front.signal(signal.SIGKILL)

    async def _limit(self, front: ChildProcess) -> None:
        """Kill a front that does not go down by itself."""
        limit_s = self._options.grace_s + FRONT_END_S
        await asyncio.sleep(limit_s)
        logger.error("The front process did not end within %g seconds; it is killed", limit_s)
        front.signal(signal.SIGKILL)


def _start_log_writer(runtime: Runtime, on_dropped: Callable[[dict[str, int]], None]) -> LogWriter:
    config = get_config().logging
    return LogWriter(
        runtime.directory / LOGS_SOCKET_FILE,
        on_dropped,
        is_advanced=config.advanced.enabled,
        access_format=config.access.format,
    )


def serve(
    options: ServeOptions, on_ready: Callable[..., None] | None = None, source: BundleSource | None = None
) -> int:
    """Serve a bundle until SIGTERM or SIGINT; on SIGHUP, load it anew. Call it from the main thread.

    Args:
        options: what to serve, and how.
        on_ready: called once when the first worker can answer, with the base URL and, where it is another one, that of
            pages and metrics.
        source: where the next bundle comes from; by default it is the same directory.

    Returns:
        Exit code: 0 after an orderly end; 1 when not everybody could be answered within the grace time; 128 plus the
        number of a second signal when that has cut requests off.

    Raises:
        MissingDependencyException: traces are to be sent, and OpenTelemetry is not installed.
        BentoMLException: the address is taken, the certificate cannot be used, a file of the bundle was changed, or
            the bundle or the configuration cannot be loaded.
    """
    # From here on nothing changes under this server, not even when it loads another bundle.
    fix_config(get_config())
    try:
        return _serve(options, on_ready, source)
    finally:
        fix_config(None)


def _serve(options: ServeOptions, on_ready: Callable[..., None] | None, source: BundleSource | None) -> int:
    if not logging.getLogger("bentoml").handlers and not get_config().logging.advanced.enabled:
        # The logs of the other processes are written by the handlers of this one.
        configure_logging("DEBUG" if options.debug else None)
    tls_context(options)
    check_tracing()
    check_bundle(options)

    async def run() -> int:
        supervisor = Supervisor(options, on_ready, source or BundleSource(lambda: options.bundle_path))
        try:
            return await supervisor.run(*addresses)
        finally:
            supervisor.close()

    addresses = [bind_public(options)]
    try:
        management = bind_management(options)
        if management is not None:
            addresses.append(management)
        return asyncio.run(run())
    finally:
        for address in addresses:
            address.close()
