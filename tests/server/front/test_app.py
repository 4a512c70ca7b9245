from __future__ import annotations

import asyncio
import json
import logging
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentoml.server.front.app import create_app
from bentoml.server.front.bundle_view import BundleView
from bentoml.server.front.endpoints import OWN_PATHS, Endpoints
from bentoml.server.metrics.server_metrics import ServerMetrics
from bentoml.server.options.serve_options import ServeOptions
from bentoml.service.metadata import ApiMetadata, BentoServiceMetadata
from tests.server.asgi_client import AsgiClient

ODD_ROUTE = "/v1/{name}:predict (ä) %41"
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "Iris", "version": "1.0", "description": "# Iris\n\n**Tells** species."},
    "paths": {"/healthz": {}, "/metrics": {}, "/predict": {}},
}


@dataclass
class Switchable:
    """A server's health that a test can change."""

    ready: bool = True
    reason: str = "No worker has loaded the bundle yet"


@dataclass
class Front:
    """An application with all that it was made from."""

    app: ASGIApp
    client: AsgiClient
    health: Switchable
    metrics: ServerMetrics

    def count(self, endpoint: str, status: int) -> float:
        """Value of the request counter of one endpoint and status."""
        wanted = f'_request_total{{endpoint="{endpoint}",http_response_code="{status}"'
        lines = [line for line in self.metrics.render().decode().splitlines() if wanted in line]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0


