"""A worker that the fork server has made: a process that is not our child, but is watched and ended like one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

from bentoml.server.processes.child_process import ChildProcess

if TYPE_CHECKING:
    import socket

# After the end of a worker the fork server says how it came within this time, if it is there.
_HEARSAY_S = 1.0


class ForkedWorker(ChildProcess):
    """A forked worker.

    Args:
        pid: its process id.
        pidfd: descriptor that stands for the process, ours to close; None where the system has none.
        status: our end of its status socket.
    """

    def __init__(self, pid: int, pidfd: int | None, status: socket.socket) -> None:
        super().__init__(pid, status)
        self._pidfd = pidfd
        loop = asyncio.get_running_loop()
        self._exit_code: asyncio.Future[int] = loop.create_future()
        self._orphaned: asyncio.Future[None] = loop.create_future()

    def take_exit_code(self, exit_code: int) -> None:
        """The fork server has seen its end."""
        if not self._exit_code.done():
            self._exit_code.set_result(exit_code)

    def take_orphaned(self) -> None:
        """The fork server is gone, and will not say how this worker ends."""
        _settle(self._orphaned)

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            if self._pidfd is not None:
                signal.pidfd_send_signal(self._pidfd, number)
            elif not self._exit_code.done():
                os.kill(self.pid, number)

    async def _until_end(self, listening: asyncio.Future[None]) -> int | None:
        """Wait for its end; returns None when nobody can say how it came, as the fork server is gone as well."""
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        awaited: set[asyncio.Future[Any]] = {self._exit_code, ended}
        if self._pidfd is None:
            # Its end of the status socket goes with it.
            awaited.add(listening)
        else:
            loop.add_reader(self._pidfd, _settle, ended)
        try:
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            hearsay: set[asyncio.Future[Any]] = {self._exit_code, self._orphaned}
            await asyncio.wait(hearsay, timeout=_HEARSAY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._pidfd is not None:
                loop.remove_reader(self._pidfd)
                os.close(self._pidfd)
                self._pidfd = None
        return self._exit_code.result() if self._exit_code.done() else self._adopted_exit_code()

    def _adopted_exit_code(self) -> int | None:
        """The exit code of a worker that has become our child, as it does in a container when the fork server dies."""
        with contextlib.suppress(ChildProcessError):
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
        return None


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
