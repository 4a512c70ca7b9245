"""A served bundle, asked as SageMaker asks a container."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bentoml.exceptions import InvalidArgument
from bentoml.server.front.sagemaker_endpoints import execution_parameters
from bentoml.server.options.sagemaker import invoked_api
from bentoml.server.options.tokens import digest_of
from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
from tests.server.front.test_app import front, view_of
from tests.server.live import LiveServer, live_server, metric, save_bundle
from tests.server.raw_http import asgi_path, connection, receive_answers, request
from tests.server.server_options import server_options
from tests.server.supervision.test_reload import reload_to, wait_until

SERVICE = """
import threading
import time

import bentoml
from bentoml.adapters import JsonInput, StringOutput
from bentoml.types import InferenceResult

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


class Model(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def predict(self, values, tasks):
        time.sleep(0.2)
        return [
            InferenceResult(
                data=str([value, len(values)]),
                http_headers={ATTRIBUTES: task.http_headers[ATTRIBUTES] + " too"} if ATTRIBUTES in task.http_headers
                else {},
            )
            for value, task in zip(values, tasks)
        ]

    @bentoml.api(input=JsonInput(), batch=False)
    def other(self, value):
        yield "one"
        yield "two"
"""
INVOCATIONS = b"/invocations"
TOKEN = "a-token"


def configure(home: Path, **server: object) -> None:
    home.mkdir(exist_ok=True)
    (home / "bentoml.yml").write_text(json.dumps({"bento_server": server}), encoding="utf-8")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("model"), SERVICE, class_name="Model")


@pytest.fixture(scope="module")
def served(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("model-home")
    limits = {"max_request_size": 2 << 20, "microbatch": {"max_batch_size": 20}, "management_port": 0}
    configure(home, sagemaker={"enabled": True, "api_name": "predict"}, **limits)
    with live_server(bundle, home=home) as server:
        yield server


def test_ping_is_answered_without_a_body(served: LiveServer) -> None:
    for method in ("GET", "HEAD"):
        response = served.client.request(method, "/ping")
        assert (response.status_code, response.content) == (200, b"")
    assert served.client.post("/ping").status_code == 405


@pytest.mark.parametrize("path", [INVOCATIONS, asgi_path(INVOCATIONS)], ids=["fast", "slow"])
def test_invocations_are_answered_as_the_api_is(served: LiveServer, path: bytes) -> None:
    with connection(served) as sock:
        attributes = b"X-Amzn-SageMaker-Custom-Attributes: trace=7"
        sock.sendall(request(b"POST", path, b'{"a": 1}', attributes))
        (answered,) = receive_answers(sock, 1)
        assert answered.startswith(b"HTTP/1.1 200 ")
        assert b"x-amzn-sagemaker-custom-attributes: trace=7 too\r\n" in answered.lower()
        assert answered.endswith(b"\r\n\r\n[{'a': 1}, 1]")
        sock.sendall(request(b"POST", path, b"no JSON") + request(b"POST", b"/predict", b"no JSON"))
        refused, as_api = (each.partition(b"\r\n\r\n") for each in receive_answers(sock, 2))
        assert refused[0].startswith(b"HTTP/1.1 400 ")
        assert refused[2] == as_api[2]


def test_invocations_share_the_batches_of_the_api(served: LiveServer) -> None:
    paths = ["/invocations", "/predict"] * 10
    with ThreadPoolExecutor(len(paths)) as pool:
        answers = list(pool.map(lambda path: served.client.post(path, json=1).text, paths))
    sizes = {path: {int(text[4:-1]) for one, text in zip(paths, answers, strict=True) if one == path} for path in paths}
    assert max(sizes["/invocations"]) > 1
    assert sizes["/invocations"] & sizes["/predict"] - {1}, "the same batches"


def test_invocations_are_counted_as_requests_of_the_api(bundle: Path, tmp_path: Path) -> None:
    configure(tmp_path, sagemaker={"enabled": True, "api_name": "predict"})
    with live_server(bundle, home=tmp_path) as server:
        assert server.client.post("/invocations", json=1).status_code == 200
        assert server.client.get("/ping").status_code == 200
        assert metric(server, "BENTOML_Model_request_total", endpoint="/predict", http_response_code="200") == 1
        assert metric(server, "BENTOML_Model_request_total", endpoint="/ping", http_response_code="200") == 1


def test_invocations_take_one_method(served: LiveServer) -> None:
    response = served.client.get("/invocations")
    assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize("is_declared", [True, False])
def test_body_that_is_too_large_is_refused(served: LiveServer, is_declared: bool) -> None:
    content = bytes(3 << 20) if is_declared else (bytes(1 << 20) for _ in range(3))
    response = served.client.post("/invocations", content=content)
    assert (response.status_code, response.text) == (413, "Request body is too large")


def test_execution_parameters_say_what_the_server_takes(served: LiveServer) -> None:
    response = served.client.get("/execution-parameters")
    assert response.headers["content-type"] == "application/json"
    wanted = {"MaxConcurrentTransforms": 20, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}
    assert response.json() == wanted


@pytest.mark.parametrize(
    ("is_batch", "workers", "size_bytes", "at_a_time", "payload_mb"),
    [
        pytest.param(False, 3, 20 << 20, 3, 20, id="workers"),
        pytest.param(False, 9, 20 << 20, 5, 20, id="100-MB-in-all"),
        pytest.param(True, 1, 20 << 20, 5, 20, id="batches"),
        pytest.param(True, 1, 1000, 100, 1, id="small-bodies"),
        pytest.param(False, 1, 1 << 30, 1, 100, id="large-bodies"),
    ],
)
def test_execution_parameters_stay_within_what_sagemaker_takes(
    is_batch: bool, workers: int, size_bytes: int, at_a_time: int, payload_mb: int, bentoml_home: Path
) -> None:
    configure(bentoml_home, max_request_size=size_bytes)
    found = execution_parameters(api("predict", batch=is_batch), server_options(workers=workers))
    assert (found["MaxConcurrentTransforms"], found["MaxPayloadInMB"]) == (at_a_time, payload_mb)


def test_stream_comes_in_pieces(bundle: Path, tmp_path: Path) -> None:
    configure(tmp_path, sagemaker={"enabled": True, "api_name": "other"})
    with live_server(bundle, home=tmp_path) as server:
        response = server.client.post("/invocations", json=1)
        assert (response.status_code, response.text) == (200, "onetwo")
        assert response.headers["transfer-encoding"] == "chunked"


def test_sagemaker_asks_the_public_port(served: LiveServer) -> None:
    assert served.client.get("/metadata").status_code == 404, "is on the other port"
    assert served.client.get("/ping").status_code == 200
    assert served.client.get("/execution-parameters").status_code == 200


@pytest.mark.parametrize("path", [INVOCATIONS, asgi_path(INVOCATIONS)], ids=["fast", "slow"])
def test_tokens_are_asked_for_as_before_the_api(bundle: Path, tmp_path: Path, path: bytes) -> None:
    auth = {"inference_tokens": [digest_of(TOKEN)], "docs_tokens": [digest_of("another")]}
    configure(tmp_path, sagemaker={"enabled": True, "api_name": "predict"}, auth=auth)
    token = b"X-API-Key: " + TOKEN.encode()
    with live_server(bundle, home=tmp_path) as server:
        with connection(server) as sock:
            sock.sendall(request(b"POST", path, b"1") + request(b"POST", path, b"1", token))
            refused, answered = receive_answers(sock, 2)
        assert refused.startswith(b"HTTP/1.1 401 ")
        assert b'www-authenticate: Bearer realm="inference"' in refused
        assert answered.startswith(b"HTTP/1.1 200 ")
        assert server.client.get("/ping").status_code == 200
        assert server.client.get("/execution-parameters").status_code == 401
        assert server.client.get("/execution-parameters", headers={"X-API-Key": TOKEN}).status_code == 200


def test_nothing_of_it_is_there_when_it_is_switched_off(bundle: Path, tmp_path: Path) -> None:
    with live_server(bundle, home=tmp_path) as server:
        for path in ("/ping", "/execution-parameters", "/invocations"):
            assert server.client.get(path).status_code == 404
        assert server.client.post("/invocations", json=1).status_code == 404


def test_ping_while_no_worker_can_answer_is_answered_503(bentoml_home: Path) -> None:
    configure(bentoml_home, sagemaker={"enabled": True})
    made = front(view_of())
    made.health.ready = False
    response = made.client.get("/ping")
    assert (response.status_code, response.content) == (503, b"")
    made.health.ready = True
    assert made.client.get("/ping").status_code == 200


VERSIONED = """
import bentoml
from bentoml.adapters import JsonInput


class Versioned(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=False)
    def {name}(self, value):
        return {name!r}
"""


def test_invocations_follow_the_bundle_that_is_served(tmp_path: Path) -> None:
    def save(version: str, name: str) -> None:
        source = VERSIONED.format(name=name)
        save_bundle(tmp_path, source, class_name="Versioned", pack=f"service.set_version({version!r})")

    save("v1", "old")
    home = tmp_path / "home"
    configure(home, sagemaker={"enabled": True})
    with live_server(Path("Versioned:latest"), home=home, command="serve-gunicorn") as server:
        assert server.client.post("/invocations", json=1).json() == "old"
        save("v2", "new")
        reload_to(server, "v2")
        assert server.client.post("/invocations", json=1).json() == "new"
        two = VERSIONED.format(name="one") + VERSIONED[VERSIONED.index("    @") :].format(name="two")
        save_bundle(tmp_path, two, class_name="Versioned", pack="service.set_version('v3')")
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "the APIs one, two; say which one" in server.output(), "refused it", server)
        assert server.client.post("/invocations", json=1).json() == "new"
        assert server.client.get("/ping").status_code == 200


def test_server_that_does_not_know_which_api_does_not_start(bundle: Path, tmp_path: Path) -> None:
    configure(tmp_path, sagemaker={"enabled": True})
    with pytest.raises(AssertionError, match="Model has the APIs other, predict; say which one"):  # noqa: SIM117
        with live_server(bundle, home=tmp_path):
            pass


def api(name: str, *, batch: bool = False, route: str | None = None) -> ApiMetadata:
    return ApiMetadata(name, "JsonInput", route=route or name, batch=batch)


@pytest.mark.parametrize(
    ("apis", "name", "said"),
    [
        pytest.param([], None, "has the APIs none", id="none"),
        pytest.param([api("a"), api("b")], None, "has the APIs a, b; say which one", id="several"),
        pytest.param([api("a")], "c", "no API 'c'; it has a: correct bento_server", id="another"),
        pytest.param(
            [api("a"), api("b", route="invocations")], "a", "API b has the path /invocations", id="invocations"
        ),
        pytest.param([api("a", route="ping")], None, "API a has the path /ping", id="ping"),
        pytest.param([api("execution-parameters")], None, "the path /execution-parameters", id="parameters"),
    ],
)
def test_bundle_that_cannot_answer_sagemaker_is_refused(
    apis: list[ApiMetadata], name: str | None, said: str, bentoml_home: Path
) -> None:
    service = BentoServiceMetadata(name="Model", version="1", apis=tuple(apis))
    configure(bentoml_home, sagemaker={"enabled": True, "api_name": name})
    with pytest.raises(InvalidArgument, match=said):
        invoked_api(service, server_options())
    configure(bentoml_home, sagemaker={"api_name": name})
    assert invoked_api(service, server_options()) is None


def test_api_that_has_the_path_itself_answers_it(bentoml_home: Path) -> None:
    invoked = api("a", route="invocations")
    service = BentoServiceMetadata(name="Model", version="1", apis=(invoked, api("b")))
    configure(bentoml_home, sagemaker={"enabled": True, "api_name": "a"})
    assert invoked_api(service, server_options()) is invoked
