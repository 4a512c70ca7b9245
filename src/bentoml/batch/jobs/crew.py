"""The workers of a job: who does what, and what happens when one dies."""

from __future__ import annotations

import selectors
from collections import deque
from typing import TYPE_CHECKING, Any

from bentoml.batch.jobs.worker import Assignment, Worker
from bentoml.exceptions import BentoMLException

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bentoml.batch.jobs.worker_process import WorkerTask
    from bentoml.batch.sources.piece import Piece

# The next piece lies ready while one is answered; more would only take longer to be given to another worker.
PIECES_PER_WORKER = 2
# Of workers in a row, without a word of a row that could be left out.
MAX_DEATHS = 3


class Crew:
    """Starts the first worker, and others when they are needed.

    Args:
        task: what holds for all pieces.
        size: most workers.
        env: variables for them.
    """

    def __init__(self, task: WorkerTask, size: int, env: Mapping[str, str]) -> None:
        self._task = task
        self._size = size
        self._env = env
        self._selector = selectors.DefaultSelector()
        self._workers: list[Worker] = []
        self._early_deaths = 0
        self.takes_files = False

    def close(self) -> None:
        """End all workers at once; what they have under way is lost."""
        for worker in self._workers:
            worker.end()
        self._selector.close()

    def start(self) -> None:
        """Start a worker, and wait until it is ready; `takes_files` says then whether a row is a whole file.

        Raises:
            BentoMLException: it cannot load the bundle.
        """
        self._add_worker()
        while not any(worker.is_ready for worker in self._workers):
            for _ in self._heard(deque()):
                pass

    def answer(self, pieces: Iterator[Piece], done: Callable[[Piece], None]) -> None:
        """Have all pieces answered.

        Args:
            pieces: in the order in which they are handed out.
            done: is told of each whose part is written.

        Raises:
            BentoMLException: a worker cannot go on.
        """
        again: deque[Assignment] = deque()
        given = (Assignment(piece) for piece in pieces)
        ahead = self._next(again, given)
        while ahead is not None or any(worker.assigned for worker in self._workers):
            while ahead is not None and (worker := self._idle()) is not None:
                worker.assign(ahead)
                ahead = self._next(again, given)
            for piece in self._heard(again):
                done(piece)
            if ahead is None:
                ahead = self._next(again, given)

    def _next(self, again: deque[Assignment], given: Iterator[Assignment]) -> Assignment | None:
        return again.popleft() if again else next(given, None)

    def _idle(self) -> Worker | None:
        """The worker that has the least to do, if it may have more; a new one rather than one that is busy."""
        least = min(self._workers, key=lambda worker: len(worker.assigned), default=None)
        if least is not None and not least.assigned:
            return least
        if len(self._workers) < self._size:
            return self._add_worker()
        return least if least is not None and len(least.assigned) < PIECES_PER_WORKER else None

    def _add_worker(self) -> Worker:
        worker = Worker(self._task, self._env)
        self._workers.append(worker)
        self._selector.register(worker.channel, selectors.EVENT_READ, worker)
        return worker

    def _heard(self, again: deque[Assignment]) -> Iterator[Piece]:
        """Wait for words; the pieces that are done."""
        for key, _ in self._selector.select():
            worker: Worker = key.data
            words = worker.heard()
            if words is None:
                self._bury(worker, again)
                continue
            for word in words:
                piece = self._took(worker, word)
                if piece is not None:
                    yield piece

    def _took(self, worker: Worker, word: dict[str, Any]) -> Piece | None:
        if "refused" in word:
            raise BentoMLException(f"a worker cannot go on: {word['refused']}")
        if "ready" in word:
            worker.is_ready = True
            self._early_deaths = 0
            self.takes_files = word["ready"]["takes_files"]
        elif "call" in word:
            start, end = word["call"]
            worker.assigned[0].last_call = (start, end)
        else:
            return worker.assigned.popleft().piece
        return None

    def _bury(self, worker: Worker, again: deque[Assignment]) -> None:
        self._selector.unregister(worker.channel)
        self._workers.remove(worker)
        how = worker.ended()
        if not worker.is_ready:
            self._early_deaths += 1
            if self._early_deaths >= MAX_DEATHS:
                raise BentoMLException(f"{MAX_DEATHS} workers died while they loaded the bundle; the last {how}")
            again.extendleft(reversed(worker.assigned))
            if not self._workers:
                self._add_worker()
            return
        if worker.assigned:
            first = worker.assigned[0]
            first.suspect()
            if first.deaths >= MAX_DEATHS:
                raise BentoMLException(
                    f"{MAX_DEATHS} workers died while they read {first.piece.paths[0]}; the last {how}. "
                    "Smaller pieces take less memory: --chunk-rows"
                )
        again.extendleft(reversed(worker.assigned))
