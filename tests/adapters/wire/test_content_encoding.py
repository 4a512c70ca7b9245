"""Compressed bodies within their limits."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest

from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.content_encoding import decompressed, gunzip
from bentoml.types import HTTPRequest

BODY = b"[1, 2, 3]" * 100
PACKED = gzip.compress(BODY)


def test_members_one_after_the_other_are_one_body() -> None:
    assert gunzip(PACKED + gzip.compress(b"end") + b"\0\0", 10_000) == BODY + b"end"


@pytest.mark.parametrize(
    "body",
    [b"", b"plain", PACKED[:-1], PACKED[:-4] + b"\0\0\0\0", PACKED[:5], PACKED + b"more", PACKED + PACKED[:9]],
    ids=["empty", "plain", "cut in the trailer", "wrong size", "cut in the header", "surplus", "second member cut"],
)
def test_body_that_is_not_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(InputError, match=r"^Gzip decompression error$") as caught:
        gunzip(body, 10_000)
    assert caught.value.status_code == 400


@pytest.mark.parametrize("limit", [len(BODY) - 1, 1, 0])
def test_body_larger_than_the_limit_is_413(limit: int) -> None:
    with pytest.raises(InputError) as caught:
        gunzip(PACKED, limit)
    assert caught.value.status_code == 413


def test_body_of_exactly_the_limit_is_taken() -> None:
    assert gunzip(PACKED, len(BODY)) == BODY


def test_many_members_within_the_limit_each_are_413_together() -> None:
    with pytest.raises(InputError) as caught:
        gunzip(PACKED * 5, 4 * len(BODY))
    assert caught.value.status_code == 413


def test_bomb_is_never_held() -> None:
    bomb = gzip.compress(b"\0" * 100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            gunzip(bomb, 1_000_000)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 4_000_000


@pytest.mark.parametrize("encoding", ["identity", "br", ""])
def test_other_encodings_pass_as_they_are(encoding: str) -> None:
    request = HTTPRequest({"Content-Encoding": encoding}, PACKED)
    assert decompressed(request) is request


def test_decompressed_request_keeps_all_else() -> None:
    request = HTTPRequest({"Content-Encoding": "gzip", "X-One": "1"}, PACKED, "GET", "/p", "q=1", "10.0.0.1")
    plain = decompressed(request)
    assert plain.body == BODY
    assert (plain.method, plain.path, plain.query_string, plain.client) == ("GET", "/p", "q=1", "10.0.0.1")
    assert plain.headers == request.headers
