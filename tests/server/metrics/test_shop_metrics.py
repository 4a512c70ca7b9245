"""A real server whose service has metrics of its own, made in every place where users make them."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from tests.server.live import LiveServer, live_server, metric, save_bundle

SERVICE = """
import ctypes
import os
import time

import bentoml
import prometheus_client
from bentoml.adapters import JsonInput
from bentoml.types import InferenceResult
from prometheus_client import Counter, Gauge, Histogram, Summary

ORDERS = Counter("orders", "Orders by shop.", ["shop"])
SIZES = Histogram("order_size", "Order sizes.", buckets=(1, 10))
WAITS = Summary("order_wait_seconds", "Waits.")
LOADED = Counter("loaded", "Times that the module was loaded.")
LOADED.inc()
NEWEST = Gauge("newest_order", "Newest.", multiprocess_mode="mostrecent")
CLASH = Counter("BENTOML_Shop_request", "Has the name of the server's own.")


class Shop(bentoml.BentoService):
    def __init__(self):
        super().__init__()
        self.ready = Gauge("model_ready", "Ready.")
        self.ready.set(1)

    @bentoml.api(input=JsonInput(), batch=False)
    def order(self, order):
        ORDERS.labels(order["shop"]).inc(order["count"])
        SIZES.observe(order["count"])
        WAITS.observe(0.25)
        NEWEST.set(order["count"])
        CLASH.inc()
        time.sleep(order.get("seconds", 0))
        return os.getpid()

    @bentoml.api(input=JsonInput(), batch=True)
    def status(self, statuses):
        time.sleep(0.05)
        return [InferenceResult(data="body", http_status=status) for status in statuses]

    @bentoml.api(input=JsonInput(), batch=False)
    def lazy(self, name):
        Counter(name, "Made within a function.").inc()
        return name

    @bentoml.api(input=JsonInput(), batch=False)
    def hold_the_interpreter(self, seconds):
        ctypes.PyDLL(None).sleep(seconds)
        return seconds

    @bentoml.api(input=JsonInput(), batch=False)
    def corrupt(self, frame):
        from bentoml.server.metrics.registry_report import Report

        # 13 is the kind of a report. JSON has no bytes, so a part that is none is asked for by its name.
        Report.frame = lambda _: [13, [b"no part"], []] if frame == "part" else [13, *frame]

    @bentoml.api(input=JsonInput(), batch=False)
    def explode(self, series):
        known = prometheus_client.REGISTRY._names_to_collectors.get("many")
        many = known or Counter("many", "Many.", ["customer"])
        for number in range(series):
            many.labels(number).inc()
        return series
