"""Taking forms apart."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml._util.multipart import MAX_HEADER_BYTES, MAX_PARTS, FormPart, parse_form
from bentoml.exceptions import BadInput

FORM = "multipart/form-data; boundary=B"


def encoded(**form: Any) -> tuple[str, bytes]:
    """Content type and body of a form as a real client writes it."""
    request = httpx.Request("POST", "http://localhost/", **form)
    return request.headers["content-type"], request.read()


def field(content: bytes, *headers: str, boundary: str = "B") -> bytes:
    return b"".join([f"--{boundary}\r\n".encode(), *(f"{line}\r\n".encode() for line in headers), b"\r\n", content])


def test_form_of_a_client_gives_values_and_files_in_order() -> None:
    content_type, body = encoded(
        data={"k": "värde"}, files={"f": ("a b.csv", b"x\r\n1\r\n", "text/csv; charset=latin-1"), "g": ("g", b"")}
    )
    assert parse_form(content_type, body) == [
        FormPart("k", None, "", None, "värde".encode()),
        FormPart("f", "a b.csv", "text/csv", "latin-1", b"x\r\n1\r\n"),
        FormPart("g", "g", "application/octet-stream", None, b""),
    ]


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_form_keeps_every_byte(contents: list[bytes]) -> None:
    content_type, body = encoded(files=[(f"f{i}", ("name", content)) for i, content in enumerate(contents)])
    assert [part.content for part in parse_form(content_type, body)] == contents


@pytest.mark.parametrize(
    ("disposition", "name", "file_name"),
    [
        ('form-data; name="a"; filename="x;y.txt"', "a", "x;y.txt"),
        ('form-data; name="ü"; filename="ü.txt"', "ü", "ü.txt"),
        ("form-data; name=a; filename*=UTF-8''%C3%BC.txt", "a", "ü.txt"),
        ('form-data; name="a"; filename=""', "a", ""),
        ('form-data; filename="x"', "", "x"),
        ('form-data; name="a"', "a", None),
    ],
    ids=["semicolon", "utf-8", "rfc 5987", "no file chosen", "no name", "value"],
)
def test_form_names_are_read_as_browsers_write_them(disposition: str, name: str, file_name: str | None) -> None:
    body = field(b"content", f"Content-Disposition: {disposition}") + b"\r\n--B--\r\n"
    (part,) = parse_form(FORM, body)
    assert (part.name, part.file_name, part.content) == (name, file_name, b"content")


def test_form_quoted_boundary_preamble_and_epilogue_are_understood() -> None:
    body = (
        b"preamble\r\n" + field(b"1", 'Content-Disposition: form-data; name="a"', boundary="a b") + b"\r\n--a b--\r\n"
    )
    (part,) = parse_form('multipart/form-data; boundary="a b"; x=y', body + b"epilogue")
    assert (part.name, part.content) == ("a", b"1")


WHOLE = field(b"1", 'Content-Disposition: form-data; name="a"')


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        pytest.param("multipart/form-data", WHOLE, "no boundary", id="no boundary"),
        pytest.param('multipart/form-data; boundary=""', WHOLE, "no boundary", id="empty boundary"),
        pytest.param(FORM, b"", "cut short", id="empty"),
        pytest.param(FORM, WHOLE, "cut short", id="cut short"),
        pytest.param("multipart/form-data; boundary=C", WHOLE + b"\r\n--B--\r\n", "cut short", id="other boundary"),
        pytest.param(FORM, b"--B\r\nno headers\r\n--B--\r\n", "no headers", id="no headers"),
        pytest.param(FORM, b"--BX\r\nA: b\r\n\r\n1\r\n--B--\r\n", "no headers", id="boundary goes on"),
        pytest.param(FORM, b"--B\r\n\r\n" * (MAX_PARTS + 2), "more than 1000", id="too many fields"),
        pytest.param(
            FORM, field(b"1", "A: " + "x" * MAX_HEADER_BYTES) + b"\r\n--B--\r\n", "headers of more", id="long headers"
        ),
    ],
)
def test_form_that_is_none_is_bad_input(content_type: str, body: bytes, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        parse_form(content_type, body)


@given(st.binary(max_size=200), st.sampled_from([(b"", b""), (WHOLE, b""), (b"--B\r\n", b"\r\n--B--")]))
def test_form_of_any_bytes_is_parsed_or_refused(noise: bytes, around: tuple[bytes, bytes]) -> None:
    before, after = around
    with contextlib.suppress(BadInput):
        parse_form(FORM, before + noise + after)


def test_form_of_tiny_fields_costs_little_memory() -> None:
    body = b"\r\n--B" * 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match="more than"):
            parse_form(FORM, body)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(body)
    finally:
        tracemalloc.stop()
