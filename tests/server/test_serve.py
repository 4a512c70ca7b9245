"""The whole server from outside: answers, statuses, batches, bad input, crashes, and an orderly end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, child_of, live_server, metric, save_bundle

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/total", [[1, 2], [3, 4]], [3, 7]),
        ("/total", [[5.1, 3.5, 1.4, 0.2]], [10.2]),
        ("/columns", [{"b": 2.5, "a": 2, "extra": 1}], [5.0]),
        ("/picky", {"k": [1, None, "é"]}, {"seen": {"k": [1, None, "é"]}}),
        ("/wait_for", 0, 0),
        ("/odd/$~!@%^&*()[]|;:,.route", "x", "x"),
    ],
    ids=["frame", "floats", "columns", "json", "coroutine", "odd-route"],
)
def test_post_to_an_api_answers_json(server: LiveServer, path: str, body: Any, expected: Any) -> None:
    answer = server.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == pytest.approx(expected) if isinstance(expected, list) else answer.json() == expected


def test_get_to_an_api_that_allows_it_runs_it(server: LiveServer) -> None:
    answer = server.client.request("GET", "/echo", content=b'{"a": 1}')
    assert answer.status_code == 200
    assert (answer.json()["obj"], answer.json()["method"]) == ({"a": 1}, "GET")


def test_request_id_of_the_client_is_used_and_echoed(server: LiveServer) -> None:
    answer = server.client.post("/echo", json=1, headers={"X-Request-Id": "my-id.7"})
    assert answer.headers["x-request-id"] == answer.json()["id"] == "my-id.7"


@pytest.mark.parametrize("bad", ["with space", "x" * 129, "caf\u00e9"])
def test_request_id_that_cannot_be_used_is_replaced(server: LiveServer, bad: str) -> None:
    answer = server.client.post("/echo", json=1, headers=[(b"X-Request-Id", bad.encode("latin-1"))])
    assert answer.headers["x-request-id"] == answer.json()["id"]
    assert UUID(answer.headers["x-request-id"]).version == 4


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs.json", "/healthz", "/livez", "/readyz", "/metadata", "/metrics", "/nothing-here"]
)
def test_every_endpoint_carries_a_request_id(server: LiveServer, path: str) -> None:
    answer = server.client.get(path, headers={"X-Request-Id": "abc"})
    assert answer.headers["x-request-id"] == "abc"
    assert answer.status_code == (404 if path == "/nothing-here" else 200)


def test_health_endpoints_say_ready(server: LiveServer) -> None:
    answer = server.client.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "\n")
    assert answer.headers["content-type"].startswith("text/plain")


def test_metadata_is_one_json_object(server: LiveServer) -> None:
    metadata = server.client.get("/metadata").json()
    assert metadata["name"] == "Everything"
    assert {api["name"] for api in metadata["apis"]} >= {"total", "echo"}


def test_docs_json_is_the_document_of_the_bundle(server: LiveServer, everything_bundle: Path) -> None:
    assert server.client.get("/docs.json").json() == json.loads((everything_bundle / "docs.json").read_text())


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "sentence"),
    [
        ("POST", "/total", b"{bad", JSON, 400, "Wrong input format"),
        ("POST", "/total", b"", JSON, 400, "Wrong input format"),
        ("POST", "/columns", b'[{"x": 1, "y": 2}]', JSON, 400, "missing"),
        ("POST", "/columns", b'[{"a": "one", "b": 2}]', JSON, 400, ""),
        ("POST", "/echo", b"{bad", JSON, 400, "Not a valid JSON format"),
        ("POST", "/echo", b"\x1f\x8b not gzip", {"content-encoding": "gzip"}, 400, "Gzip decompression error"),
        ("PUT", "/total", b"[[1]]", JSON, 405, "PUT"),
        ("DELETE", "/docs", b"", {}, 405, ""),
        ("POST", "/unknown", b"[[1]]", JSON, 404, ""),
        ("POST", "/total/", b"[[1]]", JSON, 404, ""),
        ("POST", "/refuse", b"1", JSON, 400, "not this one"),
        ("POST", "/picky", b'"boom"', JSON, 500, "Exception happened in API function: no boom please"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(
    server: LiveServer, method: str, path: str, body: bytes, headers: dict[str, str], status: int, sentence: str
) -> None:
    answer = server.client.request(method, path, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert sentence in answer.text
    assert answer.text.strip()
    assert "Traceback" not in answer.text
    assert "x-request-id" in answer.headers
    assert server.client.post("/total", json=[[1, 1]]).json() == [2]


def test_body_over_the_limit_is_answered_413_and_the_server_goes_on(server: LiveServer) -> None:
    body = b"[" + b"1," * (15 << 20) + b"1]"
    answer = httpx.post(f"{server.url}/echo", content=body, headers=JSON, timeout=30, verify=NO_TLS)
    assert answer.status_code == 413
    assert answer.text == "Request body is too large"
    assert server.client.post("/total", json=[[1, 1]]).json() == [2]


def test_chunked_body_over_the_limit_is_answered_413(server: LiveServer) -> None:
    chunk = b"1," * (1 << 20)

    def chunks() -> Any:
        yield b"["
        for _ in range(14):
            yield chunk
        yield b"1]"

    answer = httpx.post(f"{server.url}/echo", content=chunks(), headers=JSON, timeout=30, verify=NO_TLS)
    assert answer.status_code == 413
    assert server.client.post("/total", json=[[1, 1]]).json() == [2]


def test_options_says_what_is_allowed(server: LiveServer) -> None:
    answer = server.client.options("/total")
    assert answer.status_code == 200
    assert "POST" in answer.headers["allow"]
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_64_concurrent_clients_get_their_own_answers_in_batches(server: LiveServer) -> None:
    calls_before = metric(server, "BENTOML_Everything_mb_batch_size_count", endpoint="picky")
    answered_before = metric(server, "BENTOML_Everything_mb_batch_size_sum", endpoint="picky")

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        for turn in range(10):
            item = f"{number}-{turn}"
            body = json.dumps(item)
            head_lines = f"POST /picky HTTP/1.1\r\nHost: x\r\nX-Request-Id: {item}\r\nContent-Length: {len(body)}"
            writer.write(f"{head_lines}\r\n\r\n{body}".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert length is not None
            assert json.loads(await reader.readexactly(int(length[1]))) == {"seen": item}
            assert f"x-request-id: {item}\r\n".encode() in head
        writer.close()
        await writer.wait_closed()

    async def everyone() -> None:
        await asyncio.gather(*(client(number) for number in range(64)))

    asyncio.run(everyone())
    calls = metric(server, "BENTOML_Everything_mb_batch_size_count", endpoint="picky") - calls_before
    answered = metric(server, "BENTOML_Everything_mb_batch_size_sum", endpoint="picky") - answered_before
    assert answered == 640
    assert calls <= 160


def test_bad_neighbours_in_a_batch_get_their_own_errors(server: LiveServer) -> None:
    bodies = [b'"good"', b"{bad", b'"boom"', b'"fine"'] * 16
    expected = {b'"good"': 200, b"{bad": 400, b'"boom"': 500, b'"fine"': 200}

    async def everyone() -> list[httpx.Response]:
        async with httpx.AsyncClient(
            timeout=60, limits=httpx.Limits(max_connections=64), trust_env=False, verify=NO_TLS
        ) as http:
            return await asyncio.gather(
                *(http.post(f"{server.url}/picky", content=body, headers=JSON) for body in bodies)
            )

    answers = asyncio.run(everyone())
    assert [answer.status_code for answer in answers] == [expected[body] for body in bodies]
    for body, answer in zip(bodies, answers, strict=True):
        if answer.status_code == 200:
            assert answer.json() == {"seen": json.loads(body)}


def test_coroutine_calls_run_side_by_side(server: LiveServer) -> None:
    began_s = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(lambda _: httpx.post(f"{server.url}/wait_for", json=0.5, timeout=30, verify=NO_TLS), range(20))
        )
    assert [answer.json() for answer in answers] == [0.5] * 20
    assert time.monotonic() - began_s < 5


def test_call_over_its_budget_is_answered_408_in_time(server: LiveServer) -> None:
    began_s = time.monotonic()
    answer = server.client.post("/hurried", json=1.5)
    assert (answer.status_code, answer.text) == (408, "Request timeout")
    assert time.monotonic() - began_s < 1.4


def test_metrics_count_every_request_once_with_its_status(server: LiveServer) -> None:
    labels = {"endpoint": "/echo", "http_response_code": "400"}
    before = metric(server, "BENTOML_Everything_request_total", **labels)
    for _ in range(3):
        server.client.post("/echo", content=b"{bad", headers=JSON)
    assert metric(server, "BENTOML_Everything_request_total", **labels) == before + 3
    assert metric(server, "BENTOML_Everything_request_in_progress", endpoint="/echo") == 0


@pytest.mark.parametrize("path", ["/leave", "/leave_later"])
def test_function_that_tries_to_exit_is_answered_500_and_the_worker_stays(server: LiveServer, path: str) -> None:
    worker = server.client.post("/pid", json=0).json()
    answer = server.client.post(path, json=3)
    assert answer.status_code == 500
    assert answer.text.startswith("An error has occurred in BentoML user code")
    assert server.client.post("/pid", json=0).json() == worker


def test_client_header_of_the_classic_internal_protocol_means_nothing(server: LiveServer) -> None:
    import pickle

    answer = server.client.post(
        "/echo", content=pickle.dumps([1]), headers={"BentoML-Is-Merged-Request": "true", **JSON}
    )
    assert answer.status_code == 400


def test_worker_that_dies_is_replaced_and_its_call_is_answered(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, "--workers", "2", home=tmp_path, command="serve-gunicorn") as server:
        wait_for_workers(server, 2)
        answer = server.client.post("/die", json=0)
        assert answer.status_code == 503
        wait_for_workers(server, 2)
        assert server.client.post("/total", json=[[1, 2]]).json() == [3]


def wait_for_workers(server: LiveServer, count: int) -> None:
    end_s = time.monotonic() + 60
    while metric(server, "BENTOML_Everything_workers") != count:
        assert time.monotonic() < end_s, f"never had {count} workers:\n{server.output()}"
        time.sleep(0.05)  # between looks at the real thing, under a deadline


def test_sigterm_finishes_what_runs_and_exits_0(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, home=tmp_path) as server, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.post, f"{server.url}/wait_for", json=1.0, timeout=30)
        end_s = time.monotonic() + 30
        while metric(server, "BENTOML_Everything_request_in_progress", endpoint="/wait_for") != 1:
            assert time.monotonic() < end_s
        assert server.stop() == 0
        assert answer.result().json() == 1.0
        assert_port_is_free(server.port)


def test_sigint_ends_everything(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, home=tmp_path) as server:
        worker = server.client.post("/pid", json=0).json()
        assert server.stop(signal.SIGINT) == 0
        assert_ended(worker)
        assert "Traceback" not in server.output()


def test_death_of_the_parent_ends_its_children(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, home=tmp_path) as server:
        worker = server.client.post("/pid", json=0).json()
        server.stop(signal.SIGKILL)
        assert_ended(worker)
        end_s = time.monotonic() + 10
        while True:
            try:
                assert_port_is_free(server.port)
                break
            except OSError:
                assert time.monotonic() < end_s, "the front outlived its parent"


def assert_port_is_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("0.0.0.0", port))


def assert_ended(pid: int) -> None:
    end_s = time.monotonic() + 10
    while True:
        try:
            if "(zombie)" in Path(f"/proc/{pid}/status").read_text():
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        assert time.monotonic() < end_s, f"process {pid} is still there"


def run_serve(bundle: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bentoml", "serve", str(bundle), *arguments],
        env={**os.environ, "BENTOML_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_serve_on_a_port_in_use_says_so(everything_bundle: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        done = run_serve(everything_bundle, tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert re.search(r"cannot listen on 0\.0\.0\.0:\d+: Address already in use; choose another port", done.stderr)


def test_serve_of_a_bundle_that_cannot_load_ends_with_the_reason(tmp_path: Path) -> None:
    source = """
        import bentoml, os
        from bentoml.adapters import JsonInput

        if "SAVING" not in os.environ:
            raise RuntimeError("the weights are gone")

        class Broken(bentoml.BentoService):
            @bentoml.api(input=JsonInput())
            def predict(self, obj):
                return obj
    """
    os.environ["SAVING"] = "1"
    try:
        bundle = save_bundle(tmp_path, source, class_name="Broken")
    finally:
        del os.environ["SAVING"]
    done = run_serve(bundle, tmp_path / "home", "--port", "0")
    assert done.returncode == 1
    assert "cannot be loaded: RuntimeError: the weights are gone" in done.stderr


def test_serve_of_a_changed_bundle_names_the_file_unless_told_not_to_look(tmp_path: Path) -> None:
    source = """
        import bentoml
        from bentoml.adapters import JsonInput

        class Small(bentoml.BentoService):
            @bentoml.api(input=JsonInput())
            def predict(self, obj):
                return obj
    """
    bundle = save_bundle(tmp_path, source, class_name="Small")
    module = bundle / "Small" / "served_service.py"
    module.write_text(module.read_text(encoding="utf-8").replace("return obj", "return 'changed'"), encoding="utf-8")
    done = run_serve(bundle, tmp_path / "home", "--port", "0")
    assert done.returncode == 1
    assert "served_service.py was changed" in done.stderr
    with live_server(bundle, "--no-verify", home=tmp_path / "home") as server:
        assert server.client.post("/predict", json=1).json() == "changed"


def test_sigterm_loses_no_request_of_connections_that_stay_open(everything_bundle: Path, tmp_path: Path) -> None:
    answered = 0

    async def client(port: int, is_busy: asyncio.Event) -> int:
        """Ask again and again on one connection, until the server says that it closes it."""
        nonlocal answered
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answers = 0
        is_open = True
        while is_open:
            writer.write(b"POST /total HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n[[1]]")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert await reader.readexactly(3) == b"[1]"
            is_open = b"connection: close" not in head
            answers += 1
            answered += 1
            if answered == 400:
                is_busy.set()
        writer.close()
        await writer.wait_closed()
        return answers

    async def everyone(server: LiveServer) -> list[int]:
        is_busy = asyncio.Event()
        clients = asyncio.gather(*(client(server.port, is_busy) for _ in range(40)))
        await is_busy.wait()
        assert await asyncio.to_thread(server.stop) == 0
        return await clients

    with live_server(everything_bundle, home=tmp_path) as server:
        assert min(asyncio.run(everyone(server))) > 1


def test_sigterm_answers_connections_that_were_made_but_not_accepted(everything_bundle: Path, tmp_path: Path) -> None:
    with live_server(everything_bundle, home=tmp_path) as server:
        front = child_of(server, "bentoml.server.front.front")
        os.kill(front, signal.SIGSTOP)
        waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(20)]
        for sock in waiting[1:]:
            sock.sendall(b"POST /total HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n[[1]]")
        server.process.send_signal(signal.SIGTERM)
        os.kill(front, signal.SIGCONT)
        assert [sock.recv(12) for sock in waiting[1:]] == [b"HTTP/1.1 200"] * 19
        assert waiting[0].recv(1) == b""
        assert server.process.wait(20) == 0
        for sock in waiting:
            sock.close()
