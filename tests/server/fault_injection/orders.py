"""Requests whose right answers are known: each has a number of its own, and its answer follows from its body."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field

# Each API has a twin for clients that leave: whether their requests have come is known to the server alone.
LEFT = "left_"
APIS = ("frame", "rows", "single", "coroutine", "coroutines", "large", "stream")
_MODULE = '''
import asyncio
import hashlib
import os
import time

import bentoml
from bentoml.adapters import DataframeInput, JsonInput

VERSION = {version}


def sums_of(df):
    return (VERSION * 10**12 + df[0] * 1000 + df[1] + df[2]).to_numpy()


def answer_to(obj):
    if obj.get("poison"):
        os.kill(os.getpid(), 9)
    if obj.get("hang"):
        time.sleep(3600)
    return {{"id": obj["id"], "sum": sum(obj["row"]), "version": VERSION}}


def answers_to(objs):
    time.sleep(0.002)
    return [answer_to(obj) for obj in objs]


async def answer_later(obj):
    await asyncio.sleep(obj["sleep_s"])
    return answer_to(obj)


async def answers_later(objs):
    await asyncio.sleep(0.001)
    return [answer_to(obj) for obj in objs]


def digest_of(obj):
    return {{"id": obj["id"], "sha": hashlib.sha256(obj["text"].encode()).hexdigest(), "version": VERSION}}


def pieces_of(obj):
    for number in range(obj["pieces"]):
        yield f"{{obj['id']}}-{{number}}-{{VERSION}};"


class Faulty(bentoml.BentoService):
    """An API of each kind, and each answer depends on its own request only."""
'''
_APIS = """
    @bentoml.api(input=DataframeInput(), batch=True, mb_max_latency={limit_ms})
    def {twin}frame(self, df):
        return sums_of(df)

    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency={limit_ms})
    def {twin}rows(self, objs):
        return answers_to(objs)

    @bentoml.api(input=JsonInput(), batch=False)
    def {twin}single(self, obj, task):
        return {{**answer_to(obj), "task_id": task.task_id}}

    @bentoml.api(input=JsonInput(), batch=False)
    async def {twin}coroutine(self, obj):
        return await answer_later(obj)

    @bentoml.api(input=JsonInput(), batch=True, mb_max_latency={limit_ms})
    async def {twin}coroutines(self, objs):
        return await answers_later(objs)

    @bentoml.api(input=JsonInput(), batch=False)
    def {twin}large(self, obj):
        return digest_of(obj)

    @bentoml.api(input=JsonInput(), batch=False)
    def {twin}stream(self, obj):
        yield from pieces_of(obj)
"""


def service_source(version: int, limit_s: float) -> str:
    """The module of the served class.

    Args:
        version: which its answers name.
        limit_s: latency budget of batched APIs.
    """
    apis = [_APIS.format(twin=twin, limit_ms=int(limit_s * 1000)) for twin in ("", LEFT)]
    return _MODULE.format(version=version) + "".join(apis)


@dataclass(frozen=True)
class Answer:
    """One whole HTTP answer; `is_cut` when its connection ended before its body did."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    is_cut: bool = False


@dataclass
class Order:
    """One request for an API.

    Attributes:
        api: route without its slash.
        body: the content.
        is_right: tells of an answer with status 200 whether it is the one.
        statuses: other answers of a worker that are right.
        method, framing, request_id, timeout_ms: how it is sent; `framing` is `plain`, `chunked` or `expect`.
        is_fatal: it ends its worker, so it cannot be answered.
    """

    api: str
    body: bytes
    is_right: Callable[[Answer], bool]
    statuses: frozenset[int] = frozenset()
    method: str = "POST"
    framing: str = "plain"
    request_id: str | None = None
    timeout_ms: int | None = None
    is_fatal: bool = False
    cuts: list[int] = field(default_factory=list)

    def to_bytes(self) -> bytes:
        """The request as it goes over the wire."""
        lines = [f"{self.method} /{self.api} HTTP/1.1", "Host: faulty", "Content-Type: application/json"]
        if self.request_id is not None:
            lines.append(f"X-Request-Id: {self.request_id}")
        if self.timeout_ms is not None:
            lines.append(f"X-Request-Timeout-Ms: {self.timeout_ms}")
        if self.framing == "expect":
            lines.append("Expect: 100-continue")
        body = self.body
        if self.framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
            spans = zip([0, *self.cuts], [*self.cuts, len(body)], strict=True)
            pieces = [piece for piece in (body[start:end] for start, end in spans) if piece]
            body = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        else:
            lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body


