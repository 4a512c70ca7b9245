"""The metrics that users' own code makes in the workers, put together in the front.

Workers are asked when somebody asks the front, and only those that use `prometheus_client`. One that does not answer
within a moment, because a function holds the interpreter, is shown with what it said last. What was counted by a worker
that has ended stays in the totals. Everything is done in slices, see `slices.py`: a worker may have very many numbers.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from bentoml.server.metrics.exposition import Family, number_text
from bentoml.server.metrics.metric_parts import MAX_REPORT_BYTES, PART_SAMPLES, Part, Totals
from bentoml.server.metrics.slices import at_once
from bentoml.server.metrics.worker_report import WorkerReport
from bentoml.server.transport import wire
from bentoml.server.transport.worker_link import close

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from bentoml.server.transport.worker_link import WorkerLink

logger = logging.getLogger(__name__)

# How long a scrape waits for a worker.
PATIENCE_S = 0.1
# After this time the log says that old numbers are shown.
OVERDUE_S = 30.0
# How long a worker that has nothing more to do is waited for.
LAST_WORDS_S = 1.0
# What is shown, and what is kept of workers that have ended; more would be too much for whoever stores it.
MAX_SHOWN_SAMPLES = 50_000
MAX_KEPT_SAMPLES = 20_000
# Of so many workers that have ended the gauges are kept that show each process by itself.
MAX_KEPT_WORKERS = 16
# A server starts fewer processes to fork workers from than this, unless somebody makes them up.
_MAX_ORIGINS = 10_000
# As many reports of workers that have ended wait for the next scrape.
_MAX_WAITING_REPORTS = 32
# What has been logged is not logged again; a service that makes up names has no end of them.
_MAX_SAID = 500


class UserMetrics:
    """What workers report about the metrics of users' code.

    Args:
        links: gives the workers that are connected.
        loop: the running event loop.
        on_nonsense: called with a worker whose report makes no sense.
    """

    def __init__(
        self,
        links: Callable[[], Iterable[WorkerLink]],
        loop: asyncio.AbstractEventLoop,
        on_nonsense: Callable[[WorkerLink], None],
    ) -> None:
        self._links = links
        self._loop = loop
        self._on_nonsense = on_nonsense
        self._reports: dict[WorkerLink, WorkerReport] = {}
        # Of workers that have ended, and of processes that workers were forked from: not added up yet, and added up.
        self._ended: list[WorkerReport] = []
        self._kept = Totals()
        # Gauges that show each process by itself, by worker that has ended.
        self._kept_apart: deque[list[Part]] = deque(maxlen=MAX_KEPT_WORKERS)
        self._origins: set[str] = set()
        self._awaited: set[WorkerLink] = set()
        self._all_answered = loop.create_future()
        self._said: set[tuple[str, str]] = set()
        self.is_asked_for = False

    # -- workers ------------------------------------------------------------------------------------------------

    async def gather(self, patience_s: float = PATIENCE_S) -> None:
        """Ask the workers that may have metrics, and wait for a moment for what they say."""
        self.is_asked_for = True
        self._awaited = {link for link in self._links() if link.has_metrics and self._ask(link)}
        if self._awaited:
            self._all_answered = self._loop.create_future()
            await asyncio.wait({self._all_answered}, timeout=patience_s)
            self._awaited = set()

    def _ask(self, link: WorkerLink) -> bool:
        """Ask a worker, unless its answer to an earlier question is still to come; returns whether it was asked."""
        report = self._reports.setdefault(link, WorkerReport())
        if report.is_awaited and self._loop.time() > report.asked_s + OVERDUE_S:
            self._say("", f"worker {link.pid} has not told its numbers for long, maybe as a collector hangs")
        if report.is_awaited or link.is_leaving:
            return False
        report.is_awaited = True
        report.asked_s = self._loop.time()
        link.protocol.send(wire.pack([wire.METRICS]))
        return True

    def see_off(self, link: WorkerLink) -> None:
        """Close the connection of a worker that has nothing more to do, once it has said what it has counted."""
        if not (self.is_asked_for and link.has_metrics):
            close(link)
            return
        self._ask(link)
        report = self._reports[link]
        if not report.is_last:
            report.is_last = True
            self._loop.call_later(LAST_WORDS_S, close, link)

    def on_frame(self, link: WorkerLink, message: list[Any]) -> None:
        """A worker has answered.

        Raises:
            ValueError: it was not asked, or the answer makes no sense.
        """
        if message[0] == wire.INHERITED:
            _, origin, data = message
            self._take_inherited(origin, data)
            return
        _, data, problems = message
        if not self.is_asked_for:
            raise ValueError(f"worker {link.pid} was not asked for metrics")
        _check_size(data)
        # In one line, whatever a user's error says.
        said = [(" ".join(str(name).split()), " ".join(str(problem).split())) for name, problem in problems]
        report = self._reports.setdefault(link, WorkerReport())
        report.is_awaited = False
        report.replace(data)
        for name, problem in said:
            self._say(name, problem)
        self._await_no_more(link)
        if report.is_last:
            close(link)

    def _await_no_more(self, link: WorkerLink) -> None:
        self._awaited.discard(link)
        if not self._awaited and not self._all_answered.done():
            self._all_answered.set_result(None)

    def _take_inherited(self, origin: str, data: list[bytes]) -> None:
        """What was counted before workers were forked, which each of them knows."""
        _check_size(data)
        if len(self._origins) >= _MAX_ORIGINS:
            raise ValueError("workers come from too many processes")
        if origin not in self._origins:
            self._origins.add(origin)
            report = WorkerReport()
            report.replace(data)
            self._keep(report)

    def depart(self, link: WorkerLink) -> None:
        """A worker has ended."""
        report = self._reports.pop(link, None)
        if report:
            self._keep(report)
        self._await_no_more(link)

    def _keep(self, report: WorkerReport) -> None:
        self._ended.append(report)
        if len(self._ended) > _MAX_WAITING_REPORTS:
            # Workers are replaced all the time, and nobody looks.
            at_once(self._keeping([self._ended.pop(0)]))

    # -- numbers ------------------------------------------------------------------------------------------------

    def merging(self, taken: set[str]) -> Generator[None, None, list[Family]]:
        """Put everything together.

        Args:
            taken: names that stand for something else.
        """
        # At one moment: a worker that ends in between is not to be counted twice.
        live, ended, self._ended = list(self._reports.items()), self._ended, []
        yield from self._keeping(ended)
        total = Totals()
        for link, report in live:
            try:
                yield from report.reading()
            except ValueError:
                logger.exception("Worker %d reports metrics that make no sense; its connection is closed", link.pid)
                self._on_nonsense(link)
            for part in report.parts:
                if not (yield from total.take(part)):
                    self._say(
                        part.name, "workers disagree about its type, its mode or its buckets; one of them is shown"
                    )
        yield from self._adding_kept(total)
        return (yield from self._families(total, taken))

    def _keeping(self, ended: list[WorkerReport]) -> Generator[None, None, None]:
        """Add up what workers said that have ended."""
        for report in ended:
            try:
                yield from report.reading()
            except ValueError:
                logger.exception("A worker that has ended reported metrics that make no sense; they are left out")
            apart = [part for part in report.parts if part.mode == "all"]
            if apart:
                self._kept_apart.append(apart)
            for part in report.parts:
                if part.is_kept and part.mode != "all":
                    yield from self._keep_part(part)

    def _keep_part(self, part: Part) -> Generator[None, None, None]:
        known = self._kept.metrics.get(part.name)
        new = sum(known is None or key not in known.values for key in part.values)
        if self._kept.samples + new > MAX_KEPT_SAMPLES:
            self._say(part.name, f"there are over {MAX_KEPT_SAMPLES} samples of workers that have ended; it loses some")
            return
        if not (yield from self._kept.take(part)):
            # The newest definition is the one that goes on.
            self._kept.metrics[part.name] = part

    def _adding_kept(self, total: Totals) -> Generator[None, None, None]:
        for kept in [*self._kept.metrics.values(), *(part for parts in self._kept_apart for part in parts)]:
            # What the living say is newer than what those said that have ended, also about buckets.
            yield from total.take(kept)

    def _families(self, total: Totals, taken: set[str]) -> Generator[None, None, list[Family]]:
        families, samples = [], 0
        for _, metric in sorted(total.metrics.items()):
            family = Family(metric.name, metric.kind, metric.documentation, metric.unit)
            names = family.sample_names
            if not taken.isdisjoint(names):
                self._say(metric.name, "another metric has this name; it is not shown")
                continue
            if samples + len(metric.values) > MAX_SHOWN_SAMPLES:
                self._say(metric.name, f"there would be more than {MAX_SHOWN_SAMPLES} samples; it is not shown")
                continue
            taken |= names
            samples += len(metric.values)
            items = list(metric.values.items())
            for start in range(0, len(items), PART_SAMPLES):
                family.lines += [f"{key} {number_text(value)}" for key, value in items[start : start + PART_SAMPLES]]
                yield
            families.append(family)
        return families

    def _say(self, name: str, problem: str) -> None:
        """Log something about a metric, once, whatever its details are the next time."""
        kind = (name, problem.partition(":")[0])
        if kind not in self._said and len(self._said) < _MAX_SAID:
            self._said.add(kind)
            logger.warning("The metric%s of the service: %s", f" {name}" if name else "s", problem)


def _check_size(data: Any) -> None:
    if not isinstance(data, list) or not all(isinstance(part, bytes) for part in data):
        raise ValueError("a report of metrics is a list of parts")
    if sum(map(len, data)) > MAX_REPORT_BYTES:
        raise ValueError(f"a report of metrics has more than {MAX_REPORT_BYTES} bytes")
