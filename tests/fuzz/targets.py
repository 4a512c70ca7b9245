"""What is fuzzed: for each adapter an API whose answers tell their input, and requests to start from."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import msgpack
import numpy as np
import pandas as pd
from PIL import Image

from bentoml.adapters import (
    AnnotatedImageInput,
    DataframeInput,
    FileInput,
    ImageInput,
    JsonInput,
    MultiFileInput,
    MultiImageInput,
    NumpyNdarrayInput,
    StringInput,
)
from bentoml.adapters.array.npy import npy_bytes
from bentoml.adapters.typed.values import OneValue, Parameter, ValueForEach
from bentoml.adapters.typed_input import TypedInput
from tests.adapters.open_inference.messages import PATH as INFER_PATH
from tests.adapters.open_inference.messages import binary_tensor, infer_request, json_tensor
from tests.adapters.pictures import encoded, picture, png
from tests.adapters.table_bodies import BODY_OF_FRAME, arrow_body, parquet_body
from tests.adapters.typed.hints import Color, Item, ItemModel, Point
from tests.fuzz.target import FORM, PACKERS, Head, Target, form, packed, texts_of, texts_of_images, texts_of_rows

IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
FRAME = pd.DataFrame({"a": [1, 2], "b": [1.5, None], "c": ["x", "é"]})
MIXED = FRAME.assign(
    d=pd.Categorical(["k", "l"]),
    e=pd.to_datetime(["2020-01-01", "NaT"]),
    f=pd.Series([[1], None]),
    g=pd.Series([True, None]),
)
ROWS = [{"a": 1, "b": 1.5, "c": "x"}, {"a": 2, "b": None, "c": "é"}]

BINARY = {"binary_data_output": True}
X_BYTES = binary_tensor("x", "FP32", [1.5, 2.0])
Y_BYTES = binary_tensor("y", "BYTES", [b"a", "é".encode()])
INFER_DOCUMENTS = (
    {"inputs": [json_tensor("x", "FP64", [[1.5, 2.0], [3.0, 4.0]])]},
    {"id": "7", "inputs": [json_tensor("x", "INT64", [1, 2]), json_tensor("y", "BYTES", ["a", "b"])]},
    {"inputs": [json_tensor("x", "BOOL", [[True], [False]], nested=True)], "parameters": BINARY},
)
PARAMETERS = [
    Parameter("item", Item),
    Parameter("array", np.ndarray | None, default=None),
    Parameter("frame", pd.DataFrame | None, default=None),
    Parameter("content", bytes, default=b""),
    Parameter("points", list[Point], default=[]),
]
FIELDS = [
    Parameter("a", int),
    Parameter("b", list[str], default=["x"]),
    Parameter("color", Color | None, default=None),
    Parameter("item", Item | None, default=None),
    Parameter("content", bytes, default=b""),
    Parameter("when", dt.date | None, default=None),
    Parameter("any", dict[str, float] | list[Any] | None, default=None),
]


def infer(document: Any, tail: bytes | None = None) -> tuple[Head, bytes]:
    """Head and body of a request of the Open Inference Protocol."""
    request = infer_request(document, tail)
    return Head("application/json", request.headers.to_json(), INFER_PATH), request.body


TARGETS: dict[str, Target] = {
    "json": Target(
        JsonInput,
        texts_of,
        (
            ("application/json", b'{"a": [1, 2.5, null, true, "\\u00e9"]}'),
            *((packed("application/json", coding), pack(b"[[1, 2], 3]")) for coding, pack in PACKERS.items()),
            ("application/json; charset=utf-16", "[1]".encode("utf-16")),
            (FORM, form(("file", "a.json", "application/json", b'{"a": 1}'))),
        ),
    ),
    "dataframe": Target(
        DataframeInput,
        texts_of_rows,
        (
            ("application/json", json.dumps(ROWS).encode()),
            ("application/json", b"[[5.1, 3.5, 1.4, 0.2]]"),
            ("application/json", b'{"a": {"0": 1, "1": 2}}'),
            ("application/json", b'{"columns": ["a"], "index": [0], "data": [[1]]}'),
            ("text/csv", b'a,b\n1,"x\ny"\n2,z\n'),
            (FORM, form(("file", "a.csv", "text/csv", b"a,b\n1,2\n"))),
        ),
    ),
    "array": Target(
        NumpyNdarrayInput,
        texts_of,
        (
            ("application/json", b"[[5.1, 3.5], [1, 2]]"),
            ("application/json", b"[[[true], [false]]]"),
            ("application/x-npy", npy_bytes(np.array([[1, 2, 3]], dtype="int16"))),
            ("application/octet-stream", npy_bytes(np.asfortranarray(np.eye(3)))),
            ("application/vnd.msgpack", msgpack.packb([[1.5, 2], [3, 4]])),
            (FORM, form(("file", "a.npy", "", npy_bytes(np.array(["a", "bc"]))))),
        ),
    ),
    "declared array": Target(
        lambda: NumpyNdarrayInput(dtype="float32", shape=(None, 2)),
        texts_of,
        (
            ("application/json", b"[[5.1, 3]]"),
            ("application/x-npy", npy_bytes(np.array([[1, 2]]))),
        ),
    ),
    "single array": Target(
        lambda: NumpyNdarrayInput(dtype=str),
        lambda array: f"{array.dtype} {array.shape} {array.ravel()[:9].tolist()}",
        (
            ("application/json", b'"a"'),
            ("application/json", b'[["a", "bc"]]'),
            ("application/x-npy", npy_bytes(np.array("a"))),
        ),
        batch=False,
    ),
    "string": Target(
        StringInput,
        texts_of,
        (
            ("text/plain", "né".encode()),
            ("text/plain; charset=utf-16", "né".encode("utf-16")),
            (FORM, form(("file", "a.txt", "text/plain; charset=latin-1", b"n\xe9"))),
        ),
    ),
    "file": Target(
        FileInput,
        lambda files: [f"{file.name!r} {file.read()[:100]!r}" for file in files],
        (
            ("application/octet-stream", b"\x00\xff"),
            (FORM, form(("file", "a.bin", "application/octet-stream", b"\x00\r\n\xff"))),
            (FORM, form(("x", None, "", b"1"), ("file", 'é;\\"', "", b""))),
        ),
    ),
    "several files": Target(
        lambda: MultiFileInput(input_names=["a", "b"], allow_none=True),
        lambda *columns: [repr([file and (file.name, file.bytes_) for file in row])[:200] for row in zip(*columns)],  # noqa: B905
        (
            (FORM, form(("a", "a.bin", "", b"1"), ("b", "b.bin", "", b"2"), ("c", None, "", b"3"))),
            (FORM, form(("b", "b.bin", "image/png", b"\x89PNG"), ("b", "again", "", b""))),
        ),
    ),
    "image": Target(
        ImageInput,
        texts_of_images,
        (
            *((f"image/{name.lower()}", encoded(picture(name), name, exif=EXIF)) for name in IMAGE_FORMATS),
            ("image/gif", encoded(picture("palette").quantize(4), transparency=b"\0\xff")),
            ("image/jpeg", encoded(picture("progressive", 40, 40), "JPEG", progressive=True)),
            (FORM, form(("file", "a.png", "image/png", png("a")))),
        ),
    ),
    "image as it is": Target(
        lambda: ImageInput(accept_image_formats=[".gif", ".ppm", ".tga", ".png", ".tif"], pilmode=None),
        texts_of_images,
        (
            *(("", encoded(picture(name), name)) for name in ("GIF", "PPM", "TGA")),
            *(("", encoded(picture("a").convert(mode), "PNG")) for mode in ("1", "L", "LA", "P")),
            ("", encoded(picture("a"), "TIFF", compression="tiff_lzw")),
        ),
    ),
    "several images": Target(
        lambda: MultiImageInput(input_names=["a", "b"]),
        lambda *columns: texts_of(zip(*map(texts_of_images, columns), strict=True)),
        (
            (FORM, form(("a", "a.png", "", png("a")), ("b", "b.bmp", "image/bmp", encoded(picture("b"), "BMP")))),
            (FORM, form(("b", "", "", png("b")), ("a", None, "", encoded(picture("b"), "TIFF")))),
        ),
    ),
    "annotated image": Target(
        AnnotatedImageInput,
        lambda images, values: texts_of(zip(texts_of_images(images), values, strict=True)),
        (
            (FORM, form(("image", "a.png", "", png("a")), ("annotations", "a.json", "", b'{"a": [1]}'))),
            (FORM, form(("annotations", None, "", b"null"), ("image", "b.jpg", "", encoded(picture("b"), "JPEG")))),
        ),
    ),
    "declared dataframe": Target(
        lambda: DataframeInput(columns=["a", "b"], dtype={"a": "int64", "b": "category"}),
        texts_of_rows,
        (
            ("application/json", b'[{"a": 1, "b": "x"}]'),
            ("text/csv", b"b,a\ny,1\n"),
        ),
    ),
    "single dataframe": Target(
        lambda: DataframeInput(orient="records"),
        lambda frame: str(texts_of_rows(frame)),
        (("application/json", json.dumps(ROWS).encode()), ("text/csv", b"a,b\n1,x\n")),
        batch=False,
    ),
    "table": Target(
        DataframeInput,
        texts_of_rows,
        (
            *((media_type, body(FRAME)) for media_type, body in BODY_OF_FRAME.items()),
            ("application/vnd.apache.arrow.stream", arrow_body(MIXED, compression="lz4")),
            ("application/vnd.apache.arrow.file", arrow_body(MIXED, is_file=True, compression="zstd")),
            ("application/vnd.apache.parquet", parquet_body(MIXED, compression="gzip", data_page_version="2.0")),
            ("application/vnd.apache.parquet", parquet_body(MIXED, use_dictionary=False, compression="none")),
            (FORM, form(("file", "a.parquet", "", parquet_body(FRAME)))),
        ),
    ),
    "declared table": Target(
        lambda: DataframeInput(columns=["a", "b"], dtype={"a": "int8", "b": "float32"}),
        texts_of_rows,
        (
            ("application/vnd.apache.arrow.stream", arrow_body(FRAME)),
            ("application/vnd.apache.parquet", parquet_body(FRAME)),
        ),
        batch=True,
    ),
    "tensors": Target(
        DataframeInput,
        texts_of_rows,
        (
            *map(infer, INFER_DOCUMENTS),
            infer({"inputs": [X_BYTES[0], Y_BYTES[0]], "parameters": BINARY}, X_BYTES[1] + Y_BYTES[1]),
        ),
    ),
    "array tensors": Target(
        lambda: NumpyNdarrayInput(dtype="float32"),
        texts_of,
        (
            infer(INFER_DOCUMENTS[0]),
            infer({"inputs": [X_BYTES[0]], "outputs": [{"name": "output-0", "parameters": BINARY}]}, X_BYTES[1]),
            ("application/json", b"[[1, 2]]"),
        ),
    ),
    "typed value": Target(
        lambda: TypedInput(OneValue(list[Item | dict[str, Color] | int] | ItemModel | str | None)),
        texts_of,
        (
            ("application/json", b'{"name": "a", "price": "1.5"}'),
            ("application/vnd.msgpack", msgpack.packb([1, 2])),
            (FORM, form(("file", "a.json", "", b'"text"'))),
        ),
    ),
    "typed parameters": Target(
        lambda: TypedInput(ValueForEach("fuzzed", PARAMETERS)),
        lambda *columns: texts_of(zip(*columns, strict=True)),
        (
            ("application/json", b'{"item": {"name": "a", "price": 1}, "array": [[1, 2]], "content": "AAEC"}'),
            ("application/vnd.msgpack", msgpack.packb({"item": {"name": "a", "price": 1}, "frame": [{"a": 1}]})),
            (FORM, form(("item", None, "", b'{"name": "a", "price": 1}'), ("frame", "a.csv", "", b"a,b\n1,2\n"))),
            (FORM, form(("array", "a.npy", "", npy_bytes(np.eye(2))), ("item", "", "", b'{"name": "", "price": 0}'))),
        ),
    ),
    "typed images": Target(
        lambda: TypedInput(ValueForEach("fuzzed", [Parameter("images", list[Image.Image]), Parameter("a", str)])),
        lambda images, texts: texts_of(zip([[one.tobytes() for one in row] for row in images], texts, strict=True)),
        (
            (FORM, form(("a", None, "", b"x"), ("images", "a.png", "", png("a")), ("images", "", "", png("b")))),
            ("application/vnd.msgpack", msgpack.packb({"images": [png("a")], "a": "y"})),
            (FORM, form(("images", "b.jpg", "", encoded(picture("b"), "JPEG")), ("a", None, "", b"x"))),
        ),
    ),
    "typed fields": Target(
        lambda: TypedInput(ValueForEach("fuzzed", FIELDS)),
        lambda *columns: texts_of(zip(*columns, strict=True)),
        (
            ("application/json", b'{"a": 1, "b": ["x"], "color": "red", "content": "Ag==", "when": "2020-01-01"}'),
            ("application/vnd.msgpack", msgpack.packb({"a": 1, "content": b"x"})),
            (FORM, form(("a", None, "", b"1"), ("b", None, "", b"x"), ("content", "c.bin", "", b"\0\xff"))),
            (FORM, form(("a", None, "application/json", b"1"), ("item", "", "", b'{"name": "a", "price": 1}'))),
        ),
        batch=True,
    ),
}
