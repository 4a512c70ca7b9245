"""A worker process, as the job sees it."""

from __future__ import annotations

import socket
import sys
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from bentoml._util.proc import spawn
from bentoml.batch.jobs.wire import Words, send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bentoml.batch.jobs.worker_process import WorkerTask
    from bentoml.batch.sources.piece import Piece

_STDERR = 2


@dataclass
class Assignment:
    """A piece, and what is known of it.

    Attributes:
        piece: what is to be answered.
        deaths: of workers that had begun with it.
        cuts: rows before which a call ends; None while no worker has died.
        deadly: rows that end a worker.
        last_call: the rows of the call that was under way; None when there was none.
    """

    piece: Piece
    deaths: int = 0
    cuts: list[int] | None = None
    deadly: list[int] = field(default_factory=list)
    last_call: tuple[int, int] | None = None

    def suspect(self) -> None:
        """A worker has died: let the next one part the calls, until the row is alone that ends it."""
        self.deaths += 1
        if self.cuts is None:
            self.cuts = []
        elif self.last_call is not None:
            start, end = self.last_call
            if end - start == 1:
                self.deadly.append(start)
            else:
                self.cuts = sorted({*self.cuts, (start + end) // 2})
            self.deaths = 1
        self.last_call = None


class Worker:
    """Starts a process, which goes on until `end`.

    Args:
        task: what holds for all pieces.
        env: variables that it gets besides ours.

    Attributes:
        channel: the socket to it.
        is_ready: whether it has loaded the bundle.
        assigned: what it has been given and has not answered, in order: the first one is under way.
    """

    def __init__(self, task: WorkerTask, env: Mapping[str, str]) -> None:
        self.channel, theirs = socket.socketpair()
        self.is_ready = False
        self.assigned: deque[Assignment] = deque()
        self._words = Words(self.channel)
        with theirs:
            # Of a session of its own: Ctrl-C is for the job. What the user's code prints is no answer.
            argv = [sys.executable, "-m", "bentoml.batch.jobs.worker_process", str(theirs.fileno())]
            self._process = spawn(argv, env=env, pass_fds=[theirs.fileno()], stdout=_STDERR, new_session=True)
        send(self.channel, asdict(task))

    def assign(self, assignment: Assignment) -> None:
        """Give it a piece."""
        self.assigned.append(assignment)
        word = {"piece": asdict(assignment.piece), "cuts": assignment.cuts, "deadly": assignment.deadly}
        try:
            send(self.channel, word)
        except OSError:
            return  # it has died, which is heard next

    def heard(self) -> list[dict[str, Any]] | None:
        """What it says; None when it has died."""
        return self._words.heard()

    def ended(self) -> str:
        """How it has died."""
        self.channel.close()
        code = self._process.wait()
        return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self.ended()
