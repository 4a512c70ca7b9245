"""A real Prometheus reads a real server: each query of the dashboard finds something, each alert fires in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from bentoml.server.metrics.alerts import alert_rules
from bentoml.server.metrics.queries import Naming
from tests.docs.blocks import read_blocks
from tests.docs.programs import programs_or_skip
from tests.server.live import LiveServer, live_server
from tests.server.metrics.prometheus import promtool, running_prometheus, values
from tests.server.metrics.test_monitoring import GUIDES, expressions
from tests.server.metrics.test_shop_metrics import order, shop_bundle

__all__ = ["shop_bundle"]

LIMIT_S = 60.0
PAGE = (GUIDES / "monitoring.md").read_text(encoding="utf-8")
CONFIGURATION = next(block.text for block in read_blocks(PAGE) if block.title == "prometheus.yml")
SHOP = Naming.of_service("BENTOML", "Shop")
EVERY_S = 0.25


def write_configuration(directory: Path, port: int) -> None:
    configuration = yaml.safe_load(CONFIGURATION)
    configuration["global"]["scrape_interval"] = f"{int(EVERY_S * 1000)}ms"
    configuration["global"]["evaluation_interval"] = "1s"
    (job,) = configuration["scrape_configs"]
    del job["authorization"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    (directory / "prometheus.yml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
    rules = alert_rules(Naming.of_all_services("BENTOML"))
    (directory / "alerts.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")


@pytest.fixture(scope="module")
def watched(shop_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A Prometheus that has seen a server before, during and after some load."""
    programs_or_skip("prometheus", "promtool")
    directory = tmp_path_factory.mktemp("prometheus")
    with live_server(shop_bundle, home=tmp_path_factory.mktemp("home")) as server:
        write_configuration(directory, server.port)
        promtool("check", "config", directory / "prometheus.yml")
        with running_prometheus(directory) as client:
            wait_for(client, "BENTOML_Shop_workers")
            deadline = time.monotonic() + LIMIT_S
            while nothing_found(client) and time.monotonic() < deadline:
                load(server)
            yield client


def load(server: LiveServer) -> None:
    order(server)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda status: server.client.post("/status", json=status), [200, 400, 500, 200] * 2))
    assert server.client.delete("/order").status_code == 405


def nothing_found(client: httpx.Client) -> list[str]:
    """The queries of the dashboard that find nothing; an alert is silent as long as all is well."""
    rules = {rule["alert"] for rule in alert_rules(SHOP)["groups"][0]["rules"]}
    asked = [each for service in ("Shop", None) for each in expressions(service)]
    found = {(where, expression): values(client, expression) for where, expression in asked}
    return [f"{where}: {expression}" for (where, expression), rows in found.items() if not rows and where not in rules]


def wait_for(client: httpx.Client, expression: str) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not values(client, expression):
        assert time.monotonic() < deadline, f"{expression} finds nothing"
        time.sleep(EVERY_S)  # between looks at the real thing, under a deadline


def test_every_query_of_the_dashboard_finds_something_under_load(watched: httpx.Client) -> None:
    assert nothing_found(watched) == []


def test_rules_are_evaluated_without_an_error(watched: httpx.Client) -> None:
    deadline = time.monotonic() + LIMIT_S
    while True:
        (group,) = watched.get("/api/v1/rules").json()["data"]["groups"]
        states = {rule["health"] for rule in group["rules"]}
        if states == {"ok"}:
            break
        assert "err" not in states, group
        assert time.monotonic() < deadline, states
        time.sleep(EVERY_S)  # between looks at the real thing, under a deadline
    assert len(group["rules"]) == 8


