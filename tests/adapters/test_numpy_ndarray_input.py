"""NumpyNdarrayInput keeps the contract, in each of its formats."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, ClassVar

import msgpack
import numpy as np
import pytest

from bentoml.adapters import NumpyNdarrayInput
from bentoml.exceptions import InvalidArgument
from bentoml.types import HTTPRequest, InferenceTask
from tests.adapters.contract import InputAdapterContract, api_of
from tests.adapters.forms import FORM, form_body

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

JSON = "application/json"
NPY = "application/x-npy"
MSGPACK = "application/vnd.msgpack"


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def rows_of(array: Any) -> list[str]:
    """Each row with its type and values."""
    assert isinstance(array, np.ndarray)
    assert not array.flags.writeable
    return [f"{array.dtype} {row.tolist()}" for row in array]


def request(body: bytes, content_type: str = JSON) -> HTTPRequest:
    return HTTPRequest({"Content-Type": content_type}, body)


def given(adapter: NumpyNdarrayInput, body: bytes, content_type: str = JSON) -> Any:
    """The array that a function of single requests gets."""
    seen: list[Any] = []
    response = api_of(adapter, seen.append, batch=False).handle_request(request(body, content_type))
    assert response.status == 200, response.body
    return seen[0]


def refusal(adapter: NumpyNdarrayInput, body: bytes, content_type: str = JSON, *, batch: bool = True) -> str:
    response = api_of(adapter, len, batch=batch).handle_request(request(body, content_type))
    assert response.status == 400
    return response.body.decode()


class ArrayContract(InputAdapterContract):
    REFUSAL: ClassVar = "NumpyNdarrayInput: "
    GOOD: ClassVar = [
        "[[5.1, 3.5]]",
        "[[5.25, 3.5]]",
        "[[1, 2], [3, 4]]",
        "[[5, 6]]",
        "[[true, false]]",
        "[[666.5, 0.25]]",
    ]
    MALFORMED: ClassVar = ["[[1, 2, 3]]", "[1, 2]", "3", "[[[1, 2]]]"]
    GUILTY: ClassVar = ("[[666.5, 0.25]]", "666.5")

    def adapter(self) -> NumpyNdarrayInput:
        return NumpyNdarrayInput(shape=(None, 2))

    def answer(self, array: Any) -> list[str]:
        return rows_of(array)

    def shown(self, arguments: Sequence[Any]) -> str:
        return str(arguments[0].tolist())


class TestJsonContract(ArrayContract):
    MALFORMED: ClassVar = [*ArrayContract.MALFORMED, "", "{bad", "[]", "[[1, null]]", "[[1], [1, 2]]", '[["a", "b"]]']


class TestRowsContract(ArrayContract):
    GOOD: ClassVar = [f"[[{i}.5, {i}]]" for i in range(8)] + ["[[666.5, 0.25]]"]


class TestNpyContract(ArrayContract):
    CONTENT_TYPE: ClassVar = NPY
    IS_TEXT: ClassVar = False
    MALFORMED: ClassVar = [*ArrayContract.MALFORMED, "", "text", "pickle"]

    def content(self, body: str) -> bytes:
        if body == "pickle":
            file = io.BytesIO()
            np.save(file, np.array([[None, {}]]), allow_pickle=True)
            return file.getvalue()
        return npy(json.loads(body)) if body[:1] in {"[", "3"} else body.encode()


class TestNpyRowsContract(TestNpyContract):
    GOOD: ClassVar = [f"[[{i}.5, {i}]]" for i in range(8)] + ["[[666.5, 0.25]]"]


class TestMsgpackContract(ArrayContract):
    CONTENT_TYPE: ClassVar = "application/msgpack"
    IS_TEXT: ClassVar = False
    MALFORMED: ClassVar = [*ArrayContract.MALFORMED, "", "text", "[[null, 1]]"]

    def content(self, body: str) -> bytes:
        return msgpack.packb(json.loads(body)) if body[:1] in {"[", "3"} else body.encode()

    def file_words(self, bodies: Sequence[str], directory: Path) -> list[str]:
        names = []
        for i, body in enumerate(bodies):
            path = directory / f"{i}.msgpack"
            path.write_bytes(self.content(body))
            names.append(str(path))
        return ["--input-file", *names]


class TestDeclaredContract(ArrayContract):
    GOOD: ClassVar = ["[[5.1, 3.5]]", "[[1, 2], [3, 4]]", "[[true, false]]", "[[666.5, 0]]"]
    MALFORMED: ClassVar = ["[[1e300, 1]]", '[["1", "2"]]', "[[1]]"]
    GUILTY: ClassVar = ("[[666.5, 0]]", "666.5")

    def adapter(self) -> NumpyNdarrayInput:
        return NumpyNdarrayInput(dtype=np.float32, shape=(None, 2))


class TestTextContract(ArrayContract):
    GOOD: ClassVar = ['["a"]', '["bc", "d"]', '["666.5"]']
    MALFORMED: ClassVar = ["[1]", '[["a"]]', "[null]"]
    GUILTY: ClassVar = ('["666.5"]', "666.5")

    def adapter(self) -> NumpyNdarrayInput:
        return NumpyNdarrayInput(dtype=str, shape=(None,))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (NPY, npy([[1.5]])),
        ("application/npy", npy([[1.5]])),
        ("application/x-numpy", npy([[1.5]])),
        ("application/octet-stream", npy([[1.5]])),
        (JSON, npy([[1.5]])),
        ("", npy([[1.5]])),
        (MSGPACK, msgpack.packb([[1.5]])),
        ("application/x-msgpack", msgpack.packb([[1.5]])),
        (JSON, b"[[1.5]]"),
        ("text/plain", b" [[1.5]]\n"),
        ("", b"\xef\xbb\xbf[[1.5]]"),
        (FORM, form_body(files={"any": ("a.npy", npy([[1.5]]))})),
        (FORM, form_body(files={"any": ("a.msgpack", msgpack.packb([[1.5]]))})),
        (FORM, form_body(files={"any": ("a.json", b"[[1.5]]")})),
        (FORM, form_body(files={"any": ("a.json", "[[1.5]]".encode("utf-16"))})),
    ],
)
def test_content_type_or_name_or_content_says_what_a_body_is(content_type: str, body: bytes) -> None:
    array = given(NumpyNdarrayInput(), body, content_type)
    assert (array.dtype, array.tolist()) == ("float64", [[1.5]])


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(NPY, b"[[1.5]]"), (MSGPACK, b"[[1.5]]"), (JSON, msgpack.packb([[1.5]])), (JSON, b"\xff"), (NPY, b"")],
)
def test_body_of_another_format_is_refused(content_type: str, body: bytes) -> None:
    assert refusal(NumpyNdarrayInput(), body, content_type).startswith("NumpyNdarrayInput: ")


def test_array_of_one_npy_request_is_a_view_on_its_body() -> None:
    body = npy(np.arange(6.0).reshape(2, 3))
    seen: list[Any] = []

    def function(array: Any) -> Any:
        seen.append(array)
        return array[:, 0]

    for batch in (True, False):
        api_of(NumpyNdarrayInput(dtype="float64"), function, batch=batch).handle_request(request(body, NPY))
    assert all(np.shares_memory(array, np.frombuffer(body, np.uint8)) for array in seen)


@pytest.mark.parametrize(
    "array",
    [np.array(3.5), np.zeros((2, 0, 3)), np.arange(24, dtype=">i2").reshape(2, 3, 4), np.asfortranarray(np.eye(3))],
    ids=["no axis", "no values", "big endian", "Fortran order"],
)
def test_single_function_gets_the_array_as_it_is(array: Any) -> None:
    seen = given(NumpyNdarrayInput(), npy(array), NPY)
    assert (seen.dtype, seen.shape) == (array.dtype.newbyteorder("="), array.shape)
    np.testing.assert_array_equal(seen, array)


@pytest.mark.parametrize(
    ("bodies", "calls"),
    [
        (["[[1.5, 2]]", "[[3.5, 4]]"], 1),
        (["[[1.5, 2]]", "[[3.5, 4], [5.5, 6]]"], 1),
        (["[[1.5, 2]]", "[[3, 4]]"], 2),
        (["[[1.5]]", "[[3.5, 4]]"], 2),
        (["[1.5]", "[[1.5]]"], 2),
        (["[true]", "[1]"], 2),
    ],
    ids=str,
)
def test_only_arrays_of_one_type_and_row_shape_share_a_call(bodies: list[str], calls: int) -> None:
    arrays: list[Any] = []

    def function(array: Any) -> list[str]:
        arrays.append(array)
        return rows_of(array)

    responses = api_of(NumpyNdarrayInput(), function, batch=True).handle_batch_request(
        [request(body.encode()) for body in bodies]
    )
    assert [response.status for response in responses] == [200] * len(bodies)
    assert len(arrays) == calls


def test_declared_type_lets_all_formats_share_a_call() -> None:
    calls: list[Any] = []

    def function(array: Any) -> Any:
        calls.append(array.dtype)
        return array[:, 0]

    bodies = [(b"[[1]]", JSON), (npy([[2.5]]), NPY), (msgpack.packb([[3]]), MSGPACK), (npy(np.array([[4]])), NPY)]
    responses = api_of(NumpyNdarrayInput(dtype="float32"), function, batch=True).handle_batch_request(
        [request(*one) for one in bodies]
    )
    assert [response.body for response in responses] == [b"[1.0]", b"[2.5]", b"[3.0]", b"[4.0]"]
    assert calls == ["float32"]


@pytest.mark.parametrize(
    ("shape", "good", "bad"),
    [
        ((None, 2), ["[[1, 2]]", "[[1, 2], [3, 4]]"], ["[[1]]", "[1, 2]", "[[[1, 2]]]"]),
        ((2, 2), ["[[1, 2], [3, 4]]"], ["[[1, 2]]"]),
        ((None,), ["[1]", "[1, 2]"], ["1", "[[1]]"]),
        ((None, None, 1), ["[[[1]]]", "[[[1], [2]]]"], ["[[[1, 2]]]"]),
    ],
)
def test_shape_is_checked(shape: tuple[int | None, ...], good: list[str], bad: list[str]) -> None:
    api = api_of(NumpyNdarrayInput(shape=shape), rows_of, batch=True)
    for bodies, status in ((good, 200), (bad, 400)):
        for batch in (bodies, [one for one in bodies for _ in range(2)]):
            responses = api.handle_batch_request([request(body.encode()) for body in batch])
            assert {response.status for response in responses} == {status}


def test_refusal_says_the_shape_that_is_expected() -> None:
    adapter = NumpyNdarrayInput(shape=(None, 4))
    expected = "NumpyNdarrayInput: the array has the shape (2,), (any, 4) is expected"
    assert refusal(adapter, b"[1, 2]") == expected
    assert refusal(adapter, npy([1, 2]), NPY, batch=False) == expected


@pytest.mark.parametrize(
    ("body", "words"), [(b"3", "one value is no array of rows"), (b"[]", "no rows"), (npy(np.empty((0, 4))), "no rows")]
)
def test_batch_needs_rows(body: bytes, words: str) -> None:
    assert words in refusal(NumpyNdarrayInput(), body)
    assert given(NumpyNdarrayInput(), body) is not None


def test_function_that_raises_is_asked_again_for_fewer_with_the_same_values() -> None:
    def function(array: Any) -> Any:
        if len(array) > 1 or array[0, 0] == 2:
            raise ValueError("no luck")
        return array

    for body in (b"[[%d]]", b" [[%d]]"):  # together, and one by one
        responses = api_of(NumpyNdarrayInput(), function, batch=True).handle_batch_request(
            [request(body % i) for i in range(4)]
        )
        assert [response.body for response in responses if response.status == 200] == [b"[[0]]", b"[[1]]", b"[[3]]"]


def test_command_line_takes_files_by_content_and_extension(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.npy").write_bytes(npy([[1.5]]))
    (tmp_path / "b.msgpack").write_bytes(msgpack.packb([[2.5]]))
    (tmp_path / "c.json").write_bytes(b"[[3.5]]")
    api = api_of(NumpyNdarrayInput(), lambda array: array, batch=True)
    assert api.handle_cli(["--input-file", *(str(tmp_path / name) for name in ("a.npy", "b.msgpack", "c.json"))]) == 0
    assert capsys.readouterr().out.splitlines() == ["[[1.5]]", "[[2.5]]", "[[3.5]]"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"dtype": "nonsense"},
        {"dtype": object},
        {"dtype": [("a", "f8")]},
        {"shape": (None, -1)},
        {"shape": ("a",)},
        {"shape": (True,)},
        {"shape": (1.0,)},
    ],
    ids=str,
)
def test_arguments_that_make_no_array_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        NumpyNdarrayInput(**arguments)


def test_config_and_schema_show_type_and_shape() -> None:
    adapter = NumpyNdarrayInput(dtype=np.float32, shape=(None, 2))
    assert adapter.config == {"dtype": "float32", "shape": [None, 2]}
    assert adapter.request_schema[JSON] == {
        "schema": {
            "type": "array",
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        },
        "example": [[1.5, 1.5]],
    }
    assert "example" not in NumpyNdarrayInput(shape=(None, 3, 224, 224)).request_schema[JSON]


@pytest.mark.parametrize("dtype", [None, bool, "int8", "float16", "complex64", "U3", "S3", "datetime64[s]", "m8[s]"])
def test_example_is_accepted_whatever_the_type(dtype: Any) -> None:
    adapter = NumpyNdarrayInput(dtype=dtype, shape=(None, 2))
    body = json.dumps(adapter.request_schema[JSON]["example"]).encode()
    assert given(adapter, body).shape == (1, 2)


def test_tasks_of_different_groups_cannot_be_extracted_together() -> None:
    tasks: list[InferenceTask[Any]] = [InferenceTask(data=b"[[1]]"), InferenceTask(data=b"[[1.5]]")]
    with pytest.raises(ValueError, match="cannot share an array"):
        NumpyNdarrayInput().extract_user_func_args(tasks)
