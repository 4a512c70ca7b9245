"""Arrays, tables, images and files among other parameters, in JSON, MessagePack and forms."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

from bentoml.adapters.array.npy import npy_bytes
from bentoml.adapters.typed.values import OneValue, Parameter, ValueForEach
from bentoml.adapters.typed_input import TypedInput
from bentoml.types import FileLike, HTTPRequest
from tests.adapters.contract import api_of
from tests.adapters.forms import form_request
from tests.adapters.pictures import png

PARAMETERS = [
    Parameter("array", npt.NDArray[np.float32] | None, default=None),
    Parameter("frame", pd.DataFrame | None, default=None),
    Parameter("image", Image.Image | None, default=None),
    Parameter("file", FileLike | None, default=None),
    Parameter("images", list[Image.Image], default=[]),
]


def describe(array: Any, frame: Any, image: Any, file: Any, images: Any) -> Any:
    return [
        array is not None and [str(array.dtype), array.tolist()],
        frame is not None and frame.to_dict("records"),
        image is not None and [image.size, image.getpixel((0, 0))],
        file is not None and [file.name, file.read().hex()],
        [one.size for one in images],
    ]


def answer(request: HTTPRequest) -> Any:
    response = api_of(TypedInput(ValueForEach("predict", PARAMETERS)), describe).handle_request(request)
    return json.loads(response.body) if response.status == 200 else f"{response.status} {response.body.decode()}"


def text(content: bytes) -> str:
    return base64.b64encode(content).decode()


PIXEL = list(Image.open(__import__("io").BytesIO(png("a"))).getpixel((0, 0)))  # type: ignore[arg-type]

VALUES: list[Any] = [
    ({"array": [[1, 2.5]]}, [["float32", [[1.0, 2.5]]], False, False, False, []]),
    ({"frame": [{"a": 1, "b": "x"}]}, [False, [{"a": 1, "b": "x"}], False, False, []]),
    ({"frame": {"a": {"0": 1}}}, [False, [{"a": 1}], False, False, []]),
    ({"image": png("a")}, [False, False, [[7, 5], PIXEL], False, []]),
    ({"file": b"\0\xff", "array": None}, [False, False, False, ["", "00ff"], []]),
    ({"images": [png("a"), png("b", 1, 2)]}, [False, False, False, False, [[7, 5], [1, 2]]]),
]


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_value_inside_an_object_is_made(value: Any, expected: Any) -> None:
    assert answer(HTTPRequest(body=msgspec.json.encode(value))) == expected
    packed = HTTPRequest({"Content-Type": "application/msgpack"}, msgspec.msgpack.encode(value))
    assert answer(packed) == expected


def test_files_of_a_form_are_read_by_their_formats() -> None:
    files = [
        ("array", ("a.npy", npy_bytes(np.array([1, 2], dtype="float32")), "application/octet-stream")),
        ("frame", ("a.csv", b"a,b\n1,x\n", "text/csv")),
        ("image", ("a.png", png("a"), "image/png")),
        ("file", ("a.bin", b"\0", "application/octet-stream")),
        ("images", ("b.png", png("b"), "image/png")),
        ("images", ("c.png", png("c", 1, 2), "image/png")),
    ]
    expected = [["float32", [1.0, 2.0]], [{"a": 1, "b": "x"}], [[7, 5], PIXEL], ["a.bin", "00"], [[7, 5], [1, 2]]]
    assert answer(form_request(files=files)) == expected


REFUSALS: list[Any] = [
    (b'{"array": [[1], [1, 2]]}', "400 $.array: "),
    (b'{"array": ["x"]}', "400 $.array: "),
    (b'{"frame": 3}', "400 $.frame: a table is a JSON list or object"),
    (b'{"image": "%"}', "400 $.image: it is not valid base64"),
    (b'{"image": 3}', "400 $.image: expected text in base64"),
    (b'{"image": "AAEC"}', "400 $.image: it is damaged, cut short, or none of JPEG"),
    (b'{"images": ["%s", "AAEC"]}' % base64.b64encode(png("a")), "400 $.images[1]: it is damaged"),
    (b'{"image": "%s"}' % base64.b64encode(png("a")[:-30]), "400 $: an image cannot be decoded: it is damaged"),
]


@pytest.mark.parametrize(("body", "message"), REFUSALS)
def test_value_that_its_adapter_refuses_is_refused_with_its_place(body: bytes, message: str) -> None:
    refused = answer(HTTPRequest(body=body))
    assert refused.startswith(message)
    assert "Input" not in refused


@pytest.mark.parametrize(
    ("field", "message"),
    [
        (("array", ("a.npy", b"\x93NUMPY nonsense", "application/x-npy")), "400 $.array: "),
        (("frame", ("a.csv", b"", "text/csv")), "400 $.frame: "),
        (("image", ("a.exe", png("a"), "")), "400 $.image: 'a.exe' has none of the extensions"),
        (("images", ("a.png", b"x", "")), "400 $.images[0]: it is damaged"),
    ],
)
def test_file_that_its_adapter_refuses_is_refused_with_its_place(field: Any, message: str) -> None:
    assert answer(form_request(files=[field])).startswith(message)


def test_images_of_a_request_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    from bentoml.adapters.typed import opened_images

    adapter = TypedInput(OneValue(list[Image.Image]))
    size_bytes = 100 * 100 * 3
    monkeypatch.setattr(opened_images, "max_decoded_bytes", lambda: 3 * size_bytes)
    api = api_of(adapter, len)
    one = text(png("a", 100, 100))
    assert api.handle_request(HTTPRequest(body=json.dumps([one] * 3).encode())).body == b"3"
    refused = api.handle_request(HTTPRequest(body=json.dumps([one] * 4).encode()))
    assert (refused.status, refused.body[:9]) == (400, b"$[3]: its")


def test_images_of_a_batch_are_bounded_by_dividing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from bentoml.adapters import typed_input
    from bentoml.adapters.typed import opened_images

    size_bytes = 100 * 100 * 3
    for module in (typed_input, opened_images):
        monkeypatch.setattr(module, "max_decoded_bytes", lambda: 3 * size_bytes)
    calls: list[int] = []

    def function(images: list[Any], names: list[str]) -> list[str]:
        calls.append(len(images))
        assert all(image.getpixel((0, 0)) for image in images)
        return names

    values = ValueForEach("predict", [Parameter("image", Image.Image), Parameter("name", str)])
    api = api_of(TypedInput(values), function, batch=True)
    bodies = [json.dumps({"image": text(png("a", 100, 100)), "name": str(i)}).encode() for i in range(5)]
    bodies.insert(1, b'{"image": "AAEC", "name": "bad"}')
    responses = api.handle_batch_request([HTTPRequest(body=body) for body in bodies])
    assert [one.status for one in responses] == [200, 400, 200, 200, 200, 200]
    assert [one.body for one in responses if one.status == 200] == [b'"%d"' % i for i in range(5)]
    assert sorted(calls) == [2, 3]


def test_requirements_and_schema_of_libraries() -> None:
    adapter = TypedInput(ValueForEach("predict", PARAMETERS))
    assert adapter.pip_dependencies == ["Pillow", "numpy", "pandas"]
    adapter.prepare()
    properties = adapter.request_schema["multipart/form-data"]["schema"]["properties"]
    assert properties["image"] == {"type": "string", "format": "binary"}
    assert properties["images"] == {"type": "array", "items": {"type": "string", "format": "binary"}}
    value = OneValue(Image.Image)
    example = value.schema()["example"]
    image = Image.open(__import__("io").BytesIO(base64.b64decode(example)))
    assert (image.size, image.mode) == ((1, 1), "L")
    image.load()
