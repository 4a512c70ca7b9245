"""The dashboard and the alert rules against what a real server exports after traffic of all kinds."""

from __future__ import annotations

import json
import os
import re
import signal
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bentoml.server.metrics.alerts import alert_rules
from bentoml.server.metrics.dashboard import dashboard
from bentoml.server.metrics.queries import Naming
from tests.server.live import LiveServer, live_server, metric
from tests.server.metrics.test_shop_metrics import order, shop_bundle, wait_until

__all__ = ["shop_bundle"]

GUIDES = Path(__file__).resolve().parents[3] / "docs" / "guides"
METRICS_PAGE, MONITORING_PAGE = GUIDES / "metrics.md", GUIDES / "monitoring.md"
# What Prometheus adds to each sample.
TARGET_LABELS = {"job", "instance"}
# Labels whose values are few, and known before anything has happened.
CLOSED_LABELS = {"reason", "outcome"}

Exported = dict[str, dict[str, set[str]]]


@pytest.fixture(scope="module")
def exported(shop_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Values of each label by sample name."""
    with live_server(shop_bundle, home=tmp_path_factory.mktemp("home")) as server:
        for _ in range(5):
            worker = order(server)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda status: server.client.post("/status", json=status), [200, 200, 400, 500] * 2))
        assert server.client.delete("/order").status_code == 405
        with ThreadPoolExecutor(1) as thread:
            # A request that loses its worker counts as an exception of the server.
            lost = thread.submit(server.client.post, "/hold_the_interpreter", json=2)
            wait_until(
                lambda: metric(server, "BENTOML_Shop_request_in_progress", endpoint="/hold_the_interpreter") == 1,
                server,
            )
            os.kill(worker, signal.SIGKILL)
            assert lost.result().status_code == 200
        wait_until(lambda: metric(server, "BENTOML_Shop_worker_resident_bytes") > 0, server)
        return labels_of(server)


def labels_of(server: LiveServer) -> Exported:
    found: Exported = defaultdict(lambda: defaultdict(set))
    for family in text_string_to_metric_families(server.client.get("/metrics").text):
        for sample in family.samples:
            values = found[sample.name]
            for label, value in sample.labels.items():
                values[label].add(value)
    return found


def panels_of(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def expressions(service: str | None) -> Iterator[tuple[str, str]]:
    """(where, expression) of everything that is sent to Prometheus."""
    for panel in panels_of(dashboard("BENTOML", service)):
        for target in panel["targets"]:
            yield panel["title"], with_choices(target["expr"])
    naming = Naming.of_all_services("BENTOML") if service is None else Naming.of_service("BENTOML", service)
    for rule in alert_rules(naming)["groups"][0]["rules"]:
        yield rule["alert"], rule["expr"]


def with_choices(expression: str) -> str:
    """As Grafana sends it."""
    for name, value in (
        ("$__rate_interval", "1m"),
        ("${service}", "BENTOML_Shop"),
        ("$instance", ".*"),
        ("$endpoint", ".*"),
    ):
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def nodes(expression: Any) -> list[Any]:
    found: list[Any] = []
    promql_parser.walk(expression, found.append)
    return found


def names_of(selector: Any, exported: Exported) -> list[str]:
    """The exported metrics that a selector means."""
    if selector.name is not None:
        return [selector.name] if selector.name in exported else []
    (pattern,) = [matcher.value for matcher in selector.matchers.matchers if matcher.name == "__name__"]
    return [name for name in exported if re.fullmatch(pattern, name)]


@pytest.mark.parametrize("service", ["Shop", None])
def test_every_metric_and_label_in_an_expression_is_exported(service: str | None, exported: Exported) -> None:
    checked = 0
    for where, expression in expressions(service):
        for selector in nodes(promql_parser.parse(expression)):
            if not isinstance(selector, promql_parser.VectorSelector):
                continue
            checked += 1
            names = names_of(selector, exported)
            assert len(names) == 1, f"{where}: {selector} means {names}"
            labels = exported[names[0]]
            for matcher in selector.matchers.matchers:
                if matcher.name == "__name__":
                    continue
                assert matcher.name in labels.keys() | TARGET_LABELS, f"{where}: {names[0]} has no {matcher.name}"
                if matcher.name in CLOSED_LABELS:
                    unknown = set(matcher.value.split("|")) - labels[matcher.name]
                    assert unknown == set(), f"{where}: {matcher.name} is never {unknown}"
    assert checked > 30


@pytest.mark.parametrize("service", ["Shop", None])
def test_every_label_that_is_grouped_by_is_there(service: str | None, exported: Exported) -> None:
    for where, expression in expressions(service):
        for node in nodes(promql_parser.parse(expression)):
            if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
                names = {
                    name
                    for each in nodes(node)
                    if isinstance(each, promql_parser.VectorSelector)
                    for name in names_of(each, exported)
                }
                known = TARGET_LABELS.union(*(exported[name] for name in names))
                assert set(node.modifier.labels) <= known, f"{where}: {expression}"


@pytest.mark.parametrize("service", ["Shop", None])
def test_dashboard_is_one_that_grafana_takes(service: str | None) -> None:
    board = json.loads(json.dumps(dashboard("BENTOML", service)))
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)
    cells: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert cells.isdisjoint(own), f"{panel['title']} covers another panel"
        cells |= own
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert ("service" in variables) == (service is None)
    for panel in panels_of(board):
        assert panel["description"], panel["title"]
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        assert {target["datasource"]["uid"] for target in [panel, *panel["targets"]]} == {"${datasource}"}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board["panels"]))) - {"__rate_interval"}
    assert used == variables.keys()


def test_variables_of_the_dashboard_find_what_is_exported(exported: Exported) -> None:
    variables = {each["name"]: each for each in dashboard("BENTOML", None)["templating"]["list"]}
    wanted = re.fullmatch(r"metrics\((.+)\)", variables["service"]["query"]["query"])
    part = re.fullmatch("/(.+)/", variables["service"]["regex"])
    assert wanted is not None
    assert part is not None
    found = [match[1] for name in exported if re.search(wanted[1], name) and (match := re.search(part[1], name))]
    assert found == ["BENTOML_Shop"]
    for name in ("instance", "endpoint"):
        query = re.fullmatch(r"label_values\((.+), (\w+)\)", variables[name]["query"]["query"])
        assert query is not None
        assert query[2] in exported[with_choices(query[1])].keys() | TARGET_LABELS


@pytest.mark.parametrize("service", ["Shop", None])
def test_alerts_are_rules_that_prometheus_takes(service: str | None) -> None:
    naming = Naming.of_all_services("BENTOML") if service is None else Naming.of_service("BENTOML", service)
    (group,) = yaml.safe_load(yaml.safe_dump(alert_rules(naming)))["groups"]
    assert set(group) == {"name", "rules"}
    names = [rule["alert"] for rule in group["rules"]]
    assert len(set(names)) == len(names) >= 7
    page = MONITORING_PAGE.read_text(encoding="utf-8")
    for rule in group["rules"]:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+m", rule["for"])
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert set(rule["annotations"]) == {"summary", "runbook"}
        assert all(text.endswith(".") for text in rule["annotations"].values())
        # The labels that its texts name are still there after the grouping.
        kept = {
            label
            for node in nodes(promql_parser.parse(rule["expr"]))
            if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None
            for label in node.modifier.labels
        }
        assert set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"]))) <= kept
        assert f"| `{rule['alert']}` | {rule['labels']['severity']} |" in page


@pytest.mark.parametrize(
    ("naming", "expected"),
    [
        (Naming.of_service("BENTOML", "Iris"), 'a(BENTOML_Iris_x{r="1"}) + BENTOML_Iris_y'),
        (Naming.of_service("my-shop", "Iris"), 'a(my_shop_Iris_x{r="1"}) + my_shop_Iris_y'),
        (Naming.of_service("", "Iris"), 'a(Iris_x{r="1"}) + Iris_y'),
        (Naming.of_all_services("BENTOML"), 'a({__name__=~"BENTOML_.+_x",r="1"}) + {__name__=~"BENTOML_.+_y"}'),
        (Naming.of_all_services(""), 'a({__name__=~".+_x",r="1"}) + {__name__=~".+_y"}'),
    ],
)
def test_fill_puts_the_names_of_the_services_in(naming: Naming, expected: str) -> None:
    assert naming.fill('a(@x{r="1"}) + @y') == expected


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("request_total", {"endpoint", "service_version", "http_response_code"}),
        ("request_duration_seconds_count", {"endpoint", "service_version", "http_response_code"}),
        ("request_duration_seconds_bucket", {"endpoint", "service_version", "http_response_code", "le"}),
        ("request_in_progress", {"endpoint", "service_version"}),
        ("mb_batch_size_count", {"endpoint"}),
        ("mb_batch_size_bucket", {"endpoint", "le"}),
        ("mb_request_duration_seconds_count", {"endpoint", "http_response_code"}),
        ("mb_request_total", {"endpoint", "http_response_code"}),
        ("mb_request_in_progress", {"endpoint", "http_method"}),
        ("mb_request_exception_total", {"endpoint", "exception_class"}),
        ("refused_total", {"endpoint", "reason"}),
        ("failed_total", {"endpoint", "reason"}),
    ],
)
def test_labels_are_those_that_dashboards_know(name: str, labels: set[str], exported: Exported) -> None:
    found = exported[f"BENTOML_Shop_{name}"]
    assert found.keys() == labels
    has_slash = name.startswith("request_")
    routes = {"order", "status", "hold_the_interpreter"}
    assert found["endpoint"] & {f"/{route}" if has_slash else route for route in routes}
    assert all(endpoint.startswith("/") is has_slash for endpoint in found["endpoint"] - {"unknown"})


def test_page_on_metrics_names_everything_that_the_server_exports(exported: Exported) -> None:
    page = METRICS_PAGE.read_text(encoding="utf-8")
    names = {
        re.sub(r"_(bucket|sum|count)$", "", name).removeprefix("BENTOML_Shop")
        for name in exported
        if name.startswith("BENTOML_Shop_")
    }
    assert {name for name in names if f"`{name}`" not in page} == set()
