"""FileOutput keeps the contract, and sends files as what they are."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from bentoml.adapters import FileInput, FileOutput, JsonInput
from bentoml.exceptions import InvalidArgument
from bentoml.types import FileLike, HTTPRequest, InferenceResult, InferenceTask
from tests.adapters.contract import OutputAdapterContract, api_of
from tests.adapters.forms import form_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import HTTPResponse

PNG = b"\x89PNG\r\n"


class BinaryOutputContract(OutputAdapterContract):
    """Each task has one answer, whatever it has of rows."""

    def test_rows_are_cut_by_task(self) -> None:
        tasks = [InferenceTask[Any](batch=rows) for rows in (2, 1, None)]
        results = self.adapter().pack_user_func_return_value(self.values(3), tasks)
        assert len({result.data for result in results}) == 3
        assert all(isinstance(result.data, bytes) for result in results)

    def test_lambda_answer_is_base64_even_if_it_is_text(self) -> None:
        (result,) = self.adapter().pack_user_func_return_value(self.values(1), [InferenceTask[Any]()])
        event = self.adapter().to_aws_lambda_event(result)
        assert event["isBase64Encoded"] is True
        assert base64.b64decode(event["body"]) == result.data
        assert event["headers"]["Access-Control-Allow-Origin"] == "*"


class TestFileOutputContract(BinaryOutputContract):
    CONTENT_TYPE: ClassVar = "application/pdf"

    def adapter(self) -> FileOutput:
        return FileOutput(content_type="application/pdf", file_name="a.pdf")

    def values(self, count: int) -> Any:
        return [f"file {i}".encode() for i in range(count)]


def answer(value: Any, **arguments: Any) -> HTTPResponse:
    """The answer of an API that returns a value."""
    return api_of(JsonInput(), lambda _: value, output_adapter=FileOutput(**arguments)).handle_request(
        HTTPRequest(body=b"1")
    )


def file_on_disk(directory: Path) -> FileLike:
    (directory / "ü.txt").write_bytes(b"on disk")
    return FileLike(uri=(directory / "ü.txt").as_uri())


@pytest.mark.parametrize(
    ("make", "body"),
    [
        pytest.param(lambda _: PNG, PNG, id="bytes"),
        pytest.param(lambda _: bytearray(PNG), PNG, id="bytearray"),
        pytest.param(lambda _: memoryview(PNG)[1:4], b"PNG", id="view"),
        pytest.param(lambda _: b"", b"", id="nothing"),
        pytest.param(lambda _: FileLike(bytes_=PNG), PNG, id="file in memory"),
        pytest.param(file_on_disk, b"on disk", id="file on disk"),
        pytest.param(lambda _: io.BytesIO(PNG), PNG, id="stream"),
        pytest.param(lambda path: file_on_disk(path).stream, b"on disk", id="open file"),
    ],
)
def test_file_is_sent_as_bytes(make: Callable[[Path], Any], body: bytes, tmp_path: Path) -> None:
    value = make(tmp_path)
    response = answer(value)
    assert (response.status, response.body) == (200, body)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert value.closed if hasattr(value, "closed") else True


def test_file_that_was_read_before_is_sent_from_its_start() -> None:
    api = api_of(FileInput(), lambda file: (file.read(), file)[1], output_adapter=FileOutput())
    response = api.handle_request(form_request(files={"f": ("../a.png", PNG)}))
    assert response.body == PNG
    assert response.headers.to_json()[:3] == (
        ("Content-Type", "image/png"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Disposition", 'attachment; filename="a.png"'),
    )


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", 3, None, ["a"], {"a": 1}, io.StringIO("text"), FileLike(uri="file:///gone")],
    ids=lambda value: type(value).__name__,
)
def test_value_that_is_no_file_fails_alone_and_tells_the_client_nothing(value: Any) -> None:
    api = api_of(JsonInput(), lambda _: [PNG, value, PNG], batch=True, output_adapter=FileOutput())
    responses = api.handle_batch_request([HTTPRequest(body=b"1")] * 3)
    assert [response.status for response in responses] == [200, 500, 200]
    assert responses[1].body == b"FileOutput cannot send the return value; the log says why"


@pytest.mark.parametrize(
    ("value", "arguments", "headers"),
    [
        (PNG, {}, ("application/octet-stream", None)),
        (PNG, {"content_type": "image/png"}, ("image/png", None)),
        (PNG, {"file_name": "a.pdf"}, ("application/pdf", 'attachment; filename="a.pdf"')),
        (FileLike(bytes_=PNG, name="a.html"), {}, ("text/html", 'attachment; filename="a.html"')),
        (FileLike(bytes_=PNG, name="a.html"), {"file_name": ""}, ("application/octet-stream", None)),
        (FileLike(bytes_=PNG, name="a.tar.gz"), {}, ("application/octet-stream", 'attachment; filename="a.tar.gz"')),
        (
            FileLike(bytes_=PNG, name="a.png"),
            {"content_type": "text/x", "file_name": "b"},
            ("text/x", 'attachment; filename="b"'),
        ),
    ],
    ids=["bytes", "content type", "name", "name of the file", "no name", "packed", "arguments first"],
)
def test_name_and_content_type_are_those_of_the_adapter_or_of_the_file(
    value: Any, arguments: dict[str, Any], headers: tuple[str, str | None]
) -> None:
    response = answer(value, **arguments)
    assert (response.headers["content-type"], response.headers.get("content-disposition")) == headers


def test_result_of_the_user_has_its_own_headers() -> None:
    result = InferenceResult[Any](data=PNG, http_headers={"Content-Type": "image/png"})  # type: ignore[arg-type]
    assert answer(result).headers["content-type"] == "image/png"


@pytest.mark.parametrize("content_type", ["png", "a/b\r\nX: y"])
def test_content_type_that_is_none_is_invalid(content_type: str) -> None:
    with pytest.raises(InvalidArgument):
        FileOutput(content_type=content_type)


class TestCommandLine:
    @pytest.fixture
    def api(self) -> InferenceAPI:
        def function(values: list[Any], tasks: list[InferenceTask[Any]]) -> list[Any]:
            tasks[-1].discard(err_msg="no file", http_status=400)
            return [b"text", PNG, InferenceResult[Any](data="words")][: len(values) - 1]

        return api_of(JsonInput(), function, batch=True, output_adapter=FileOutput(content_type="image/webp"))

    def test_files_are_printed_as_json(self, api: InferenceAPI, capsys: pytest.CaptureFixture[str]) -> None:
        assert api.handle_cli(["--input", "1", "2", "3", "4"]) == 1
        printed = capsys.readouterr()
        assert printed.out == '"text"\n{"b64": "iVBORw0K"}\nwords\n'
        assert printed.err == "no file\n"
        assert json.loads(printed.out.splitlines()[1]) == {"b64": base64.b64encode(PNG).decode()}

    def test_files_as_str_are_printed_as_python_has_them(
        self, api: InferenceAPI, capsys: pytest.CaptureFixture[str]
    ) -> None:
        api.handle_cli(["--input", "1", "2", "3", "-o", "str"])
        assert capsys.readouterr().out == f"b'text'\n{PNG!r}\n"

    def test_files_are_written_to_a_directory(
        self, api: InferenceAPI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        directory = tmp_path / "new" / "results"
        words = ["--input", "1", "2", "3", "4", "5", "6", "--output-dir", str(directory), "--max-batch-size", "3"]
        assert api.handle_cli(words) == 1
        names = [str(directory / f"{i}.webp") for i in (1, 2, 3, 4)]
        assert capsys.readouterr().out.splitlines() == names
        assert [(directory / name).read_bytes() for name in names] == [b"text", PNG] * 2

    def test_directory_that_cannot_be_made_is_misuse(
        self, api: InferenceAPI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "file").touch()
        assert api.handle_cli(["--input", "1", "--output-dir", str(tmp_path / "file")]) == 2
        assert "Error: argument --output-dir:" in capsys.readouterr().err

    def test_file_that_cannot_be_written_is_said(
        self, api: InferenceAPI, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "1.webp").mkdir()
        assert api.handle_cli(["--input", "1", "2", "3", "--output-dir", str(tmp_path)]) == 1
        printed = capsys.readouterr()
        assert printed.out == f"{tmp_path / '2.webp'}\n"
        assert printed.err.startswith("The result cannot be written:")
