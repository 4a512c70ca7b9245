"""What a client may say about how long it waits."""

from __future__ import annotations

import pytest

from bentoml.server.http.request_timeouts import timeout_ms_of


@pytest.mark.parametrize(
    ("value", "timeout_ms"),
    [
        (b"250", 250),
        (b" 250\t", 250),
        (b"007", 7),
        (b"999999999999", 999_999_999_999),
        (b"0", None),
        (b"", None),
        (b"-5", None),
        (b"+5", None),
        (b"1.5", None),
        (b"1e3", None),
        (b"0x10", None),
        (b"1_000", None),
        ("\u0663".encode(), None),
        (b"\xb2", None),
        (b"250ms", None),
        (b"9" * 5000, None),
    ],
)
def test_timeout_of_one_header(value: bytes, timeout_ms: int | None) -> None:
    assert timeout_ms_of([(b"host", b"1"), (b"x-request-timeout-ms", value)]) == timeout_ms


def test_timeout_of_several_headers_is_the_shortest_that_can_be_used() -> None:
    headers = [(b"x-request-timeout-ms", value) for value in (b"80", b"soon", b"50", b"0", b"90")]
    assert timeout_ms_of(headers) == 50
