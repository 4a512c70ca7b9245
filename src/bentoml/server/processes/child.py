"""What the server's processes share with their parent: a word to say when ready, and an end when it dies.

A child gets its arguments as file descriptors and paths, never as code: `python -m bentoml.server.front.front
RUNTIME_DIR GENERATION STATUS_FD LIFELINE_FD ...`. Over the status socket both sides say one JSON object per line. The
lifeline is a pipe whose other end only the parent holds; when it closes, the parent is gone and the child ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bentoml.configuration import fix_config, get_config, snapshot
from bentoml.configuration.schema import ServerLogging
from bentoml.server.logs.log_forwarding import forward_advanced, forward_logs
from bentoml.server.logs.log_pipe import LogPipe, PipeHandler
from bentoml.server.options.serve_options import ServeOptions
from bentoml.server.processes.signals import leave_signals_to_parent, let_forks_take_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

SOCKET_FILE = "workers.sock"
# The configuration of the parent, which its children keep.
CONFIG_FILE = "configuration.json"
LOGS_SOCKET_FILE = "logs.sock"

READY = "ready"
FAILED = "failed"
# Said by the front, with the worker's `pid` and whether it `had_work`.
WORKER_LOST = "worker_lost"
# Said by the front, with the `pid` of a worker that has to be killed and replaced, and the `reason`.
WORKER_STUCK = "worker_stuck"
# Said by the front again and again, with the `pid` of a worker that is to be replaced in order, the `reason`, and
# whether it `has_worked`.
WORKER_WORN = "worker_worn"
# Said to the front, with the `pid` of such a worker and that of its `successor`, which is ready.
WORKER_RETIRE = "worker_retire"
# Said to the front, with the `reason`, when a worker is followed by another one.
WORKER_REPLACED = "worker_replaced"
# Its reason when nobody has asked for that; the others are those of the heartbeat and of wear.
CRASHED = "crashed"
# Said to the front again and again, with the numbers of lines that did not come into the logs, as `counts` by logger.
LOG_DROPPED = "log_dropped"
# Said about a generation, whose number goes with each; see `handover.py`.
PREPARE, FLIP, DROP = "prepare", "flip", "drop"
PREPARED, REFUSED, FLIPPED, DROPPED, DRAINED = "prepared", "refused", "flipped", "dropped", "drained"
# Said by the fork server, with the `pid` of a worker and its `exit_code`.
FORKED_ENDED = "forked_ended"
# The longest line that the supervisor and the fork server say to each other.
FORK_LINE_BYTES = 4096
MAX_REASON = 8000
# Exit code of a process that has said on the status socket why it failed.
FAILED_EXIT_CODE = 3
# Exit code of a front that has left requests without an answer: its time to go down was over, or it was hurried.
CUT_OFF_EXIT_CODE = 4
_PR_SET_PDEATHSIG = 1


def options_file(generation: int) -> str:
    """Name of the file in the runtime directory that says what a generation serves, and how."""
    return f"options-{generation}.json"


@dataclass(frozen=True)
class ChildContext:
    """What a child process is started with.

    Attributes:
        runtime_dir: private directory of this server.
        generation: number of the bundle it starts with; each reload counts one up.
        status_fd: this end of the status socket.
        lifeline_fd: read end of the lifeline.
        log_pipe: the way of this process's logs; None where there is none.
    """

    runtime_dir: Path
    generation: int
    status_fd: int
    lifeline_fd: int
    log_pipe: LogPipe | None = None

    @classmethod
    def from_argv(cls, argv: list[str]) -> ChildContext:
        """Read the first four arguments, and fix the configuration and what programs started from here inherit."""
        runtime_dir = Path(argv[0])
        pipe = LogPipe(runtime_dir / LOGS_SOCKET_FILE)
        context = cls(runtime_dir, int(argv[1]), int(argv[2]), int(argv[3]), pipe)
        # A worker that is replaced works as the one before it, whatever stands in the file by then.
        fix_config(snapshot.from_json((context.runtime_dir / CONFIG_FILE).read_bytes()))
        os.set_inheritable(context.status_fd, False)
        os.set_inheritable(context.lifeline_fd, False)
        leave_signals_to_parent()
        let_forks_take_signals()
        return context

    @property
    def socket_path(self) -> Path:
        """Where workers meet the front."""
        return self.runtime_dir / SOCKET_FILE

    def read_options(self, generation: int | None = None) -> ServeOptions:
        """The options of a generation, by default of this process's own."""
        name = options_file(self.generation if generation is None else generation)
        return ServeOptions.from_json((self.runtime_dir / name).read_bytes())

    def configure_logging(self, options: ServeOptions) -> None:
        """Hand all logs to the writer: as much as the command that started the server was told to log."""
        if self.log_pipe is None:
            return
        self.log_pipe.connect()
        handler = PipeHandler(self.log_pipe)
        advanced = get_config().logging.advanced
        if advanced.enabled:
            forward_advanced(advanced.config or {}, handler)
        else:
            forward_logs(_level_of(options), handler)

    def flush_logs(self) -> None:
        """Wait until the logs are sent, for a moment at most; for a process that is about to end."""
        if self.log_pipe is not None:
            self.log_pipe.flush()

    def say(self, event: str, **details: Any) -> None:
        """Tell the parent; nothing happens when it is gone, as the lifeline ends this process."""
        line = json.dumps({"event": event, **details}) + "\n"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            os.write(self.status_fd, line.encode())

    def say_failed(self, reason: str) -> None:
        """Tell the parent why this process cannot do its work."""
        shown = reason if len(reason) <= MAX_REASON else f"{reason[:MAX_REASON]}..."
        self.say(FAILED, message=shown)

    @staticmethod
    def die_with_parent() -> None:
        """Let the system kill this process when its parent dies, also while it is stopped or holds the interpreter.

        Only Linux can do that; elsewhere the lifeline alone has to do.
        """
        if sys.platform != "linux":
            return
        import ctypes

        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    def listen(self, loop: asyncio.AbstractEventLoop, on_message: Callable[[dict[str, Any]], None]) -> None:
        """Call `on_message` with each message of the parent."""
        rest = b""

        def read() -> None:
            nonlocal rest
            try:
                data = os.read(self.status_fd, 65536)
            except ConnectionResetError:
                data = b""
            if not data:
                loop.remove_reader(self.status_fd)
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                on_message(json.loads(line))

        loop.add_reader(self.status_fd, read)

    def keep_from_forks(self, *fds: int) -> None:
        """Keep the status socket and other descriptors from processes that are forked from this one.

        They may outlive it, and as long as they hold the other ends nobody would notice its death.
        """

        def let_go() -> None:
            # Not closed: objects that still know the numbers would close what gets them next.
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (self.status_fd, *fds):
                os.dup2(null, fd, inheritable=False)
            os.close(null)

        os.register_at_fork(after_in_child=let_go)

    def end_with_parent(self, loop: asyncio.AbstractEventLoop, end: Callable[[], None]) -> None:
        """Call `end` when the parent dies."""

        def lost() -> None:
            loop.remove_reader(self.lifeline_fd)
            end()

        loop.add_reader(self.lifeline_fd, lost)


def _level_of(options: ServeOptions) -> str:
    """What the processes of a server log: what the command line says, else the configuration."""
    if options.debug:
        return "DEBUG"
    if options.quiet:
        return "ERROR"
    config = get_config()
    level = config.bento_server.logging.level
    return config.logging.level if level == ServerLogging().level else level


def run_on_fast_loop(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on uvloop where it is installed, else on asyncio's own loop."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(coroutine)
        return
    uvloop.run(coroutine)
