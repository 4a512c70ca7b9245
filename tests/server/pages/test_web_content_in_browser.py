"""A user's own page, with scripts and requests to the API of the same server, in a browser."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import Tab
from tests.server.live import LiveServer, live_server, save_bundle
from tests.server.prefix_proxy import prefix_proxy
from tests.server.raw_http import connection, receive_answers, request

SERVICE = """
import bentoml
from bentoml.adapters import JsonInput


@bentoml.web_static_content("site")
class WithPage(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def double(self, numbers):
        return [2 * number for number in numbers]

    @bentoml.api(input=JsonInput(), batch=False, route="hidden.html")
    def hidden(self, obj):
        return "the API"
"""
INDEX = """<!doctype html>
<title>Doubler</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="assets/style.css">
<style>h1 { font-style: italic }</style>
<h1 onclick="this.textContent = 'clicked'">Doubler</h1>
<img src="assets/dot.svg" alt="dot">
<input id="number" value="21"> <button id="go">Double</button> <output id="answer"></output>
<script>window.inline = true</script>
<script type="module" src="assets/app.mjs"></script>
"""
SITE = {
    "index.html": INDEX,
    "hidden.html": "a file that an API hides",
    "assets/style.css": "h1 { color: rgb(1, 2, 3) }",
    "assets/dot.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle r="9"/></svg>',
    "assets/app.mjs": """
import {double} from './double.mjs';
document.querySelector('#go').addEventListener('click', async () => {
  document.querySelector('#answer').value = await double(Number(document.querySelector('#number').value));
});
""",
    "assets/double.mjs": """
export async function double(number) {
  const answer = await fetch('double', {method: 'POST', body: JSON.stringify(number)});
  return answer.json();
}
""",
    "gallery/index.html": "<!doctype html><title>Gallery</title><link rel=icon href=data:,><a href='../'>back</a>",
    "data.txt": "0123456789",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    directory = tmp_path_factory.mktemp("site")
    for name, text in SITE.items():
        (directory / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / "site" / name).write_text(text)
    bundle = save_bundle(directory, SERVICE, class_name="WithPage")
    content = next(bundle.glob("*/web_static_content"))
    # What a bundle may have become on its way here.
    (content / "secret").symlink_to("/etc/passwd")
    (content / "up").symlink_to("..")
    with live_server(bundle, "--no-verify", home=directory / "home") as running:
        yield running


@pytest.mark.browser
@pytest.mark.parametrize("is_prefixed", [False, True], ids=["at the root", "below a prefix"])
def test_page_of_the_user_works_with_its_scripts_and_the_api(
    server: LiveServer, tab: Tab, *, is_prefixed: bool
) -> None:
    with prefix_proxy(server.url, "/some/where") as proxy:
        url = proxy if is_prefixed else server.url
        tab.goto(f"{url}/")
        assert tab.title == "Doubler"
        tab.fill("#number", "4")
        tab.click("#go")
        tab.run(
            "() => new Promise(done => { const look = () => answer.value ? done() : setTimeout(look, 10); look() })"
        )
        assert tab.run("answer.value") == "8"
        assert tab.run("window.inline") is True
        assert tab.run("getComputedStyle(document.querySelector('h1')).color") == "rgb(1, 2, 3)"
        assert tab.run("document.querySelector('img').naturalWidth") == 9
        tab.click("h1")
        assert tab.text("h1") == "clicked"
        tab.goto(f"{url}/gallery")
        assert (tab.title, tab.url) == ("Gallery", f"{url}/gallery/")
        tab.click("a")
        tab.wait_for("#go")
        tab.settle()
        tab.goto(f"{url}/docs")
        tab.wait_for(".opblock")
        tab.settle()
    assert tab.problems == []


@pytest.mark.parametrize(
    "path",
    [
        "/../../bentoml.yml",
        "/..%2f..%2fbentoml.yml",
        "/%2e%2e/%2e%2e/bentoml.yml",
        "/%2e%2e%2f%2e%2e%2fbentoml.yml",
        "/%252e%252e/%252e%252e/bentoml.yml",
        "/..%5c..%5cbentoml.yml",
        "/..\\..\\bentoml.yml",
        "/assets/../../../bentoml.yml",
        "/assets/%2e%2e/%2e%2e/%2e%2e/bentoml.yml",
        "/....//....//bentoml.yml",
        "/..;/bentoml.yml",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/%2Fetc%2Fpasswd",
        "/C:%5cWindows%5cwin.ini",
        "/file:///etc/passwd",
        "/data.txt%00",
        "/data.txt%00.html",
        "/%00",
        "/data.txt/",
        "/data.txt/.",
        "/data.txt%20",
        "/data.txt.",
        "/DATA.TXT",
        "/secret",
        "/up/bentoml.yml",
        "/up",
        "/%ff%fe",
        "/%c0%ae%c0%ae/bentoml.yml",
        "/static_content/..%2f..%2fdata.txt",
        "/static_content/%2e%2e/app.py",
    ],
)
def test_path_out_of_the_directory_finds_nothing(server: LiveServer, path: str) -> None:
    with connection(server) as sock:
        sock.sendall(request(b"GET", path.encode(), b"") + request(b"GET", b"/data.txt", b""))
        refused, found = receive_answers(sock, 2)
    assert refused.startswith(b"HTTP/1.1 404 "), refused
    assert b"root:" not in refused
    assert b"service_name" not in refused
    assert found.endswith(b"0123456789")


def test_file_is_sent_with_what_caches_and_players_need(server: LiveServer) -> None:
    whole = server.client.get("/data.txt")
    assert whole.text == "0123456789"
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["cache-control"] == "no-cache"
    assert "content-security-policy" not in whole.headers
    tag = whole.headers["etag"]
    again = server.client.get("/data.txt", headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    for wanted, status, text in (
        ("bytes=2-4", 206, "234"),
        ("bytes=7-", 206, "789"),
        ("bytes=-2", 206, "89"),
        ("bytes=20-", 416, None),
        ("bytes=0-0, 2-3", 200, "0123456789"),
        ("bytes=" + ",".join(["0-"] * 10_000), 200, "0123456789"),
        ("lines=1-2", 200, "0123456789"),
    ):
        answer = server.client.get("/data.txt", headers={"Range": wanted})
        assert answer.status_code == status, wanted
        assert text is None or answer.text == text
    assert server.client.get("/data.txt", headers={"Range": "bytes=2-4", "If-Range": tag}).status_code == 206
    assert server.client.get("/data.txt", headers={"Range": "bytes=2-4", "If-Range": '"old"'}).text == "0123456789"
    head = server.client.head("/data.txt")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "10", b"")


def test_api_wins_over_a_file_of_the_same_name(server: LiveServer) -> None:
    assert server.client.post("/hidden.html", json=1).json() == "the API"
    assert "a file that an API hides" not in server.client.get("/hidden.html").text