"""


@pytest.fixture(scope="module")
def shop_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("shop"), SERVICE, class_name="Shop")


@pytest.fixture(scope="module")
def server(shop_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(shop_bundle, "--workers", "2", home=tmp_path_factory.mktemp("shop-home")) as running:
        wait_until(lambda: metric(running, "BENTOML_Shop_workers") == 2, running)
        yield running


def wait_until(is_so: Callable[[], bool], server: LiveServer) -> None:
    deadline_s = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline_s, server.output()
        time.sleep(0.02)


def order(server: LiveServer, count: int = 1, shop: str = "north", seconds: float = 0) -> int:
    answer = server.client.post("/order", json={"shop": shop, "count": count, "seconds": seconds})
    return int(answer.text)


def order_of_both_workers(server: LiveServer, shop: str = "north") -> set[int]:
    """Orders of one until both workers have had some; returns their process ids, and adds to the count."""
    with ThreadPoolExecutor(2) as threads:
        for _ in range(20):
            pids = set(threads.map(lambda _: order(server, 1, shop, 0.1), range(2)))
            if len(pids) == 2:
                return pids
    raise AssertionError("one worker gets everything")


def kill_and_await_successor(server: LiveServer, pid: int, check: Callable[[], bool]) -> None:
    """Kill a worker; `check` has to hold at each moment until there is another one."""
    restarts = metric(server, "BENTOML_Shop_worker_restarts_total")
    os.kill(pid, signal.SIGKILL)

    def has_successor() -> bool:
        assert check()
        return (
            metric(server, "BENTOML_Shop_worker_restarts_total") == restarts + 1
            and metric(server, "BENTOML_Shop_workers") == 2
        )

    wait_until(has_successor, server)


def test_metrics_of_users_are_merged_from_all_workers(server: LiveServer) -> None:
    before = metric(server, "orders_total", shop="north")
    sizes_before = metric(server, "order_size_bucket", le="1.0")
    pids = order_of_both_workers(server)
    orders = metric(server, "orders_total", shop="north") - before
    assert orders >= 2
    assert orders % 2 == 0
    assert metric(server, "order_size_bucket", le="1.0") - sizes_before == orders
    assert metric(server, "order_wait_seconds_sum") == 0.25 * metric(server, "order_wait_seconds_count")
    # Module level and `__init__`, in each worker.
    assert metric(server, "loaded_total") >= 2
    for pid in pids:
        assert metric(server, "model_ready", pid=str(pid)) == 1


def test_counters_made_in_a_function_appear(server: LiveServer) -> None:
    assert server.client.post("/lazy", json="made_late").text == '"made_late"'
    assert metric(server, "made_late_total") == 1


def test_newest_number_of_all_workers_is_shown(server: LiveServer) -> None:
    order_of_both_workers(server)
    metric(server, "newest_order")
    with ThreadPoolExecutor(1) as thread:
        # One worker is busy, so the other one sets it later.
        early = thread.submit(order, server, 50, "north", 0.5)
        wait_until(lambda: metric(server, "newest_order") == 50, server)
        order(server, 2)
        assert metric(server, "newest_order") == 2
        early.result()
    assert metric(server, "newest_order") == 2


def test_totals_survive_a_killed_worker_and_its_successor(server: LiveServer) -> None:
    pids = order_of_both_workers(server, "killed")
    total = metric(server, "orders_total", shop="killed")
    for pid in pids:
        kill_and_await_successor(server, pid, lambda: metric(server, "orders_total", shop="killed") == total)
        assert metric(server, "orders_total", shop="killed") == total
    order(server, 5, "killed")
    assert metric(server, "orders_total", shop="killed") == total + 5


def test_worker_that_holds_the_interpreter_delays_a_scrape_by_a_moment_only(server: LiveServer) -> None:
    order_of_both_workers(server, "held")
    total = metric(server, "orders_total", shop="held")
    with ThreadPoolExecutor(1) as thread:
        began_s = time.monotonic()
        held = thread.submit(server.client.post, "/hold_the_interpreter", json=2)
        wait_until(
            lambda: metric(server, "BENTOML_Shop_request_in_progress", endpoint="/hold_the_interpreter") == 1, server
        )
        for _ in range(5):
            assert metric(server, "orders_total", shop="held") == total
        assert time.monotonic() - began_s < 2
        assert held.result().status_code == 200
    order(server, 1, "held")
    assert metric(server, "orders_total", shop="held") == total + 1


def test_name_of_the_servers_own_stays_the_servers_own(server: LiveServer) -> None:
    order(server)
    text = server.client.get("/metrics").text
    assert text.count("# TYPE BENTOML_Shop_request_total ") == 1
    assert "\nBENTOML_Shop_request_total " not in text
    said = "The metric BENTOML_Shop_request of the service: another metric has this name"
    wait_until(lambda: said in server.output(), server)


def test_openmetrics_and_gzip_are_given_to_those_who_ask(server: LiveServer) -> None:
    order(server, 1, "formats")
    plain = server.client.get("/metrics", headers={"accept-encoding": "identity"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "content-encoding" not in plain.headers
    assert plain.headers["cache-control"] == "no-store"
    accept = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5", "accept-encoding": "gzip"}
    with server.client.stream("GET", "/metrics", headers=accept) as answer:
        assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert answer.headers["content-encoding"] == "gzip"
        text = gzip.decompress(b"".join(answer.iter_raw())).decode()
    open_families = {family.name: family for family in read_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert open_families["orders"].type == "counter"
    assert set(open_families) == {family.name for family in read_text(plain.text)}
    assert server.client.head("/metrics").status_code == 200


def test_requests_of_merged_batches_count_under_their_own_status(server: LiveServer) -> None:
    statuses = [200, 201, 400, 404, 422, 500, 503, 418] * 4
    with ThreadPoolExecutor(len(statuses)) as threads:
        answers = list(threads.map(lambda status: server.client.post("/status", json=status).status_code, statuses))
    assert answers == statuses
    assert metric(server, "BENTOML_Shop_mb_batch_size_count", endpoint="status") < len(statuses)
    for status in set(statuses):
        for name, endpoint in (("request", "/status"), ("mb_request", "status")):
            labels = {"endpoint": endpoint, "http_response_code": str(status)}
            assert metric(server, f"BENTOML_Shop_{name}_total", **labels) == 4
            assert metric(server, f"BENTOML_Shop_{name}_duration_seconds_count", **labels) == 4


def test_clients_cannot_make_new_series(server: LiveServer) -> None:
    def series() -> set[str]:
        text = server.client.get("/metrics").text
        return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("BENTOML_Shop_")}

    def send(request: str) -> None:
        head = f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
            connection.sendall(head.encode())
            while connection.recv(65536):
                pass

    requests = ["GET /a", "POST /a", "DELETE /order", "PATCH /order", "REPORT /order", "GET /static_content/a",
                "GET /metrics?x=1", "POST /order?x=1", "OPTIONS /order", "LINK /livez", "POST /metrics"]  # fmt: skip
    # What it costs to answer an API is learned within some requests, and shown from then on.
    for request in requests * 4:
        send(request)
    before = series()
    for number in range(60):
        method, _, path = requests[number % len(requests)].partition(" ")
        send(f"{method} {path}{number if path in {'/a', '/static_content/a'} else ''}")
        send(f"GET /%{number + 32:02x}{os.urandom(4).hex()}")
    assert series() == before
    assert not any("/a" in each or "x=1" in each for each in before)


def test_very_many_series_are_left_out_and_said(server: LiveServer) -> None:
    order(server, 1, "many")
    assert server.client.post("/explode", json=30_000).text == "30000"
    began_s = time.monotonic()
    text = server.client.get("/metrics").text
    assert time.monotonic() - began_s < 2
    assert "many_total" not in text
    assert 'orders_total{shop="many"} ' in text
    said = "The metric many of the service: with its samples a worker would have more than 10000"
    wait_until(lambda: said in server.output(), server)
    assert server.client.post("/explode", json=30_001).status_code == 200
    assert "many_total" not in server.client.get("/metrics").text
    assert server.output().count("The metric many of the service") == 1


def test_concurrent_scrapes_agree(server: LiveServer) -> None:
    with ThreadPoolExecutor(16) as threads:
        texts = list(threads.map(lambda _: server.client.get("/metrics").text, range(64)))
    for text in texts:
        assert "BENTOML_Shop_ledger_total" in text
        assert "orders_total" in text
