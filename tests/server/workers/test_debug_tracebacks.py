"""`--debug` shows tracebacks to clients on this machine, and changes nothing for others."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.live import LiveServer, live_server, save_bundle
from tests.server.raw_http import asgi_path, connection, receive_answers, request

SERVICE = """
import bentoml
from bentoml.adapters import JsonInput, JsonOutput
from bentoml.exceptions import InvalidArgument
from bentoml.types import InferenceError


def deep(obj):
    raise ValueError("no luck")


class Speechless(JsonOutput):
    def to_http_response(self, result):
        raise RuntimeError("no words")


class Failing(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def batch(self, objs):
        return [deep(obj) if obj == "boom" else obj for obj in objs]

    @bentoml.api(input=JsonInput(), batch=False)
    async def alone(self, obj):
        return deep(obj)

    @bentoml.api(input=JsonInput(), batch=False)
    def pieces(self, obj):
        yield deep(obj)

    @bentoml.api(input=JsonInput(), batch=False)
    async def pieces_later(self, obj):
        yield deep(obj)

    @bentoml.api(input=JsonInput(), batch=False)
    def refuse(self, obj):
        raise InvalidArgument("not this one")

    @bentoml.api(input=JsonInput(), output=Speechless(), batch=False)
    def unwritable(self, obj):
        return obj
"""
ERROR = "Exception happened in API function: no luck"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("failing"), SERVICE, class_name="Failing")


@pytest.fixture(scope="module")
def debugged(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(bundle, "--debug", home=tmp_path_factory.mktemp("debug-home")) as running:
        yield running


@pytest.mark.parametrize("path", ["/batch", "/alone", "/pieces", "/pieces_later"])
def test_failure_of_a_function_has_its_traceback_for_a_client_here(debugged: LiveServer, path: str) -> None:
    answer = debugged.client.post(path, json="boom", headers={"X-Request-Id": f"id-of-{path[1:]}"})
    assert answer.status_code == 500
    assert answer.text.startswith(f"{ERROR}\n\nTraceback (most recent call last):\n")
    assert ", in deep\n" in answer.text
    assert answer.text.endswith("ValueError: no luck\n")
    end_s = time.monotonic() + 20
    while f"on request id-of-{path[1:]}" not in debugged.output():
        assert time.monotonic() < end_s, debugged.output()
        time.sleep(0.02)  # between looks at what the server has printed, under a deadline


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"Host": "models.example"}, {"Via": "1.1 x"}],
    ids=["x-forwarded-for", "forwarded", "host", "via"],
)
@pytest.mark.parametrize("path", ["/batch", "/alone", "/pieces"])
def test_failure_of_a_function_has_none_for_a_client_behind_a_proxy(
    debugged: LiveServer, path: str, headers: dict[str, str]
) -> None:
    assert debugged.client.post(path, json="boom", headers=headers).text == ERROR


def test_answers_that_are_no_failures_are_as_always(debugged: LiveServer) -> None:
    assert debugged.client.post("/batch", json="fine").text == '"fine"'
    answer = debugged.client.post("/refuse", json=1)
    assert (answer.status_code, answer.text) == (400, "Exception happened in API function: not this one")
    answer = debugged.client.post("/batch", content=b"{bad", headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "Traceback" not in answer.text


def test_answer_that_cannot_be_written_has_its_traceback(debugged: LiveServer) -> None:
    answer = debugged.client.post("/unwritable", json=1)
    assert answer.status_code == 500
    assert answer.text.endswith("RuntimeError: no words\n")


@pytest.mark.parametrize("name", [b"/batch", b"/alone"])
def test_both_lanes_show_the_same(debugged: LiveServer, name: bytes) -> None:
    seen = set()
    for path in (name, asgi_path(name)):
        with connection(debugged) as sock:
            message = request(b"POST", path, b'"boom"', b"X-Request-Id: same")
            sock.sendall(message.replace(b"Host: x", b"Host: localhost"))
            seen.add(re.sub(rb"date: [^\r]+\r\n", b"", receive_answers(sock, 1)[0]))
    (answer,) = seen
    assert answer.endswith(b"ValueError: no luck\n")


def test_unix_socket_is_on_this_machine(bundle: Path, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as short:
        socket_path = str(Path(short) / "s")
        with live_server(bundle, "--debug", "--uds", socket_path, home=tmp_path):
            transport = httpx.HTTPTransport(uds=socket_path)
            with httpx.Client(transport=transport, base_url="http://localhost") as client:
                assert "Traceback" in client.post("/batch", json="boom").text
                forwarded = client.post("/batch", json="boom", headers={"X-Forwarded-For": "10.0.0.1"})
                assert forwarded.text == ERROR


def test_without_debug_nobody_sees_a_traceback(bundle: Path, tmp_path: Path) -> None:
    with live_server(bundle, home=tmp_path) as server:
        assert server.client.post("/batch", json="boom").text == ERROR
        assert server.client.post("/pieces", json="boom").text == ERROR
