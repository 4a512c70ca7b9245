"""A service for jobs; rows of certain values fail, or end the process."""

from __future__ import annotations

import os
import sys
from typing import Any

import bentoml
from bentoml.adapters import DataframeInput, FileInput, JsonInput


class Jobs(bentoml.BentoService):
    @bentoml.api(input=DataframeInput(columns=["a"]), batch=True)
    def frame(self, frame: Any) -> Any:
        if (frame["a"] == 666).any():
            os._exit(9)
        if (frame["a"] < 0).any():
            raise ValueError("a is negative")
        print("what a function prints is no answer")
        return frame["a"] * 2

    @bentoml.api(input=JsonInput(), batch=True)
    def value(self, values: list[Any]) -> list[Any]:
        if "END" in values:
            os._exit(9)
        return [value if isinstance(value, str) else value * 2 for value in values]

    @bentoml.api(input=FileInput(), batch=True)
    def size(self, files: list[Any]) -> list[int]:
        return [len(file.bytes_) for file in files]

    @bentoml.api(input=JsonInput(), batch=False)
    def stream(self, value: Any) -> Any:
        yield str(value)

    @bentoml.api(input=JsonInput(), batch=True)
    def threads(self, values: list[Any]) -> list[Any]:
        return [os.environ.get("OMP_NUM_THREADS")] * len(values)


class Broken(bentoml.BentoService):
    def __init__(self) -> None:
        super().__init__()
        if "bentoml.batch.jobs.worker_process" in sys.orig_argv:
            os._exit(7)

    @bentoml.api(input=JsonInput(), batch=True)
    def value(self, values: list[Any]) -> list[Any]:
        return values
