"""The process that loads a bundle once and forks workers from it, which then share its memory until they write to it.

It has one thread and no event loop, because a fork copies the calling thread only: locks that others hold would stay
locked in the worker for ever. Libraries for numbers are kept from starting threads while the bundle is loaded. What is
loaded is frozen for the garbage collector, whose marks would otherwise copy the pages of every object.

The supervisor asks over a socket with one line of JSON, `{"env": {...}}`, and the worker's end of its status socket. It
gets another line, `{"pid": ...}` or `{"error": ...}`, where the system has it with a descriptor that stands for the
process. How forked workers end is said over the status socket, as only the parent of a process learns that.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import random
import select
import signal
import socket
import sys
import threading
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bentoml._util.worker_threads import apply_thread_limits
from bentoml.server.metrics.registry_report import Inherited
from bentoml.server.processes.child import (
    FAILED_EXIT_CODE,
    FORK_LINE_BYTES,
    FORKED_ENDED,
    READY,
    ChildContext,
)
from bentoml.server.processes.signals import leave_signals_to_parent
from bentoml.server.workers.worker import load_service, serve_calls

if TYPE_CHECKING:
    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.service import BentoService

# Run as a script this module's own name would be `__main__`, whose records no handler of ours takes.
logger = logging.getLogger("bentoml.server.fork_server")


class ForkServer:
    """Forks workers when it is asked to.

    Args:
        context: of this process.
        control: the supervisor asks over it.
    """

    def __init__(self, context: ChildContext, control: socket.socket) -> None:
        self._context = context
        self._control = control
        self._forked: set[int] = set()
        # Variables for the worker that was forked last.
        self.env: dict[str, str] = {}
        self._deaths_read, self._deaths_write = os.pipe()
        for fd in (self._deaths_read, self._deaths_write):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(self._deaths_write, warn_on_full_buffer=False)
        # A handler has to be there, or nothing is written into the pipe.
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> ChildContext:
        """Serve until the supervisor is gone, which ends the process. Returns in each forked worker alone.

        Returns:
            What the worker is started with.
        """
        awaited = [self._control.fileno(), self._deaths_read, self._context.lifeline_fd]
        while True:
            readable, _, _ = select.select(awaited, [], [])
            if self._context.lifeline_fd in readable:
                self._end_all()
            if self._deaths_read in readable:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._deaths_read, FORK_LINE_BYTES)
                self._reap()
            if self._control.fileno() in readable:
                forked = self._fork()
                if forked is not None:
                    return forked

    def _end_all(self) -> None:
        """The supervisor is gone. Workers notice that too, but not in the middle of a call that hangs."""
        for pid in self._forked:
            os.kill(pid, signal.SIGKILL)
        os._exit(1)

    def _reap(self) -> None:
        """Say how forked workers have ended. Only those are waited for: others are the bundle's own."""
        for pid in list(self._forked):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._forked.discard(pid)
                self._context.say(FORKED_ENDED, pid=pid, exit_code=os.waitstatus_to_exitcode(status))

    def _fork(self) -> ChildContext | None:
        request, fds, _, _ = socket.recv_fds(self._control, FORK_LINE_BYTES, 1)
        if not request:
            os._exit(0)
        (status_fd,) = fds
        try:
            with warnings.catch_warnings():
                # That threads were found is said at the start, in words of our own.
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
        except OSError as error:
            os.close(status_fd)
            self._answer({"error": str(error)}, [])
            return None
        if pid == 0:
            self._let_go()
            self.env = json.loads(request)["env"]
            return replace(self._context, status_fd=status_fd)
        os.close(status_fd)
        self._forked.add(pid)
        # Taken before the process is waited for: until then nobody else gets its number.
        pidfds = [os.pidfd_open(pid)] if hasattr(os, "pidfd_open") else []
        self._answer({"pid": pid}, pidfds)
        return None

    def _answer(self, answer: dict[str, object], fds: list[int]) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the lifeline says so as well
            socket.send_fds(self._control, [json.dumps(answer).encode() + b"\n"], fds)
        for fd in fds:
            os.close(fd)

    def _let_go(self) -> None:
        """Make a forked process one of its own."""
        leave_signals_to_parent()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()
        for fd in (self._deaths_read, self._deaths_write, self._context.status_fd):
            os.close(fd)
        # A group of its own: a signal that user code sends to its group is not for its siblings.
        os.setpgid(0, 0)


def _other_threads() -> list[str]:
    """Names of the threads besides this one, also of those that native code has started where the system tells."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        return [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    names = []
    for task in tasks.iterdir():
        if task.name != str(os.getpid()):
            with contextlib.suppress(OSError):  # it has just ended
                names.append((task / "comm").read_text(encoding="utf-8", errors="replace").strip())
    return sorted(names)


def _warn_about_threads(options: ServeOptions) -> None:
    names = _other_threads()
    if names:
        logger.warning(
            "After %s was loaded, the fork server has threads: %s. Forked workers do not have them and may hang; "
            "if they do, serve without --preload, or start the threads with the first request",
            options.bundle_path,
            ", ".join(f"{name} ({count})" for name, count in Counter(names).items()),
        )


def _refuse_what_cannot_be_forked(context: ChildContext, service: BentoService) -> None:
    """End the process, and say why, when workers that are forked from it could not use an artifact."""
    names = [
        f"'{artifact.name}' ({type(artifact).__name__})"
        for artifact in service.artifacts.values()
        if artifact.is_ready and not artifact.survives_fork
    ]
    if names:
        context.say_failed(
            f"--preload does not go with {', '.join(names)}: the library keeps threads, which forked workers do not "
            "have; serve without --preload (bento_server.preload)"
        )
        sys.exit(FAILED_EXIT_CODE)


def _renew_random_state() -> None:
    """Keep workers from drawing the same numbers. Generators that the bundle has made itself stay copies."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def main(argv: list[str]) -> None:
    """Run the fork server: `RUNTIME_DIR GENERATION STATUS_FD LIFELINE_FD CONTROL_FD`."""
    context = ChildContext.from_argv(argv)
    control = socket.socket(fileno=int(argv[4]))
    os.set_inheritable(control.fileno(), False)
    options = context.read_options()
    context.configure_logging(options)
    service = load_service(context, options)
    _refuse_what_cannot_be_forked(context, service)
    _warn_about_threads(options)
    inherited = Inherited.here()
    gc.collect()
    gc.freeze()
    server = ForkServer(context, control)
    context.say(READY)
    worker_context = server.run()
    _renew_random_state()
    apply_thread_limits(server.env)
    serve_calls(worker_context, options, service, inherited)


if __name__ == "__main__":
    main(sys.argv[1:])
