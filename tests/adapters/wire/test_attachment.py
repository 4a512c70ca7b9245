"""File names in headers."""

from __future__ import annotations

from email.message import Message
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bentoml.adapters.wire.attachment import attachment, base_name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.png", 'attachment; filename="a.png"'),
        ("a b (1).png", 'attachment; filename="a b (1).png"'),
        ("../../etc/passwd", 'attachment; filename="passwd"'),
        ("C:\\x\\a.png", 'attachment; filename="a.png"'),
        ('a"; filename="b', "attachment; filename=\"a_; filename=_b\"; filename*=UTF-8''a%22%3B%20filename%3D%22b"),
        ("a\r\nX: y", "attachment; filename=\"aX_ y\"; filename*=UTF-8''aX%3A%20y"),
        ("ü.png", "attachment; filename=\"_.png\"; filename*=UTF-8''%C3%BC.png"),
        ("100%.png", "attachment; filename=\"100_.png\"; filename*=UTF-8''100%25.png"),
        ("", "attachment"),
        ("..", "attachment"),
        ("a/", "attachment"),
        ("\u202e\0", "attachment"),
    ],
)
def test_name_is_quoted(name: str, value: str) -> None:
    assert attachment(name) == value


@given(st.text())
def test_any_name_is_one_header_that_reads_as_the_name(name: str) -> None:
    value = attachment(name)
    assert value.isascii()
    assert value.isprintable()
    plain, extended, quoted = value.partition("; filename*=UTF-8''")
    message = Message()
    message["Content-Disposition"] = plain
    read = unquote(quoted) if extended else message.get_filename()
    assert (read or "") == base_name(name)
    assert not {"/", "\\"} & set(base_name(name))
