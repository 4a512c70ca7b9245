"""MultiFileInput keeps the contract, and finds each file by its name."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.adapters import MultiFileInput
from bentoml.types import FileLike, HTTPRequest
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import FORM, form_body, form_request

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = ["first_one", "b", "c"]
MISSING = f"BentoML#MultiFileInput requires inputs fields {NAMES}"


class TestMultiFileInputContract(InputAdapterContract):
    """A text stands for a form of three files: the text itself, its length, and always the same."""

    CONTENT_TYPE: ClassVar = FORM
    IS_TEXT: ClassVar = False
    GOOD: ClassVar = ["a", "guilty", "\r\n--x--\r\n", "名"]
    MALFORMED: ClassVar = ["one is missing", "none is there", "cut short"]
    REFUSAL: ClassVar = "BentoML#MultiFileInput "
    GUILTY: ClassVar = ("guilty", "guilty")

    def adapter(self) -> MultiFileInput:
        return MultiFileInput(input_names=NAMES)

    def answer(self, *files: Sequence[FileLike]) -> list[Any]:
        return [[file.read().decode("latin-1") for file in row] for row in zip(*files, strict=True)]

    def shown(self, arguments: Sequence[Any]) -> str:
        return str([file.bytes_ for column in arguments for file in column])

    def columns(self, bodies: Sequence[str]) -> list[list[str]]:
        return [list(bodies), [str(len(body)) for body in bodies], ["same"] * len(bodies)]

    def content(self, body: str) -> bytes:
        fields = {
            name: (f"{name}.bin", column[0].encode()) for name, column in zip(NAMES, self.columns([body]), strict=True)
        }
        if body == "one is missing":
            del fields["b"]
        if body == "none is there":
            fields = {"other": ("a", b"1")}
        form = form_body(files=fields)
        return form[:-9] if body == "cut short" else form

    def value_words(self, bodies: Sequence[str]) -> list[str]:
        flags = ["--input-first-one", "--input-b", "--input-c"]
        return [word for flag, column in zip(flags, self.columns(bodies), strict=True) for word in [flag, *column]]

    def file_words(self, bodies: Sequence[str], directory: Path) -> list[str]:
        words = []
        for name, column in zip(NAMES, self.columns(bodies), strict=True):
            words.append(f"--input-file-{name.replace('_', '-')}")
            for i, text in enumerate(column):
                path = directory / f"{name}-{i}"
                path.write_bytes(text.encode())
                words.append(str(path))
        return words

    def test_command_line_with_a_malformed_value_prints_its_error_and_exits_with_1(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        # A value cannot be a form; what can be wrong is that there is no such file.
        words = ["--input-first-one", "a", "b", "--input-b", "1", "2", "--input-file-c", os.devnull, "/gone"]
        assert self.api().handle_cli(words) == 1
        assert capsys.readouterr() == ('["a", "1", ""]\n', "/gone cannot be read: No such file or directory\n")


def echo(*files: FileLike | None) -> Any:
    return [None if file is None else [file.name, file.read().decode()] for file in files]


def test_files_are_told_by_their_names_and_others_are_ignored() -> None:
    api = api_of(MultiFileInput(input_names=["a", "b"]), echo)
    files = [("b", ("b.txt", b"2")), ("z", ("z.txt", b"0")), ("a", (None, b"1")), ("b", ("again.txt", b"3"))]
    response = api.handle_request(form_request(files=files))
    assert json.loads(response.body) == [["", "1"], ["b.txt", "2"]]


@pytest.mark.parametrize("batch", [True, False])
def test_missing_file_when_none_is_allowed_is_none(batch: bool) -> None:
    def in_batch(*columns: list[FileLike | None]) -> list[Any]:
        return [echo(*row) for row in zip(*columns, strict=True)]

    adapter = MultiFileInput(input_names=["a", "b"], allow_none=True)
    api = api_of(adapter, in_batch if batch else echo, batch=batch)
    requests = [
        form_request(files={"b": ("b", b"2")}),
        form_request(files={"z": ("z", b"0")}),
        form_request(files={"a": ("a", b"1"), "b": ("b", b"2")}),
        form_request(files={"a": ("", b""), "b": ("b", b"2")}),
    ]
    responses = api.handle_batch_request(requests)
    assert [response.status for response in responses] == [200, 400, 200, 200]
    assert responses[1].body.decode() == "BentoML#MultiFileInput requires inputs fields ['a', 'b']"
    assert [json.loads(responses[i].body) for i in (0, 2, 3)] == [
        [None, ["b", "2"]],
        [["a", "1"], ["b", "2"]],
        [None, ["b", "2"]],
    ]


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/x-www-form-urlencoded", "multipart/mixed"]
)
def test_request_that_is_no_form_is_refused(content_type: str) -> None:
    api = api_of(MultiFileInput(input_names=NAMES), echo)
    response = api.handle_request(HTTPRequest({"Content-Type": content_type}, form_body(files={"a": b"1"})))
    text = "BentoML#MultiFileInput only accepts requests with Content-Type: multipart/form-data"
    assert (response.status, response.body.decode()) == (400, text)


def test_request_without_one_of_the_files_is_refused() -> None:
    api = api_of(MultiFileInput(input_names=NAMES), echo)
    response = api.handle_request(form_request(files={"b": b"1", "c": b"2"}))
    assert (response.status, response.body.decode()) == (400, MISSING)


@pytest.mark.parametrize(
    ("words", "text", "code"),
    [
        (["--input-a", "1", "--input-file-a", "f", "--input-b", "2"], "Conflict arguments: --input-a and", 1),
        (["--input-a", "1"], "Insufficient arguments: --input-b or --input-file-b is required", 1),
        ([], "Insufficient arguments: --input-a or", 1),
        (["--input", "1"], "Insufficient arguments: --input-a or", 1),
        (
            ["--input-a", "1", "2", "--input-b", "1"],
            "Arguments length mismatch: 2 for --input-a, 1 for --input-b; give as many for each",
            1,
        ),
        (["--input-a", "--input-b", "1"], "Error: argument --input-a: expected at least one argument", 2),
    ],
    ids=["conflict", "insufficient", "none", "flag of one input", "mismatch", "no value"],
)
def test_command_line_that_does_not_fit_is_refused(
    words: list[str], text: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api_of(MultiFileInput(input_names=["a", "b"]), echo).handle_cli(words) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(text)


def test_command_line_that_does_not_fit_is_said_in_red_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert api_of(MultiFileInput(input_names=["a", "b"]), echo).handle_cli([]) == 1
    assert capsys.readouterr().err.startswith("\x1b[31mInsufficient arguments:")


def test_command_line_when_none_is_allowed_may_leave_names_out(capsys: pytest.CaptureFixture[str]) -> None:
    api = api_of(MultiFileInput(input_names=["a", "b"], allow_none=True), echo)
    assert api.handle_cli(["--input-b", "1", "2"]) == 0
    assert capsys.readouterr().out == '[null, ["", "1"]]\n[null, ["", "2"]]\n'
    assert api.handle_cli([]) == 1
    assert capsys.readouterr().err.startswith("Insufficient arguments:")


def test_command_line_with_names_of_the_same_flag_is_misuse(capsys: pytest.CaptureFixture[str]) -> None:
    api = api_of(MultiFileInput(input_names=["x", "file_x"]), echo)
    assert api.handle_cli(["--input-x", "1"]) == 2
    assert "have the same flags" in capsys.readouterr().err


@pytest.mark.parametrize("names", [[], ["a", "a"], "abc"], ids=["none", "twice", "a text"])
def test_names_that_cannot_be_fields_are_an_assertion_error(names: Any) -> None:
    with pytest.raises(AssertionError):
        MultiFileInput(input_names=names)


def test_config_and_schema_name_the_fields() -> None:
    adapter = MultiFileInput(input_names=("a", "b"))
    assert adapter.config == {"input_names": ["a", "b"], "allow_none": False}
    schema = adapter.request_schema["multipart/form-data"]["schema"]
    assert list(schema["properties"]) == schema["required"] == ["a", "b"]
    assert "required" not in MultiFileInput(["a"], allow_none=True).request_schema["multipart/form-data"]["schema"]
