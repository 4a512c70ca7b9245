"""A served bundle, asked by the client of Triton and by hand as KServe and MLServer would."""

from __future__ import annotations

import gzip
import json
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from bentoml.server.options.tokens import digest_of
from tests.adapters.open_inference.messages import DTYPES, arrays_of, binary_tensor, infer_request, json_tensor
from tests.plain_http import NO_TLS
from tests.server.live import LiveServer, live_server, save_bundle
from tests.server.open_inference_service import SERVICE
from tests.server.raw_http import asgi_path, connection, receive_answers, request
from tests.server.supervision.test_reload import reload_to, wait_until

MODELS = ["Tensors", "Tensors.columns", "Tensors.echo", "Tensors.fails", "Tensors.leaves", "Tensors.predict"]
ROWS = {"inputs": [json_tensor("x", "FP64", [[1.5, 2.5]])]}


@pytest.fixture(scope="module")
def tensors_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bundle(tmp_path_factory.mktemp("tensors"), SERVICE, class_name="Tensors")


@pytest.fixture(scope="module")
def served(tensors_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tensors_bundle, home=tmp_path_factory.mktemp("tensors-home")) as server:
        yield server


@pytest.fixture
def client(served: LiveServer) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{served.port}") as opened:
        yield opened


def tensor(name: str, array: np.ndarray[Any, Any], *, binary: bool = True) -> triton.InferInput:
    given = triton.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def post(served: LiveServer, path: str, document: Any, **headers: str) -> httpx.Response:
    return served.client.post(path, content=json.dumps(document), headers=headers)


# -- the client of Triton --------------------------------------------------------------------------------------------


