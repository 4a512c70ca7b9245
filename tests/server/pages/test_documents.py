from __future__ import annotations

import gzip

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bentoml.server.pages.documents import Document, accepts_gzip, matches
from tests.server.asgi_client import AsgiClient

LARGE = b"a long text, " * 400


def client_of(content: bytes) -> AsgiClient:
    document = Document(content, "text/plain; charset=utf-8", headers={"referrer-policy": "no-referrer"})

    async def answer(request: Request) -> Response:
        return await document.respond(request)

    return AsgiClient(Starlette(routes=[Route("/", answer)]))


def test_respond_to_a_client_that_takes_gzip_compresses_large_bodies() -> None:
    answer = client_of(LARGE).get("/", headers={"accept-encoding": "gzip, br"})
    raw = answer.content
    assert gzip.decompress(raw) == LARGE
    assert len(raw) < len(LARGE) / 4
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "accept-encoding")
    assert answer.headers["content-length"] == str(len(raw))


@pytest.mark.parametrize(
    ("content", "accepted"), [(LARGE, "identity"), (LARGE, ""), (b"short", "gzip")], ids=["identity", "empty", "short"]
)
def test_respond_otherwise_sends_the_body_as_it_is(content: bytes, accepted: str) -> None:
    answer = client_of(content).get("/", headers={"accept-encoding": accepted})
    assert answer.content == content
    assert "content-encoding" not in answer.headers
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_respond_tags_each_encoding_of_each_content_differently() -> None:
    client = client_of(LARGE)
    plain = client.get("/", headers={"accept-encoding": "identity"}).headers["etag"]
    compressed = client.get("/", headers={"accept-encoding": "gzip"}).headers["etag"]
    other = client_of(LARGE + b"!").get("/", headers={"accept-encoding": "identity"}).headers["etag"]
    assert len({plain, compressed, other}) == 3
    answer = client.get("/", headers={"accept-encoding": "gzip", "if-none-match": f'"x", W/{compressed}'})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", compressed)
    assert client.get("/", headers={"accept-encoding": "gzip", "if-none-match": plain}).status_code == 200


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("br, gzip;q=0.5", True),
        ("gzip; q=1", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("x-gzip", False),
        ("", False),
        ("br", False),
    ],
)
def test_accepts_gzip_of_a_header(header: str, expected: bool) -> None:
    assert accepts_gzip(header) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False), ("", False), ("a", False)],
)
def test_matches_of_a_header(header: str, expected: bool) -> None:
    assert matches(header, '"a"') is expected