HEALTHY = {
    'BENTOML_Shop_workers{job="b",instance="i"}': "2+0x30",
    'BENTOML_Shop_mb_request_total{job="b",instance="i",endpoint="order",http_response_code="200"}': "0+600x30",
    'BENTOML_Shop_mb_request_total{job="b",instance="i",endpoint="order",http_response_code="500"}': "0+6x30",
    'BENTOML_Shop_mb_request_duration_seconds_bucket{job="b",instance="i",endpoint="order",http_response_code="200",le="0.1"}': "0+600x30",  # noqa: E501 - a series as promtool reads it
    'BENTOML_Shop_mb_request_duration_seconds_bucket{job="b",instance="i",endpoint="order",http_response_code="200",le="1"}': "0+600x30",  # noqa: E501
    'BENTOML_Shop_mb_request_duration_seconds_bucket{job="b",instance="i",endpoint="order",http_response_code="200",le="+Inf"}': "0+600x30",  # noqa: E501
    'BENTOML_Shop_mb_max_latency_seconds{job="b",instance="i",endpoint="order"}': "1+0x30",
    'BENTOML_Shop_refused_total{job="b",instance="i",endpoint="order",reason="queue_full"}': "0+6x30",
    'BENTOML_Shop_refused_total{job="b",instance="i",endpoint="order",reason="malformed"}': "0+600x30",
    'BENTOML_Shop_worker_restarts_total{job="b",instance="i",reason="crashed"}': "1+0x30",
    'BENTOML_Shop_worker_restarts_total{job="b",instance="i",reason="recycled"}': "0+60x30",
    'BENTOML_Shop_log_dropped_total{job="b",instance="i",logger="bentoml.access"}': "0+0x30",
    'BENTOML_Shop_ledger_total{job="b",instance="i",outcome="accepted"}': "5+606x30",
    'BENTOML_Shop_ledger_total{job="b",instance="i",outcome="answered"}': "0+606x30",
    'BENTOML_Shop_in_flight{job="b",instance="i"}': "5+0x30",
}
"""Series of a server that is well, a sample a minute: it fails 1% of its requests, and refuses 1% because of load."""

_OF_ORDER = '{job="b",instance="i",endpoint="order"'
ILL: dict[str, dict[str, str | None]] = {
    "BentoMLNotScraped": dict.fromkeys(HEALTHY),
    "BentoMLNoWorkers": {'BENTOML_Shop_workers{job="b",instance="i"}': "2+0x5 0+0x25"},
    "BentoMLErrors": {f'BENTOML_Shop_mb_request_total{_OF_ORDER},http_response_code="500"}}': "0+60x30"},
    "BentoMLNearLatencyLimit": {
        f'BENTOML_Shop_mb_request_duration_seconds_bucket{_OF_ORDER},http_response_code="200",le="0.1"}}': "0+60x30"
    },
    "BentoMLRefusals": {f'BENTOML_Shop_refused_total{_OF_ORDER},reason="queue_full"}}': "0+60x30"},
    "BentoMLWorkerRestarts": {
        'BENTOML_Shop_worker_restarts_total{job="b",instance="i",reason="crashed"}': "0+0x15 1+1x14"
    },
    "BentoMLLogLinesDropped": {
        'BENTOML_Shop_log_dropped_total{job="b",instance="i",logger="bentoml.access"}': "0+0x20 1+1x9"
    },
    "BentoMLLedgerImbalance": {'BENTOML_Shop_in_flight{job="b",instance="i"}': "5+0x10 4+0x20"},
}
"""What differs when one thing is wrong, by the alert that has to fire; None is a series that is not there."""


@pytest.mark.parametrize("service", ["Shop", None])
@pytest.mark.parametrize("expected", [None, *ILL])
def test_alert_fires_when_something_is_wrong_and_never_else(
    service: str | None, expected: str | None, tmp_path: Path
) -> None:
    programs_or_skip("prometheus", "promtool")
    naming = SHOP if service is not None else Naming.of_all_services("BENTOML")
    rules = alert_rules(naming)
    names = [rule["alert"] for rule in rules["groups"][0]["rules"]]
    assert set(names) == set(ILL)
    # Only which alerts fire is compared, not their labels and texts.
    for rule in rules["groups"][0]["rules"]:
        rule["annotations"] = {}
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    series: dict[str, str | None] = {**HEALTHY, **(ILL[expected] if expected is not None else {})}
    firing = "count by (alertname) (ALERTS{alertstate='firing'})"
    samples: list[Any] = [] if expected is None else [{"labels": f'{{alertname="{expected}"}}', "value": 1}]
    test = {
        "rule_files": ["alerts.yml"],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": text} for name, text in series.items() if text is not None],
                "promql_expr_test": [{"expr": firing, "eval_time": "29m", "exp_samples": samples}],
            }
        ],
    }
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test), encoding="utf-8")
    promtool("test", "rules", tmp_path / "test.yml")