def test_client_finds_the_server_and_its_models(served: LiveServer, client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    index = client.get_model_repository_index()
    assert {model["state"] for model in index} == {"READY"}
    names = [model["name"] for model in index]
    assert set(MODELS) < set(names)
    assert not {"Tensors.words", "Tensors.pieces"} & set(names)
    (version,) = {model["version"] for model in index}
    for name in names:
        assert client.is_model_ready(name)
        assert client.is_model_ready(name, version)
        assert client.get_model_metadata(name, version)["versions"] == [version]
    assert not client.is_model_ready("Tensors.words")
    assert not client.is_model_ready("Tensors", "1")


def test_client_reads_what_a_model_takes(client: triton.InferenceServerClient) -> None:
    def inputs(name: str) -> list[tuple[str, str, list[int]]]:
        metadata = client.get_model_metadata(name)
        assert (metadata["name"], metadata["platform"]) == (name, "bentoml")
        return [(one["name"], one["datatype"], one["shape"]) for one in metadata["inputs"]]

    assert inputs("Tensors") == inputs("Tensors.predict") == [("input-0", "FP64", [-1, 2])]
    assert inputs("Tensors.columns") == [("a", "FP32", [-1]), ("b", "INT64", [-1])]


@pytest.mark.parametrize("binary_input", [True, False], ids=["bytes in", "JSON in"])
@pytest.mark.parametrize("binary_output", [True, False, None], ids=["bytes out", "JSON out", "by default"])
def test_client_infers(client: triton.InferenceServerClient, binary_input: bool, binary_output: bool | None) -> None:
    array = np.array([[1.5, 2.5], [3.5, 4.5]], dtype="f4")
    outputs = None if binary_output is None else [triton.InferRequestedOutput("sum", binary_data=binary_output)]
    result = client.infer("Tensors", [tensor("x", array, binary=binary_input)], outputs=outputs, request_id="number 7")
    response = result.get_response()
    assert (response["id"], response["model_name"]) == ("number 7", "Tensors")
    read = result.as_numpy("output-0" if outputs is None else "sum")
    assert (read.dtype, read.tolist()) == (np.dtype("f4"), [4.0, 8.0])


@pytest.mark.parametrize("binary", [True, False], ids=["bytes", "JSON"])
def test_client_gets_back_columns_of_all_datatypes(client: triton.InferenceServerClient, binary: bool) -> None:
    arrays = {
        name: np.array([0, 1, 100], dtype=dtype) if dtype != "O" else np.array([b"a", b"", "ü".encode()], dtype=object)
        for name, dtype in DTYPES.items()
    }
    result = client.infer(
        "Tensors.echo",
        [tensor(name, array, binary=binary) for name, array in arrays.items()],
        outputs=[triton.InferRequestedOutput(name, binary_data=binary) for name in arrays],
    )
    for name, array in arrays.items():
        read = result.as_numpy(name)
        assert read.shape == array.shape
        if name == "BYTES":
            assert read.tolist() == (array.tolist() if binary else ["a", "", "ü"])
        else:
            assert (read.dtype, read.tolist()) == (array.dtype, array.tolist())


def test_client_chooses_outputs(client: triton.InferenceServerClient) -> None:
    inputs = [tensor("a", np.array([1, 2], "f8")), tensor("b", np.array([3, 4], "i8"))]
    result = client.infer("Tensors.echo", inputs, outputs=[triton.InferRequestedOutput("b")])
    assert result.as_numpy("a") is None
    assert result.as_numpy("b").tolist() == [3, 4]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_client_compresses_its_requests(client: triton.InferenceServerClient, algorithm: str) -> None:
    array = np.ones((50, 4))
    result = client.infer("Tensors", [tensor("x", array)], request_compression_algorithm=algorithm)
    assert result.as_numpy("output-0").tolist() == [4.0] * 50


def test_client_is_told_what_is_wrong(client: triton.InferenceServerClient) -> None:
    for model, version, status, text in (
        ("Tensors.fails", "", "500", "Exception happened in API function: no luck"),
        ("Tensors.leaves", "", "500", "An error has occurred"),
        ("Tensors.words", "", "404", "There is no model 'Tensors.words'"),
        ("Tensors", "1", "404", "There is no version '1' of a model 'Tensors'"),
    ):
        with pytest.raises(InferenceServerException) as caught:
            client.infer(model, [tensor("x", np.ones((1, 2)))], model_version=version)
        assert caught.value.status() == status
        assert text in caught.value.message()


def test_clients_in_threads_get_their_own_answers(served: LiveServer) -> None:
    wrong: list[Any] = []

    def ask(number: int) -> None:
        with triton.InferenceServerClient(f"127.0.0.1:{served.port}") as own, httpx.Client(verify=NO_TLS) as plain:
            for i in range(20):
                value = number + i / 100
                array = np.array([[value, 1.0]])
                read = own.infer("Tensors", [tensor("x", array, binary=bool(i % 2))]).as_numpy("output-0")
                answer = plain.post(f"{served.url}/predict", json=[[value, 1.0]]).json()
                if read.tolist() != [value + 1] or answer != [value + 1]:
                    wrong.append((value, read, answer))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_request_of_kserve_is_answered(served: LiveServer) -> None:
    # The example of its documentation for sklearn-iris.
    document = {
        "inputs": [
            {
                "name": "input-0",
                "shape": [2, 4],
                "datatype": "FP32",
                "data": [[6.8, 2.8, 4.8, 1.4], [6.0, 3.4, 4.5, 1.6]],
            }
        ]
    }
    response = post(served, "/v2/models/Tensors/infer", document)
    assert response.status_code == 200
    assert response.json()["outputs"][0]["shape"] == [2]
    np.testing.assert_allclose(response.json()["outputs"][0]["data"], [15.8, 15.5], rtol=1e-6)


def test_request_of_mlserver_is_answered(served: LiveServer) -> None:
    # As its PandasCodec and its client write a frame.
    document = {
        "parameters": {"content_type": "pd", "headers": None},
        "inputs": [
            {"name": "a", "shape": [2, 1], "datatype": "FP64", "parameters": {"content_type": "np"}, "data": [1, 2]},
            {
                "name": "b",
                "shape": [2, 1],
                "datatype": "BYTES",
                "parameters": {"content_type": "str"},
                "data": ["x", "y"],
            },
        ],
    }
    outputs = post(served, "/v2/models/Tensors.echo/infer", document).json()["outputs"]
    assert [(one["name"], one["data"]) for one in outputs] == [("a", [1.0, 2.0]), ("b", ["x", "y"])]


def test_path_with_the_version_is_the_same_model(served: LiveServer) -> None:
    version = served.client.get("/v2/models/Tensors").json()["versions"][0]
    response = post(served, f"/v2/models/Tensors.predict/versions/{version}/infer", ROWS)
    assert response.json()["model_name"] == "Tensors.predict"
    assert response.json()["model_version"] == version
    assert post(served, "/v2/models/Tensors/versions/1/infer", ROWS).status_code == 404


def test_declared_columns_have_their_types(served: LiveServer) -> None:
    document = {"inputs": [json_tensor("b", "FP64", [2.0]), json_tensor("a", "INT64", [1])]}
    outputs = post(served, "/v2/models/Tensors.columns/infer", document).json()["outputs"]
    assert [(one["name"], one["datatype"], one["data"]) for one in outputs] == [
        ("a", "FP32", [1.0]),
        ("b", "INT64", [2]),
    ]


def test_function_for_one_request_answers_in_its_parts(served: LiveServer) -> None:
    response = post(served, "/v2/models/Tensors.single/infer", ROWS)
    assert [(one["name"], one["datatype"], one["data"]) for one in response.json()["outputs"]] == [
        ("rows", "INT64", [1]),
        ("kinds", "BYTES", ["float64", "float64"]),
    ]


def test_both_lanes_give_the_same_answer(served: LiveServer) -> None:
    body = json.dumps(ROWS).encode()
    answers = []
    for path in (b"/v2/models/Tensors/infer", b"/%762/models/Tensors/infer"):
        with connection(served) as sock:
            for content in (body, b"nonsense"):
                sock.sendall(request(b"POST", path, content, b"X-Request-Id: same"))
                (answer,) = receive_answers(sock, 1)
                head, _, text = answer.partition(b"\r\n\r\n")
                lines = sorted(line for line in head.lower().split(b"\r\n") if not line.startswith(b"date:"))
                answers.append((lines, text))
    assert answers[:2] == answers[2:]
    assert [text for _, text in answers[1::2]] == [answers[1][1]] * 2


def test_tensors_share_the_batches_of_other_requests(served: LiveServer) -> None:
    """The function answers with how many rows it was given; while it works, the next batch gathers."""
    document = {"inputs": [json_tensor("x", "FP64", [[1.5]])]}

    def ask(number: int) -> float:
        with httpx.Client(base_url=served.url, timeout=30, verify=NO_TLS) as client:
            if number % 2:
                return float(client.post("/together", json=[[1.5]]).json()[0][0])
            answer = client.post("/v2/models/Tensors.together/infer", json=document)
            return float(answer.json()["outputs"][0]["data"][0])

    def counted(name: str) -> float:
        (line,) = (line for line in served.client.get("/metrics").text.splitlines() if line.startswith(name))
        return float(line.rpartition(" ")[2])

    with ThreadPoolExecutor(9) as pool:
        sizes = list(pool.map(ask, range(9)))
    # The first went alone, or with those that came at once; all others of both kinds went together.
    assert max(sizes) >= 5
    assert sizes.count(max(sizes)) == max(sizes)
    assert {number % 2 for number, size in enumerate(sizes) if size == max(sizes)} == {0, 1}
    # Both kinds are counted under the API, as are the batches that they share.
    assert counted('BENTOML_Tensors_mb_batch_size_sum{endpoint="together"}') == 9
    assert counted('BENTOML_Tensors_mb_request_total{endpoint="together",http_response_code="200"}') == 9


def error_of(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/json"
    document = response.json()
    assert list(document) == ["error"]
    return str(document["error"])


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/v2/models/Nobody", 404, "There is no model 'Nobody'"),
        ("GET", "/v2/models/Nobody/ready", 404, "There is no model 'Nobody'"),
        ("POST", "/v2/models/Nobody/infer", 404, "There is no model 'Nobody'"),
        ("GET", "/v2/models/Tensors/config", 404, "Not found"),
        ("GET", "/v2/nothing", 404, "Not found"),
        ("GET", "/v2/models/Tensors/infer", 405, "Method GET is not allowed here"),
        ("POST", "/v2/models/Tensors", 405, "Method not allowed here"),
        ("DELETE", "/v2", 405, "Method not allowed here"),
        ("GET", "/v2/repository/index", 405, "Method not allowed here"),
        ("POST", "/v2/models/Tensors/infer", 400, "the request is not valid JSON"),
    ],
)
def test_errors_are_objects(served: LiveServer, method: str, path: str, status: int, text: str) -> None:
    response = served.client.request(method, path, headers={"Accept": "text/html"})
    assert response.status_code == status
    assert error_of(response).startswith(text)


