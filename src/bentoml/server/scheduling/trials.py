"""Trials of suspects on workers: which worker takes the next group, and what follows when it dies over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.server.scheduling.suspects import Suspects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bentoml.server.http.call import Call
    from bentoml.server.transport.worker_link import WorkerLink


class Trials:
    """The suspects of one queue and the workers that try them.

    Attributes:
        suspects: calls that wait for a trial.
    """

    def __init__(self) -> None:
        self.suspects: Suspects[Call] = Suspects()
        self._reserved: WorkerLink | None = None

    def __bool__(self) -> bool:
        return bool(self.suspects) or self._reserved is not None

    def start(self, workers: Sequence[WorkerLink], *, leave_turns: bool) -> Iterator[tuple[WorkerLink, list[Call]]]:
        """Give groups of suspects to workers that run nothing; each is to be handed its calls at once.

        Args:
            workers: all that there are.
            leave_turns: a worker that comes from a trial is left to what waits in the ordinary queue.
        """
        for link in workers:
            if link.batches or not link.stays or (leave_turns and link.owes_turn):
                continue
            group = self.suspects.next_group()
            if not group:
                return
            link.trial = group
            yield link, group

    def reserve(self, workers: Sequence[WorkerLink]) -> bool:
        """Let a worker come free for a trial: where coroutines come and go, none would ever run nothing.

        Returns:
            Whether one that was kept free is free for all again.
        """
        is_needed = self.suspects and not any(link.trial for link in workers)
        if self._reserved is not None and not is_needed:
            self._reserved.is_reserved = False
            self._reserved = None
            return True
        staying = [link for link in workers if link.stays]
        if self._reserved is None and is_needed and staying:
            self._reserved = min(staying, key=lambda link: len(link.batches))
            self._reserved.is_reserved = True
        return False

    def judge(self, link: WorkerLink, calls: Sequence[Call], *, is_suspicious: bool) -> Call | None:
        """A worker has died over these calls; they wait for a trial now, or another one.

        Args:
            link: the worker.
            calls: what it was running and somebody still waits for.
            is_suspicious: whether they may have been the cause; if not, the worker was trying them.

        Returns:
            The call that is guilty, as it was alone; it does not wait.
        """
        if link is self._reserved:
            self._reserved = None
        if link.trial is None:
            self.suspects.accuse(calls if is_suspicious else ())
        elif is_suspicious:
            return self.suspects.convict(calls)
        else:
            self.suspects.put_back(calls)
        return None
