"""The process: banner, ports, TLS, hostile connections, the end."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.plain_http import NO_TLS
from tests.server.certificates import make_certificate
from tests.yatai.server.live_registry import LiveRegistry, environment, exchange, live_registry

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRegistry]:
    limits = {"BENTOML__YATAI__SERVER__HEADER_TIMEOUT_S": "1", "BENTOML__YATAI__SERVER__BODY_TIMEOUT_S": "1"}
    with live_registry(tmp_path_factory.mktemp("home"), **limits) as running:
        yield running


def start(home: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bentoml", "yatai-service-start", *options]
    env = environment(home, **variables)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_banner_says_where_it_is_and_that_nobody_logs_in(registry: LiveRegistry) -> None:
    text = "".join(registry.printed)
    assert text.startswith("* Starting BentoML YataiService\n* Debug mode: off\n")
    assert f"* Listening on http://127.0.0.1:{registry.port}\n" in text
    assert "* Nobody has to log in" in text


def test_grpc_port_is_ignored_with_a_warning_and_the_prefix_stands_before_all_paths(tmp_path: Path) -> None:
    with live_registry(tmp_path, "--grpc-port", "1", "--no-ui", "--web-prefix-path", "registry") as running:
        assert any("--grpc-port is accepted and ignored" in line for line in running.printed)
        assert running.url.endswith("/registry")
        with running.client() as client:
            assert client.get("healthz").json() == {"status": "ok"}
            document = client.get("openapi.json").json()
            assert document["servers"] == [{"url": "/registry"}]
        outside = httpx.get(f"http://127.0.0.1:{running.port}/healthz", trust_env=False, verify=NO_TLS)
        assert outside.status_code == 404
        assert outside.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--repository-type", "s3"], "'--s3-url' must be specified for S3 repository type"),
        (["--repository-type", "gcs"], "'--gcs-url' must be specified for GCS repository type"),
        (["--repository-type", "azure"], "'--azure-url' must be specified for AZURE repository type"),
        (["--web-prefix-path", "a b"], "is no path to serve below"),
        (["--ssl-keyfile", "key.pem"], "of no use without a certificate"),
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1:3000"),
    ],
)
def test_wrong_options_are_told_and_nothing_is_served(tmp_path: Path, options: list[str], text: str) -> None:
    done = start(tmp_path, *options)
    assert done.returncode == 1
    assert text in done.stdout + done.stderr


def test_beyond_this_machine_users_log_in_unless_told_otherwise(tmp_path: Path) -> None:
    with live_registry(tmp_path, "--host", "0.0.0.0") as running, running.client() as client:
        assert client.get("/api/v1/bundles").status_code == 401
        assert client.get("/healthz").status_code == 200
        assert any("Users log in" in line for line in running.printed)
    with live_registry(tmp_path, "--host", "0.0.0.0", "--no-auth") as running, running.client() as client:
        assert client.get("/api/v1/bundles", headers={"host": "yatai.example"}).status_code == 200


def test_pages_whose_name_was_pointed_to_this_machine_get_nothing(registry: LiveRegistry) -> None:
    with registry.client() as client:
        for host in ("evil.example", "evil.example:3000", "localhost.evil.example", ""):
            answer = client.get("/api/v1/bundles", headers={"host": host})
            assert answer.status_code in {400, 421}, host
        for host in ("localhost", "localhost:3000", "127.0.0.1", "[::1]:3000", "LOCALHOST"):
            assert client.get("/api/v1/bundles", headers={"host": host}).status_code == 200, host


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        ({}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
    ],
)
def test_pages_of_other_sites_change_nothing(registry: LiveRegistry, headers: dict[str, str], is_allowed: bool) -> None:
    with registry.client() as client:
        answer = client.delete("/api/v1/bundles/Iris/1", headers=headers)
        assert answer.status_code == (404 if is_allowed else 403)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        own = {"origin": registry.url}
        assert client.delete("/api/v1/bundles/Iris/1", headers=own).status_code == 404


def test_every_error_has_one_form(registry: LiveRegistry) -> None:
    with registry.client() as client:
        for method, path, status in (
            ("GET", "/nothing", 404),
            ("PUT", "/healthz", 405),
            ("GET", "/api/v1/bundles?limit=x", 400),
            ("GET", "/api/v1/bundles?limit=1&limit=2", 400),
            ("GET", "/api/v1/bundles?labels=a%20b%20c", 400),
            ("GET", "/api/v1/bundles/No/1", 404),
            ("POST", "/api/v1/login", 400),
        ):
            answer = client.request(method, path)
            assert answer.status_code == status, answer.text
            error = answer.json()["error"]
            assert set(error) == {"code", "message", "request_id"}
            assert error["request_id"] == answer.headers["x-request-id"]
        assert client.get("/healthz", headers={"x-request-id": "mine-1"}).headers["x-request-id"] == "mine-1"
        wrong_type = client.post("/api/v1/login", content=b"a=b", headers={"content-type": "text/plain"})
        assert wrong_type.status_code == 415


def test_metrics_name_routes_and_never_paths(registry: LiveRegistry) -> None:
    with registry.client() as client:
        for number in range(3):
            client.get(f"/api/v1/bundles/SecretName/{number}")
            client.request("PROPFIND", f"/x{number}")
        text = client.get("/metrics").text
    assert 'YATAI_requests_total{method="GET",operation="get_bundle",status="404"}' in text
    assert 'method="other"' in text
    assert "SecretName" not in text
    assert "PROPFIND" not in text


# -- hostile connections ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (HEAD + b"X: " + b"x" * 40_000 + b"\r\n\r\n", 431),
        (HEAD + b"".join(b"X-%d: y\r\n" % number for number in range(200)) + b"\r\n", 431),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", 431),
        (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (HEAD + b"Expect: magic\r\n\r\n", 417),
        (HEAD + b"Upgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 2\r\n\r\n{}", 400),
    ],
    ids=["tls", "long-header", "many-headers", "long-path", "two-lengths", "length-and-chunks", "expect", "upgrade"],
)
def test_what_is_no_request_is_refused_and_the_connection_closes(
    registry: LiveRegistry, sent: bytes, status: int
) -> None:
    answer = exchange(registry, sent)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:200]
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert set(json.loads(body)["error"]) == {"code", "message", "request_id"}


def test_endless_chunk_extensions_are_refused(registry: LiveRegistry) -> None:
    head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = exchange(registry, head, b"1;", *[b"x" * 100_000] * 8)
    assert answer.startswith(b"HTTP/1.1 431 "), answer[:200]


def test_slow_heads_and_slow_bodies_are_let_go(registry: LiveRegistry) -> None:
    assert exchange(registry, HEAD).startswith(b"HTTP/1.1 408 ")
    body = exchange(
        registry, b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", b'{"user"'
    )
    assert body.startswith(b"HTTP/1.1 408 "), body
    assert exchange(registry) == b""


def test_body_that_is_too_large_is_refused_before_it_is_read(registry: LiveRegistry) -> None:
    head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n"
    assert exchange(registry, head, b"{}").startswith(b"HTTP/1.1 413 ")
    chunks = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", registry.port), timeout=30) as sock:
        sock.sendall(head)
        sender = threading.Thread(target=_send_until_closed, args=(sock, chunks))
        sender.start()
        answer = sock.recv(65536)
        sender.join(30)
    assert answer.startswith(b"HTTP/1.1 413 "), answer


def _send_until_closed(sock: socket.socket, chunk: bytes) -> None:
    try:
        for _ in range(20):
            sock.sendall(chunk)
    except OSError:
        return


def test_deeply_nested_json_is_refused(registry: LiveRegistry) -> None:
    with registry.client() as client:
        for body in (b"[" * 100_000, b'{"user":' * 50_000, b'{"user": "\xff"}', b'{"user": 1, "password": "x"}'):
            answer = client.post("/api/v1/login", content=body, headers={"content-type": "application/json"})
            assert answer.status_code == 400, answer.text


# -- the end ------------------------------------------------------------------------------------------------------


def test_term_lets_answers_end_and_closes_idle_connections(tmp_path: Path) -> None:
    with live_registry(tmp_path) as running:
        idle = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        busy = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        body = b'{"user": "nobody", "password": "wrong password"}'
        head = b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body)
        busy.sendall(head + body[:10])
        with running.client() as client:
            assert client.get("/healthz").status_code == 200
        running.process.send_signal(signal.SIGTERM)
        assert idle.recv(100) == b""
        busy.sendall(body[10:])
        answer = b""
        while chunk := busy.recv(65536):
            answer += chunk
        assert answer.startswith(b"HTTP/1.1 401 "), answer
        assert b"connection: close" in answer
        idle.close()
        busy.close()
        assert running.process.wait(30) == 0
    lines = [json.loads(line) for line in (tmp_path / "logs" / "yatai.log").read_text().splitlines()]
    assert [(line["operation"], line["status"]) for line in lines] == [("healthz", 200), ("log_in", 401)]
    assert all(line["client"] == "127.0.0.1" and line["request_id"] for line in lines)
    assert "wrong password" not in (tmp_path / "logs" / "yatai.log").read_text()


def test_https_is_served_with_a_certificate(tmp_path: Path) -> None:
    made = make_certificate(tmp_path)
    options = ["--ssl-certfile", str(made.certfile), "--ssl-keyfile", str(made.keyfile)]
    with live_registry(tmp_path / "home", *options) as running:
        assert running.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(made.certfile))
        with running.client(verify=trusting) as client:
            assert client.get("/readyz").json() == {"status": "ok"}
        assert running.stop()[0] == 0


def test_ready_is_denied_while_the_catalog_cannot_be_reached(tmp_path: Path) -> None:
    with live_registry(tmp_path) as running, running.client() as client:
        for file in tmp_path.glob("storage.db*"):
            file.unlink()
        (tmp_path / "storage.db").write_bytes(b"no database" * 1000)
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
