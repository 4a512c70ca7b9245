"""Microseconds per request that the prediction log takes in a worker, at a batch of 64 with JSON bodies of one row.

Run with `python benchmarks/prediction_log.py`. The first two columns are one batch from requests to responses, without
the log and with it; the third is the observer alone, and is to stay below 5 microseconds. Lines are made and dropped:
what their way to the writer takes is not in it, as it is once per batch. Each is the best of the rounds.
"""

from __future__ import annotations

import json
import time
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

import bentoml
from bentoml.adapters import DataframeInput, JsonInput
from bentoml.configuration.schema import PredictionLogging
from bentoml.server.logs.prediction_log import PredictionLog, record_predictions
from bentoml.server.transport.wire_request import requests_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from bentoml.service import InferenceAPI
    from bentoml.types import HTTPRequest, InferenceResult, InferenceTask

BATCH_SIZE = 64
ROUNDS = 400
IDS = [f"00000000-0000-4000-8000-{i:012d}" for i in range(BATCH_SIZE)]
FIELDS = (
    b"host: localhost:5000\r\nuser-agent: python-requests/2.32.3\r\naccept-encoding: gzip, deflate\r\naccept: */*\r\n"
    b"connection: keep-alive\r\ncontent-type: application/json\r\ncontent-length: 22\r\n"
)
ROW = [[5.1, 3.5, 1.4, 0.2]]


class Rows(bentoml.BentoService):
    """Next to no work, so that what surrounds it shows."""

    @bentoml.api(input=DataframeInput(), batch=True)
    def frame(self, frame: Any) -> Any:
        """First column."""
        return frame.iloc[:, 0].to_numpy()

    @bentoml.api(input=JsonInput(), batch=True)
    def rows(self, values: list[Any]) -> Any:
        """Lengths."""
        return np.fromiter(map(len, values), dtype=np.int64, count=len(values))


CASES = {
    "each request": PredictionLogging(),
    "each request, with an id of its own": PredictionLogging(),
    "one request in a hundred": PredictionLogging(sample_rate=0.01),
    "each request, with a field to redact": PredictionLogging(redact_fields=["ssn"]),
}


def drop(channel: str, lines: bytes, count: int) -> None:
    """Take lines."""


_number = count()


def requests(*, has_own_ids: bool = False) -> list[HTTPRequest]:
    """A batch as a worker gets it: one head for all, or an id in each that never came before."""
    content = json.dumps(ROW).encode()
    if not has_own_ids:
        return requests_of([["POST", "/rows", "", FIELDS]], [["", 0, "127.0.0.1", content] for _ in range(BATCH_SIZE)])
    heads = [["POST", "/rows", "", b"%bx-request-id: %d\r\n" % (FIELDS, next(_number))] for _ in range(BATCH_SIZE)]
    return requests_of(heads, [["", number, "127.0.0.1", content] for number in range(BATCH_SIZE)])


def microseconds(run: Callable[[Any], object], prepare: Callable[[], Any]) -> float:
    """Best of the rounds, per request, without what is prepared for each."""
    best = float("inf")
    for _ in range(ROUNDS):
        batch = prepare()
        start = time.perf_counter()
        run(batch)
        best = min(best, time.perf_counter() - start)
    return best / BATCH_SIZE * 1e6


def answered(
    api: InferenceAPI, batch: list[HTTPRequest]
) -> tuple[list[InferenceTask[Any]], list[InferenceResult[Any]]]:
    """Tasks and results as an observer gets them."""
    tasks = [api.input_adapter.from_http_request(request) for request in batch]
    for task, task_id in zip(tasks, IDS, strict=True):
        task.task_id = task_id
    return tasks, api.infer(tasks)


def main() -> None:
    """Print one line per case."""
    print(" without       with   observer")
    for name in ("rows", "frame"):
        for case, settings in CASES.items():
            service = Rows()
            api = service.get_inference_api(name)
            batch_of = partial(requests, has_own_ids="own" in case)
            without = microseconds(partial(_respond, api), batch_of)
            observer = PredictionLog(service, api, settings, drop)
            alone = microseconds(partial(_observe, observer), partial(_prepare, api, batch_of))
            record_predictions(service, settings, drop)
            whole = microseconds(partial(_respond, api), batch_of)
            print(f"{without:6.2f} us  {whole:6.2f} us  {alone:6.2f} us  {name}, {case}")


def _respond(api: InferenceAPI, batch: list[HTTPRequest]) -> None:
    api.respond(batch, IDS)


def _prepare(api: InferenceAPI, batch_of: Callable[[], list[HTTPRequest]]) -> Any:
    return answered(api, batch_of())


def _observe(observer: PredictionLog, batch: Any) -> None:
    observer.answered(*batch)


if __name__ == "__main__":
    main()
