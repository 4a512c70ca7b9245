"""The supervisor's part in a reload: when, which bundle, and one swap of fleets at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bentoml._util.daemon_thread import run_in_daemon_thread
from bentoml.exceptions import BentoMLException
from bentoml.server.processes.child import DRAINED, DROP, DROPPED, FLIP, FLIPPED, PREPARE, PREPARED, REFUSED
from bentoml.server.supervision.bundle_check import check_bundle
from bentoml.server.supervision.bundle_watch import BundleMark, BundleWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from pathlib import Path

    from bentoml.server.options.serve_options import ServeOptions
    from bentoml.server.supervision.fleet import Fleet

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
_ANSWERS = frozenset({PREPARED, REFUSED, FLIPPED, DROPPED, DRAINED})


@dataclass(frozen=True)
class BundleSource:
    """Where bundles to serve come from.

    Attributes:
        resolve: gives the directory of the bundle that is to be served now; called in a thread of its own.
        watch: whether to ask again and again, and load what is new.
        release: told after each reload which directories are still in use, so that copies of others may go.
    """

    resolve: Callable[[], Path]
    watch: bool = False
    release: Callable[[Collection[Path]], None] | None = None


class Reloader:
    """Swaps in newly saved bundles, one at a time. What is asked for during a swap is done once after it.

    Args:
        options: what is served at first, and how.
        source: where the next bundle comes from.
        make_fleet: makes a fleet from its number, options, and what to call with the reason when it fails.
        tell_front: says something to the front.
        on_failure: called with the reason when the workers that serve cannot be kept up.

    Attributes:
        current: the fleet that serves.
        fleets: all that have workers.
    """

    def __init__(
        self,
        options: ServeOptions,
        source: BundleSource,
        make_fleet: Callable[[int, ServeOptions, Callable[[str], None]], Fleet],
        tell_front: Callable[..., None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._source = source
        self._make_fleet = make_fleet
        self._tell_front = tell_front
        self._on_failure = on_failure
        self._asked = asyncio.Event()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._watch = BundleWatch(None)
        # Why the fleet that is being brought up cannot serve.
        self._coming_failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._last_problem = ""
        self._newest = 0
        self.fleets: list[Fleet] = []
        self.current = self._new_fleet(options)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the workers of the first bundle, and wait for reasons to load another one."""
        self.current.start()
        self._task = asyncio.ensure_future(self._run())

    def ask(self) -> None:
        """Load the bundle that is to be served now, also when it is the one that is served."""
        self._asked.set()

    def hear(self, message: dict[str, Any]) -> None:
        """The front has answered, or says something about a worker."""
        if message["event"] in _ANSWERS:
            self._answers.put_nowait(message)
        else:
            for fleet in self.fleets:
                fleet.hear(message)

    async def end(self, timeout_s: float) -> None:
        """Begin no swap any more, and end all workers; see `Fleet.end`."""
        await self.stop()
        await asyncio.gather(*(fleet.end(timeout_s) for fleet in self.fleets))

    async def stop(self) -> None:
        """Begin no swap any more, and start no worker."""
        for fleet in self.fleets:
            fleet.stop_replacing()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    # -- when and which -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        if self._source.watch:
            with contextlib.suppress(OSError):
                served = self.current.options.bundle_path
                self._watch.tried(await run_in_daemon_thread(lambda: BundleMark.of(served)))
        while True:
            is_asked = await self._next_look()
            try:
                await self._look(is_asked=is_asked)
            except (BentoMLException, OSError) as error:
                self._report(str(error), is_asked=is_asked)
            except Exception:
                # A door: where the bundle is found is the caller's code.
                logger.exception("The bundle to serve cannot be found out")

    def _report(self, problem: str, *, is_asked: bool) -> None:
        """What stays wrong is said once, not with each look."""
        if is_asked or problem != self._last_problem:
            logger.error("%s; %s goes on being served", problem, self.current.options.bundle_path)
        self._last_problem = problem

    async def _next_look(self) -> bool:
        """Wait until it is time for a look; True when somebody asked for it."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._asked.wait(), LOOK_EVERY_S if self._source.watch else None)
        is_asked = self._asked.is_set()
        self._asked.clear()
        return is_asked

    async def _look(self, *, is_asked: bool) -> None:
        """Load the bundle that is to be served now, when it is another one or somebody asked for it.

        Raises:
            BentoMLException: it cannot be found or cannot be served.
            OSError: its files cannot be read.
        """
        mark = await run_in_daemon_thread(lambda: BundleMark.of(self._source.resolve()))
        if not is_asked and not self._watch.is_due(mark):
            return
        self._watch.tried(mark)
        options = replace(self.current.options, bundle_path=mark.path)
        if options == self.current.options and is_asked:
            logger.info("There is no newer bundle than %s; it is loaded again", mark.path)
        else:
            logger.info("Loading %s", mark.path)
        await run_in_daemon_thread(lambda: check_bundle(options))
        await self._swap(options)

    async def _until_superseded(self, loading: Path) -> None:
        """Wait until another bundle is to be served than the one that is being loaded, which may hang or take long.

        A wish to load the same once more is for later.
        """
        is_asked = False
        try:
            while True:
                is_asked = await self._next_look() or is_asked
                with contextlib.suppress(BentoMLException, OSError):
                    if await run_in_daemon_thread(self._source.resolve) != loading:
                        return
        finally:
            if is_asked:
                self._asked.set()

    # -- one swap -----------------------------------------------------------------------------------------------

    async def _swap(self, options: ServeOptions) -> None:
        """Let another fleet take over.

        Raises:
            BentoMLException: it cannot serve; nothing has changed.
        """
        fleet = self._new_fleet(options)
        self._coming_failed = asyncio.get_running_loop().create_future()
        try:
            service = await self._bring_up(fleet)
        except BentoMLException as error:
            self._tell_front(DROP, generation=fleet.generation)
            if (await self._answer(fleet.generation))["event"] == DROPPED:
                await self._dismiss(fleet)
                raise
            # It failed at the moment when the traffic was turned over to it.
            self.current = fleet
            self._on_failure(str(error))
            return
        old, self.current = self.current, fleet
        logger.info("%s is served now, from %s", service, options.bundle_path)
        while (await self._answer(old.generation))["event"] != DRAINED:
            pass
        await self._dismiss(old)

    async def _bring_up(self, fleet: Fleet) -> str:
        """Start a fleet, and turn the traffic over when it is complete; returns `name:version` of its service.

        Raises:
            BentoMLException: it cannot serve.
        """
        self._tell_front(PREPARE, generation=fleet.generation)
        prepared = await self._answer(fleet.generation)
        if prepared["event"] == REFUSED:
            raise BentoMLException(prepared["message"])
        fleet.start()
        superseding = asyncio.ensure_future(self._until_superseded(fleet.options.bundle_path))
        try:
            await self._unless_failed(fleet.is_complete.wait(), superseding)
        finally:
            superseding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await superseding
        self._tell_front(FLIP, generation=fleet.generation)
        await self._unless_failed(self._answer(fleet.generation))
        service: str = prepared["service"]
        return service

    async def _dismiss(self, fleet: Fleet) -> None:
        await fleet.end()
        self.fleets.remove(fleet)
        if self._source.release is not None:
            self._source.release([other.options.bundle_path for other in self.fleets])

    async def _unless_failed(
        self, coroutine: Coroutine[Any, Any, object], superseding: asyncio.Future[None] | None = None
    ) -> None:
        """Wait for something, or for the failure of the fleet that is coming, or until another one is wanted.

        Raises:
            BentoMLException: it has failed, or is not wanted any more.
        """
        task = asyncio.ensure_future(coroutine)
        futures: set[asyncio.Future[Any]] = {task, self._coming_failed, *([superseding] if superseding else [])}
        try:
            await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return
            if self._coming_failed.done():
                raise BentoMLException(self._coming_failed.result())
            raise BentoMLException("the bundle that is being loaded is given up for a newer one")
        finally:
            task.cancel()

    async def _answer(self, generation: int) -> dict[str, Any]:
        """What the front says next about a generation."""
        while True:
            message = await self._answers.get()
            if message["generation"] == generation:
                return message

    def _new_fleet(self, options: ServeOptions) -> Fleet:
        self._newest += 1
        number = self._newest
        fleet = self._make_fleet(number, options, lambda reason: self._take_failure(number, reason))
        self.fleets.append(fleet)
        return fleet

    def _take_failure(self, number: int, reason: str) -> None:
        """There is no use in starting more workers of a fleet."""
        if number == self.current.generation:
            self._on_failure(reason)
        elif number < self.current.generation:
            logger.error("Requests of the bundle that was replaced are given up: %s", reason)
        elif not self._coming_failed.done():
            self._coming_failed.set_result(reason)
