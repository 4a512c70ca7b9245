"""The logs of a running server: who writes what where, from all of its processes, also when places or clients fail."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.plain_http import NO_TLS
from tests.server.access_lines import AccessLines, access_file
from tests.server.live import LiveServer, child_of, live_server, metric, save_bundle
from tests.server.raw_http import asgi_path, connection, receive_all, receive_answers, request

SERVICE = """
import asyncio
import logging
import os
import time

import bentoml
from bentoml.adapters import JsonInput


class Talks(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def say(self, text):
        logging.getLogger("bentoml.mine").warning("said %s", text)
        return os.getpid()

    @bentoml.api(input=JsonInput(), batch=False)
    def say_elsewhere(self, text):
        logging.getLogger("theirs").info("said %s", text, extra={"order": 66})
        return os.getpid()

    @bentoml.api(input=JsonInput(), batch=False)
    async def wait(self, seconds):
        await asyncio.sleep(seconds)
        return seconds

    @bentoml.api(input=JsonInput())
    def count(self, sizes):
        for size in sizes:
            if size < 0:
                time.sleep(-size)
            else:
                yield "x" * size
"""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("talks"), SERVICE, class_name="Talks")


@pytest.fixture(scope="module")
def server(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("home")
    with live_server(bundle, "--workers", "2", home=home, command="serve-gunicorn") as running:
        yield running


def until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)  # between looks at the real thing, under a deadline


def accepts(uds: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(str(uds)) == 0


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def configured(home: Path, text: str) -> Path:
    home.mkdir(parents=True, exist_ok=True)
    (home / "bentoml.yml").write_text(text, encoding="utf-8")
    return home


def test_what_a_worker_logs_is_written_once_by_the_parent(server: LiveServer) -> None:
    active = server.log.parent / "logs" / "active.log"
    assert server.client.post("/say", json="hello").status_code == 200
    until(lambda: "said hello" in text_of(active) and "said hello" in server.output())
    assert re.search(r"^\[[^]]+\] \{served_service\.py:\d+\} WARNING - said hello$", text_of(active), re.MULTILINE)
    assert text_of(active).count("said hello") == server.output().count("said hello") == 1
    for pid in (child_of(server, "bentoml.server.front.front"), child_of(server, "bentoml.server.workers.worker")):
        assert str(active) not in {os.path.realpath(link) for link in Path(f"/proc/{pid}/fd").iterdir()}


def test_console_begins_with_where_the_server_is(server: LiveServer) -> None:
    until(lambda: server.output().count("\n") >= 3)
    lines = server.output().splitlines()
    assert lines[0].startswith("* Serving Talks:")
    assert lines[2] == "* Press Ctrl-C to stop"
    # The access log has no copy there.
    assert '"POST /say"' not in server.output()


def test_own_endpoints_have_their_lines(server: LiveServer) -> None:
    lines = AccessLines(server)
    head = server.client.head("/docs.json", headers={"X-Request-Id": "a"})
    page = server.client.get("/metadata?secret=1", headers={"X-Request-Id": "b"})
    missing = server.client.get("/no%0a%22where", headers={"X-Request-Id": "with space"})
    assert lines.take() == [
        '127.0.0.1 "HEAD /docs.json" 200 0 a',
        f'127.0.0.1 "GET /metadata" 200 {page.headers["content-length"]} b',
        rf'127.0.0.1 "GET /no\n\"where" 404 {len(missing.content)} UUID',
    ]
    assert head.headers["x-request-id"] == "a"


@pytest.mark.parametrize(
    ("message", "line"),
    [
        pytest.param(b"BAD\r\n\r\n", '"- -" 400', id="no request"),
        pytest.param(b"GET /a%0ab HTTP/1.1\r\nHost: x\r\n bad\r\n\r\n", r'"GET /a\nb" 400', id="bad field"),
        pytest.param(b"GET /a\xff?q HTTP/1.1\r\n" + b"X-A: %b\r\n" % (b"x" * 70_000) + b"\r\n", None, id="large head"),
        pytest.param(b"GET /a HTTP/1.1\r\nExpect: tea\r\n\r\n", '"GET /a" 417', id="expectation"),
        pytest.param(
            b"POST /say HTTP/1.1\r\nX-Request-Id: mine\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n",
            '"POST /say" 400',
            id="broken body",
        ),
        pytest.param(
            b"POST /s%61y HTTP/1.1\r\nX-Request-Id: mine\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n",
            '"POST /say" 400',
            id="broken body of the slow lane",
        ),
        pytest.param(
            b"POST /nowhere HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n",
            '"POST /nowhere" 400',
            id="broken body for nothing",
        ),
    ],
)
def test_refused_bytes_have_one_line_with_the_id_of_the_answer(
    server: LiveServer, message: bytes, line: str | None
) -> None:
    lines = AccessLines(server)
    with connection(server) as sock:
        sock.sendall(message)
        answer = receive_all(sock)
    head, _, body = answer.partition(b"\r\n\r\n")
    found = re.search(rb"x-request-id: (\S+)", head)
    assert found is not None
    shown = "mine" if found[1] == b"mine" else "UUID"
    status = int(head.split()[1])
    (taken,) = lines.take()
    if line is not None:
        assert taken == f"127.0.0.1 {line} {len(body)} {shown}"
    else:
        assert taken.endswith(f'" {status} {len(body)} {shown}')


def test_pipelined_nonsense_has_its_line_when_it_is_answered(server: LiveServer) -> None:
    lines = AccessLines(server)
    with connection(server) as sock:
        sock.sendall(request(b"POST", b"/wait", b"0.1", b"X-Request-Id: first") + b"BAD\r\n\r\n")
        receive_all(sock)
    # The second is answered while the first is being entered.
    assert sorted(lines.take()) == ['127.0.0.1 "- -" 400 30 UUID', '127.0.0.1 "POST /wait" 200 3 first']


@pytest.mark.parametrize("path", [b"/wait", asgi_path(b"/wait")], ids=["fast", "slow"])
def test_client_that_left_has_a_line(server: LiveServer, path: bytes) -> None:
    lines = AccessLines(server)
    with connection(server) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(request(b"POST", path, b"60", b"X-Request-Id: left"))
        until(lambda: metric(server, "BENTOML_Talks_in_flight") == 1)
    until(lambda: metric(server, "BENTOML_Talks_in_flight") == 0)
    assert [line for line in lines.take() if "/metrics" not in line] == ['127.0.0.1 "POST /wait" 499 0 left']


def test_stream_has_a_line_with_all_its_bytes(server: LiveServer) -> None:
    lines = AccessLines(server)
    answer = server.client.post("/count", json=[5, 1000, 3], headers={"X-Request-Id": "whole"})
    with connection(server) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.sendall(request(b"POST", b"/count", b"[7, -5, 7]", b"X-Request-Id: left"))
        data = b""
        while b"xxxxxxx" not in data:
            data += sock.recv(4096)
    until(lambda: metric(server, "BENTOML_Talks_in_flight") == 0)
    whole, left = (line for line in lines.take() if "/metrics" not in line)
    assert whole == f'127.0.0.1 "POST /count" 200 {len(answer.content)} whole'
    assert re.fullmatch(r'127\.0\.0\.1 "POST /count" 499 \d+ left', left)
    assert int(left.split()[-2]) < len(answer.content)


def test_both_workers_and_their_successors_log(server: LiveServer) -> None:
    active = server.log.parent / "logs" / "active.log"
    pid = server.client.post("/say", json="before").json()
    os.kill(pid, signal.SIGKILL)
    until(lambda: metric(server, "BENTOML_Talks_worker_restarts_total") >= 1)
    until(lambda: metric(server, "BENTOML_Talks_workers") == 2)
    said = {server.client.post("/say", json=f"after {number}").json() for number in range(20)}
    assert pid not in said
    until(lambda: all(f"said after {number}\n" in text_of(active) for number in range(20)))
    assert "said before" in text_of(active)


def test_lines_that_cannot_be_written_are_counted_until_they_can(server: LiveServer) -> None:
    logs = server.log.parent / "logs"
    name, dropped = "BENTOML_Talks_log_dropped_total", "bentoml.access"
    before = metric(server, name, logger=dropped)
    AccessLines(server).take()
    away = logs.rename(logs.with_name("away"))
    logs.write_bytes(b"in the way")
    try:
        until(lambda: metric(server, name, logger=dropped) > before)
        until(lambda: "access.log cannot be written, its lines are dropped" in server.output())
        assert server.client.post("/wait", json=0).status_code == 200
    finally:
        logs.unlink()
        away.rename(logs)
    lines = AccessLines(server)
    server.client.get("/livez", headers={"X-Request-Id": "again"})
    assert '127.0.0.1 "GET /livez" 200 1 again' in lines.take()
    until(lambda: "access.log is written again" in server.output())
    assert server.output().count("access.log cannot be written") == 1


def test_log_files_that_cannot_be_made_cost_one_warning(bundle: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "logs").write_bytes(b"in the way")
    with live_server(bundle, home=home) as server:
        assert server.client.post("/say", json="hello").status_code == 200
        until(lambda: "said hello" in server.output())
        assert server.stop() == 0
    output = server.output()
    assert output.count("Log files are off, the directory cannot be written") == 1
    assert "Traceback" not in output


def test_last_requests_of_a_server_are_in_the_log(bundle: Path, tmp_path: Path) -> None:
    with live_server(bundle, home=tmp_path / "home") as server, connection(server) as sock:
        sock.sendall(request(b"POST", b"/wait", b"3", b"X-Request-Id: last"))
        until(lambda: metric(server, "BENTOML_Talks_in_flight") == 1)
        server.process.send_signal(signal.SIGTERM)
        (answer,) = receive_answers(sock, 1)
        sock.close()
        assert server.process.wait(20) == 0
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert '"POST /wait" 200 1 ' in text_of(access_file(server)).splitlines()[-1]


@pytest.mark.parametrize("lane", ["fast", "slow"])
def test_request_that_is_cut_off_at_the_end_has_its_line(bundle: Path, tmp_path: Path, lane: str) -> None:
    path = b"/wait" if lane == "fast" else asgi_path(b"/wait")
    with live_server(bundle, "--grace-s", "0.3", home=tmp_path / "home") as server, connection(server) as sock:
        sock.sendall(request(b"POST", path, b"60", b"X-Request-Id: cut"))
        until(lambda: metric(server, "BENTOML_Talks_in_flight") == 1)
        assert server.stop() == 1
    assert re.search(r'"POST /wait" 499 0 [\d.]+ cut\n', text_of(access_file(server)))


def test_level_of_the_server_processes_is_their_own(bundle: Path, tmp_path: Path) -> None:
    home = configured(tmp_path / "home", "bento_server: {logging: {level: ERROR}}")
    with live_server(bundle, home=home) as server:
        assert server.client.post("/say", json="hello").status_code == 200
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "is served now" in server.output(), 60)
    assert "said hello" not in server.output()


def test_quiet_server_writes_files_and_no_copies(bundle: Path, tmp_path: Path) -> None:
    home = configured(tmp_path / "home", "logging: {access: {console: true, format: json}}")
    uds = tmp_path / "s"
    if len(str(uds)) > 100:
        pytest.skip("the temporary directory has too long a path")
    process = subprocess.Popen(
        [sys.executable, "-m", "bentoml", "serve", str(bundle), "--quiet", "--uds", str(uds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "BENTOML_HOME": str(home)},
    )
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(uds)), base_url="http://x") as client:
            until(lambda: accepts(uds), 60)
            until(lambda: is_ready(client), 60)
            assert client.post("/say", json="hello").status_code == 200
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=30)
    assert output == b""
    line = json.loads(text_of(home / "logs" / "access.log").splitlines()[-1])
    assert (line["client"], line["method"], line["path"], line["status"]) == ("-", "POST", "/say", 200)


def test_console_gets_a_copy_of_the_access_log_when_asked_to(bundle: Path, tmp_path: Path) -> None:
    home = configured(tmp_path / "home", "logging: {access: {console: true, format: json}, level: ERROR}")
    with live_server(bundle, home=home) as server:
        server.client.post("/say", json="hello", headers={"X-Request-Id": "mine"})
        until(lambda: '"request_id": "mine"' in server.output())
    assert text_of(access_file(server)) in server.output()
    assert "said hello" not in server.output()
    assert server.output().startswith("* Serving")


def test_access_log_that_is_off_leaves_nothing(bundle: Path, tmp_path: Path) -> None:
    home = configured(tmp_path / "home", "logging: {access: {enabled: false}}")
    with live_server(bundle, home=home) as server:
        assert server.client.post("/wait", json=0).status_code == 200
        assert server.stop() == 0
    assert not access_file(server).exists()


def test_advanced_logging_gets_everything_as_records(bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.log"
    config = {
        "version": 1,
        "formatters": {"mine": {"format": "%(levelname)s %(name)s %(message)s"}, "data": {"format": "%(data)s"}},
        "handlers": {
            "mine": {"class": "logging.FileHandler", "filename": str(out), "formatter": "mine"},
            "data": {"class": "logging.FileHandler", "filename": f"{out}.data", "formatter": "data"},
        },
        "loggers": {
            "bentoml": {"level": "WARNING", "handlers": ["mine"], "propagate": False},
            "bentoml.access": {"level": "INFO", "handlers": ["data"], "propagate": True},
            "theirs": {"level": "INFO", "handlers": ["mine"]},
        },
    }
    home = configured(tmp_path / "home", f"logging: {{advanced: {{enabled: true, config: {json.dumps(config)}}}}}")
    with live_server(bundle, home=home) as server:
        server.client.post("/say", json="hello")
        server.client.post("/say_elsewhere", json="there", headers={"X-Request-Id": "mine"})
        until(lambda: " mine\n" in text_of(out))
        for pid in (child_of(server, "bentoml.server.front.front"), child_of(server, "bentoml.server.workers.worker")):
            assert str(out) not in {os.path.realpath(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
        assert server.stop() == 0
    lines = text_of(out).splitlines()
    assert "WARNING bentoml.mine said hello" in lines
    assert "INFO theirs said there" in lines
    assert any(re.fullmatch(r'INFO bentoml\.access \S+ 127\.0\.0\.1 "POST /say" 200 .*', line) for line in lines)
    assert "'request_id': 'mine'" in text_of(Path(f"{out}.data"))
    assert not (home / "logs" / "access.log").exists()


def test_forked_and_reloaded_workers_log(bundle: Path, tmp_path: Path) -> None:
    with live_server(bundle, "--preload", "--workers", "2", home=tmp_path / "home", command="serve-gunicorn") as server:
        active = server.log.parent / "logs" / "active.log"
        old = {server.client.post("/say", json=f"old {number}").json() for number in range(10)}
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "is served now" in server.output(), 60)
        new = {server.client.post("/say", json=f"new {number}").json() for number in range(10)}
        assert not old & new
        until(lambda: all(f"said new {number}\n" in text_of(active) for number in range(10)))
        assert all(f"said old {number}\n" in text_of(active) for number in range(10))
        assert server.stop() == 0


def test_console_that_nobody_reads_stops_neither_answers_nor_files(bundle: Path, tmp_path: Path) -> None:
    home = configured(tmp_path / "home", "logging: {access: {console: true}}")
    read, write = os.pipe()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "bentoml", "serve", str(bundle), "--port", str(port)],
        stdout=write,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "BENTOML_HOME": str(home)},
    )
    os.close(write)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, verify=NO_TLS) as client:
            until(lambda: is_ready(client), 60)
            # More than a pipe holds.
            for number in range(1200):
                client.get("/livez", headers={"X-Request-Id": f"{number}-{'x' * 100}"})
            log = home / "logs" / "access.log"
            until(lambda: f" 1199-{'x' * 100}\n" in text_of(log))
            assert client.post("/say", json="on").status_code == 200
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(read)


def test_parent_that_is_stopped_stops_no_answer_and_loses_no_line(bundle: Path, tmp_path: Path) -> None:
    with live_server(bundle, home=tmp_path / "home") as server:
        assert server.client.post("/wait", json=0).status_code == 200
        server.process.send_signal(signal.SIGSTOP)
        try:
            for number in range(300):
                headers = {"X-Request-Id": f"{number}-{'x' * 120}"}
                assert server.client.post("/wait", json=0, headers=headers).status_code == 200
        finally:
            server.process.send_signal(signal.SIGCONT)
        assert server.stop() == 0
    text = text_of(access_file(server))
    assert all(f" {number}-{'x' * 120}\n" in text for number in range(300))
    assert text_of(server.log.parent / "logs" / "prediction.log").count("\n") == 301
