"""The workers of one generation of the bundle: started, replaced when they die, and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

from bentoml._util.cpus import cpu_count
from bentoml._util.worker_threads import thread_limits
from bentoml.configuration import get_config
from bentoml.server.options.gpus import gpu_variables
from bentoml.server.processes.child import (
    CRASHED,
    READY,
    WORKER_LOST,
    WORKER_REPLACED,
    WORKER_RETIRE,
    WORKER_STUCK,
    WORKER_WORN,
    options_file,
)
from bentoml.server.processes.child_process import how
from bentoml.server.processes.signals import END
from bentoml.server.supervision.member import Member
from bentoml.server.supervision.nursery import Nursery, NurseryDiedError
from bentoml.server.supervision.restarts import Restarts
from bentoml.server.workers.wear import MEANINGS, Relief

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.processes.child_process import ChildProcess
    from bentoml.server.processes.runtime import Runtime

logger = logging.getLogger(__name__)

# Workers that are told to end have nothing to do; one that does not end is killed.
WORKER_END_S = 5.0
# After a worker's end, its other end at the front is seen within this time.
HEARSAY_S = 1.0


class Fleet:
    """The workers of one generation.

    Args:
        generation: its number.
        options: what they serve, and how many they are.
        runtime: where they live.
        tell_front: says an event to the front.
        on_failure: called with the reason when there is no use in starting more of them.

    Attributes:
        is_complete: set once all workers were ready at the same time.
    """

    def __init__(
        self,
        generation: int,
        options: ServeOptions,
        runtime: Runtime,
        tell_front: Callable[..., None],
        on_failure: Callable[[str], None],
    ) -> None:
        self.generation = generation
        self.options = options
        self.is_complete = asyncio.Event()
        self._runtime = runtime
        self._tell_front = tell_front
        self._on_failure = on_failure
        # By process id.
        self._members: dict[int, Member] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._restarts = Restarts()
        self._relief = Relief()
        # Held while a worker is replaced in order: one at a time.
        self._relieving = asyncio.Lock()
        self._nursery = Nursery(generation, runtime) if options.preload else None
        self._was_ready = False
        self._ending = asyncio.Event()
        self._options_path = runtime.directory / options_file(generation)
        self._options_path.write_text(options.to_json(), encoding="utf-8")

    def start(self) -> None:
        """Start all workers."""
        gpus = self.options.gpus
        for index in range(self.options.workers):
            self._keep(self._keep_worker(gpus[index % len(gpus)] if gpus else None))

    def stop_replacing(self) -> None:
        """Start no worker any more; those that are there go on."""
        self._ending.set()

    async def end(self, timeout_s: float = WORKER_END_S) -> None:
        """End all workers: those that are not gone in time are killed."""
        self._ending.set()
        if self._nursery is not None:
            # First, as it may be loading for a worker that is not wanted any more.
            await self._nursery.end()
        for member in self._members.values():
            member.child.signal(END)
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
            for member in self._members.values() if late else ():
                member.child.signal(signal.SIGKILL)
            if late:
                await asyncio.wait(late)
        self._options_path.unlink(missing_ok=True)

    def hear(self, message: dict[str, Any]) -> None:
        """The front has said something about a worker, which may be one of another fleet."""
        member = self._members.get(message["pid"])
        if member is None:
            return
        if message["event"] == WORKER_LOST and not member.loss.done():
            member.loss.set_result(message["had_work"])
        elif message["event"] == WORKER_STUCK:
            member.reason = message["reason"]
            # One that is stopped or hangs in native code takes no other signal.
            member.child.signal(signal.SIGKILL)
        elif message["event"] == WORKER_WORN and not member.worn.done() and member.child.ready.is_set():
            now_s = asyncio.get_running_loop().time()
            lived_s = now_s - member.started_s
            if self._relief.is_due(message["reason"], now_s, lived_s=lived_s, has_worked=message["has_worked"]):
                member.worn.set_result(message["reason"])

    # -- inside -------------------------------------------------------------------------------------------------

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_worker(self, gpu: str | None) -> None:
        """Start a worker, and another one on the same GPU when it dies or is worn, until the fleet ends."""
        member = await self._enlist(gpu)
        while member is not None:
            await member.until_it_needs_a_successor()
            if member.watching.done() or self._ending.is_set():
                member = await self._follow_dead(member)
            else:
                member = await self._relieve(member)

    async def _enlist(self, gpu: str | None) -> Member | None:
        """Start a worker; None when the fleet ends or there is no use in it."""
        while not self._ending.is_set():
            try:
                member = Member(await self._start(gpu), self._hear_worker, gpu)
            except NurseryDiedError as death:
                await self._pause_after(death)
                continue
            except OSError as error:
                self._give_up(f"no worker can be started: {error}")
                return None
            self._members[member.pid] = member
            if self._ending.is_set():
                # The end has come while it was being started, and knows nothing of it.
                member.child.signal(END)
            return member
        return None

    async def _pause_after(self, death: NurseryDiedError) -> None:
        """A fork server has died instead of giving a worker: wait before the next one, or give up."""
        if self._ending.is_set():
            return
        if death.failure is not None and not self._was_ready:
            self._give_up(f"the bundle {self.options.bundle_path} cannot be loaded: {death.failure}")
            return
        now_s = asyncio.get_running_loop().time()
        pause_s = self._restarts.died(now_s, lived_s=None, had_work=False)
        if self._restarts.is_loop:
            times = self._restarts.early_deaths
            self._give_up(f"workers died {times} times in a row; the fork server {death.how}")
            return
        await self._wait_unless_ending(pause_s)

    async def _wait_unless_ending(self, pause_s: float) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ending.wait(), pause_s)

    async def _follow_dead(self, member: Member) -> Member | None:
        """The successor of a worker that has died, or is about to as the fleet ends."""
        exit_code = await member.watching
        pause_s = await self._judge_death(member, exit_code)
        del self._members[member.pid]
        if self._ending.is_set():
            return None
        self._tell_front(WORKER_REPLACED, reason=member.reason or CRASHED)
        logger.warning("Worker %d %s; a new one is started", member.pid, how(exit_code))
        if pause_s:
            logger.warning("Workers die often; the next one is started in %.1f seconds", pause_s)
            await self._wait_unless_ending(pause_s)
        return await self._enlist(member.gpu)

    async def _relieve(self, old: Member) -> Member | None:
        """The successor of a worn worker, which retires once that is ready; the same again when there is none."""
        async with self._relieving:
            reason = old.worn.result()
            old.worn = asyncio.get_running_loop().create_future()
            if old.watching.done():
                return old
            new = await self._enlist(old.gpu)
            if new is None:
                return old
            await new.until_ready_or_one_ends(old)
            if new.child.ready.is_set():
                logger.info("Worker %d is followed by worker %d: %s", old.pid, new.pid, MEANINGS[reason])
                self._tell_front(WORKER_RETIRE, pid=old.pid, successor=new.pid)
                self._tell_front(WORKER_REPLACED, reason=reason)
                self._keep(self._see_off(old))
                return new
            if old.watching.done():
                # It did not wait for its end; the other one takes its place as soon as it can.
                await self._judge_death(old, old.watching.result())
                self._tell_front(WORKER_REPLACED, reason=old.reason or CRASHED)
                del self._members[old.pid]
                return new
            logger.error(
                "The worker that was to follow worker %d %s; that one goes on", old.pid, how(new.watching.result())
            )
            del self._members[new.pid]
            self._relief.failed(asyncio.get_running_loop().time())
            return old

    async def _see_off(self, member: Member) -> None:
        """Wait for the end of a worker that has a successor."""
        await member.watching
        del self._members[member.pid]

    async def _start(self, gpu: str | None) -> ChildProcess:
        env = thread_limits(self.options.workers, cpu_count(), os.environ)
        if self._nursery is not None:
            return await self._nursery.fork(env)
        if gpu is not None:
            env |= gpu_variables(gpu, os.environ, get_config().bento_server.device)
        return self._runtime.start("bentoml.server.workers.worker", self.generation, env=env)

    async def _judge_death(self, member: Member, exit_code: int | None) -> float:
        """What a death says about the bundle; returns how long to wait before the next start, in seconds."""
        if self._ending.is_set():
            return 0.0
        child = member.child
        if child.failure is not None and not self._was_ready:
            self._give_up(f"the bundle {self.options.bundle_path} cannot be loaded: {child.failure}")
            return 0.0
        now_s = asyncio.get_running_loop().time()
        lived_s = now_s - member.started_s if child.ready.is_set() else None
        had_work = member.reason is not None or await self._had_work(member)
        pause_s = self._restarts.died(now_s, lived_s=lived_s, had_work=had_work)
        if self._restarts.is_loop:
            times = self._restarts.early_deaths
            self._give_up(f"workers died {times} times in a row; the last one {how(exit_code)}")
        return pause_s

    def _give_up(self, reason: str) -> None:
        self._ending.set()
        self._on_failure(reason)

    def _hear_worker(self, message: dict[str, Any]) -> None:
        if message["event"] == READY:
            self._was_ready = True
            if sum(member.child.ready.is_set() for member in self._members.values()) >= self.options.workers:
                self.is_complete.set()

    async def _had_work(self, member: Member) -> bool:
        """Whether a worker died over its calls: a few that kill it must not end the server for everyone else."""
        if member.child.ready.is_set():
            await asyncio.wait({member.loss}, timeout=HEARSAY_S)
        return member.loss.done() and member.loss.result()
