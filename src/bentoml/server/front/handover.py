"""The front's part in a reload: it takes a new bundle in, turns the traffic over, and tells when the old one is done.

The supervisor leads. It says `PREPARE` and is answered `PREPARED` or `REFUSED`; starts workers for the new generation;
says `FLIP` when all of them are ready, and is answered `FLIPPED`. From then on new requests belong to the new
generation. When the last request of the old one is answered, or its time is up, the front says `DRAINED`, and the
supervisor ends the old workers. `DROP` gives a generation up that has not been flipped to, and is answered `DROPPED`.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from bentoml.exceptions import BentoMLException
from bentoml.server.front.bundle_view import BundleView
from bentoml.server.processes.child import DRAINED, DROP, DROPPED, FLIP, FLIPPED, PREPARE, PREPARED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine
    from pathlib import Path

    from bentoml.server.front.front import Front
    from bentoml.server.front.generation import Connection, Generation
    from bentoml.server.processes.child import ChildContext

logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 0.05


class Handover:
    """Acts on what the supervisor says about generations.

    Args:
        front: what all connections share.
        context: how to speak to the supervisor.
        connections: gives all client connections.
    """

    def __init__(self, front: Front, context: ChildContext, connections: Callable[[], Collection[Connection]]) -> None:
        self._front = front
        self._context = context
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()

    def hear(self, message: dict[str, Any]) -> None:
        """Take a message of the supervisor; other ones than the three about generations are not for us."""
        event = message["event"]
        if event == PREPARE:
            self._keep(self._prepare(message["generation"]))
        elif event == FLIP:
            self._keep(self._flip(message["generation"]))
        elif event == DROP:
            self._drop(message["generation"])

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _prepare(self, number: int) -> None:
        try:
            options = self._context.read_options(number)
            # A large description takes a while to read, and requests must not wait for it.
            view = await asyncio.to_thread(BundleView.read, options.bundle_path)
            _check_name(view, self._front.view, options.bundle_path)
            self._front.add_generation(number, options, view)
        except (BentoMLException, OSError) as error:
            self._context.say(REFUSED, generation=number, message=str(error))
        else:
            self._context.say(PREPARED, generation=number, service=f"{view.name}:{view.version}")

    async def _flip(self, number: int) -> None:
        new = self._front.generations[number]
        while not new.dispatcher.workers:
            # The last one has just died, and its successor will come, or the generation is dropped.
            await asyncio.sleep(_LOOK_EVERY_S)
            if number not in self._front.generations:
                return
        old = self._front.current
        self._front.serve(new)
        self._context.say(FLIPPED, generation=number)
        await self._drain(old)

    async def _drain(self, old: Generation) -> None:
        """Wait until nobody waits for the old generation, at most as long as for a server that stops."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + self._front.options.grace_s
        while True:
            # First a turn of the loop: requests that came just before may not have begun to run.
            await asyncio.sleep(_LOOK_EVERY_S)
            if old.is_answered(self._connections()):
                break
            if loop.time() >= end_s:
                logger.warning(
                    "%s:%s still had requests to answer after the grace time of %g s; they are given up",
                    old.view.name,
                    old.view.version,
                    self._front.options.grace_s,
                )
                break
        self._front.retire(old)
        self._context.say(DRAINED, generation=old.number)

    def _drop(self, number: int) -> None:
        generation = self._front.generations.get(number)
        if generation is self._front.current:
            # Too late: it has been flipped to, and the supervisor is about to hear that.
            return
        if generation is not None:
            self._front.retire(generation)
        self._context.say(DROPPED, generation=number)


def _check_name(new: BundleView, served: BundleView, path: Path) -> None:
    """Names of metrics begin with that of the service.

    Raises:
        BentoMLException: it is another service.
    """
    if new.name != served.name:
        raise BentoMLException(
            f"{path} holds the service {new.name}, and {served.name} is served; stop the server and start it anew"
        )
