"""Known heads: found by the very same bytes only, and bounded."""

from __future__ import annotations

import pytest

from bentoml.server.front.routes import Route
from bentoml.server.http.heads import MAX_KEPT, MAX_KEPT_BYTES, KnownHeads, RequestHead
from bentoml.server.metrics.counters import RouteCounters
from bentoml.server.scheduling.scheduler import ApiPolicy

ROUTE = Route(0, "/predict", ApiPolicy("predict", True, 10, 1.0), {"POST": RouteCounters()}, frozenset({"POST"}))


def head_of(size_bytes: int) -> RequestHead:
    return RequestHead(ROUTE, "POST", "a=1", [(b"host", b"x"), (b"x-a", b"1")], size_bytes)


def raw(body: bytes, extra: bytes = b"") -> bytes:
    return b"POST /predict?a=1 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n%bContent-Length: %d\r\n\r\n%b" % (
        extra,
        len(body),
        body,
    )


def test_find_after_keep_gives_the_head_and_the_new_body() -> None:
    heads, head = KnownHeads(), head_of(4)
    assert heads.find(raw(b"[12]")) is None
    heads.keep(raw(b"[12]"), head)
    assert heads.find(raw(b"[34]")) == (head, b"[34]")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(raw(b"[12]")[:-1], id="body not complete"),
        pytest.param(raw(b"[12]") + b"P", id="more behind it"),
        pytest.param(raw(b"[12]") + raw(b"[12]"), id="two requests"),
        pytest.param(raw(b"[123]"), id="another length"),
        pytest.param(raw(b"[12]", b"X-B: 2\r\n"), id="another header"),
        pytest.param(b"\r\n" + raw(b"[12]"), id="line break before it"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"[12]", id="no head"),
        pytest.param(b"\r\n\r\n[12]", id="empty head"),
    ],
)
def test_find_with_anything_else_gives_none(data: bytes) -> None:
    heads = KnownHeads()
    heads.keep(raw(b"[12]"), head_of(4))
    assert heads.find(data) is None


@pytest.mark.parametrize(
    ("data", "size_bytes"),
    [
        pytest.param(raw(b"[12]") + raw(b"[34]"), 4, id="two requests"),
        pytest.param(b"\r\n\r\n" + raw(b"[12]"), 4, id="line breaks before it"),
        pytest.param(raw(b"\r\n\r\n").replace(b"\r\n", b"\n", 4), 4, id="head that ends otherwise"),
        pytest.param(raw(b"0\r\n\r\n"), 0, id="body without a length"),
        pytest.param(raw(b"[12]", b"X-Long: %b\r\n" % (b"a" * MAX_KEPT_BYTES)), 4, id="long head"),
    ],
)
def test_keep_of_data_that_is_not_one_short_request_keeps_nothing(data: bytes, size_bytes: int) -> None:
    heads = KnownHeads()
    heads.keep(data, head_of(size_bytes))
    assert heads._heads == {}


def test_keep_of_ever_new_heads_stays_bounded() -> None:
    heads = KnownHeads()
    for number in range(2 * MAX_KEPT + 1):
        heads.keep(raw(b"[12]", b"X-N: %d\r\n" % number), head_of(4))
        assert len(heads._heads) <= MAX_KEPT
    assert heads.find(raw(b"[56]", b"X-N: %d\r\n" % number)) is not None


def test_wire_form_of_a_head_has_its_fields_as_one_block() -> None:
    assert head_of(4).wire == ["POST", "/predict", "a=1", b"host: x\r\nx-a: 1\r\n"]
