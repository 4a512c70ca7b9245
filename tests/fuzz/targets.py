"""What is fuzzed: for each adapter an API whose answers tell their input, and requests to start from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
from bentoml.service.inference_api import InferenceAPI
from tests.adapters.pictures import encoded, picture, png
from tests.adapters.typed.hints import Color, Item, ItemModel, Point

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.adapters import BaseInputAdapter

FORM = "multipart/form-data; boundary=b"
# Content types that a fuzzer may give any body, beside those of the seeds.
CONTENT_TYPES = (
    "",
    "application/json",
    "application/json; charset=utf-16",
    "text/csv",
    "text/csv; charset=nonsense",
    "text/plain",
    "application/octet-stream",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.parquet",
    "application/vnd.msgpack",
    "application/x-npy",
    "image/png",
    FORM,
)


@dataclass(frozen=True)
class Target:
    """One API to send anything to.

    Attributes:
        adapter: makes the input adapter.
        function: of the API; it raises for nothing.
        seeds: content type and body of requests that are answered 200; they differ as much as possible.
        batch: as for `@api`.
    """

    adapter: Callable[[], BaseInputAdapter]
    function: Callable[..., Any]
    seeds: tuple[tuple[str, bytes], ...]
    batch: bool = True

    def api(self) -> InferenceAPI:
        """The API, without a service."""
        return InferenceAPI(None, "fuzzed", "", self.adapter(), self.function, batch=self.batch)

    @property
    def content_types(self) -> tuple[str, ...]:
        """Those of the seeds first."""
        return tuple(dict.fromkeys([*(content_type for content_type, _ in self.seeds), *CONTENT_TYPES]))


def form(*parts: tuple[str, str | None, str, bytes]) -> bytes:
    """A body for the content type `FORM`.

    Args:
        *parts: name, file name (None for a plain value), content type and content of each field.
    """
    body = b""
    for name, file_name, content_type, content in parts:
        file = "" if file_name is None else f'; filename="{file_name}"'
        kind = f"\r\nContent-Type: {content_type}" if content_type else ""
        body += f'--b\r\nContent-Disposition: form-data; name="{name}"{file}{kind}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--b--\r\n"


def texts_of(values: Any) -> list[str]:
    """One text per element, which tells it from others."""
    return [repr(value)[:200] for value in values]


def texts_of_rows(frame: Any) -> list[str]:
    """One text per row of a frame: names, types and values."""
    names = list(zip(frame, frame.dtypes, strict=True))
    return [repr((names, row))[:400] for row in frame.itertuples(index=False, name=None)]


def texts_of_images(images: Any) -> list[str]:
    """One text per image: what it is, and some of its pixels."""
    return [f"{image.shape} {image.dtype} {image.ravel()[:8].tolist()} {sorted(image.meta)}" for image in images]


IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
ROWS = [{"a": 1, "b": 1.5, "c": "x"}, {"a": 2, "b": None, "c": "é"}]

PARAMETERS = [
    Parameter("item", Item),
    Parameter("array", np.ndarray | None, default=None),
    Parameter("frame", pd.DataFrame | None, default=None),
    Parameter("content", bytes, default=b""),
    Parameter("points", list[Point], default=[]),
]

TARGETS: dict[str, Target] = {
    "json": Target(
        JsonInput,
        texts_of,
        (
            ("application/json", b'{"a": [1, 2.5, null, true, "\\u00e9"]}'),
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
}
