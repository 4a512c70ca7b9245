"""A service whose functions discard some requests, fail on others and answer the rest, one API for each adapter."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgpack

from tests.fuzz.target import FORM, form

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = '''
import time
from dataclasses import dataclass

import bentoml
from bentoml.adapters import (
    AnnotatedImageInput, DataframeInput, FileInput, ImageInput, JsonInput, MultiFileInput, MultiImageInput,
    NumpyNdarrayInput, StringInput,
)


@dataclass
class Item:
    kind: str
    number: int


def react(texts, tasks):
    """Discard and fail as the texts of the requests say; returns which requests remain."""
    time.sleep(0.01)  # so that others wait meanwhile, and share the next call
    for text, task in zip(texts, tasks):
        if "discarded" in text:
            task.discard(http_status=422, err_msg=f"discarded {text}")
        elif "failing" in text:
            raise ValueError(f"failing {text}")
    return [not task.is_discarded for task in tasks]


def answers(texts, tasks):
    """For each request that remains, its text."""
    texts = list(texts)
    return [text for text, kept in zip(texts, react(texts, tasks)) if kept]


def text_of_image(image):
    """What the first pixel says."""
    return f"{('good', 'discarded', 'failing')[image[0, 0, 0]]} {image[0, 0, 1]} {image.shape}"


def rows_of_tasks(tasks):
    end = 0
    for task in tasks:
        start, end = end, end + task.batch
        yield slice(start, end)


class Mixed(bentoml.BentoService):
    @bentoml.api(input=JsonInput(), batch=True)
    def json(self, values, tasks):
        keep = react(map(str, values), tasks)
        return [value for value, kept in zip(values, keep) if kept]

    @bentoml.api(input=DataframeInput(), batch=True)
    def dataframe(self, df, tasks):
        pieces = [df[rows] for rows in rows_of_tasks(tasks)]
        keep = react([piece.to_json(orient="records") for piece in pieces], tasks)
        return df[[kept for piece, kept in zip(pieces, keep) for _ in range(len(piece))]].reset_index(drop=True)

    @bentoml.api(input=NumpyNdarrayInput(dtype=str), batch=True)
    def array(self, array, tasks):
        pieces = [array[rows] for rows in rows_of_tasks(tasks)]
        keep = react([str(piece.tolist()) for piece in pieces], tasks)
        return array[[kept for piece, kept in zip(pieces, keep) for _ in range(len(piece))]]

    @bentoml.api(input=StringInput(), batch=True)
    def string(self, texts, tasks):
        return answers(texts, tasks)

    @bentoml.api(input=FileInput(), batch=True)
    def file(self, files, tasks):
        return answers((file.read().decode() for file in files), tasks)

    @bentoml.api(input=MultiFileInput(input_names=["a", "b"]), batch=True)
    def files(self, firsts, seconds, tasks):
        return answers((f"{a.read().decode()} {b.read().decode()}" for a, b in zip(firsts, seconds)), tasks)

    @bentoml.api(input=ImageInput(), batch=True)
    def image(self, images, tasks):
        return answers(map(text_of_image, images), tasks)

    @bentoml.api(input=MultiImageInput(input_names=["a", "b"]), batch=True)
    def images(self, firsts, seconds, tasks):
        return answers((f"{text_of_image(a)} {b.shape}" for a, b in zip(firsts, seconds)), tasks)

    @bentoml.api(input=AnnotatedImageInput(), batch=True)
    def annotated(self, images, annotations, tasks):
        return answers((f"{text_of_image(a)} {b}" for a, b in zip(images, annotations)), tasks)

    @bentoml.api(batch=True)
    def typed(self, items: list[Item], tasks) -> list[Item]:
        keep = react(map(str, items), tasks)
        return [item for item, kept in zip(items, keep) if kept]

    @bentoml.api(batch=True)
    def parameters(self, kind: list[str], number: list[int], tasks) -> list[str]:
        return answers((f"{a} {b}" for a, b in zip(kind, number)), tasks)
'''

KINDS = {"good": 200, "malformed": 400, "discarded": 422, "failing": 500}
"""Kinds of requests, and the status that each is answered with."""


@dataclass(frozen=True)
class Case:
    """One way to ask an API of the service.

    Attributes:
        api: its name.
        content_type: of the requests.
        body: makes a body of a kind and a number that tells it from others.
        path: where they go; None for the route of the API.
    """

    api: str
    content_type: str
    body: Callable[[str, int], bytes]
    path: str | None = None

    def __str__(self) -> str:
        return f"{self.api} {self.content_type.partition(';')[0]}" if self.path is None else f"{self.api} tensors"


def _json(kind: str, number: int) -> bytes:
    return b"{bad" if kind == "malformed" else json.dumps({"kind": kind, "number": number}).encode()


def _msgpack(kind: str, number: int) -> bytes:
    return b"\xc1" if kind == "malformed" else bytes(msgpack.packb({"kind": kind, "number": number}))


def _table(kind: str, number: int) -> bytes:
    rows = [{"kind": kind, "number": number, "row": row} for row in range(1 + number % 3)]
    return b"[[1], []]" if kind == "malformed" else json.dumps(rows).encode()


def _csv(kind: str, number: int) -> bytes:
    return b"a,b\n1,2,3\n" if kind == "malformed" else f"kind,number\n{kind},{number}\n".encode()


def _array(kind: str, number: int) -> bytes:
    rows = [[kind, str(number), str(row)] for row in range(1 + number % 3)]
    return b"[[1], []]" if kind == "malformed" else json.dumps(rows).encode()


def _tensors(kind: str, number: int) -> bytes:
    columns = [("kind", "BYTES", [kind]), ("number", "INT64", ["?"] if kind == "malformed" else [number])]
    tensors = [{"name": name, "datatype": datatype, "shape": [1], "data": data} for name, datatype, data in columns]
    return json.dumps({"inputs": tensors}).encode()


def _text(kind: str, number: int) -> bytes:
    return b"\xff" if kind == "malformed" else f"{kind} {number}".encode()


def _file(kind: str, number: int) -> bytes:
    return b"" if kind == "malformed" else _text(kind, number)


def _files(kind: str, number: int) -> bytes:
    parts = [("a", "a.txt", "", _text(kind, number)), ("b", "b.txt", "", b"b")]
    return form(*(parts[:1] if kind == "malformed" else parts))


def _pixels(kind: str, number: int) -> bytes:
    """A bitmap whose first pixel says the kind and the number."""
    if kind == "malformed":
        return b"BM is no image"
    code = ("good", "discarded", "failing").index(kind)
    pixel = bytes([0, number, code, 0])  # blue, green, red, and up to a multiple of four
    head = struct.pack("<IHHIIiiHHIIiiII", 54 + len(pixel), 0, 0, 54, 40, 1, 1, 1, 24, 0, len(pixel), 2835, 2835, 0, 0)
    return b"BM" + head + pixel


def _images(kind: str, number: int) -> bytes:
    return form(("a", "a.bmp", "", _pixels(kind, number)), ("b", "b.bmp", "", _pixels("good", number)))


def _annotated(kind: str, number: int) -> bytes:
    annotations = b"{bad" if kind == "malformed" else json.dumps({"number": number}).encode()
    image = _pixels("good" if kind == "malformed" else kind, number)
    return form(("image", "a.bmp", "", image), ("annotations", "a.json", "application/json", annotations))


JSON = "application/json"
CASES = [
    Case("json", JSON, _json),
    Case("json", "application/vnd.msgpack", _msgpack),
    Case("dataframe", JSON, _table),
    Case("dataframe", "text/csv", _csv),
    Case("dataframe", JSON, _tensors, "v2/models/Mixed.dataframe/infer"),
    Case("array", JSON, _array),
    Case("string", "text/plain", _text),
    Case("file", "application/octet-stream", _file),
    Case("files", FORM, _files),
    Case("image", "image/bmp", _pixels),
    Case("images", FORM, _images),
    Case("annotated", FORM, _annotated),
    Case("typed", JSON, _json),
    Case("parameters", JSON, _json),
]
