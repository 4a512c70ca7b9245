"""TypedInput keeps the contract, for one value and for several parameters."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import msgspec
import pytest

from bentoml.adapters.typed.values import OneValue, Parameter, ValueForEach
from bentoml.adapters.typed_input import TypedInput
from bentoml.types import HTTPRequest
from tests.adapters.contract import InputAdapterContract, answers, api_of
from tests.adapters.forms import form_request
from tests.adapters.typed.hints import Color, Item, ItemModel


class TestOneValueContract(InputAdapterContract):
    GOOD: ClassVar = [
        '{"name": "a", "price": 1}',
        '{"name": "名", "price": 1.5, "tags": ["b"]}',
        ' {"price": 2, "name": ""}\n',
    ]
    MALFORMED: ClassVar = ["", "{bad", "{}", "3", "[" * 100_000, '{"name": "a", "price": "x"}']
    REFUSAL: ClassVar = "$"
    GUILTY: ClassVar = ('{"name": "名", "price": 1.5, "tags": ["b"]}', "名")

    def adapter(self) -> TypedInput:
        return TypedInput(OneValue(Item))

    def answer(self, *arguments: Any, **_: Any) -> Any:
        return [[one.name, one.price, one.tags] for one in arguments[0]]


class TestModelContract(TestOneValueContract):
    def adapter(self) -> TypedInput:
        return TypedInput(OneValue(ItemModel))


class TestParametersContract(InputAdapterContract):
    GOOD: ClassVar = ['{"a": 1}', '{"a": 2, "b": ["名"]}', '{"b": [], "a": -1}']
    MALFORMED: ClassVar = ["", "{bad", "{}", "3", '{"a": "x"}', '{"a": 1, "c": 2}', '{"a": 1, "a": 2}']
    REFUSAL: ClassVar = "$"
    GUILTY: ClassVar = ('{"a": 2, "b": ["名"]}', "名")

    def adapter(self) -> TypedInput:
        return TypedInput(ValueForEach("predict", [Parameter("a", int), Parameter("b", list[str], default=["x"])]))

    def answer(self, *arguments: Any, **_: Any) -> Any:
        return list(zip(*arguments, strict=True))


def packed(value: Any) -> HTTPRequest:
    return HTTPRequest({"Content-Type": "application/x-msgpack"}, msgspec.msgpack.encode(value))


def test_messagepack_is_read_where_the_content_type_says_so() -> None:
    api = api_of(
        TypedInput(OneValue(dict[str, bytes])), lambda values: [value["a"].hex() for value in values], batch=True
    )
    responses = api.handle_batch_request([packed({"a": b"\1"}), packed({"a": 1}), HTTPRequest(body=b'{"a": "Ag=="}')])
    assert [one.body for one in responses] == [b'"01"', b"$[...]: expected bytes, got int", b'"02"']


PARAMETERS = [
    Parameter("number", int),
    Parameter("names", list[str]),
    Parameter("color", Color | None, default=None),
    Parameter("item", Item | None, default=None),
    Parameter("content", bytes, default=b""),
    Parameter("contents", list[bytes], default=[]),
    Parameter("text", str, default="-"),
]


def echo(number: int, names: Any, color: Any, item: Any, content: Any, contents: Any, text: str) -> Any:
    return [number, names, color and color.value, item and item.name, content, contents, text]


FORMS: list[Any] = [
    ({"number": "1", "names": "a"}, {}, [1, ["a"], None, None, "", [], "-"]),
    ({"number": " 1 ", "names": ["a", "b"]}, {}, [1, ["a", "b"], None, None, "", [], "-"]),
    ({"number": "1", "names": '["a", "b"]', "color": "red"}, {}, [1, ["a", "b"], "red", None, "", [], "-"]),
    ({"number": "1", "names": ["3", "b"], "text": "3"}, {}, "$.names[0]: expected str, got int"),
    ({"number": "1", "names": "[]", "item": '{"name": "c", "price": 1}'}, {}, [1, [], None, "c", "", [], "-"]),
    (
        {"number": "1", "names": "[]", "text": "null"},
        {"content": ("f", b"x"), "contents": ("g", b"y")},
        [1, [], None, None, "x", ["y"], "null"],
    ),
    ({"names": "[]"}, {}, "$.number: is missing"),
    ({"number": "one", "names": "[]"}, {}, "$.number: expected int, got str"),
    ({"number": "1.5", "names": "[]"}, {}, "$.number: expected int, got float"),
    ({"number": ["1", "2"], "names": "[]"}, {}, "$.number: comes more than once"),
    ({"number": "1", "names": "[]", "more": "x"}, {}, "$.more: is not known"),
    ({"number": "1", "names": "[]", "item": '{"name": 1}'}, {}, "$.item.name: expected str, got int"),
    ({"number": "1", "names": "[]"}, {"text": ("t", b"\xff")}, "$.text: it is not utf-8 text"),
]


@pytest.mark.parametrize(("data", "files", "answer"), FORMS)
def test_fields_of_a_form_are_the_parameters(data: Any, files: Any, answer: Any) -> None:
    api = api_of(TypedInput(ValueForEach("predict", PARAMETERS)), echo)
    fields = [
        (name, (None, one)) for name, given in data.items() for one in ([given] if isinstance(given, str) else given)
    ]
    response = api.handle_request(form_request(files=[*fields, *files.items()]))
    if isinstance(answer, str):
        assert answers([response]) == [(400, answer.encode(), "text/plain; charset=utf-8")]
    else:
        assert (response.status, json.loads(response.body)) == (200, answer)


def test_body_that_is_no_form_is_refused() -> None:
    api = api_of(TypedInput(ValueForEach("predict", PARAMETERS)), echo)
    response = api.handle_request(HTTPRequest({"Content-Type": "multipart/form-data; boundary=x"}, b"nothing"))
    assert (response.status, response.body[:2]) == (400, b"$:")


def test_form_with_one_file_is_the_one_value() -> None:
    api = api_of(TypedInput(OneValue(list[int])), sum)
    for name, content, content_type in (
        ("a.json", b"[1, 2]", "application/octet-stream"),
        ("a.msgpack", msgspec.msgpack.encode([1, 2]), "application/octet-stream"),
        ("a", msgspec.msgpack.encode([1, 2]), "application/vnd.msgpack"),
    ):
        assert api.handle_request(form_request(files={"x": (name, content, content_type)})).body == b"3"


def test_file_of_the_command_line_is_read_by_its_extension(tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.msgpack").write_bytes(msgspec.msgpack.encode([1, 2]))
    (tmp_path / "b.json").write_text("[3]")
    api = api_of(TypedInput(OneValue(list[int])), sum)
    assert api.handle_cli(["--input-file", str(tmp_path / "a.msgpack"), str(tmp_path / "b.json")]) == 0
    assert capsys.readouterr().out.split() == ["3", "3"]


def test_default_is_not_shown_to_the_decoder() -> None:
    default = object()
    adapter = TypedInput(ValueForEach("predict", [Parameter("a", int), Parameter("b", int | None, default=default)]))
    seen: list[Any] = []
    api_of(adapter, lambda a, b: seen.append(b)).handle_batch_request(
        [HTTPRequest(body=b'{"a": 1}'), HTTPRequest(body=b'{"a": 1, "b": null}')]
    )
    assert seen == [default, None]


def test_schema_of_parameters_shows_defaults_and_forms() -> None:
    schema = TypedInput(ValueForEach("predict", PARAMETERS)).request_schema
    media = schema["application/json"]
    assert media["schema"]["required"] == ["number", "names"]
    assert media["schema"]["properties"]["text"] == {"type": "string", "default": "-"}
    assert media["example"]["number"] == 1
    assert schema["multipart/form-data"]["schema"]["properties"]["content"] == {"type": "string", "format": "binary"}


def test_example_that_the_type_refuses_is_not_shown() -> None:
    from typing import Annotated

    hint = Annotated[str, msgspec.Meta(pattern="^[0-9]{7}x$")]
    media = TypedInput(OneValue(hint)).request_schema["application/json"]
    assert media == {"schema": {"type": "string", "pattern": "^[0-9]{7}x$"}}


def test_requirements_name_the_libraries_of_the_types() -> None:
    import pandas as pd

    assert TypedInput(OneValue(list[ItemModel])).pip_dependencies == ["pydantic"]
    assert TypedInput(OneValue(list[pd.DataFrame])).pip_dependencies == ["pandas"]
    assert TypedInput(OneValue(list[int])).pip_dependencies == []
