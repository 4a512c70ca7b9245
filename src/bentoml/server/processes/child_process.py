"""A child process as its parent sees it: started with descriptors, spoken with over its status socket, awaited."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

from bentoml._util import proc
from bentoml._util.daemon_thread import run_in_daemon_thread
from bentoml.server.processes.child import FAILED, READY

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

# Longest line that a child may say.
MAX_LINE_BYTES = 1 << 20
# What a process has said before its end is there at once; the socket's own end may never come, when a process that
# it has forked holds it open.
_LAST_WORDS_S = 0.5


class ChildProcess:
    """A started process.

    Attributes:
        pid: its process id.
        ready: set once it has said so.
        failure: why it could not start, in its own words.
    """

    def __init__(self, pid: int, status: socket.socket, popen: subprocess.Popen[bytes] | None = None) -> None:
        self.pid = pid
        self.ready = asyncio.Event()
        self.failure: str | None = None
        self._popen = popen
        self._status = status
        self._writer: asyncio.StreamWriter | None = None
        self._unsaid: list[bytes] = []

    @classmethod
    def start(
        cls,
        module: str,
        runtime_dir: Path,
        generation: int,
        lifeline_fd: int,
        fds: Sequence[int],
        env: Mapping[str, str],
    ) -> ChildProcess:
        """Run a module of ours.

        Args:
            module: its full name.
            runtime_dir: the server's private directory.
            generation: which bundle it is about.
            lifeline_fd: read end of the lifeline.
            fds: further descriptors; their numbers are arguments of the module.
            env: variables added to ours.

        Raises:
            OSError: there is no memory, descriptor or process left for it.
        """
        ours, theirs = socket.socketpair()
        passed = (theirs.fileno(), lifeline_fd, *fds)
        try:
            popen = proc.spawn(
                [sys.executable, "-m", module, str(runtime_dir), str(generation), *map(str, passed)],
                env=env,
                pass_fds=passed,
                # The terminal's Ctrl-C is for the parent, which then ends its children in order.
                new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(popen.pid, ours, popen)

    async def watch(self, on_message: Callable[[dict[str, Any]], None] | None = None) -> int | None:
        """Read what the process says until it ends.

        Args:
            on_message: called with each message.

        Returns:
            Its exit code; negative for a signal; None when nobody can say.
        """
        listening = asyncio.ensure_future(self._listen(on_message))
        exit_code = await self._until_end(listening)
        await asyncio.wait({listening}, timeout=_LAST_WORDS_S)
        listening.cancel()
        return exit_code

    async def _until_end(self, listening: asyncio.Future[None]) -> int | None:  # noqa: ARG002 - others need it
        """Wait for its end; `listening` is done when it says nothing more."""
        assert self._popen is not None
        # In a thread of its own: in a shared pool one long-lived child would keep others from being seen.
        return await run_in_daemon_thread(self._popen.wait)

    async def _listen(self, on_message: Callable[[dict[str, Any]], None] | None) -> None:
        reader, writer = await asyncio.open_connection(sock=self._status, limit=MAX_LINE_BYTES)
        writer.writelines(self._unsaid)
        self._writer = writer
        try:
            while line := await reader.readline():
                self._take(json.loads(line), on_message)
        except ValueError:
            logger.exception("Process %d said something that makes no sense", self.pid)
        finally:
            writer.close()

    def say(self, event: str, **details: Any) -> None:
        """Tell the process, once it is watched; nothing happens when it is gone."""
        line = (json.dumps({"event": event, **details}) + "\n").encode()
        if self._writer is None:
            self._unsaid.append(line)
        elif not self._writer.is_closing():
            self._writer.write(line)

    def _take(self, message: dict[str, Any], on_message: Callable[[dict[str, Any]], None] | None) -> None:
        if message["event"] == READY:
            self.ready.set()
        elif message["event"] == FAILED:
            self.failure = message["message"]
        if on_message is not None:
            on_message(message)

    def signal(self, number: int) -> None:
        """Send a signal; nothing happens when the process is gone."""
        if self._popen is not None and self._popen.poll() is None:
            self._popen.send_signal(number)


def how(exit_code: int | None) -> str:
    """How a process has come to its end."""
    if exit_code is None:
        return "ended in a way that only the fork server knew, which is gone as well"
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was ended by {signal.Signals(-exit_code).name}"