async def inference(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path and method it was asked; `/own-id` with an id of its own."""
    headers = [(b"content-type", b"text/plain")]
    if scope["path"] == "/own-id":
        headers.append((b"X-Request-Id", b"from-inference"))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": f"{scope['method']} {scope['path']}".encode()})


def view_of(readme: str = "# Iris\n\n**Tells** species.", web_content_dir: Path | None = None) -> BundleView:
    metadata = BentoServiceMetadata("Iris", "1.0", apis=(ApiMetadata("predict", "JsonInput"),))
    return BundleView(
        metadata=metadata,
        metadata_json=json.dumps(metadata.to_json()).encode(),
        docs_json=json.dumps(DOCUMENT, indent=2).encode(),
        readme=readme,
        web_content_dir=web_content_dir,
    )


def front(
    view: BundleView,
    *,
    swagger_enabled: bool = True,
    metrics_enabled: bool = True,
    inference_paths: tuple[str, ...] = ("/predict", "/own-id", ODD_ROUTE),
    lane: ASGIApp = inference,
) -> Front:
    options = replace(
        ServeOptions.from_config(Path("bundle")), swagger_enabled=swagger_enabled, metrics_enabled=metrics_enabled
    )
    health, metrics = Switchable(), ServerMetrics("BENTOML", view.name, view.version)
    app = create_app(view, options, health, metrics, lane, inference_paths)
    return Front(app, AsgiClient(app), health, metrics)


@pytest.fixture
def plain() -> Front:
    return front(view_of())


@pytest.fixture
def with_site(tmp_path: Path) -> Front:
    site = tmp_path / "web_static_content"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<h1>My page</h1>")
    (site / "sub" / "index.html").write_text("<h1>Below</h1>")
    (site / "predict").write_text("hidden by the API")
    (site / "metadata").write_text("hidden by the server")
    (tmp_path / "secret.txt").write_text("not for clients")
    return front(view_of(web_content_dir=site))


def is_uuid4(text: str) -> bool:
    return uuid.UUID(text).version == 4


@pytest.mark.parametrize(
    ("path", "status", "content_type"),
    [
        ("/", 200, "text/html; charset=utf-8"),
        ("/docs", 200, "text/html; charset=utf-8"),
        ("/docs.json", 200, "application/json"),
        ("/healthz", 200, "text/plain; charset=utf-8"),
        ("/readyz", 200, "text/plain; charset=utf-8"),
        ("/livez", 200, "text/plain; charset=utf-8"),
        ("/metadata", 200, "application/json"),
        ("/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"),
        ("/static_content/page.css", 200, "text/css; charset=utf-8"),
        ("/static_content/swagger-ui/swagger-ui-bundle.js", 200, "text/javascript; charset=utf-8"),
        ("/static_content/none.css", 404, "text/plain; charset=utf-8"),
        ("/nothing", 404, "text/plain; charset=utf-8"),
    ],
)
def test_get_of_each_path_answers_with_type_and_request_id(
    plain: Front, path: str, status: int, content_type: str
) -> None:
    answer = plain.client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, content_type)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] in {"no-cache", "no-store"}
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    is_page = content_type.startswith("text/html")
    assert ("frame-ancestors 'none'" in policy) is not is_page
    assert answer.headers.get("cross-origin-resource-policy") == (None if is_page else "same-origin")
    assert is_uuid4(answer.headers["x-request-id"])


@pytest.mark.parametrize(
    "path",
    [
        "/docs/",
        "/Docs",
        "/healthz/",
        "/healthz%0A",
        "//healthz",
        "/./healthz",
        "/docs%2Ejson/",
        "/metrics%00",
        "/feedback/",
    ],
)
def test_get_of_a_path_that_is_nearly_right_answers_404_with_a_sentence(plain: Front, path: str) -> None:
    answer = plain.client.get(path)
    assert answer.status_code == 404
    assert answer.text.startswith("Not found: ")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_readiness_follows_the_health(plain: Front, path: str) -> None:
    assert (plain.client.get(path).status_code, plain.client.get(path).text) == (200, "\n")
    plain.health.ready = False
    answer = plain.client.get(path)
    assert (answer.status_code, answer.text) == (503, "No worker has loaded the bundle yet\n")
    assert answer.headers["cache-control"] == "no-store"
    plain.health.ready = True
    assert plain.client.get(path).status_code == 200


def test_liveness_without_a_worker_is_200(plain: Front) -> None:
    plain.health.ready = False
    assert (plain.client.get("/livez").status_code, plain.client.get("/livez").text) == (200, "\n")


def test_metadata_is_one_json_object_in_camel_case(plain: Front) -> None:
    metadata = plain.client.get("/metadata").json()
    assert (metadata["name"], metadata["apis"][0]["inputType"]) == ("Iris", "JsonInput")


def test_docs_json_is_the_saved_document_byte_for_byte(plain: Front) -> None:
    assert plain.client.get("/docs.json").content == json.dumps(DOCUMENT, indent=2).encode()


def test_metrics_when_disabled_are_404_and_out_of_the_document() -> None:
    client = front(view_of(), metrics_enabled=False).client
    assert (client.get("/metrics").status_code, client.get("/metrics").text) == (404, "Metrics are disabled")
    assert list(client.get("/docs.json").json()["paths"]) == ["/healthz", "/predict"]
    assert 'href="metrics"' not in client.get("/").text


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_when_swagger_is_disabled_are_404(path: str) -> None:
    client = front(view_of(), swagger_enabled=False).client
    assert (client.get(path).status_code, client.get(path).text) == (404, "Swagger is disabled")
    assert client.get("/docs.json").status_code == 200


def test_front_page_has_both_tabs_and_docs_only_swagger(plain: Front) -> None:
    home, docs = plain.client.get("/").text, plain.client.get("/docs").text
    assert home.count('role="tab"') == 2
    assert "<strong>Tells</strong>" in home
    assert 'role="tab"' not in docs
    assert "<strong>Tells</strong>" not in docs


def test_pages_forbid_scripts_from_elsewhere_and_have_none_inline(plain: Front) -> None:
    answer = plain.client.get("/")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
    assert "unsafe" not in policy
    assert "http:" not in answer.text
    assert "https:" not in answer.text
    assert all('src="static_content/' in line for line in answer.text.splitlines() if "<script" in line)


def test_files_that_the_page_names_exist_and_may_be_kept_forever(plain: Front) -> None:
    page = plain.client.get("/").text
    names = [piece.partition('"')[0] for piece in page.split('="')[1:] if piece.startswith("static_content/")]
    assert len(names) == 6
    for name in names:
        answer = plain.client.get(f"/{name}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert plain.client.get(f"/{name.partition('?')[0]}").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/", "/docs.json", "/metadata", "/static_content/page.js"])
def test_get_with_the_entity_tag_answers_304(plain: Front, path: str) -> None:
    first = plain.client.get(path)
    again = plain.client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert is_uuid4(again.headers["x-request-id"])


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/docs.json", "/healthz", "/metadata", "/metrics", "/static_content/page.css"])
def test_other_methods_answer_405_with_the_allowed_ones(plain: Front, method: str, path: str) -> None:
    answer = plain.client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.text == "Method not allowed here; use one of: GET, HEAD, OPTIONS"


def test_options_answers_200_with_the_allowed_methods(plain: Front) -> None:
    answer = plain.client.request("OPTIONS", "/metadata")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (200, "GET, HEAD, OPTIONS", b"")


def test_head_answers_like_get(plain: Front) -> None:
    assert plain.client.request("HEAD", "/metadata").headers["content-length"] == str(
        len(plain.client.get("/metadata").content)
    )


@pytest.mark.parametrize(
    ("path", "shown"), [("/predict", "/predict"), ("/v1/%7Bname%7D:predict%20(%C3%A4)%20%2541", ODD_ROUTE)]
)
@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS", "DELETE"])
def test_api_paths_go_to_inference_whatever_the_method(plain: Front, method: str, path: str, shown: str) -> None:
    answer = plain.client.request(method, path)
    assert (answer.status_code, answer.text) == (200, f"{method} {shown}")
    assert is_uuid4(answer.headers["x-request-id"])


@pytest.mark.parametrize("path", ["/predict/", "/Predict", "/predict/1", "/v1/iris:predict (ä) A"])
def test_path_that_is_nearly_an_api_answers_404(plain: Front, path: str) -> None:
    assert plain.client.request("POST", path).status_code == 404


def test_request_id_that_the_answer_carries_is_left_alone(plain: Front) -> None:
    answer = plain.client.get("/own-id", headers={"X-Request-Id": "mine"})
    assert answer.headers.get_list("x-request-id") == ["from-inference"]


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/predict", "/static_content/page.css"])
def test_request_id_of_the_client_is_echoed(plain: Front, path: str) -> None:
    assert plain.client.get(path, headers={"X-Request-Id": "order/17"}).headers["x-request-id"] == "order/17"
    assert is_uuid4(plain.client.get(path, headers={"X-Request-Id": "two words"}).headers["x-request-id"])


def test_requests_are_counted_under_templates_and_unknown_paths_share_one(plain: Front) -> None:
    for path in ("/healthz", "/static_content/page.css", "/static_content/none", "/x", "/y", "/healthz%0A", "/predict"):
        plain.client.get(path)
    plain.client.request("POST", "/healthz")
    assert plain.count("/healthz", 200) == 1
    assert plain.count("/healthz", 405) == 1
    assert plain.count("/static_content/{file}", 200) == 1
    assert plain.count("/static_content/{file}", 404) == 1
    assert plain.count("unknown", 404) == 3
    # API routes are counted by the lane that runs them.
    assert plain.count("/predict", 200) == 0
    text = plain.metrics.render().decode()
    assert "/x" not in text
    assert 'in_progress{endpoint="unknown",service_version="1.0"} 0.0' in text


def test_endpoint_that_fails_answers_500_with_an_id_and_is_counted(
    plain: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> float:
        raise RuntimeError("no such number")

    plain.metrics.gauge("broken", "Fails.", broken)
    answer = plain.client.get("/metrics", headers={"X-Request-Id": "find-me"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "find-me")
    assert "no such number" not in answer.text
    plain.metrics.gauge("broken", "Works again.", lambda: 1.0)
    assert plain.count("/metrics", 500) == 1


def test_without_inference_api_paths_are_unknown() -> None:
    view = view_of()
    metrics = ServerMetrics("BENTOML", "Iris", "1.0")
    app = create_app(view, ServeOptions.from_config(Path("bundle")), Switchable(), metrics)
    client = AsgiClient(app)
    assert client.request("POST", "/predict").status_code == 404
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize("path", sorted(OWN_PATHS - {"/feedback"}))
def test_get_of_an_own_path_is_ours_and_other_methods_reach_an_api_of_that_route(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("bentoml").propagate = True
    client = front(view_of(), inference_paths=(path,)).client
    assert client.get(path).text != f"GET {path}"
    assert client.request("HEAD", path).text != f"HEAD {path}"
    assert client.request("POST", path).text == f"POST {path}"
    assert client.request("OPTIONS", path).text == f"OPTIONS {path}"
    assert f"GET {path} is answered by the server itself" in caplog.text


def test_own_paths_are_those_that_are_answered() -> None:
    options = ServeOptions.from_config(Path("bundle"))
    endpoints = Endpoints(view_of(), options, Switchable(), ServerMetrics("BENTOML", "Iris", "1.0"))
    assert set(endpoints.paths) == OWN_PATHS


def test_front_page_with_web_content_is_the_users_page(with_site: Front) -> None:
    assert with_site.client.get("/").text == "<h1>My page</h1>"
    assert "content-security-policy" not in with_site.client.get("/").headers
    assert 'id="swagger-ui"' in with_site.client.get("/docs").text
    assert with_site.count("/", 200) == 2


def test_front_page_with_web_content_stays_when_swagger_is_disabled(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    client = front(view_of(web_content_dir=tmp_path), swagger_enabled=False).client
    assert client.get("/").text == "mine"
    assert client.get("/docs").status_code == 404


def test_web_content_hides_neither_apis_nor_own_endpoints(with_site: Front) -> None:
    assert with_site.client.get("/predict").text == "GET /predict"
    assert with_site.client.get("/metadata").json()["name"] == "Iris"


def test_web_content_of_a_directory_redirects_to_its_slash(with_site: Front) -> None:
    answer = with_site.client.get("/sub")
    assert (answer.status_code, answer.headers["location"]) == (307, "./sub/")
    assert with_site.client.get("/sub/").text == with_site.client.get("/sub/index").text == "<h1>Below</h1>"
    assert with_site.count("/{path}", 200) == 2


def test_web_content_by_another_method_answers_405_and_unknown_path_404(with_site: Front) -> None:
    answer = with_site.client.request("POST", "/index.html")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert with_site.client.request("OPTIONS", "/index.html").status_code == 200
    assert with_site.client.request("POST", "/nothing").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "/static_content/../secret.txt",
        "/static_content/..%2f..%2fapp.py",
        "/static_content/%2fetc%2fpasswd",
        "//etc/passwd",
        "/index.html%00.txt",
    ],
)
def test_web_content_cannot_be_left(with_site: Front, path: str) -> None:
    answer = with_site.client.get(path)
    assert answer.status_code == 404
    assert "not for clients" not in answer.text


def test_websocket_is_refused(plain: Front) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/healthz", "headers": [], "query_string": b"", "subprotocols": []}
    asyncio.run(plain.app(scope, receive, send))  # type: ignore[arg-type]  # a coroutine, though typed an awaitable
    assert [message["type"] for message in sent] == ["websocket.close"]
