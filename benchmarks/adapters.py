"""Microseconds per one-row request that adapters and pipeline take, at a batch of 256.

Run with `python benchmarks/adapters.py`. Two columns: decoding and encoding alone (the adapter methods, called batch by
batch), and the whole of `InferenceAPI.handle_batch_request` with a user function that does next to nothing. The first
is to stay at or below 8 microseconds for `DataframeInput` and 4 for `NumpyNdarrayInput`, with JSON and an array answer.
Both are the best of the rounds, that which other processes disturbed least.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgpack
import numpy as np
import pandas as pd
import pyarrow as pa

from bentoml.adapters import BaseInputAdapter, DataframeInput, JsonInput, NumpyNdarrayInput
from bentoml.adapters.array.npy import npy_bytes
from bentoml.adapters.typed.values import OneValue, Parameter, ValueForEach
from bentoml.adapters.typed_input import TypedInput
from bentoml.adapters.typed_output import TypedOutput
from bentoml.adapters.wire.media_types import ARROW_STREAM, MSGPACK, NPY
from bentoml.service.inference_api import InferenceAPI
from bentoml.types import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH_SIZE = 256
ROUNDS = 100
IDS = [f"00000000-0000-4000-8000-{i:012d}" for i in range(BATCH_SIZE)]
# What a browser or an HTTP library sends beside the content type.
HEADERS = [
    ("host", "localhost:5000"),
    ("user-agent", "python-requests/2.32.3"),
    ("accept-encoding", "gzip, deflate"),
    ("accept", "*/*"),
    ("connection", "keep-alive"),
    ("content-type", "application/json"),
    ("content-length", "22"),
]


def first_column(frame: pd.DataFrame) -> Any:
    """An array answer, as most models give."""
    return frame.iloc[:, 0].to_numpy()


def first_numbers(array: Any) -> Any:
    """The same of an array."""
    return array[:, 0]


def same_array(array: Any) -> Any:
    """An array answer of several columns."""
    return array


def same_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame answer."""
    return frame


def lengths(values: list[Any]) -> Any:
    """One number per JSON value."""
    return np.fromiter(map(len, values), dtype=np.int64, count=len(values))


@dataclass
class Flower:
    """A dataclass as functions are annotated with."""

    length: float
    width: float
    name: str = ""


def widths(flowers: list[Flower]) -> list[float]:
    """One number per object."""
    return [flower.width for flower in flowers]


def same(values: list[Any]) -> list[Any]:
    """The values themselves."""
    return values


def shorter(length: list[float], width: list[float]) -> list[float]:
    """The shorter of two parameters."""
    return list(map(min, length, width))


FLOWER = {"length": 5.1, "width": 3.5, "name": "setosa"}
FLOWER_VALUES = OneValue(Flower)
LENGTH_AND_WIDTH = ValueForEach("shorter", [Parameter("length", float), Parameter("width", float)])


@dataclass(frozen=True)
class Packed:
    """A body that is no JSON, sent by a client that accepts no JSON either."""

    media_type: str
    content: bytes

    @property
    def headers(self) -> list[tuple[str, str]]:
        """What is sent with it."""
        return [*HEADERS[:3], ("accept", self.media_type), ("content-type", self.media_type)]


def arrow_stream(frame: pd.DataFrame) -> bytes:
    """A frame as Arrow."""
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pandas(frame)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


NPY_ROW = Packed(NPY, npy_bytes(np.array([[5.1, 3.5, 1.4, 0.2]])))
MSGPACK_ROW = Packed(MSGPACK, msgpack.packb([{"a": 5.1, "b": 3.5, "c": 1, "d": "x"}]))
ARROW_ROW = Packed(ARROW_STREAM, arrow_stream(pd.DataFrame({"a": [5.1], "b": [3.5], "c": [1.4], "d": [0.2]})))

