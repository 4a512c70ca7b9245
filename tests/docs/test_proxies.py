"""What the page on proxies promises: nothing is lost while servers are replaced, streams flow, clients are known."""

from __future__ import annotations

import contextlib
import os
import re
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.docs.blocks import read_blocks
from tests.docs.load import Load
from tests.docs.page_run import free_port, is_ready
from tests.docs.programs import end_programs, nginx_of_root, programs_or_skip
from tests.server.certificates import make_certificate
from tests.server.live import LiveServer, live_server, metrics_at_once, save_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "proxies.md"
FILES = {block.title: block.text for block in read_blocks(PAGE.read_text(encoding="utf-8")) if block.title}
LIMIT_S = 60.0
SERVICE = """
    import pathlib
    import time

    import bentoml
    from bentoml.adapters import JsonInput

    class Told(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=False)
        def predict(self, gate):
            yield "first "
            while gate and not pathlib.Path(gate).exists():
                time.sleep(0.01)
            yield "second"

    class Plain(bentoml.BentoService):
        @bentoml.api(input=JsonInput(), batch=False)
        def predict(self, number):
            return number
"""


@dataclass
class Proxy:
    """A running proxy of the page, before servers on two ports."""

    name: str
    work: Path
    ports: tuple[int, int]
    url: str
    trust: ssl.SSLContext

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, verify=self.trust, timeout=30, trust_env=False)

    def let_go_of(self, server: LiveServer) -> None:
        """Do what the page says before a server is stopped."""
        if self.name == "traefik":
            self._write_routes(without=server.port)
            wait_until(lambda: not is_asked(server))

    def take(self, server: LiveServer) -> None:
        """Do what the page says after a server has started."""
        if self.name == "traefik":
            self._write_routes()
        wait_until(lambda: is_asked(server))

    def _write_routes(self, without: int | None = None) -> None:
        text = self.work.joinpath("all-routes.yml").read_text(encoding="utf-8")
        lines = [line for line in text.splitlines(keepends=True) if f":{without}" not in line]
        new = self.work / "routes.new"
        new.write_text("".join(lines), encoding="utf-8")
        new.replace(self.work / "routes.yml")


def is_asked(server: LiveServer) -> bool:
    """Whether requests come to a server within half a second; all clients together send many more than one."""
    before = metrics_at_once(server, "BENTOML_Plain_ledger_total", outcome="accepted")
    time.sleep(0.5)  # the time within which nothing comes is what is asked for
    return metrics_at_once(server, "BENTOML_Plain_ledger_total", outcome="accepted") != before


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)  # between looks at the real thing, under a deadline


@pytest.fixture(params=["nginx", "traefik"])
def proxy(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Proxy]:
    programs_or_skip("nginx", "traefik")
    work = tmp_path / "work"
    work.mkdir()
    make_certificate(work)
    ports = {port: free_port() for port in (5000, 5001, 8443, 8444)}
    for name, text in FILES.items():
        real = re.sub(r":(\d{4})\b", lambda found: f":{ports[int(found[1])]}", text)
        (work / name).write_text(real, encoding="utf-8")
    (work / "all-routes.yml").write_text((work / "routes.yml").read_text())
    programs = nginx_of_root(tmp_path / "programs")
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    with (work / "proxy.log").open("wb") as log:
        if request.param == "nginx":
            subprocess.run(["nginx", "-p", work, "-c", "nginx.conf"], env=env, check=True, stdout=log, stderr=log)
            running = None
        else:
            argv = ["traefik", "--configFile=traefik.yml"]
            running = subprocess.Popen(argv, cwd=work, env=env, stdout=log, stderr=log)
    try:
        url = f"https://localhost:{ports[8443 if request.param == 'nginx' else 8444]}"
        trust = ssl.create_default_context(cafile=work / "server.crt")
        yield Proxy(request.param, work, (ports[5000], ports[5001]), url, trust)
    finally:
        end_programs(work)
        if running is not None:
            running.terminate()
            running.wait(LIMIT_S)


@contextlib.contextmanager
def serving(bundle: Path, port: int, home: Path) -> Iterator[LiveServer]:
    home.mkdir(exist_ok=True)
    (home / "bentoml.yml").write_text(FILES["server.yml"], encoding="utf-8")
    with live_server(bundle, "--host", "127.0.0.1", "--port", str(port), home=home) as server:
        wait_until(lambda: is_ready(port))
        yield server


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: save_bundle(tmp_path_factory.mktemp(name), SERVICE, class_name=name) for name in ("Told", "Plain")}


def wait_for_route(proxy: Proxy, body: object) -> None:
    with proxy.client() as client:

        def answers() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                return client.post("/predict", json=body).status_code == 200
            return False

        wait_until(answers)


@pytest.mark.timeout(240)
def test_servers_are_replaced_under_load_without_a_lost_request(
    proxy: Proxy, bundles: dict[str, Path], tmp_path: Path
) -> None:
    with contextlib.ExitStack() as running:
        servers = [
            running.enter_context(serving(bundles["Plain"], port, tmp_path / f"home-{port}")) for port in proxy.ports
        ]
        wait_for_route(proxy, 1)
        with Load(proxy.client, 1, "1") as load:
            for old in servers:
                wait_until(lambda old=old: is_asked(old))  # type: ignore[misc]
                proxy.let_go_of(old)
                port = old.port
                assert old.stop() == 0
                new = running.enter_context(serving(bundles["Plain"], port, tmp_path / f"home-{port}"))
                proxy.take(new)
            before = load.answered
            wait_until(lambda: load.answered > before + 20)
        assert load.problems == []
        assert load.answered > 100


@pytest.mark.timeout(120)
def test_pieces_of_a_stream_pass_one_by_one(proxy: Proxy, bundles: dict[str, Path], tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with serving(bundles["Told"], proxy.ports[0], tmp_path / "home"):
        wait_for_route(proxy, "")
        with proxy.client() as client, client.stream("POST", "/predict", json=str(gate)) as answer:
            pieces = answer.iter_text()
            assert next(pieces) == "first "
            gate.touch()
            assert "".join(pieces) == "second"


@pytest.mark.timeout(120)
def test_client_in_the_log_is_the_one_that_connects_to_the_proxy(
    proxy: Proxy, bundles: dict[str, Path], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with serving(bundles["Plain"], proxy.ports[0], home) as server:
        wait_for_route(proxy, 1)
        transport = httpx.HTTPTransport(verify=proxy.trust, local_address="127.0.0.2")
        with httpx.Client(base_url=proxy.url, transport=transport, trust_env=False) as client:
            headers = {"X-Forwarded-For": "203.0.113.9", "X-Request-Id": "order-66"}
            assert client.post("/predict", json=1, headers=headers).text == "1"
            assert client.get("/metrics").status_code == 404
        assert server.stop() == 0
    (line,) = [line for line in (home / "logs" / "access.log").read_text().splitlines() if "order-66" in line]
    assert line.split()[1] == "127.0.0.2"
    assert "/metrics" not in (home / "logs" / "access.log").read_text()
