"""Pages of other origins that call the service, in a browser that keeps the rules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Tab
from tests.server.blank_site import blank_site
from tests.server.live import LiveServer, live_server

pytestmark = pytest.mark.browser

CONFIG = """
bento_server:
  max_request_size: 1000
  cors:
    enabled: true
    access_control_allow_origin: "http://127.0.0.1:{port}, http://trusted.example"
    access_control_allow_credentials: true
    access_control_allow_headers: Content-Type, X-Custom
    access_control_max_age: 60
"""
FETCH = """
async ([url, options]) => {
  try {
    const answer = await fetch(url, options);
    return {status: answer.status, text: await answer.text(), headers: Object.fromEntries(answer.headers)};
  } catch (error) {
    return {refused: String(error)};
  }
}
"""
REFUSED = {"refused": "TypeError: Failed to fetch"}


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[int]:
    with blank_site() as port:
        yield port


@pytest.fixture(scope="module")
def server(flowers_bundle: Path, elsewhere: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    home = tmp_path_factory.mktemp("cors-home")
    (home / "bentoml.yml").write_text(CONFIG.format(port=elsewhere))
    with live_server(flowers_bundle, home=home) as running:
        yield running


def fetch(tab: Tab, server: LiveServer, path: str, **options: Any) -> dict[str, Any]:
    """What a script on the page gets; the page and the server are on different ports of 127.0.0.1."""
    answer: dict[str, Any] = tab.run(FETCH, [f"http://127.0.0.1:{server.port}{path}", options])
    return answer


def json_post(body: str, **headers: str) -> dict[str, Any]:
    return {"method": "POST", "body": body, "headers": {"Content-Type": "application/json", **headers}}


@pytest.fixture
def allowed(tab: Tab, elsewhere: int) -> Tab:
    tab.goto(f"http://127.0.0.1:{elsewhere}/")
    return tab


@pytest.fixture
def stranger(tab: Tab, elsewhere: int) -> Tab:
    """The same site under a name that is another origin."""
    tab.goto(f"http://localhost:{elsewhere}/")
    return tab


def test_page_of_an_allowed_origin_calls_the_service(allowed: Tab, server: LiveServer) -> None:
    answer = fetch(allowed, server, "/predict", **json_post("[[5.1, 3.5, 1.4, 0.2]]"))
    assert (answer["status"], answer["text"]) == (200, "[0]")
    assert answer["headers"]["x-request-id"]
    # A request that a plain form could send as well goes out without a preflight.
    assert fetch(allowed, server, "/predict", method="POST", body="[[7, 1]]")["text"] == "[1]"
    assert allowed.problems == []


def test_page_may_send_the_headers_that_are_listed_and_no_others(allowed: Tab, server: LiveServer) -> None:
    answer = fetch(allowed, server, "/v1/describe", **json_post("1", **{"X-Custom": "mine"}))
    assert '"custom": "mine"' in answer["text"]
    assert fetch(allowed, server, "/v1/describe", **json_post("1", **{"X-Other": "mine"})) == REFUSED
    assert fetch(allowed, server, "/v1/describe", method="DELETE") == REFUSED


def test_page_sends_cookies_when_credentials_are_allowed(allowed: Tab, server: LiveServer) -> None:
    allowed.run("document.cookie = 'who=ada; SameSite=Lax'")
    with_cookie = fetch(allowed, server, "/v1/describe", **json_post("1"), credentials="include")
    assert '"cookie": "who=ada"' in with_cookie["text"]
    assert '"cookie": null' in fetch(allowed, server, "/v1/describe", **json_post("1"))["text"]


@pytest.mark.parametrize(
    ("path", "body", "status", "text"),
    [
        ("/predict", "{bad", 400, "not valid JSON"),
        ("/nowhere", "1", 404, "Not found"),
        ("/metadata", "1", 405, "Method not allowed"),
        ("/v1/describe", f'"{"x" * 2000}"', 413, "Request body is too large"),
        ("/fail", "1", 500, "Exception happened in API function"),
    ],
)
def test_page_reads_errors(allowed: Tab, server: LiveServer, path: str, body: str, status: int, text: str) -> None:
    answer = fetch(allowed, server, path, **json_post(body))
    assert answer["status"] == status
    assert text in answer["text"]


def test_page_reads_that_its_time_is_up_and_when_to_come_back(allowed: Tab, server: LiveServer) -> None:
    # Takes the worker beyond its own time; behind it no other can be answered in time.
    # Without a preflight, which would open the connection: Chromium repeats what is answered 408 on one that was used.
    late = fetch(allowed, server, "/hurried", method="POST", body="3")
    assert (late["status"], late["text"]) == (408, "Request timeout")
    refused = fetch(allowed, server, "/hurried", **json_post("0"))
    assert (refused["status"], refused["text"]) == (429, "429: Too Many Requests")
    assert int(refused["headers"]["retry-after"]) >= 1


def test_page_reads_a_stream_and_what_the_server_says_of_itself(allowed: Tab, server: LiveServer) -> None:
    assert fetch(allowed, server, "/count", **json_post("3"))["text"] == "0\n1\n2\n"
    for path in ("/docs.json", "/metadata", "/healthz", "/metrics"):
        assert fetch(allowed, server, path)["status"] == 200
    request_id = fetch(allowed, server, "/predict", **json_post("[[1, 2]]"))["headers"]["x-request-id"]
    assert fetch(allowed, server, "/feedback", **json_post(f'{{"request_id": "{request_id}"}}'))["text"] == "success"
    assert allowed.problems == []


def test_page_of_another_origin_reads_nothing(stranger: Tab, server: LiveServer) -> None:
    assert fetch(stranger, server, "/predict", **json_post("[[1, 2]]")) == REFUSED
    assert fetch(stranger, server, "/predict", method="POST", body="[[1, 2]]") == REFUSED
    assert fetch(stranger, server, "/metadata") == REFUSED
    assert any("has been blocked by CORS policy" in problem for problem in stranger.problems)


def test_page_without_an_origin_reads_nothing(allowed: Tab, server: LiveServer) -> None:
    script = """
      url => new Promise(resolve => {
        onmessage = event => resolve(event.data);
        const frame = document.createElement('iframe');
        frame.sandbox = 'allow-scripts';
        frame.srcdoc = `<script>fetch(${JSON.stringify(url)}).then(() => parent.postMessage('read', '*'),
          () => parent.postMessage(origin, '*'))</` + `script>`;
        document.body.append(frame);
      })
    """
    assert allowed.run(script, f"{server.url}/metadata") == "null"


def test_page_of_any_origin_reads_when_all_are_allowed_but_never_with_credentials(
    flowers_bundle: Path, stranger: Tab, tmp_path: Path
) -> None:
    (tmp_path / "bentoml.yml").write_text(
        "bento_server: {cors: {enabled: true, access_control_allow_origin: '*', access_control_allow_headers: '*'}}"
    )
    with live_server(flowers_bundle, home=tmp_path) as server:
        answer = fetch(stranger, server, "/v1/describe", **json_post("1", **{"X-Custom": "a", "Authorization": "b"}))
        assert '"custom": "a"' in answer["text"]
        assert answer["headers"]["x-request-id"]
        assert fetch(stranger, server, "/v1/describe", **json_post("1"), credentials="include") == REFUSED
