"""Bytes per second of a large npy body through the adapters, beside numpy alone.

Run with `python benchmarks/large_arrays.py`. In: from the request to the array that the user function sees, beside
`numpy.load` on the same bytes. Out: from the array that it returns to the answer, beside `numpy.save`. Both sides are
measured in turns, in one process, and each is the best of its rounds. A ratio above 1 is faster than numpy.
"""

from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from bentoml.adapters import DefaultOutput, NumpyNdarrayInput
from bentoml.adapters.wire.media_types import NPY
from bentoml.types import HTTPRequest

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE_BYTES = 10_000_000
ROUNDS = 50
BATCHES = (1, 4)


def saved(array: Any) -> bytes:
    """What `numpy.save` writes."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def seconds(function: Callable[[], Any]) -> float:
    """Time of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def decode(requests: list[HTTPRequest]) -> tuple[Any, Any]:
    """The tasks of a batch, and the array that the user function would get."""
    adapter = NumpyNdarrayInput()
    (group,) = adapter.group_tasks([adapter.from_http_request(request) for request in requests])
    return group, adapter.extract_user_func_args(group)[0]


def encode(array: Any, tasks: Any) -> list[bytes]:
    """The bodies of the answers."""
    adapter = DefaultOutput()
    return [adapter.to_http_response(one).body for one in adapter.pack_user_func_return_value(array, tasks)]


def compare(name: str, size_bytes: int, ours: Callable[[], Any], alone: Callable[[], Any]) -> None:
    """Print the speed of both."""
    rounds = [(seconds(ours), seconds(alone)) for _ in range(ROUNDS)]
    ours_s, alone_s = (min(column) for column in zip(*rounds, strict=True))
    speeds = f"{size_bytes / ours_s / 1e9:7.1f} GB/s, numpy alone {size_bytes / alone_s / 1e9:5.1f} GB/s"
    print(f"{name:3} {size_bytes / 1e6:3.0f} MB: {speeds}, ratio {alone_s / ours_s:.2f}")


def measure(count: int) -> None:
    """Print both directions for a batch of so many requests."""
    rows = SIZE_BYTES // 8 // 100
    body = saved(np.arange(rows * 100.0).reshape(rows, 100))
    requests = [HTTPRequest({"Content-Type": NPY, "Accept": NPY}, body) for _ in range(count)]
    tasks, array = decode(requests)
    pieces = [array[i * rows : (i + 1) * rows] for i in range(count)]
    assert encode(array, tasks) == [body] * count
    size_bytes = count * len(body)
    compare("in", size_bytes, lambda: decode(requests), lambda: [np.load(io.BytesIO(body)) for _ in requests])
    compare("out", size_bytes, lambda: encode(array, tasks), lambda: [saved(piece) for piece in pieces])


def main() -> None:
    """Print two lines for each number of requests in a batch."""
    for count in BATCHES:
        measure(count)


if __name__ == "__main__":
    main()