CASES: dict[str, tuple[BaseInputAdapter, Callable[[Any], Any], Any]] = {
    "DataframeInput, values, array answer": (DataframeInput(), first_column, [[5.1, 3.5, 1.4, 0.2]]),
    "DataframeInput, values with integers, array answer": (DataframeInput(), first_column, [[5, 3.5, 1.4, 0.2]]),
    "DataframeInput, records, array answer": (DataframeInput(), first_column, [{"a": 5.1, "b": 3.5, "c": 1, "d": "x"}]),
    "DataframeInput, declared types, array answer": (
        DataframeInput(columns=["a", "b"], dtype={"a": "float64", "b": "float64"}),
        first_column,
        [{"a": 5.1, "b": 3}],
    ),
    "DataframeInput, values, frame answer": (DataframeInput(), same_frame, [[5.1, 3.5, 1.4, 0.2]]),
    "DataframeInput, MessagePack, MessagePack answer": (DataframeInput(), first_column, MSGPACK_ROW),
    "DataframeInput, npy, npy answer": (DataframeInput(), first_column, NPY_ROW),
    "DataframeInput, Arrow, array answer": (DataframeInput(), first_column, ARROW_ROW),
    "DataframeInput, Arrow, Arrow answer": (DataframeInput(), same_frame, ARROW_ROW),
    "NumpyNdarrayInput, array answer": (NumpyNdarrayInput(), first_numbers, [[5.1, 3.5, 1.4, 0.2]]),
    "NumpyNdarrayInput with integers, array answer": (NumpyNdarrayInput(), first_numbers, [[5, 3.5, 1.4, 0.2]]),
    "NumpyNdarrayInput, declared type, array answer": (
        NumpyNdarrayInput(dtype="float64", shape=(None, 4)),
        first_numbers,
        [[5.1, 3.5, 1.4, 0.2]],
    ),
    "NumpyNdarrayInput, rows as answer": (NumpyNdarrayInput(), same_array, [[5.1, 3.5, 1.4, 0.2]]),
    "NumpyNdarrayInput, npy, npy answer": (NumpyNdarrayInput(), first_numbers, NPY_ROW),
    "JsonInput, array answer": (JsonInput(), lengths, {"in": 0}),
    "JsonInput, list answer": (JsonInput(), same, FLOWER),
    "dataclass, numbers as answer": (TypedInput(FLOWER_VALUES), widths, FLOWER),
    "dataclass, the same as answer": (TypedInput(FLOWER_VALUES), same, FLOWER),
    "two parameters, number as answer": (TypedInput(LENGTH_AND_WIDTH), shorter, {"length": 5.1, "width": 3.5}),
}


def seconds_of_adapters(api: InferenceAPI, requests: list[HTTPRequest]) -> float:
    """Time of the adapter methods for one batch, the user function left out."""
    source, target = api.input_adapter, api.output_adapter
    start = time.perf_counter()
    (group,) = source.group_tasks([source.from_http_request(request) for request in requests])
    args = source.extract_user_func_args(group)
    decoded = time.perf_counter()
    value = api.user_func(*args)
    called = time.perf_counter()
    for result in target.pack_user_func_return_value(value, group):
        target.to_http_response(result)
    return time.perf_counter() - called + decoded - start


def seconds_of_pipeline(api: InferenceAPI, requests: list[HTTPRequest]) -> float:
    """Time of one batch from requests to responses."""
    start = time.perf_counter()
    responses = api.handle_batch_request(requests, IDS)
    seconds = time.perf_counter() - start
    assert all(response.status == 200 for response in responses), responses[0].body
    return seconds


def microseconds_per_request(api: InferenceAPI, body: Any, measure: Callable[..., float]) -> float:
    """Best of the rounds."""
    packed = body if isinstance(body, Packed) else None
    headers = HEADERS if packed is None else packed.headers
    content = json.dumps(body).encode() if packed is None else packed.content
    rounds = (measure(api, [HTTPRequest(headers, content) for _ in range(BATCH_SIZE)]) for _ in range(ROUNDS))
    return min(rounds) / BATCH_SIZE * 1e6


def main() -> None:
    """Print one line per case."""
    print(" adapters   pipeline")
    for name, (adapter, function, body) in CASES.items():
        output = TypedOutput(FLOWER_VALUES) if isinstance(adapter, TypedInput) else None
        api = InferenceAPI(None, "predict", "", adapter, function, output, batch=True)
        alone = microseconds_per_request(api, body, seconds_of_adapters)
        whole = microseconds_per_request(api, body, seconds_of_pipeline)
        print(f"{alone:6.2f} us  {whole:6.2f} us  {name}")


if __name__ == "__main__":
    main()