class OrderBook:
    """Makes orders, each with a number that no other has.

    Args:
        rng: decides what comes.
        versions: versions of the bundle that may answer; looked at when an answer comes.
    """

    def __init__(self, rng: random.Random, versions: set[int]) -> None:
        self._rng = rng
        self._versions = versions
        self._number = 0

    def next_order(self) -> Order:
        """An order of any kind that a steady client may send."""
        kinds = [self._frame, self._json, self._single, self._coroutine, self._large, self._bad_json]
        order = self._rng.choices(kinds, [30, 30, 15, 15, 4, 6])[0]()
        order.framing = self._rng.choices(["plain", "chunked", "expect"], [80, 12, 8])[0]
        if order.framing == "chunked":
            order.cuts = sorted(self._rng.randrange(len(order.body)) for _ in range(self._rng.randrange(4)))
        if order.request_id is None and self._rng.random() < 0.3:
            order.request_id = self._new_id()
        if self._rng.random() < 0.15:
            order.method = "GET"
        if self._rng.random() < 0.04:
            order.timeout_ms = self._rng.choice([1, 20, 500])
        return order

    def stream(self) -> Order:
        """An order that is answered in pieces."""
        number, pieces = self._new_number(), self._rng.randrange(1, 40)

        def is_right(answer: Answer) -> bool:
            wholes = (
                "".join(f"{number}-{piece}-{version};" for piece in range(pieces)).encode()
                for version in self._versions
            )
            return answer.body in set(wholes)

        return Order("stream", json.dumps({"id": number, "pieces": pieces}).encode(), is_right)

    def fatal(self, how: str) -> Order:
        """An order that ends its worker (`poison`), or keeps it for ever (`hang`)."""
        body = {"id": self._new_number(), "row": [1], how: True}
        return Order(self._rng.choice(["rows", "single"]), json.dumps(body).encode(), lambda _: False, is_fatal=True)

    def _new_number(self) -> int:
        self._number += 1
        return self._number

    def _new_id(self) -> str:
        return f"order-{self._new_number()}"

    def _row(self) -> list[int]:
        return [self._rng.randrange(1000) for _ in range(self._rng.randrange(1, 9))]

    def _frame(self) -> Order:
        number, first, second = self._new_number(), self._rng.randrange(400), self._rng.randrange(400)

        def is_right(answer: Answer) -> bool:
            found = json.loads(answer.body)
            return found in [[version * 10**12 + number * 1000 + first + second] for version in self._versions]

        return Order("frame", json.dumps([[number, first, second]]).encode(), is_right)

    def _json(self) -> Order:
        return self._summed(self._rng.choice(["rows", "coroutines"]), {})

    def _single(self) -> Order:
        order = self._summed("single", {})
        order.request_id = self._new_id()
        return order

    def _coroutine(self) -> Order:
        return self._summed("coroutine", {"sleep_s": self._rng.choice([0, 0.001, 0.05, 0.3])})

    def _summed(self, api: str, more: dict[str, float]) -> Order:
        number, row = self._new_number(), self._row()

        def is_right(answer: Answer) -> bool:
            found = json.loads(answer.body)
            task_id = found.pop("task_id", None)
            if task_id is not None and task_id.encode() != answer.headers[b"x-request-id"]:
                return False
            return found in [{"id": number, "sum": sum(row), "version": version} for version in self._versions]

        return Order(api, json.dumps({"id": number, "row": row, **more}).encode(), is_right)

    def _large(self) -> Order:
        number = self._new_number()
        text = self._rng.randbytes(self._rng.choice([3_000, 40_000, 400_000])).hex()
        sha = hashlib.sha256(text.encode()).hexdigest()

        def is_right(answer: Answer) -> bool:
            found = json.loads(answer.body)
            return found in [{"id": number, "sha": sha, "version": version} for version in self._versions]

        return Order("large", json.dumps({"id": number, "text": text}).encode(), is_right)

    def _bad_json(self) -> Order:
        api = self._rng.choice(["frame", "rows", "single", "coroutine"])
        return Order(api, b'{"id": %d, "row": [' % self._new_number(), lambda _: False, statuses=frozenset({400}))
