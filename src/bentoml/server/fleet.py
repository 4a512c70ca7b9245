"""The workers of one generation of the bundle: started, replaced when they die, and ended together."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

from bentoml.server.child import READY, options_file
from bentoml.server.options import cpu_count

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.server.child_process import ChildProcess
    from bentoml.server.options import ServeOptions
    from bentoml.server.runtime import Runtime

logger = logging.getLogger(__name__)

# Workers that die this often in a row without having been ready for `STEADY_S` are given up.
MAX_EARLY_DEATHS = 5
STEADY_S = 10.0
# Workers that are told to end have nothing to do; one that does not end is killed.
WORKER_END_S = 5.0
# After a worker's end, its other end at the front is seen within this time.
HEARSAY_S = 1.0
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class Fleet:
    """The workers of one generation.

    Args:
        generation: its number.
        options: what they serve, and how many they are.
        runtime: where they live.
        on_failure: called with the reason when there is no use in starting more of them.

    Attributes:
        is_complete: set once all workers were ready at the same time.
    """

    def __init__(
        self, generation: int, options: ServeOptions, runtime: Runtime, on_failure: Callable[[str], None]
    ) -> None:
        self.generation = generation
        self.options = options
        self.is_complete = asyncio.Event()
        self._runtime = runtime
        self._on_failure = on_failure
        self._workers: set[ChildProcess] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._early_deaths = 0
        # By process id: whether a worker had calls in hand when the front lost it.
        self._losses: dict[int, asyncio.Future[bool]] = {}
        self._was_ready = False
        self._ending = asyncio.Event()
        self._options_path = runtime.directory / options_file(generation)
        self._options_path.write_text(options.to_json(), encoding="utf-8")

    def start(self) -> None:
        """Start all workers."""
        for _ in range(self.options.workers):
            task = asyncio.ensure_future(self._run_worker())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def stop_replacing(self) -> None:
        """Start no worker any more; those that are there go on."""
        self._ending.set()

    async def end(self, timeout_s: float = WORKER_END_S) -> None:
        """End all workers: those that are not gone in time are killed."""
        self._ending.set()
        for child in self._workers:
            child.signal(signal.SIGTERM)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for child in self._workers if late else ():
                child.signal(signal.SIGKILL)
            if late:
                await asyncio.wait(late)
        self._options_path.unlink(missing_ok=True)

    def hear_loss(self, pid: int, *, had_work: bool) -> None:
        """The front has lost a worker, which may be one of another fleet."""
        loss = self._losses.get(pid)
        if loss is not None and not loss.done():
            loss.set_result(had_work)

    # -- inside -------------------------------------------------------------------------------------------------

    async def _run_worker(self) -> None:
        """Start a worker, and another one when it dies, until the fleet ends."""
        threads = str(max(1, cpu_count() // self.options.workers))
        env = {name: threads for name in _THREAD_VARIABLES if name not in os.environ}
        loop = asyncio.get_running_loop()
        while not self._ending.is_set():
            started_s = loop.time()
            try:
                child = self._runtime.start("bentoml.server.worker", self.generation, env=env)
            except OSError as error:
                self._on_failure(f"no worker can be started: {error}")
                return
            self._losses[child.popen.pid] = loop.create_future()
            self._workers.add(child)
            exit_code = await child.watch(self._hear_worker)
            self._workers.discard(child)
            if self._ending.is_set():
                return
            if child.failure is not None and not self._was_ready:
                self._on_failure(f"the bundle {self.options.bundle_path} cannot be loaded: {child.failure}")
                return
            is_early = not child.ready.is_set() or loop.time() - started_s <= STEADY_S
            if not await self._had_work(child):
                self._early_deaths = self._early_deaths + 1 if is_early else 0
            if self._early_deaths >= MAX_EARLY_DEATHS:
                self._on_failure(f"workers died {self._early_deaths} times in a row; the last one {how(exit_code)}")
                return
            logger.warning("Worker %d %s; a new one is started", child.popen.pid, how(exit_code))

    def _hear_worker(self, message: dict[str, Any]) -> None:
        if message["event"] == READY:
            self._was_ready = True
            if sum(child.ready.is_set() for child in self._workers) >= self.options.workers:
                self.is_complete.set()

    async def _had_work(self, child: ChildProcess) -> bool:
        """Whether a worker died over its calls: a few that kill it must not end the server for everyone else."""
        loss = self._losses[child.popen.pid]
        if child.ready.is_set():
            await asyncio.wait({loss}, timeout=HEARSAY_S)
        del self._losses[child.popen.pid]
        return loss.done() and loss.result()


def how(exit_code: int) -> str:
    """How a process has come to its end."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    return f"was ended by {signal.Signals(-exit_code).name}"
