"""Compressed bodies within their limits."""

from __future__ import annotations

import gzip
import logging
import sys
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import brotli
import pytest

from bentoml.adapters import JsonInput
from bentoml.adapters.errors import InputError
from bentoml.adapters.wire import missing_library
from bentoml.adapters.wire.content_encoding import decompressed, unpack
from bentoml.adapters.wire.packed_members import MAX_MEMBERS
from bentoml.types import HTTPRequest
from tests.adapters.contract import api_of

if TYPE_CHECKING:
    from collections.abc import Callable

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BODY = b"[1, 2, 3]" * 100
PACKED = gzip.compress(BODY, mtime=0)


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: list[Any] = [
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("deflate", zlib.compress, id="deflate"),
    pytest.param("deflate", raw_deflate, id="raw deflate"),
    pytest.param("br", brotli.compress, id="br"),
    pytest.param("zstd", zstd.compress, id="zstd"),
]
every_coding = pytest.mark.parametrize(("coding", "pack"), PACKERS)


@pytest.fixture(autouse=True)
def nothing_logged_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_library, "_logged", set())


@every_coding
@pytest.mark.parametrize("body", [b"", b"x", BODY, bytes(3_000_000), bytes(range(256)) * 10_000], ids=len)
def test_packed_body_is_what_it_was(coding: str, pack: Callable[[bytes], bytes], body: bytes) -> None:
    assert unpack(pack(body), coding, len(body)) == body


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_members_one_after_the_other_are_one_body(coding: str) -> None:
    pack: Any = {"gzip": gzip.compress, "zstd": zstd.compress}[coding]
    assert unpack(pack(BODY) + pack(b"") + pack(b"end"), coding, 10_000) == BODY + b"end"
    assert unpack(pack(b"1") * 5000, coding, 5000) == b"1" * 5000


def test_zeros_after_the_last_member_of_gzip_are_padding() -> None:
    assert unpack(PACKED + bytes(5), "gzip", 10_000) == BODY


@every_coding
def test_damaged_body_is_refused(coding: str, pack: Callable[[bytes], bytes]) -> None:
    packed = pack(BODY)
    for body in (b"", b"plain", packed[:-1], packed[:2], packed + b"more", packed + packed[:5], b"\xff" * 100):
        with pytest.raises(InputError, match=r"^(Gzip|Deflate|Brotli|Zstandard) decompression error$") as caught:
            unpack(body, coding, 10_000)
        assert caught.value.status_code == 400


def test_gzip_that_is_cut_or_of_the_wrong_size_is_refused_with_its_literal() -> None:
    for body in (PACKED[:-4] + b"\0\0\0\0", PACKED + b"more", PACKED + PACKED[:9]):
        with pytest.raises(InputError, match=r"^Gzip decompression error$"):
            unpack(body, "gzip", 10_000)


@every_coding
def test_body_larger_than_the_limit_is_413(coding: str, pack: Callable[[bytes], bytes]) -> None:
    for limit in (len(BODY) - 1, 1, 0):
        with pytest.raises(InputError) as caught:
            unpack(pack(BODY), coding, limit)
        assert caught.value.status_code == 413


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_many_members_within_the_limit_each_are_413_together(coding: str) -> None:
    pack: Any = {"gzip": gzip.compress, "zstd": zstd.compress}[coding]
    with pytest.raises(InputError) as caught:
        unpack(pack(BODY) * 5, coding, 4 * len(BODY))
    assert caught.value.status_code == 413


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_more_members_than_anybody_needs_are_refused(coding: str) -> None:
    pack: Any = {"gzip": gzip.compress, "zstd": zstd.compress}[coding]
    assert unpack(pack(b"") * MAX_MEMBERS, coding, 10) == b""
    with pytest.raises(InputError, match="decompression error"):
        unpack(pack(b"") * (MAX_MEMBERS + 1), coding, 10)


@every_coding
def test_bomb_is_never_held(coding: str, pack: Callable[[bytes], bytes]) -> None:
    bomb = pack(bytes(50_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            unpack(bomb, coding, 1_000_000)
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 4_000_000


def test_zstd_that_asks_for_a_large_window_is_refused() -> None:
    body = zstd.compress(bytes(20_000_000), options={zstd.CompressionParameter.window_log: 24})
    with pytest.raises(InputError, match=r"^Zstandard decompression error$"):
        unpack(body, "zstd", 30_000_000)


@pytest.mark.parametrize("encoding", ["identity", "", "IDENTITY", " , identity"])
def test_body_that_is_not_packed_passes_as_it_is(encoding: str) -> None:
    request = HTTPRequest({"Content-Encoding": encoding}, PACKED)
    assert decompressed(request) is request


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", brotli.compress(BODY)),
        ("gzip, br", brotli.compress(PACKED)),
        ("GZIP ,identity,  Zstd", zstd.compress(PACKED)),
        ("deflate, x-gzip, br", brotli.compress(gzip.compress(zlib.compress(BODY), mtime=0))),
    ],
)
def test_codings_are_undone_from_the_last_to_the_first(encoding: str, body: bytes) -> None:
    assert decompressed(HTTPRequest({"Content-Encoding": encoding}, body)).body == BODY
    pairs = [("content-encoding", one) for one in encoding.split(",")]
    assert decompressed(HTTPRequest(pairs, body)).body == BODY


@pytest.mark.parametrize("encoding", ["compress", "gzip, aes128gcm", "gzip," * 4, "x" * 1000])
def test_coding_that_is_not_known_is_415_and_names_those_that_are(encoding: str) -> None:
    api = api_of(JsonInput(), lambda value: value)
    response = api.handle_request(HTTPRequest({"Content-Encoding": encoding}, b"1"))
    assert response.status == 415
    assert response.headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert len(response.body) < 100
    event = api.handle_aws_lambda_event({"headers": {"Content-Encoding": encoding}, "body": "1"})
    assert (event["statusCode"], event["headers"]["Accept-Encoding"]) == (415, "gzip, deflate, br, zstd")


def test_lambda_event_with_a_packed_body_is_answered_as_plain() -> None:
    import base64

    body = base64.b64encode(brotli.compress(b"[1, 2]")).decode()
    event = {"headers": {"content-encoding": "br"}, "body": body, "isBase64Encoded": True}
    assert api_of(JsonInput(), lambda value: value).handle_aws_lambda_event(event)["body"] == "[1, 2]"


def test_missing_library_is_415_for_the_client_and_one_hint_for_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    api = api_of(JsonInput(), lambda value: value)
    request = HTTPRequest({"Content-Encoding": "br"}, brotli.compress(b"1"))
    with caplog.at_level(logging.WARNING):
        responses = [api.handle_request(request) for _ in range(3)]
    assert [(one.status, one.body) for one in responses] == [(415, b"Content-Encoding: br is not supported here")] * 3
    assert "pip" not in responses[0].body.decode()
    assert [record.message for record in caplog.records if "pip install" in record.message] == [
        "Content-Encoding: br is not supported here: brotli is not installed; run: pip install brotli"
    ]


def test_decompressed_request_keeps_all_else() -> None:
    request = HTTPRequest({"Content-Encoding": "gzip", "X-One": "1"}, PACKED, "GET", "/p", "q=1", "10.0.0.1")
    plain = decompressed(request)
    assert plain.body == BODY
    assert (plain.method, plain.path, plain.query_string, plain.client) == ("GET", "/p", "q=1", "10.0.0.1")
    assert plain.headers == request.headers
