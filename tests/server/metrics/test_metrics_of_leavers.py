"""Metrics of workers that come and go: forked, replaced in order, or for the nonsense that they report."""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path

from tests.server.live import live_server, metric
from tests.server.metrics.test_shop_metrics import order_of_both_workers, shop_bundle, wait_until

__all__ = ["shop_bundle"]


def test_what_was_counted_before_the_fork_counts_once(shop_bundle: Path, tmp_path: Path) -> None:
    with live_server(shop_bundle, "--workers", "2", "--preload", home=tmp_path) as server:
        wait_until(lambda: metric(server, "BENTOML_Shop_workers") == 2, server)
        assert metric(server, "loaded_total") == 1
        pids = order_of_both_workers(server)
        total = metric(server, "orders_total", shop="north")
        assert total % 2 == 0
        os.kill(pids.pop(), signal.SIGKILL)
        wait_until(lambda: metric(server, "BENTOML_Shop_worker_restarts_total") == 1, server)
        wait_until(lambda: metric(server, "BENTOML_Shop_workers") == 2, server)
        assert metric(server, "loaded_total") == 1
        assert metric(server, "orders_total", shop="north") == total


def test_workers_that_are_recycled_or_reloaded_lose_nothing_between_scrapes(shop_bundle: Path, tmp_path: Path) -> None:
    with live_server(shop_bundle, "--workers", "1", "--worker-max-requests", "5", home=tmp_path) as server:
        wait_until(lambda: metric(server, "BENTOML_Shop_workers") == 1, server)
        sent = 0
        while not metric(server, "BENTOML_Shop_worker_restarts_total", reason="recycled"):
            for _ in range(5):
                answer = server.client.post("/order", json={"shop": "recycled", "count": 1})
                assert answer.status_code == 200
                sent += 1
        wait_until(lambda: metric(server, "orders_total", shop="recycled") == sent, server)
        loaded = metric(server, "loaded_total")
        server.client.post("/order", json={"shop": "recycled", "count": 1})
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: metric(server, "loaded_total") > loaded, server)
        wait_until(lambda: metric(server, "BENTOML_Shop_workers") == 1, server)
        wait_until(lambda: metric(server, "orders_total", shop="recycled") == sent + 1, server)


def test_worker_that_reports_nonsense_is_replaced_and_totals_stay(shop_bundle: Path, tmp_path: Path) -> None:
    with live_server(shop_bundle, home=tmp_path) as server:
        total = 0.0
        # More of them would be workers that die again and again, which ends the server.
        for restarts, frame in enumerate(([7, []], [[], [3]], "part")):
            assert server.client.post("/order", json={"shop": "a", "count": 2}).status_code == 200
            total += 2
            assert metric(server, "orders_total", shop="a") == total
            assert server.client.post("/corrupt", json=frame).status_code == 200

            def is_replaced(before: int, expected: float) -> bool:
                assert metric(server, "orders_total", shop="a") == expected
                return metric(server, "BENTOML_Shop_worker_restarts_total", reason="crashed") > before

            wait_until(partial(is_replaced, restarts, total), server)
            wait_until(lambda: metric(server, "BENTOML_Shop_workers") == 1, server)
            assert server.output().count("no sense") == restarts + 1
        assert metric(server, "orders_total", shop="a") == total
