"""A service whose functions discard some requests, fail on others and answer the rest, one API for each adapter."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = '''
import time
from dataclasses import dataclass

import bentoml
from bentoml.adapters import DataframeInput, JsonInput, NumpyNdarrayInput, StringInput


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
        keep = react(texts, tasks)
        return [text for text, kept in zip(texts, keep) if kept]

    @bentoml.api(batch=True)
    def typed(self, items: list[Item], tasks) -> list[Item]:
        keep = react(map(str, items), tasks)
        return [item for item, kept in zip(items, keep) if kept]
'''

FAULTS = ("malformed", "discarded", "failing")


@dataclass(frozen=True)
class Case:
    """One API of the service.

    Attributes:
        name: of the API.
        content_type: of its requests.
        body: makes a body of a kind and a number that tells it from others.
        bad: kinds of requests besides `good`.
    """

    name: str
    content_type: str
    body: Callable[[str, int], bytes]
    bad: tuple[str, ...] = FAULTS

    def request(self, kind: str, number: int) -> tuple[str, bytes]:
        """Content type and body."""
        return self.content_type, self.body(kind, number)


def _json(kind: str, number: int) -> bytes:
    return b"{bad" if kind == "malformed" else json.dumps({"kind": kind, "number": number}).encode()


def _table(kind: str, number: int) -> bytes:
    rows = [{"kind": kind, "number": number, "row": row} for row in range(1 + number % 3)]
    return b"[[1], []]" if kind == "malformed" else json.dumps(rows).encode()


def _array(kind: str, number: int) -> bytes:
    rows = [[kind, str(number), str(row)] for row in range(1 + number % 3)]
    return b"[[1], []]" if kind == "malformed" else json.dumps(rows).encode()


def _string(kind: str, number: int) -> bytes:
    return b"\xff" if kind == "malformed" else f"{kind} {number}".encode()


CASES = [
    Case("json", "application/json", _json),
    Case("dataframe", "application/json", _table),
    Case("array", "application/json", _array),
    Case("string", "text/plain", _string),
    Case("typed", "application/json", _json),
]
