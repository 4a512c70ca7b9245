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


def main() -> None:
    """Print one line for each direction and number of requests in the batch."""
    rows = SIZE_BYTES // 8 // 100
    body = saved(np.arange(rows * 100.0).reshape(rows, 100))
    for count in BATCHES:
        requests = [HTTPRequest({"Content-Type": NPY, "Accept": NPY}, body) for _ in range(count)]
        tasks, array = decode(requests)
        pieces = [array[i * rows : (i + 1) * rows] for i in range(count)]
        assert encode(array, tasks) == [body] * count
        pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "in": (lambda: decode(requests), lambda: [np.load(io.BytesIO(body)) for _ in requests]),
            "out": (lambda: encode(array, tasks), lambda: [saved(piece) for piece in pieces]),
        }
        for name, (ours, alone) in pairs.items():
            rounds = [(seconds(ours), seconds(alone)) for _ in range(ROUNDS)]
            ours_s, alone_s = (min(column) for column in zip(*rounds, strict=True))
            gigabytes = count * len(body) / 1e9
            print(
                f"{name:3} {count} x {len(body) / 1e6:.0f} MB: {gigabytes / ours_s:9.1f} GB/s, "
                f"numpy alone {gigabytes / alone_s:5.1f} GB/s, ratio {alone_s / ours_s:.2f}"
            )


if __name__ == "__main__":
    main()
