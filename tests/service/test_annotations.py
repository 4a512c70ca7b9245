"""Adapters from the annotations of a function, and what is wrong with some of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL.Image import Image

import bentoml
from bentoml.adapters import (
    DataframeInput,
    DataframeOutput,
    DefaultOutput,
    FileInput,
    FileOutput,
    ImageOutput,
    JsonInput,
    JsonOutput,
    NumpyNdarrayInput,
    NumpyNdarrayOutput,
    StringInput,
    StringOutput,
)
from bentoml.adapters.bytes_input import BytesInput
from bentoml.adapters.pil_image_input import PilImageInput
from bentoml.adapters.typed_input import TypedInput
from bentoml.adapters.typed_output import TypedOutput
from bentoml.exceptions import InvalidArgument
from bentoml.service.declaration import DECLARATION_ATTRIBUTE
from bentoml.service.openapi import openapi_document
from bentoml.types import FileLike, HTTPRequest, InferenceResult, InferenceTask
from tests.adapters.typed.hints import Item, ItemModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal


def declared(function: Callable[..., Any], **settings: Any) -> Any:
    return getattr(bentoml.api(**settings)(function), DECLARATION_ATTRIBUTE)


def frame_rows(self: Any, df: pd.DataFrame) -> list[float]:
    raise NotImplementedError


def frame(self: Any, df: pd.DataFrame) -> pd.DataFrame:
    raise NotImplementedError


def series(self: Any, df: pd.DataFrame) -> pd.Series:
    raise NotImplementedError


def text(self: Any, text: str) -> str:
    raise NotImplementedError


def texts(self: Any, texts: list[str]) -> Sequence[str]:
    raise NotImplementedError


def item(self: Any, item: Item) -> float:
    raise NotImplementedError


def items(self: Any, items: list[Item]) -> list[ItemModel]:
    raise NotImplementedError


def frames(self: Any, frames: list[pd.DataFrame]) -> list[pd.DataFrame]:
    raise NotImplementedError


def several(self: Any, a: int, task: InferenceTask[Any], *, b: str = "x") -> None:
    raise NotImplementedError


def several_lists(self: Any, a: list[int], b: list[str], tasks: Any) -> list[Any]:
    raise NotImplementedError


def silent(self: Any, a: int):  # type: ignore[no-untyped-def]
    raise NotImplementedError


def result(self: Any, a: int) -> InferenceResult[str]:
    raise NotImplementedError


def either(self: Any, a: int) -> Item | InferenceResult[str]:
    raise NotImplementedError


def texts_of_frame(self: Any, df: pd.DataFrame) -> list[str]:
    raise NotImplementedError


def content(self: Any, content: bytes) -> bytes:
    raise NotImplementedError


def contents(self: Any, contents: list[bytes]) -> list[FileLike]:
    raise NotImplementedError


def picture(self: Any, picture: Image) -> Image:
    raise NotImplementedError


def pictures(self: Any, pictures: list[Image]) -> list[Image]:
    raise NotImplementedError


def file(self: Any, file: FileLike) -> FileLike:
    raise NotImplementedError


def array(self: Any, array: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    raise NotImplementedError


def noted(
    self: Any, frame: Annotated[pd.DataFrame, {"about": "the rows"}]
) -> Annotated[list[int], {"about": "the sums"}]:
    raise NotImplementedError


def bare_lists(self: Any, a: list) -> list:  # type: ignore[type-arg]
    raise NotImplementedError


CHOICES: list[Any] = [
    (frame_rows, True, DataframeInput, TypedOutput, None),
    (frame, True, DataframeInput, DataframeOutput, None),
    (frame, False, DataframeInput, DataframeOutput, None),
    (series, True, DataframeInput, DefaultOutput, None),
    (text, False, StringInput, StringOutput, None),
    (texts, True, StringInput, StringOutput, None),
    (texts, False, TypedInput, TypedOutput, None),
    (item, False, TypedInput, TypedOutput, None),
    (items, True, TypedInput, TypedOutput, None),
    (items, False, TypedInput, TypedOutput, None),
    (frames, True, TypedInput, DataframeOutput, None),
    (several, False, TypedInput, TypedOutput, ("a", "b")),
    (several_lists, True, TypedInput, DefaultOutput, None),
    (silent, False, TypedInput, DefaultOutput, None),
    (result, False, TypedInput, DefaultOutput, None),
    (either, False, TypedInput, TypedOutput, None),
    (texts_of_frame, True, DataframeInput, TypedOutput, None),
    (content, False, BytesInput, FileOutput, None),
    (contents, True, BytesInput, FileOutput, None),
    (picture, False, PilImageInput, ImageOutput, None),
    (pictures, True, PilImageInput, ImageOutput, None),
    (pictures, False, TypedInput, TypedOutput, None),
    (file, False, FileInput, FileOutput, None),
    (array, True, NumpyNdarrayInput, NumpyNdarrayOutput, None),
    (noted, False, DataframeInput, TypedOutput, None),
    (bare_lists, True, TypedInput, DefaultOutput, None),
]


@pytest.mark.parametrize(
    ("function", "batch", "input_class", "output_class", "names"),
    CHOICES,
    ids=[f"{one[0].__name__} {one[1]}" for one in CHOICES],
)
def test_adapters_are_chosen_by_the_annotations(
    function: Any, batch: bool, input_class: type, output_class: type, names: Any
) -> None:
    declaration = declared(function, batch=batch)
    assert type(declaration.input_adapter) is input_class
    assert type(declaration.output_adapter) is output_class
    assert declaration.argument_names == names


def test_type_of_an_array_is_that_of_its_adapter() -> None:
    assert declared(array, batch=True).input_adapter.config["dtype"] == "float32"


def test_output_that_is_given_wins() -> None:
    output = JsonOutput()
    assert declared(frame, output=output).output_adapter is output


def test_input_that_is_given_leaves_annotations_alone() -> None:
    declaration = declared(text, input=JsonInput())
    assert (type(declaration.input_adapter), type(declaration.output_adapter)) == (JsonInput, DefaultOutput)


def streamed_for_types(self: Any, a: int) -> Iterable[Decimal]:
    yield Decimal(a)


def test_return_annotation_that_nobody_needs_is_not_read() -> None:
    assert type(declared(streamed_for_types).output_adapter) is DefaultOutput
    assert type(declared(unknown_return, output=JsonOutput()).output_adapter) is JsonOutput


def unannotated(self: Any, a, b):  # type: ignore[no-untyped-def]
    raise NotImplementedError


def half(self: Any, a: int, b):  # type: ignore[no-untyped-def]
    raise NotImplementedError


def nothing(self: Any) -> None:
    raise NotImplementedError


def starred(self: Any, a: int, *more: int) -> None:
    raise NotImplementedError


def unknown(self: Any, a: list[Nowhere]) -> None:  # type: ignore[name-defined] # noqa: F821
    raise NotImplementedError


def only_for_types(self: Any, a: Decimal) -> None:
    raise NotImplementedError


def unknown_return(self: Any, a: int) -> Nowhere:  # type: ignore[name-defined] # noqa: F821
    raise NotImplementedError


def misspelt(self: Any, a: pd.Datafrme) -> None:  # type: ignore[name-defined]
    raise NotImplementedError


def a_module(self: Any, a: json) -> None:  # type: ignore[valid-type]
    raise NotImplementedError


def opaque(self: Any, a: int, b: dict[str, object]) -> None:
    raise NotImplementedError


def opaque_return(self: Any, a: int) -> complex:
    raise NotImplementedError


def a_default(self: Any, a: list[int], b: list[int] = []) -> list[int]:  # noqa: B006
    raise NotImplementedError


def no_list(self: Any, a: int) -> list[int]:
    raise NotImplementedError


def no_list_return(self: Any, a: list[int]) -> int:
    raise NotImplementedError


def two_frames(self: Any, a: pd.DataFrame, b: list[int]) -> list[int]:
    raise NotImplementedError


def misnamed(self: Any, a: int, tasks: list[InferenceTask[Any]]) -> None:
    raise NotImplementedError


def positional(self: Any, a: int, /, *, b: int) -> None:
    raise NotImplementedError


ERRORS: list[Any] = [
    (unannotated, False, r"says nothing about its input: .*@api\(input=JsonInput\(\)\).*def unannotated\(self, values"),
    (nothing, False, "says nothing about its input"),
    (half, False, "parameter 'b' needs a name and an annotation"),
    (starred, False, r"parameter '\*more: 'int'' needs a name"),
    (unknown, False, r"the type of 'a' is list\[Nowhere\], but Nowhere is not defined"),
    (only_for_types, False, "but Decimal is not defined; .*not below `if TYPE_CHECKING`"),
    (unknown_return, False, "the type of what it returns is Nowhere, but Nowhere is not defined"),
    (misspelt, False, "the type of 'a', pd.Datafrme, is none: .*Datafrme"),
    (a_module, False, "the type of 'a'.* json.*(write the class in it|references must evaluate to types)"),
    (opaque, False, r"no request can fill 'b: dict\[str, object\]': nothing makes a object of a request"),
    (opaque_return, False, "no answer can be made of '-> complex'"),
    (a_default, True, r"'b' cannot have a default.*write b: list\[int \| None\]"),
    (no_list, True, r"'a' is a list with one value for each request: write a: list\[int\]"),
    (no_list_return, True, r"it returns a list with one value for each request: write -> list\[int\]"),
    (two_frames, True, r"'a' is a list with one value for each request: write a: list\[DataFrame\]"),
    (misnamed, False, "no request can fill 'tasks'; with batch=False the parameter for the task is called task"),
    (positional, False, "parameters before / must come before all others"),
]


@pytest.mark.parametrize(("function", "batch", "message"), ERRORS, ids=[one[0].__name__ for one in ERRORS])
def test_annotation_that_cannot_be_used_is_an_error_of_the_definition(function: Any, batch: bool, message: str) -> None:
    with pytest.raises(InvalidArgument, match=f"^API '{function.__name__}'.*{message}"):
        declared(function, batch=batch)


class Mixed(bentoml.BentoService):
    """Old and new styles side by side."""

    @bentoml.api(input=JsonInput(), batch=True)
    def old(self, values):  # type: ignore[no-untyped-def]
        return values

    @bentoml.api()
    def named(self, a: int, task: InferenceTask[Any], *, b: list[str] | None = None) -> dict[str, Any]:
        if a < 0:
            task.discard(http_status=422, err_msg="too small")
        return {"a": a, "b": b}

    @bentoml.api(batch=True)
    async def batched(self, items: list[Item], tasks: Any) -> list[Item]:
        assert len(items) == len(tasks)
        return items

    @bentoml.api()
    def model(self, model: ItemModel) -> ItemModel | InferenceResult[str]:
        return model if model.price else InferenceResult(data="free", http_status=203)

    @bentoml.api()
    def counted(self, count: int) -> Iterator[int]:
        yield from range(count)

    @bentoml.api()
    async def counted_async(self, count: int) -> AsyncIterator[str]:
        for i in range(count):
            yield str(i)


CALLS: list[Any] = [
    ("old", "[1]", (200, "[1]")),
    ("named", '{"a": 1}', (200, '{"a":1,"b":null}')),
    ("named", '{"b": ["x"], "a": 2}', (200, '{"a":2,"b":["x"]}')),
    ("named", '{"a": -1}', (422, "too small")),
    ("named", '{"a": "x"}', (400, "$.a: expected int, got str")),
    ("batched", '{"name": "a", "price": 1}', (200, '{"name":"a","price":1.0,"tags":[]}')),
    ("batched", '{"name": "a"}', (400, "$.price: is missing")),
    ("model", '{"name": "a", "price": 1}', (200, '{"name":"a","price":1.0,"tags":[]}')),
    ("model", '{"name": "a", "price": 0}', (203, "free")),
    ("counted", "3", (200, "0\n1\n2\n")),
    ("counted", '"x"', (400, "$: expected int, got str")),
    ("counted_async", "3", (200, "012")),
]


@pytest.mark.parametrize(("name", "body", "answer"), CALLS, ids=[f"{one[0]} {one[1]}" for one in CALLS])
def test_service_of_mixed_styles_answers(name: str, body: str, answer: tuple[int, str]) -> None:
    response = Mixed().get_inference_api(name).handle_request(HTTPRequest(body=body.encode()))
    assert (response.status, response.body.decode()) == answer


def test_document_of_a_service_names_each_type_once() -> None:
    document = openapi_document(Mixed())
    assert sorted(document["components"]["schemas"]) == ["Item"]
    batched = document["paths"]["/batched"]["post"]
    reference = {"$ref": "#/components/schemas/Item"}
    assert batched["requestBody"]["content"]["application/json"]["schema"] == reference
    assert batched["responses"]["200"]["content"]["application/json"]["schema"] == reference
    assert "$defs" not in json.dumps(document)


def test_examples_of_the_document_are_answered() -> None:
    service = Mixed()
    for api in service.inference_apis:
        media = api.request_schema["application/json"]
        body = msgspec.json.encode(media.get("example"))
        assert api.handle_request(HTTPRequest(body=body)).status == 200, api.name


def test_metadata_names_the_types() -> None:
    described = {api["name"]: api for api in Mixed().get_bento_service_metadata_pb().to_json()["apis"]}
    named = described["named"]
    assert (named["inputType"], named["outputType"]) == ("TypedInput", "TypedOutput")
    assert named["inputConfig"] == {"parameters": {"a": "int", "b": "list[str] | None"}}
    assert named["outputConfig"] == {"type": "dict[str, Any]"}
