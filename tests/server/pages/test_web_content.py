from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bentoml.server.pages.web_content import WebContent
from tests.server.asgi_client import AsgiClient

FILES = {
    "index.html": "home",
    "app.js": "1",
    "app.mjs": "1",
    "style.css": "p{}",
    "data.json": "{}",
    "model.onnx": "o",
    "model.wasm": "w",
    "photo.webp": "p",
    "font.woff2": "f",
    "no-suffix": "n",
    "a b/ü.txt": "umlaut",
    "deep/er/index.html": "deep",
    "deep/er/index": "file named index",
    ".env": "secret",
    ".git/config": "secret",
    ".well-known/security.txt": "contact",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def client_of(root: Path) -> AsgiClient:
    content = WebContent(root)

    async def answer(request: Request) -> Response:
        return await content.respond(request.scope["path"], request) or PlainTextResponse("none", 404)

    return AsgiClient(Starlette(routes=[Route("/{path:path}", answer)]))


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/app.mjs", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/data.json", "application/json"),
        ("/model.onnx", "application/octet-stream"),
        ("/model.wasm", "application/wasm"),
        ("/photo.webp", "image/webp"),
        ("/font.woff2", "font/woff2"),
        ("/no-suffix", "application/octet-stream"),
        ("/a%20b/%C3%BC.txt", "text/plain; charset=utf-8"),
        ("/.well-known/security.txt", "text/plain; charset=utf-8"),
    ],
)
def test_respond_to_a_file_sends_its_type(root: Path, path: str, content_type: str) -> None:
    answer = client_of(root).get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type)
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/.env", "/.git/config", "/deep", "/deep/", "/a b", "/index.html/", "/x", "//app.js"])
def test_respond_to_anything_else_finds_nothing(root: Path, path: str) -> None:
    assert client_of(root).get(path).status_code == 404


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/index", "home"),
        ("/deep/er/", "deep"),
        ("/deep/er/index", "file named index"),
        ("/deep/er/index.html", "deep"),
    ],
)
def test_respond_to_a_directory_sends_its_page_but_files_win(root: Path, path: str, text: str) -> None:
    assert client_of(root).get(path).text == text


def test_respond_to_a_directory_without_slash_redirects_below_itself(tmp_path: Path) -> None:
    for name in ("deep/er", "http:evil.example"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "index.html").write_text("x")
    client = client_of(tmp_path)
    assert client.get("/deep/er").headers["location"] == "./er/"
    assert client.get("/http:evil.example").headers["location"].startswith("./http")


def test_respond_with_the_entity_tag_answers_304_until_the_file_changes(root: Path) -> None:
    client = client_of(root)
    tag = client.get("/app.js").headers["etag"]
    assert client.get("/app.js", headers={"if-none-match": tag}).status_code == 304
    (root / "app.js").write_text("changed")
    assert client.get("/app.js", headers={"if-none-match": tag}).text == "changed"


def test_respond_to_a_range_sends_that_part(root: Path) -> None:
    answer = client_of(root).get("/index.html", headers={"range": "bytes=1-2"})
    assert (answer.status_code, answer.text) == (206, "om")


def test_respond_to_a_file_that_is_gone_finds_nothing(root: Path) -> None:
    client = client_of(root)
    (root / "app.js").unlink()
    assert client.get("/app.js").status_code == 404


def test_links_out_of_the_directory_are_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.txt").write_text("secret")
    (root / "file.txt").symlink_to(outside / "secret.txt")
    (root / "directory").symlink_to(outside)
    client = client_of(root)
    assert client.get("/file.txt").status_code == 404
    assert client.get("/directory/secret.txt").status_code == 404


def test_has_index_tells_whether_there_is_a_page_for_the_root(root: Path) -> None:
    assert WebContent(root).has_index
    (root / "index.html").unlink()
    assert not WebContent(root).has_index
