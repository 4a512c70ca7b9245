"""Pages and metrics on a port of their own: there everything is, and on the public port only what clients need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bentoml.server.http.listening import bind_management
from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, live_server, save_bundle
from tests.server.server_options import server_options
from tests.server.supervision.test_reload import wait_until

SOURCE = """
    import bentoml
    from bentoml.adapters import JsonInput

    class Managed(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=True)
        def echo(self, items):
            return items
"""
MOVED = ["/", "/docs", "/docs.json", "/metadata", "/metrics", "/static_content/page.css"]
HEALTH = ["/healthz", "/readyz", "/livez"]


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    directory = tmp_path_factory.mktemp("managed")
    bundle = save_bundle(directory, SOURCE, class_name="Managed")
    config = {"bento_server": {"management_port": 0}}
    (directory / "home" / "bentoml.yml").write_text(json.dumps(config), encoding="utf-8")
    with live_server(bundle, home=directory / "home") as server:
        yield server


@pytest.fixture
def management(managed: LiveServer) -> Iterator[httpx.Client]:
    wait_until(lambda: "* Press Ctrl-C" in managed.output(), "wrote its banner", managed)
    (url,) = re.findall(r"Swagger UI: (http://127\.0\.0\.1:\d+)/docs", managed.output())
    assert url != managed.url
    with httpx.Client(base_url=url, timeout=30, trust_env=False, verify=NO_TLS) as client:
        yield client


@pytest.mark.parametrize("path", MOVED)
def test_pages_and_metrics_are_on_the_management_port_only(
    managed: LiveServer, management: httpx.Client, path: str
) -> None:
    assert managed.client.get(path).status_code == 404
    assert management.get(path).status_code == 200


@pytest.mark.parametrize("path", HEALTH)
def test_health_is_on_both_ports(managed: LiveServer, management: httpx.Client, path: str) -> None:
    assert managed.client.get(path).status_code == management.get(path).status_code == 200


def test_inference_is_on_both_ports_so_that_the_pages_can_try_it(managed: LiveServer, management: httpx.Client) -> None:
    for client in (managed.client, management):
        answers = [client.post("/echo", json=number) for number in range(3)]
        assert [answer.json() for answer in answers] == [0, 1, 2]


def test_metrics_count_the_requests_of_both_ports(managed: LiveServer, management: httpx.Client) -> None:
    def answered() -> float:
        (value,) = re.findall(r'_ledger_total\{outcome="answered"\} (\S+)', management.get("/metrics").text)
        return float(value)

    before = answered()
    managed.client.post("/echo", json=1)
    management.post("/echo", json=1)
    assert answered() == before + 2


def test_paths_that_are_elsewhere_share_the_metric_of_those_that_lead_nowhere(
    managed: LiveServer, management: httpx.Client
) -> None:
    assert managed.client.get("/metrics").status_code == 404
    assert 'endpoint="/metrics",service_version' in management.get("/metrics").text
    assert re.search(r'_request_total\{endpoint="unknown"', management.get("/metrics").text)


def test_user_pages_stay_on_the_public_port(tmp_path: Path) -> None:
    source = SOURCE.replace("    class Managed", "    @bentoml.web_static_content('web')\n    class Managed")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text("<h1>mine</h1>", encoding="utf-8")
    bundle = save_bundle(tmp_path, source, class_name="Managed")
    (tmp_path / "home" / "bentoml.yml").write_text("bento_server: {management_port: 0}", encoding="utf-8")
    with live_server(bundle, home=tmp_path / "home") as server:
        assert server.client.get("/").text == "<h1>mine</h1>"
        assert server.client.get("/docs").status_code == 404


def test_no_second_socket_is_bound_by_default() -> None:
    assert bind_management(server_options()) is None
