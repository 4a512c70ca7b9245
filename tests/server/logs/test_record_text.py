"""Bodies as members of a record."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bentoml.server.logs.record_text import NOT_JSON, TOO_LARGE, UNREADABLE, RecordText
from bentoml.server.logs.redaction import Redaction
from bentoml.types import FileLike

if TYPE_CHECKING:
    from pathlib import Path


def members(body: Any, max_bytes: int = 100, size_bytes: int | None = None, secret: str = "") -> dict[str, Any]:
    redaction = Redaction([secret]) if secret else None
    text = RecordText(max_bytes, redaction).members("data", body, size_bytes)
    assert text.isascii()
    assert "\n" not in text
    read: dict[str, Any] = json.loads("{" + text + "}")
    return read


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, {"data": None}),
        ("", {"data": ""}),
        ('{"a": "ä\n\u2028\x1b[31m"}', {"data": '{"a": "ä\n\u2028\x1b[31m"}'}),
        (b"text", {"data": "text"}),
        ("ü".encode(), {"data": "ü"}),
        (b"\xff\x00", {"data": "/wA=", "data_encoding": "base64"}),
        (bytearray(b"a"), {"data": "a"}),
        (FileLike(bytes_=b"\x89PNG"), {"data": "iVBORw==", "data_encoding": "base64"}),
        (FileLike(bytes_=b"a", name="a.txt"), {"data": "a", "data_file_name": "a.txt"}),
        ((FileLike(bytes_=b"a"), None), {"data": '[{"name": "", "bytes": 1, "content": "a"}, null]'}),
        ({"a": [1, 2.5]}, {"data": '{"a": [1, 2.5]}'}),
        ("\ud800!", {"data": "?!"}),
    ],
    ids=[
        "none",
        "empty",
        "text",
        "bytes",
        "utf-8",
        "binary",
        "array",
        "file",
        "named file",
        "files",
        "value",
        "surrogate",
    ],
)
def test_body_is_written_as_text(body: Any, expected: dict[str, Any]) -> None:
    assert members(body) == expected


def test_body_that_is_too_long_is_cut_and_says_how_long_it_was() -> None:
    assert members("x" * 101) == {"data": "x" * 100, "data_truncated_from_bytes": 101}
    assert members("x" * 100) == {"data": "x" * 100}
    assert members("ab", max_bytes=0) == {"data": "", "data_truncated_from_bytes": 2}
    assert members(b"\xff" * 4, max_bytes=3) == {
        "data": base64.b64encode(b"\xff" * 3).decode(),
        "data_encoding": "base64",
        "data_truncated_from_bytes": 4,
    }


def test_text_that_is_cut_within_a_character_stays_text() -> None:
    assert members("aüb", max_bytes=2) == {"data": "a", "data_truncated_from_bytes": 4}
    assert members("\N{KEY}" * 3, max_bytes=7) == {"data": "\N{KEY}", "data_truncated_from_bytes": 12}
    # Bytes that end within a character, and are not cut, are no text.
    assert members("ü".encode()[:1])["data_encoding"] == "base64"


def test_beginning_of_a_body_says_how_long_the_whole_is() -> None:
    assert members(b"abc", size_bytes=7) == {"data": "abc", "data_truncated_from_bytes": 7}
    assert members(b"abc", size_bytes=3) == {"data": "abc"}


def test_file_that_was_read_is_written_whole_and_stays_where_it_is() -> None:
    file = FileLike(stream=io.BytesIO(b"content"))
    file.read(3)
    assert members(file) == {"data": "content"}
    assert file.read() == b"tent"


def test_body_that_cannot_be_read_or_written_is_left_out() -> None:
    file = FileLike(stream=io.BytesIO(b"content"))
    file.close()
    circle: list[Any] = []
    circle.append(circle)
    for body in (file, circle):
        assert members(body) == {"data": None, "data_omitted": UNREADABLE}


def test_redaction_leaves_out_what_is_no_json_and_what_is_huge() -> None:
    assert members('{"pin": 1, "ä": "ä"}', secret="pin") == {"data": '{"pin": "[redacted]", "ä": "ä"}'}
    assert members("", secret="pin") == {"data": ""}
    assert members(b'{"pin": 1}', secret="pin") == {"data": '{"pin": "[redacted]"}'}
    for body in ("pin=1", b"\xff", "[" * 100_000, "a,pin\n1,2"):
        assert members(body, 10_000, secret="pin") == {"data": None, "data_omitted": NOT_JSON}
    assert members(f"[{'1,' * 3200}1]", secret="pin") == {"data": None, "data_omitted": TOO_LARGE}


def test_redaction_comes_before_cutting() -> None:
    cut = members(json.dumps({"pin": "1" * 40, "b": "x" * 100}), secret="pin")
    assert cut["data"].startswith('{"pin": "[redacted]", "b": "xxx')
    assert cut["data_truncated_from_bytes"] == 160


@given(st.text() | st.binary(), st.integers(0, 20))
def test_members_of_any_body_are_json_and_never_longer_than_wanted(body: str | bytes, max_bytes: int) -> None:
    read = members(body, max_bytes)
    content = body if isinstance(body, bytes) else body.encode("utf-8", "replace")
    data = read["data"]
    written = base64.b64decode(data) if read.get("data_encoding") == "base64" else data.encode()
    assert len(written) <= max_bytes
    assert content.startswith(written)
    assert read.get("data_truncated_from_bytes", len(written)) == len(content)


def test_files_are_written_with_names_sizes_and_beginnings() -> None:
    files = (FileLike(bytes_=b"\xff" * 500, name="a.png"), FileLike(bytes_=b"x" * 500, name="ü" * 300))
    read = json.loads(members(files, max_bytes=1400)["data"])
    assert read == [
        {"name": "a.png", "bytes": 500, "content": {"b64": base64.b64encode(b"\xff" * 350).decode()}},
        {"name": "ü" * 200, "bytes": 500, "content": "x" * 350},
    ]
    assert members(files, max_bytes=10)["data_truncated_from_bytes"] > 10


def test_files_when_there_is_redaction_keep_their_secrets() -> None:
    files = [
        FileLike(bytes_=b'{"pin": 1}', name="a.json"),
        FileLike(bytes_=b"pin=1", name="a.txt"),
        FileLike(bytes_=b'{"pin": 1, "b": "' + b"x" * 500 + b'"}', name="long.json"),
    ]
    assert json.loads(members(files, max_bytes=600, secret="pin")["data"]) == [
        {"name": "a.json", "bytes": 10, "content": '{"pin": "[redacted]"}'},
        {"name": "a.txt", "bytes": 5},
        {"name": "long.json", "bytes": 519},
    ]
    assert members(files[0], secret="pin") == {"data": '{"pin": "[redacted]"}', "data_file_name": "a.json"}
    assert members(files[1], secret="pin") == {"data": None, "data_omitted": NOT_JSON, "data_file_name": "a.txt"}


def test_file_on_disk_is_read_no_further_than_is_written(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as large:
        large.truncate(1 << 40)
    for body in (FileLike(uri=(tmp_path / "large").as_uri()), [FileLike(uri=(tmp_path / "large").as_uri())]):
        read = members(body, max_bytes=200)
        assert len(json.dumps(read)) < 2000
        assert str(1 << 40) in json.dumps(read)
    gone = FileLike(uri="file:///gone/a.png")
    assert members([gone]) == members(gone) == {"data": None, "data_omitted": UNREADABLE}


def test_image_is_described() -> None:
    described = {"data": None, "data_omitted": "an image of RGB, 7 x 5 pixels"}
    assert members(Image.new("RGB", (7, 5))) == described
