"""StringInput keeps the contract, and decodes text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.adapters import StringInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import form_request

if TYPE_CHECKING:
    from collections.abc import Sequence

# Stands for a byte that is no UTF-8.
LONE = "\udcff"


class TestStringInputContract(InputAdapterContract):
    CONTENT_TYPE: ClassVar = "text/plain"
    GOOD: ClassVar = ["a", "Guilty", "two\nlines", "名前", '{"a": 1}', "", "-"]
    MALFORMED: ClassVar = [LONE, f"a{LONE}"]
    REFUSAL: ClassVar = "the body is not utf-8 text"
    GUILTY: ClassVar = ("Guilty", "Guilty")

    def adapter(self) -> StringInput:
        return StringInput()

    def answer(self, texts: Sequence[str]) -> list[str]:
        return [f"got {text}" for text in texts]

    def content(self, body: str) -> bytes:
        return body.encode("utf-8", "surrogateescape")

    def events(self, body: str) -> list[dict[str, Any]]:
        if LONE not in body:
            return super().events(body)
        return [{"headers": {"Content-Type": "text/plain"}, "body": self.content(body)}]


def test_request_when_single_gives_the_bare_text() -> None:
    api = api_of(StringInput(), lambda text: text.upper())
    assert (
        api.handle_request(HTTPRequest({"Content-Type": "text/html; charset=latin-1"}, b"\xfc")).body == '"Ü"'.encode()
    )


@pytest.mark.parametrize(
    ("file", "text"),
    [
        pytest.param(("a.txt", "ü".encode()), "ü", id="utf-8"),
        pytest.param(("a.txt", "ü".encode("utf-16")), "ü", id="guessed"),
        pytest.param(("a.txt", b"\xfc", "text/plain; charset=latin-1"), "ü", id="charset of the file"),
        pytest.param(("a.txt", b""), "", id="empty"),
    ],
)
def test_file_of_a_form_is_decoded(file: Any, text: str) -> None:
    got: list[str] = []
    response = api_of(StringInput(), got.append).handle_request(form_request(files={"any": file}))
    assert (response.status, got) == (200, [text])


@pytest.mark.parametrize("count", [0, 2])
def test_form_without_exactly_one_file_is_refused(count: int) -> None:
    files: list[Any] = [("f", ("a", b"1"))] * count or [("f", (None, b"1"))]
    response = api_of(StringInput(), str).handle_request(form_request(files=files))
    assert (response.status, response.body.decode()) == (
        400,
        f"StringInput accepts one text file at a time, the form has {count}",
    )


def test_get_request_without_body_is_an_empty_text() -> None:
    assert api_of(StringInput(), len).handle_request(HTTPRequest(method="GET")).body == b"0"
    assert StringInput.HTTP_METHODS == ["POST", "GET"]


def test_command_line_value_with_bytes_that_are_no_text_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert api_of(StringInput(), str).handle_cli(["--input", "\udcff", "b"]) == 1
    assert capsys.readouterr() == ('"b"\n', "the body is not utf-8 text\n")
