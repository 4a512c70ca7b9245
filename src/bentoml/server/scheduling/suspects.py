"""Which request has killed its worker? Pure: no I/O, no clock.

When a worker dies, each of the jobs that it was running may have been the cause, so they are suspects. They are tried
again in groups, each group alone on a worker that runs nothing else meanwhile. A group that is answered is cleared. A
group whose worker dies is halved, and a job that was alone when its worker died on its trial is condemned. Of n
jobs with k guilty ones that takes about k log n workers, and everybody else is answered.

Groups hold jobs of one API: a worker that ran calls of several is followed by one group for each.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic

from bentoml.server.scheduling.scheduler import JobT, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Suspects(Generic[JobT]):
    """The groups that wait for their trial, in order of arrival. Their jobs are `RUNNING`, or `DONE` meanwhile."""

    def __init__(self) -> None:
        self._groups: deque[list[JobT]] = deque()

    def __bool__(self) -> bool:
        return bool(self._groups)

    def __iter__(self) -> Iterator[JobT]:
        """The jobs that wait for a trial and whose caller still waits."""
        return (job for group in self._groups for job in _live(group))

    def accuse(self, jobs: Iterable[JobT]) -> None:
        """A worker has died while it ran these jobs, and maybe others that were answered."""
        by_api: dict[int, list[JobT]] = {}
        for job in _live(jobs):
            by_api.setdefault(job.api, []).append(job)
        groups = list(by_api.values())
        if len(groups) == 1:
            groups = _halves(groups[0])
        self._groups.extend(groups)

    def convict(self, group: Iterable[JobT]) -> JobT | None:
        """A worker has died while it ran a group on trial.

        Args:
            group: its jobs, also those that were answered before.

        Returns:
            The guilty one, when it was alone; else None, and both halves are to be tried.
        """
        live = _live(group)
        if len(live) == 1:
            return live[0]
        self._groups.extend(_halves(live))
        return None

    def put_back(self, group: Iterable[JobT]) -> None:
        """A trial has come to no result; it is the next one again."""
        live = _live(group)
        if live:
            self._groups.appendleft(live)

    def next_group(self) -> list[JobT]:
        """Remove and return the next group for a trial; empty when there is none."""
        while self._groups:
            live = _live(self._groups.popleft())
            if live:
                return live
        return []

    def take_all(self) -> list[JobT]:
        """Remove and return every job that still waits."""
        jobs = list(self)
        self._groups.clear()
        return jobs


def _live(jobs: Iterable[JobT]) -> list[JobT]:
    return [job for job in jobs if job.state is State.RUNNING]


def _halves(jobs: list[JobT]) -> list[list[JobT]]:
    middle = (len(jobs) + 1) // 2
    return [half for half in (jobs[:middle], jobs[middle:]) if half]
