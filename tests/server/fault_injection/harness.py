"""Load and faults on a real server at the same time, and at the end an account of every single request."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.plain_http import NO_TLS
from tests.server.fault_injection.books import Books
from tests.server.fault_injection.clients import Connection, Crowd
from tests.server.fault_injection.faults import Saboteur
from tests.server.fault_injection.orders import APIS, Order, OrderBook, service_source
from tests.server.fault_injection.processes import descriptors, processes_of, role, rss_bytes, wait_until
from tests.server.live import LiveServer, live_server, save_bundle

LIMIT_S = 8.0
WORKER_LIMIT_S = 4.0
MAX_BODY_BYTES = 2 << 20
# What the front may grow by: buffers of large bodies, and the allocator's leftovers.
MAX_GROWTH_BYTES = 96 << 20
# A swap takes this long at most, also on a busy machine; an answer then takes so long to its client.
SWAP_S, ON_THE_WAY_S = 30.0, 4.0
_PREFIX = "BENTOML_Faulty"


@dataclass(frozen=True)
class Plan:
    """One run.

    Attributes:
        seed: of everything that is random.
        load_s: how long the clients go on.
        steady, leaving, hostile: numbers of clients side by side.
        pauses_s: shortest and longest time between two faults.
        weights: of the faults, by name.
        arguments: more options of the server.
    """

    seed: int
    load_s: float
    steady: int
    leaving: int
    hostile: int
    pauses_s: tuple[float, float]
    weights: dict[str, int]
    arguments: tuple[str, ...] = ()


class Harness:
    """One server, its clients and what is done to it.

    Args:
        directory: empty; everything goes below it.
        plan: what to do.
    """

    def __init__(self, directory: Path, plan: Plan) -> None:
        self._directory = directory
        self._home = directory / "home"
        self._plan = plan
        self._rng = random.Random(plan.seed)
        self._versions: set[int] = set()
        self._retiring: list[asyncio.Future[None]] = []
        self._swaps = 0
        self.books = Books()
        self.orders = OrderBook(random.Random(self._rng.random()), self._versions)

    def run(self) -> str:
        """Run it all; returns one line that says what happened.

        Raises:
            AssertionError: something was lost, wrong or left behind; the text has the seed.
        """
        self._home.mkdir()
        size = f"bento_server:\n  max_request_size: {MAX_BODY_BYTES}\n"
        (self._home / "bentoml.yml").write_text(size, encoding="utf-8")
        self._save()
        arguments = ["--workers", "2", "--timeout", f"{LIMIT_S:g}", "--worker-timeout-s", f"{WORKER_LIMIT_S:g}"]
        arguments += self._plan.arguments
        with live_server(Path("Faulty:latest"), *arguments, home=self._home, command="serve-gunicorn") as server:
            try:
                return self._run(server)
            except BaseException as error:
                tail = "\n".join(server.output().splitlines()[-60:])
                raise AssertionError(f"seed {self._plan.seed}: {error}\n{self.books}\n{tail}") from error

    def _run(self, server: LiveServer) -> str:
        wait_until(lambda: self._metric(server, "workers") == 2, "two workers")
        self._warm_up(server)
        front, supervisor = self._front(), server.process.pid
        before = {pid: (len(descriptors(pid)), rss_bytes(pid)) for pid in (front, supervisor)}
        crowd = Crowd(server.port, random.Random(self._rng.random()), self.orders, self.books, MAX_BODY_BYTES)
        saboteur = Saboteur(
            self._home, random.Random(self._rng.random()), crowd, self.orders, lambda: self._reload(server)
        )
        asyncio.run(self._load(crowd, saboteur))
        ledger = self._rest(server)
        assert not self.books.faults, "\n".join(self.books.faults[:10])
        differences = self.books.differences(ledger, self._ends(server))
        assert not differences, "; ".join(differences)
        for api in APIS:
            assert self.books.ends[api, 200] >= 10, f"{api} was hardly answered"
        wait_until(lambda: self._metric(server, "workers") == 2, "two workers again")
        for pid, (count, size_bytes) in before.items():
            self._wait_for_descriptors(pid, count)
            assert rss_bytes(pid) < size_bytes + MAX_GROWTH_BYTES, f"{role(pid)} has {rss_bytes(pid)} bytes"
        self._drain(server)
        done = {**saboteur.done, "swapped": self._swaps}
        return f"seed {self._plan.seed}: {self.books}; {done}; ledger {ledger}"

    async def _load(self, crowd: Crowd, saboteur: Saboteur) -> None:
        plan = self._plan
        end_s = asyncio.get_running_loop().time() + plan.load_s
        clients = asyncio.ensure_future(crowd.run(plan.steady, plan.leaving, plan.hostile))
        faults = asyncio.ensure_future(saboteur.run(end_s, plan.pauses_s, plan.weights))
        await asyncio.wait({clients, faults}, return_when=asyncio.FIRST_COMPLETED)
        crowd.is_over = True
        await faults
        await clients
        await asyncio.gather(*self._retiring)

    def _warm_up(self, server: LiveServer) -> None:
        """What is opened once, as by the first scrape, is open before anything is counted."""

        async def ask() -> None:
            crowd = Crowd(server.port, self._rng, self.orders, self.books, MAX_BODY_BYTES)
            await asyncio.gather(*(crowd.ask(*(self.orders.next_order() for _ in range(3))) for _ in range(8)))

        asyncio.run(ask())
        self._rest(server)

    def _rest(self, server: LiveServer) -> dict[str, float]:
        """Wait until nothing is in flight; returns the ledger."""
        wait_until(lambda: self._metric(server, "in_flight") == 0, "nothing in flight", 2 * LIMIT_S)
        return {
            outcome: self._metric(server, "ledger_total", outcome=outcome)
            for outcome in ("accepted", "answered", "refused", "failed", "cancelled")
        }

    def _wait_for_descriptors(self, pid: int, count: int) -> None:
        try:
            wait_until(lambda: len(descriptors(pid)) <= count, "")
        except AssertionError:
            raise AssertionError(f"{role(pid)} had {count} descriptors, now {descriptors(pid)}") from None

    def _metric(self, server: LiveServer, name: str, **labels: str) -> float:
        return sum(
            sample.value
            for family in text_string_to_metric_families(server.client.get("/metrics").text)
            for sample in family.samples
            if sample.name == f"{_PREFIX}_{name}" and labels.items() <= sample.labels.items()
        )

    def _ends(self, server: LiveServer) -> dict[tuple[str, int], float]:
        """Ended requests by API and status."""
        ends: dict[tuple[str, int], float] = {}
        for family in text_string_to_metric_families(server.client.get("/metrics").text):
            for sample in family.samples:
                if sample.name == f"{_PREFIX}_mb_request_total":
                    end = sample.labels["endpoint"], int(sample.labels["http_response_code"])
                    ends[end] = ends.get(end, 0) + sample.value
        return ends

    def _front(self) -> int:
        (pid,) = [pid for pid in processes_of(self._home) if role(pid) == "front"]
        return pid

    def _save(self) -> int:
        """Save a bundle with the next version; returns that."""
        version = max(self._versions, default=0) + 1
        directory = self._directory / f"version-{version}"
        directory.mkdir()
        # All versions share one repository.
        (directory / "home").symlink_to(self._home)
        self._versions.add(version)
        pack = f"service.set_version('{version}')"
        save_bundle(directory, service_source(version, LIMIT_S), class_name="Faulty", pack=pack)
        return version

    async def _reload(self, server: LiveServer) -> None:
        version = await asyncio.to_thread(self._save)
        server.process.send_signal(signal.SIGHUP)
        retiring = asyncio.ensure_future(asyncio.to_thread(self._retire_before, version, server))
        self._retiring.append(retiring)

    def _retire_before(self, version: int, server: LiveServer) -> None:
        """Once a version has long been served, no answer may come from an older one any more.

        A version whose workers were killed while they loaded is never served.
        """
        end_s = time.monotonic() + SWAP_S
        with httpx.Client(base_url=server.url, trust_env=False, verify=NO_TLS) as client:
            while client.get("/metadata").json()["version"] != str(version):
                if time.monotonic() > end_s or version < max(self._versions):
                    return
                time.sleep(0.1)
        time.sleep(LIMIT_S + ON_THE_WAY_S)
        self._swaps += 1
        self._versions.difference_update(range(version))

    def _drain(self, server: LiveServer) -> None:
        """Stop the server under calls in flight: each is answered, and nothing stays behind."""
        answered_before = self.books.ends["coroutine", 200]
        orders = [
            Order(
                "coroutine",
                b'{"id": %d, "row": [2, 3], "sleep_s": 1.5}' % -number,
                lambda answer: b'"sum": 5' in answer.body,
            )
            for number in range(1, 9)
        ]

        async def ask() -> None:
            connections = [await Connection.open(server.port) for _ in orders]
            for connection, order in zip(connections, orders, strict=True):
                connection.send(order.to_bytes())
            await asyncio.to_thread(wait_until, lambda: self._metric(server, "in_flight") == len(orders), "calls")
            server.process.send_signal(signal.SIGTERM)
            for connection, order in zip(connections, orders, strict=True):
                self.books.enter(order, await connection.receive())
                connection.close()

        asyncio.run(ask())
        assert self.books.ends["coroutine", 200] - answered_before == len(orders), f"{self.books}"
        assert server.process.wait(LIMIT_S + 10) == 0
        wait_until(lambda: not processes_of(self._home), "no process is left", 10)
