"""Taking forms apart."""

from __future__ import annotations

import contextlib
import time
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
        ('FORM-DATA; NAME="a"; FILENAME="b"', "a", "b"),
        ('form-data; name="a"; name="b"; filename="c"; filename="d"', "a", "c"),
        ("form-data; name=a; filename=x.txt; filename*=utf-8'en'%C3%BC.txt", "a", "ü.txt"),
        ("form-data; name=a; filename*=iso-8859-1''%FC.txt; filename=x.txt", "a", "ü.txt"),
        ("form-data; name=a; filename*=nonsense''%FC.txt; filename=x.txt", "a", "x.txt"),
        ('form-data; name="a"; filename="C:\\dir\\a.png"', "a", "C:\\dir\\a.png"),
        ('form-data; name="a"; filename="say \\"hi\\".txt"', "a", 'say "hi".txt'),
        ('form-data; name="a"; filename="a%22b%0D%0A"', "a", "a%22b%0D%0A"),
        ('form-data; name = "a" ;filename = b.txt ', "a", "b.txt"),
        ('form-data; name="a"; filename="not closed', "a", ""),
        ('form-data;\r\n name="a";\r\n\tfilename="b"', "a", "b"),
        ("", "", None),
    ],
    ids=[
        "semicolon",
        "utf-8",
        "rfc 5987",
        "no file chosen",
        "no name",
        "value",
        "upper case",
        "twice",
        "plain and encoded",
        "encoded in latin-1",
        "encoded in nonsense",
        "windows path",
        "quotes",
        "percent signs",
        "blanks",
        "not closed",
        "folded",
        "nothing",
    ],
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


END = b"\r\n--B--\r\n"
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
        pytest.param(FORM, b"--B\r\n\r\n\r\n" * (MAX_PARTS + 2), "more than 1000", id="too many fields"),
        pytest.param(
            FORM,
            b"\r\n".join([field(b"1", "A: " + "x" * 10_000)] * 200) + END,
            "more than 1048576 bytes together",
            id="many long headers",
        ),
        pytest.param(FORM, b"\r\n--B" * (MAX_PARTS + 2), "no headers", id="boundaries alone"),
        pytest.param(FORM, b"--B" + b" " * MAX_HEADER_BYTES + b"\r\n\r\n", "cut short", id="blanks"),
        pytest.param(FORM, b"--B " + b" " * 20_000 + b"\r\n\r\n1\r\n--B--", "no headers", id="many blanks"),
        pytest.param("multipart/form-data; boundary=é", WHOLE, "no boundary", id="boundary that is not ASCII"),
        pytest.param(f"multipart/form-data; boundary={'b' * 300}", WHOLE, "longer than 200", id="long boundary"),
        pytest.param(
            FORM,
            field(b"YQ==", 'Content-Disposition: form-data; name="a"', "content-transfer-encoding: BASE64") + END,
            "Content-Transfer-Encoding",
            id="encoded content",
        ),
        pytest.param(
            FORM, field(b"1", 'Content-Disposition: form-data; name="a\nb"') + END, "control", id="line feed in a name"
        ),
        pytest.param(FORM, field(b"1", "A: \0") + END, "control", id="zero in a header"),
        pytest.param(
            FORM,
            field(b"1", "Content-Disposition: form-data; filename*=UTF-8''a%0d%0aX: y") + END,
            "control",
            id="line end in an encoded name",
        ),
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
    body = b"\r\n--B\r\n\r\n" * 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(BadInput, match="more than"):
            parse_form(FORM, body)
        assert tracemalloc.get_traced_memory()[1] < 10 * len(body)
    finally:
        tracemalloc.stop()


def test_form_fields_of_one_name_and_nested_forms_are_kept_as_they_are() -> None:
    nested = b"--C\r\nA: b\r\n\r\n1\r\n--C--"
    body = b"\r\n".join(
        [
            field(b"1", 'Content-Disposition: form-data; name="a"'),
            field(nested, 'Content-Disposition: form-data; name="a"', "Content-Type: Multipart/Mixed; boundary=C"),
            field(b"2", "Content-Transfer-Encoding: binary", 'Content-Disposition: form-data; name="a"'),
        ]
    )
    parts = parse_form(FORM, body + b"\r\n--B--what follows is nobody's\r\n--B\r\n")
    assert [(part.name, part.content_type, part.content) for part in parts] == [
        ("a", "", b"1"),
        ("a", "multipart/mixed", nested),
        ("a", "", b"2"),
    ]


def test_form_of_a_large_file_is_copied_once() -> None:
    body = field(bytes(10_000_000), "A: b") + b"\r\n--B--"
    tracemalloc.start()
    try:
        (part,) = parse_form(FORM, body)
        assert tracemalloc.get_traced_memory()[1] < 1.1 * len(body)
    finally:
        tracemalloc.stop()
    assert len(part.content) == 10_000_000


@pytest.mark.parametrize(
    "noise",
    [b"\r\n--", b"\r\n-", b"\r\n--long-boundar", b"\r", b"\r\n\r\n", b'; a="', b"; a=\\"],
    ids=["delimiters", "short ones", "near boundaries", "returns", "line ends", "quotes", "backslashes"],
)
@pytest.mark.parametrize("where", ["content", "headers"])
def test_form_is_parsed_in_time_that_grows_with_its_size(noise: bytes, where: str) -> None:
    content_type = "multipart/form-data; boundary=long-boundary"
    head = b"" if where == "content" else b"Content-Disposition: form-data" + (noise * 4000)[:16_000].strip()
    count = 20_000_000 // len(noise) if where == "content" else 1
    piece = b"--long-boundary\r\n" + head + b"\r\n\r\n" + noise * count
    body = b"\r\n".join([piece] * (1 if where == "content" else 900)) + b"\r\n--long-boundary--"
    start = time.perf_counter()
    with contextlib.suppress(BadInput):
        parse_form(content_type, body)
    assert time.perf_counter() - start < 10
