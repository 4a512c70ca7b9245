"""The front's side of users' metrics, with workers that say what the test wants."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Generator
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bentoml.server.metrics import user_metrics
from bentoml.server.metrics.exposition import Family
from bentoml.server.metrics.metric_parts import MAX_REPORT_BYTES, Part, packed
from bentoml.server.metrics.slices import at_once, in_slices
from bentoml.server.metrics.user_metrics import UserMetrics
from bentoml.server.transport import wire
from bentoml.server.transport.worker_link import WorkerLink
from tests.thoroughness import examples


class ReportingWorker(wire.FrameProtocol):
    """Keeps the questions it is asked."""

    def __init__(self, pid: int) -> None:
        super().__init__(lambda *_: None, lambda _: None)
        self.link = WorkerLink(pid, self)
        self.link.has_metrics = True
        self.questions = 0
        self.answer: Callable[[], None] | None = None

    def send(self, frame: bytes) -> None:
        assert wire.unpack(frame[4:]) == [wire.METRICS]
        self.questions += 1
        if self.answer is not None:
            asyncio.get_running_loop().call_soon(self.answer)


class Stage:
    """A front with workers."""

    def __init__(self, workers: int = 2) -> None:
        self.workers: list[ReportingWorker] = []
        self.cut_off: list[int] = []
        self.users = UserMetrics(
            lambda: [worker.link for worker in self.workers],
            asyncio.get_running_loop(),
            lambda link: self.cut_off.append(link.pid),
        )
        for pid in range(1, workers + 1):
            self.join(pid)

    def join(self, pid: int, *metrics: Part) -> ReportingWorker:
        worker = ReportingWorker(pid)
        self.workers.append(worker)
        self.set(worker, *metrics)
        return worker

    def set(self, worker: ReportingWorker, *metrics: Part) -> None:
        """Let a worker answer with these metrics from now on."""
        worker.answer = lambda: self.say(worker, *metrics)

    def say(self, worker: ReportingWorker, *metrics: Part, problems: Any = ()) -> None:
        data = [part for metric in metrics for part in packed(metric)]
        self.users.on_frame(worker.link, [wire.METRICS, data, list(problems)])

    def leave(self, worker: ReportingWorker) -> None:
        self.workers.remove(worker)
        self.users.depart(worker.link)

    async def shown(self, *taken: str, patience_s: float = 30) -> dict[str, list[str]]:
        await self.users.gather(patience_s)
        return {family.name: family.lines for family in await in_slices(self.users.merging(set(taken)))}


def staged(scenario: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await scenario(Stage())

    asyncio.run(run())


def counter(value: float, name: str = "orders") -> Part:
    return Part(name, "counter", "Orders.", values={f"{name}_total": value})


def gauge(value: float, mode: str, pid: int = 0, *, set_s: float = 0.0) -> Part:
    key = f'ready{{pid="{pid}"}}' if pid else "ready"
    return Part("ready", "gauge", "Ready.", mode=mode, values={key: value}, times={key: set_s} if set_s else {})


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    logging.getLogger("bentoml").propagate = True
    return caplog


def test_counters_are_added_up_and_stay_when_a_worker_ends() -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, counter(3))
        stage.set(other, counter(4))
        assert await stage.shown() == {"orders": ["orders_total 7.0"]}
        stage.leave(one)
        assert await stage.shown() == {"orders": ["orders_total 7.0"]}
        third = stage.join(3, counter(1))
        assert await stage.shown() == {"orders": ["orders_total 8.0"]}
        stage.leave(third)
        stage.leave(other)
        assert await stage.shown() == {"orders": ["orders_total 8.0"]}

    staged(scenario)


def test_worker_that_ends_while_numbers_are_put_together_counts_once() -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, counter(3))
        stage.set(other, counter(4))
        await stage.users.gather(30)
        merging = stage.users.merging(set())
        next(merging)
        stage.leave(other)
        assert [family.lines for family in at_once(merging)] == [["orders_total 7.0"]]
        assert await stage.shown() == {"orders": ["orders_total 7.0"]}

    staged(scenario)


@pytest.mark.parametrize(
    ("mode", "both", "one_left"),
    [
        ("sum", 8.0, 8.0),
        ("livesum", 8.0, 3.0),
        ("min", 3.0, 3.0),
        ("max", 5.0, 5.0),
        ("livemin", 3.0, 3.0),
        ("livemax", 5.0, 3.0),
    ],
)
def test_gauges_of_one_number_follow_their_mode(mode: str, both: float, one_left: float) -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, gauge(3, mode))
        stage.set(other, gauge(5, mode))
        assert await stage.shown() == {"ready": [f"ready {both}"]}
        stage.leave(other)
        assert await stage.shown() == {"ready": [f"ready {one_left}"]}

    staged(scenario)


@pytest.mark.parametrize(("mode", "left"), [("all", 2), ("liveall", 1)])
def test_gauges_of_each_process_follow_their_mode(mode: str, left: int) -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, gauge(3, mode, 1))
        stage.set(other, gauge(5, mode, 2))
        both = ['ready{pid="1"} 3.0', 'ready{pid="2"} 5.0']
        assert await stage.shown() == {"ready": both}
        stage.leave(other)
        assert await stage.shown() == {"ready": both[:left]}

    staged(scenario)


@pytest.mark.parametrize(("mode", "left"), [("mostrecent", 5.0), ("livemostrecent", 3.0)])
def test_gauges_of_the_newest_number_follow_their_mode(mode: str, left: float) -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, gauge(3, mode, set_s=10.0))
        stage.set(other, gauge(5, mode, set_s=11.0))
        assert await stage.shown() == {"ready": ["ready 5.0"]}
        stage.leave(other)
        assert await stage.shown() == {"ready": [f"ready {left}"]}

    staged(scenario)


def test_gauges_of_processes_that_have_ended_are_bounded() -> None:
    async def scenario(stage: Stage) -> None:
        for pid in range(10, 60):
            worker = stage.join(pid, gauge(1, "all", pid))
            await stage.shown()
            stage.leave(worker)
        lines = (await stage.shown())["ready"]
        assert len(lines) == user_metrics.MAX_KEPT_WORKERS
        assert lines[-1] == 'ready{pid="59"} 1.0'

    staged(scenario)


def test_worker_that_does_not_answer_is_shown_with_what_it_said_last() -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, counter(3))
        stage.set(other, counter(4))
        await stage.shown()
        stage.set(one, counter(30))
        other.answer = None
        assert await stage.shown(patience_s=0.01) == {"orders": ["orders_total 34.0"]}
        assert await stage.shown() == {"orders": ["orders_total 34.0"]}
        # It was not asked again, nor waited for.
        assert other.questions == 2
        stage.say(other, counter(5))
        assert await stage.shown(patience_s=0.01) == {"orders": ["orders_total 35.0"]}
        assert other.questions == 3

    staged(scenario)


def test_worker_that_does_not_answer_for_long_is_said_once(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(stage: Stage) -> None:
        stage.workers[0].answer = None
        for _ in range(3):
            await stage.shown(patience_s=0.01)
            assert "has not told its numbers" not in log.text
        monkeypatch.setattr(user_metrics, "OVERDUE_S", 0.0)
        for _ in range(3):
            await stage.shown(patience_s=0.01)

    staged(scenario)
    assert log.text.count("worker 1 has not told its numbers for long") == 1


def test_worker_that_ends_instead_of_answering_is_not_waited_for() -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, counter(3))
        other.answer = lambda: stage.leave(other)
        assert await asyncio.wait_for(stage.shown(patience_s=600), 30) == {"orders": ["orders_total 3.0"]}

    staged(scenario)


def test_worker_without_the_library_is_not_asked() -> None:
    async def scenario(stage: Stage) -> None:
        for worker in stage.workers:
            worker.link.has_metrics = False
        assert await stage.shown() == {}
        assert [worker.questions for worker in stage.workers] == [0, 0]

    staged(scenario)


def test_what_was_counted_before_a_fork_counts_once_per_process_that_was_forked_from() -> None:
    async def scenario(stage: Stage) -> None:
        data = list(packed(counter(5)))
        for worker, origin in zip(stage.workers, ("a", "a"), strict=True):
            stage.set(worker, counter(1))
            stage.users.on_frame(worker.link, [wire.INHERITED, origin, data])
        assert await stage.shown() == {"orders": ["orders_total 7.0"]}
        stage.users.on_frame(stage.workers[0].link, [wire.INHERITED, "b", data])
        assert await stage.shown() == {"orders": ["orders_total 12.0"]}

    staged(scenario)


def test_name_that_is_taken_is_not_shown_and_said_once(log: pytest.LogCaptureFixture) -> None:
    async def scenario(stage: Stage) -> None:
        stage.set(stage.workers[0], counter(3), counter(1, "BENTOML_Shop_request"))
        for _ in range(3):
            assert await stage.shown("BENTOML_Shop_request_total") == {"orders": ["orders_total 3.0"]}

    staged(scenario)
    assert log.text.count("BENTOML_Shop_request of the service: another metric has this name; it is not shown") == 1


def test_samples_that_would_stand_under_two_metrics_are_shown_once(log: pytest.LogCaptureFixture) -> None:
    async def scenario(stage: Stage) -> None:
        other = Part("orders_total", "gauge", "", mode="max", values={"orders_total": 5.0})
        stage.set(stage.workers[0], counter(3), other)
        assert await stage.shown() == {"orders": ["orders_total 3.0"]}

    staged(scenario)
    assert "another metric has this name" in log.text


def test_workers_that_disagree_are_shown_by_the_first_and_it_is_said_once(log: pytest.LogCaptureFixture) -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, Part("size", "histogram", "", shape="1.0,+Inf", values={'size_bucket{le="1.0"}': 2.0}))
        stage.set(other, Part("size", "histogram", "", shape="2.0,+Inf", values={'size_bucket{le="2.0"}': 3.0}))
        for _ in range(3):
            assert await stage.shown() == {"size": ['size_bucket{le="1.0"} 2.0']}
        stage.leave(one)
        # A new bundle has other buckets than the one before.
        assert await stage.shown() == {"size": ['size_bucket{le="2.0"} 3.0']}

    staged(scenario)
    assert log.text.count("workers disagree") == 1


def test_problems_of_workers_are_said_once_and_in_one_line(log: pytest.LogCaptureFixture) -> None:
    async def scenario(stage: Stage) -> None:
        await stage.shown()
        for worker in stage.workers:
            stage.say(worker, problems=[["Custom", f"cannot be read:\nERROR all is lost by {worker.link.pid}"]])

    staged(scenario)
    assert log.text.count("The metric Custom of the service: cannot be read: ERROR all is lost by 1") == 1
    assert log.text.count("Custom") == 1


@pytest.mark.parametrize(
    "message",
    [
        [wire.METRICS],
        [wire.METRICS, [], [], 3],
        [wire.METRICS, None, []],
        [wire.METRICS, ["text"], []],
        [wire.METRICS, {}, []],
        [wire.METRICS, [], [3]],
        [wire.METRICS, [], [["name"]]],
        [wire.METRICS, [], None],
        [wire.METRICS, [b"x" * (MAX_REPORT_BYTES + 1)], []],
        [wire.INHERITED, "origin"],
        [wire.INHERITED, "origin", 7],
        [wire.INHERITED, [], []],
    ],
    ids=repr,
)
def test_frame_that_makes_no_sense_is_an_error(message: list[Any]) -> None:
    async def scenario(stage: Stage) -> None:
        stage.set(stage.workers[0], counter(5))
        await stage.shown()
        stage.workers[0].answer = None
        # What the desk cuts workers off for.
        with pytest.raises((ValueError, TypeError)):
            stage.users.on_frame(stage.workers[0].link, message)
        assert await stage.shown(patience_s=0.01) == {"orders": ["orders_total 5.0"]}

    staged(scenario)


def test_report_before_anybody_has_asked_is_an_error() -> None:
    async def scenario(stage: Stage) -> None:
        with pytest.raises(ValueError, match="was not asked"):
            stage.say(stage.workers[0], counter(1))

    staged(scenario)


def test_report_whose_parts_make_no_sense_ends_its_worker_and_the_scrape_goes_on(
    log: pytest.LogCaptureFixture,
) -> None:
    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(other, counter(4))
        stage.set(one, counter(3))
        await stage.shown()
        one.answer = lambda: stage.users.on_frame(one.link, [wire.METRICS, [b"\xc1"], []])
        assert await stage.shown() == {"orders": ["orders_total 7.0"]}
        assert stage.cut_off == [1]
        one.answer = None
        stage.leave(one)
        assert await stage.shown() == {"orders": ["orders_total 7.0"]}

    staged(scenario)
    assert "make no sense" in log.text


def test_very_many_samples_are_bounded_and_the_loop_goes_on(
    log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_metrics, "MAX_SHOWN_SAMPLES", 1500)
    monkeypatch.setattr(user_metrics, "MAX_KEPT_SAMPLES", 1200)

    def many(name: str) -> Part:
        values = {f'{name}_total{{x="{number}"}}': 1.0 for number in range(1000)}
        return Part(name, "counter", "", values=values)

    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        stage.set(one, many("aaa"), many("bbb"), counter(1))
        shown = await stage.shown()
        assert {name: len(lines) for name, lines in shown.items()} == {"aaa": 1000, "orders": 1}
        stage.leave(one)
        stage.leave(other)
        kept = await stage.shown()
        assert sum(map(len, kept.values())) <= 1200

    staged(scenario)
    assert "more than 1500 samples" in log.text
    assert "over 1200 samples" in log.text


def test_worker_that_retires_says_its_last_before_its_connection_is_closed() -> None:
    class Transport(asyncio.Transport):
        closed = False

        def close(self) -> None:
            self.closed = True

    async def scenario(stage: Stage) -> None:
        one, other = stage.workers
        transports = [Transport(), Transport()]
        for worker, transport in zip(stage.workers, transports, strict=True):
            worker.transport = transport
            worker.link.see_off = stage.users.see_off
        one.link.retire()
        # Nobody has asked for metrics, so nobody waits for them.
        assert [transport.closed for transport in transports] == [True, False]
        stage.leave(one)
        stage.set(other, counter(4))
        await stage.shown()
        other.answer = None
        other.link.retire()
        other.link.close_if_done()
        assert [transport.closed for transport in transports] == [True, False]
        assert other.questions == 2
        stage.say(other, counter(9))
        assert [transport.closed for transport in transports] == [True, True]
        stage.leave(other)
        assert await stage.shown() == {"orders": ["orders_total 9.0"]}

    staged(scenario)


@settings(max_examples=examples(60), deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["count", "scrape", "die", "join", "hang", "merge_and_die"]), st.integers(0, 3)),
        max_size=30,
    )
)
def test_totals_are_what_workers_have_told_and_never_fall(steps: list[tuple[str, int]]) -> None:
    async def scenario(stage: Stage) -> None:
        books = Books(stage)
        for step, which in steps:
            worker = books.worker(which)
            if step == "count":
                books.counts[worker] += which + 1
            elif step == "hang":
                worker.answer = None
            elif step == "die":
                books.die(worker)
            elif step in {"scrape", "merge_and_die"}:
                await books.scrape(worker if step == "merge_and_die" else None)

    staged(scenario)


class Books:
    """What workers have counted and told, beside what the front shows."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.counts: dict[ReportingWorker, int] = {}
        self.told: dict[ReportingWorker, int] = {}
        self.of_the_dead = self.shown = 0
        for worker in stage.workers:
            self.hire(worker)

    def hire(self, worker: ReportingWorker) -> ReportingWorker:
        self.counts[worker] = self.told[worker] = 0
        worker.answer = partial(self.tell, worker)
        return worker

    def worker(self, which: int) -> ReportingWorker:
        """One that is there, or a new one."""
        if which < len(self.stage.workers):
            return self.stage.workers[which]
        return self.hire(self.stage.join(100 + len(self.counts)))

    def tell(self, worker: ReportingWorker) -> None:
        if worker in self.told:
            self.told[worker] = self.counts[worker]
            self.stage.say(worker, counter(self.counts[worker]))

    def die(self, worker: ReportingWorker) -> None:
        self.of_the_dead += self.told.pop(worker)
        self.stage.leave(worker)

    async def scrape(self, victim: ReportingWorker | None) -> None:
        """Compare; the victim dies while the numbers are put together."""
        await self.stage.users.gather(0.001)
        expected = self.of_the_dead + sum(self.told.values())
        families = at_once(self.merging(victim))
        lines = [line for family in families for line in family.lines]
        number = float(lines[0].partition(" ")[2]) if lines else 0.0
        assert number == expected >= self.shown
        self.shown = expected

    def merging(self, victim: ReportingWorker | None) -> Generator[None, None, list[Family]]:
        """The first pause is when the victim dies, if there is one."""
        merging = self.stage.users.merging(set())
        for _ in range(2):
            try:
                next(merging)
            except StopIteration as end:
                families: list[Family] = end.value
                return families
            if victim is not None:
                self.die(victim)
                victim = None
        return (yield from merging)
