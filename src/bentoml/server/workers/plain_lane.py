"""Where a worker runs plain functions: one thread with a socket of its own, and no event loop in between.

A frame is read, run and answered by the same thread. Handing each batch from the event loop to a thread and its answer
back would cost two wake-ups, which is as much as everything else that surrounds a small call.
"""

from __future__ import annotations

import contextlib
import contextvars
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from bentoml.server.transport import wire

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor
    from pathlib import Path

logger = logging.getLogger(__name__)


class PlainLane:
    """The thread and its socket.

    Args:
        socket_path: where the front listens for workers.
        run_call: called in the thread with (batch_id, api_name, heads, items); returns the packed answer.
    """

    def __init__(self, socket_path: Path, run_call: Callable[..., bytes]) -> None:
        self._run_call = run_call
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(socket_path))
        self._reader = self._socket.makefile("rb")

    def start(self, executor: Executor) -> None:
        """Announce the lane, and begin to read.

        When this returns, the front knows it; a `HELLO` may follow on the worker's other connection.

        Args:
            executor: of one thread, which is taken until the front is gone.

        Raises:
            OSError: the front is gone.
        """
        self._socket.sendall(wire.pack([wire.LANE, os.getpid()]))
        if wire.read(self._reader) is None:
            raise ConnectionResetError("the front has closed the connection")
        executor.submit(self._run)

    def fileno(self) -> int:
        """The descriptor of the socket."""
        return self._socket.fileno()

    def close(self) -> None:
        """Let go of the socket, of a lane that does not run."""
        self._reader.close()
        self._socket.close()

    def _run(self) -> None:
        try:
            while (message := wire.read(self._reader)) is not None:
                self._socket.sendall(self._answer(message))
        except (ConnectionResetError, BrokenPipeError):
            pass  # the front is gone, and the worker ends for the same reason
        except Exception:
            logger.exception("The thread for plain functions has failed; this worker is replaced")
        finally:
            # Not closed, as its number is known to the handlers of forks; it goes with the process.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _answer(self, message: list[Any]) -> bytes:
        if message[0] != wire.CALL:
            raise ValueError(f"unknown frame kind {message[0]!r} for the plain lane")
        # A context of its own: what a call leaves in context variables is not for the next one.
        return contextvars.copy_context().run(self._run_call, *message[1:])