def test_long_name_is_cut_in_the_answer(served: LiveServer) -> None:
    response = served.client.get(f"/v2/models/{'x' * 5000}")
    assert (response.status_code, len(response.content) < 1000) == (404, True)


def test_request_that_takes_too_long_is_told_so_in_an_object(served: LiveServer) -> None:
    response = post(served, "/v2/models/Tensors.slow/infer", ROWS)
    assert response.status_code in {408, 429}
    assert error_of(response) in {"Request timeout", "429: Too Many Requests"}


@pytest.mark.parametrize("is_declared", [True, False])
def test_body_that_is_too_large_is_refused_with_an_object(served: LiveServer, is_declared: bool) -> None:
    size = 21 << 20
    content: Any = bytes(size) if is_declared else (bytes(1 << 20) for _ in range(21))
    response = served.client.post("/v2/models/Tensors/infer", content=content)
    assert (response.status_code, error_of(response)) == (413, "Request body is too large")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST /v2/models/Tensors/infer HTTP/1.1\r\nno header\r\n\r\n", 400),
        (b"POST /v2/models/Tensors/infer HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417),
        (b"POST /v2/models/Tensors/infer HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
        (b"POST /v2/models/Tensors/infer HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400),
    ],
    ids=["header", "expectation", "large", "chunk"],
)
def test_bytes_that_are_no_request_are_refused_with_an_object(served: LiveServer, head: bytes, status: int) -> None:
    with connection(served) as sock:
        sock.sendall(head)
        (answer,) = receive_answers(sock, 1)
    top, _, body = answer.partition(b"\r\n\r\n")
    assert top.startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/json" in top
    assert list(json.loads(body)) == ["error"]


HOSTILE: dict[str, tuple[Any, bytes]] = {
    "huge shape": ({"inputs": [{"name": "x", "datatype": "FP64", "shape": [2**40, 2**40], "data": [1]}]}, b""),
    "huge binary shape": (
        {
            "inputs": [
                {"name": "x", "datatype": "FP64", "shape": [2**61], "parameters": {"binary_data_size": 8}},
            ]
        },
        bytes(8),
    ),
    "empty but long": (
        {"inputs": [{"name": "x", "datatype": "FP64", "shape": [0, 2**50], "data": []}]},
        b"",
    ),
    "long elements": (
        {"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 8}}]},
        b"\xff\xff\xff\xff1234",
    ),
    "many columns": (
        {"inputs": [{"name": str(i), "datatype": "BOOL", "shape": [1], "data": [True]} for i in range(5000)]},
        b"",
    ),
}


@pytest.mark.parametrize(("document", "tail"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_request_is_refused(served: LiveServer, document: Any, tail: bytes) -> None:
    made = infer_request(document, tail)
    response = served.client.post(
        "/v2/models/Tensors.echo/infer", content=made.body, headers=dict(made.headers.to_json())
    )
    assert response.status_code == 400
    error_of(response)


def test_bomb_is_refused(served: LiveServer) -> None:
    content = gzip.compress(b'{"inputs": [' + b" " * (30 << 20))
    response = served.client.post("/v2/models/Tensors/infer", content=content, headers={"Content-Encoding": "gzip"})
    assert response.status_code == 413
    error_of(response)


def test_large_tensor_comes_and_goes_as_bytes(served: LiveServer) -> None:
    array = np.arange(1_000_000, dtype="f4").reshape(-1, 4)
    described, content = binary_tensor("x", "FP32", array)
    made = infer_request({"inputs": [described], "parameters": {"binary_data_output": True}}, content)
    response = served.client.post("/v2/models/Tensors/infer", content=made.body, headers=dict(made.headers.to_json()))
    (read,) = arrays_of(response.content, response.headers).values()
    np.testing.assert_array_equal(read, array.sum(axis=1))


# -- what the configuration says ---------------------------------------------------------------------------------------

TOKEN = "a-token"
INFER = b"/v2/models/Tensors/infer"
CONFIG = {
    "bento_server": {
        "auth": {"inference_tokens": [digest_of(TOKEN)]},
        "cors": {"enabled": True, "access_control_allow_origin": "http://app.example"},
        "management_port": 0,
    }
}


@pytest.fixture(scope="module")
def guarded(tensors_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("guarded-home")
    (home / "bentoml.yml").write_text(json.dumps(CONFIG), encoding="utf-8")
    with live_server(tensors_bundle, "--debug", home=home) as server:
        yield server


@pytest.mark.parametrize("path", [INFER, asgi_path(INFER)], ids=["fast", "slow"])
def test_token_is_asked_for_in_both_lanes(guarded: LiveServer, path: bytes) -> None:
    body = json.dumps(ROWS).encode()
    with connection(guarded) as sock:
        sock.sendall(request(b"POST", path, body) + request(b"POST", path, body, b"X-API-Key: " + TOKEN.encode()))
        refused, answered = receive_answers(sock, 2)
    assert refused.startswith(b"HTTP/1.1 401 ")
    assert b'www-authenticate: Bearer realm="inference"' in refused
    assert list(json.loads(refused.partition(b"\r\n\r\n")[2])) == ["error"]
    assert answered.startswith(b"HTTP/1.1 200 ")


def test_client_sends_its_token(guarded: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with triton.InferenceServerClient(f"127.0.0.1:{guarded.port}") as client:
        assert client.is_server_ready()
        assert client.is_model_ready("Tensors")
        with pytest.raises(InferenceServerException, match="send a token"):
            client.get_model_metadata("Tensors")
        assert client.get_model_metadata("Tensors", headers=headers)["name"] == "Tensors"
        result = client.infer("Tensors", [tensor("x", np.ones((1, 2)))], headers=headers)
        assert result.as_numpy("output-0").tolist() == [2.0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v2/models/Tensors/infer", 200),
        ("POST", "/v2/models/Nobody/infer", 404),
        ("GET", "/v2/models/Tensors", 200),
        ("GET", "/v2/health/ready", 200),
    ],
)
def test_pages_of_other_origins_may_read_the_answers(guarded: LiveServer, method: str, path: str, status: int) -> None:
    headers = {"Origin": "http://app.example", "X-API-Key": TOKEN}
    response = guarded.client.request(method, path, headers=headers, content=json.dumps(ROWS))
    assert response.status_code == status
    assert response.headers["access-control-allow-origin"] == "http://app.example"


def test_models_are_on_both_ports(guarded: LiveServer) -> None:
    wait_until(lambda: "* Press Ctrl-C" in guarded.output(), "wrote its banner", guarded)
    (url,) = re.findall(r"Swagger UI: (http://127\.0\.0\.1:\d+)/docs", guarded.output())
    for base in (url, guarded.url):
        headers = {"X-API-Key": TOKEN}
        assert httpx.get(f"{base}/v2/health/ready", verify=NO_TLS).status_code == 200
        assert httpx.get(f"{base}/v2/models/Tensors", headers=headers, verify=NO_TLS).status_code == 200
        assert (
            httpx.post(f"{base}/v2/models/Tensors/infer", headers=headers, json=ROWS, verify=NO_TLS).status_code == 200
        )


def test_traceback_stands_beside_the_error_where_it_may_be_seen(guarded: LiveServer) -> None:
    response = post(guarded, "/v2/models/Tensors.fails/infer", ROWS, **{"X-API-Key": TOKEN})
    assert response.status_code == 500
    document = response.json()
    assert document["error"] == "Exception happened in API function: no luck"
    assert 'raise ValueError("no luck")' in document["traceback"]


def test_nothing_is_below_v2_when_it_is_switched_off(tensors_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "bentoml.yml").write_text("bento_server: {open_inference: {enabled: false}}", encoding="utf-8")
    with live_server(tensors_bundle, home=tmp_path) as server:
        for path in ("/v2", "/v2/health/ready", "/v2/models/Tensors"):
            assert server.client.get(path).status_code == 404
        response = post(server, "/v2/models/Tensors/infer", ROWS)
        assert (response.status_code, response.headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert "/v2/models/{model}/infer" not in server.client.get("/docs.json").json()["paths"]
        assert server.client.post("/predict", json=[[1.5, 2.5]]).json() == [4.0]


RELOADED = """
    import bentoml
    from bentoml.adapters import DataframeInput

    class Versioned(bentoml.BentoService):
        @bentoml.api(input=DataframeInput(), batch=True)
        def {name}(self, df):
            return df
"""


def test_models_follow_the_bundle_that_is_served(tmp_path: Path) -> None:
    def save(version: str, name: str) -> None:
        source = RELOADED.format(name=name)
        save_bundle(tmp_path, source, class_name="Versioned", pack=f"service.set_version({version!r})")

    def answered(server: LiveServer, path: str) -> str:
        document = post(server, path, ROWS).json()
        return str(document.get("model_version", document.get("error")))

    save("v1", "old")
    with live_server(Path("Versioned:latest"), home=tmp_path / "home", command="serve-gunicorn") as server:
        assert answered(server, "/v2/models/Versioned.old/versions/v1/infer") == "v1"
        save("v2", "new")
        assert answered(server, "/v2/models/Versioned/infer") == "v1"
        reload_to(server, "v2")
        assert answered(server, "/v2/models/Versioned/infer") == "v2"
        assert answered(server, "/v2/models/Versioned.new/versions/v2/infer") == "v2"
        for path in ("/v2/models/Versioned.old/infer", "/v2/models/Versioned/versions/v1/infer"):
            assert "there is 'Versioned', 'Versioned.new', version 'v2'" in answered(server, path)
