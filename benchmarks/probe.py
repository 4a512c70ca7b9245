"""Asks a server about flowers of all three species and looks whether the answers are theirs."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

FLOWERS: tuple[tuple[list[float], int], ...] = (
    ([5.1, 3.5, 1.4, 0.2], 0),
    ([5.9, 2.8, 4.3, 1.3], 1),
    ([6.9, 3.1, 5.4, 2.1], 2),
)
"""Sepal and petal measures in centimetres with the species that both models see in them."""
ANSWER_LIMIT_S = 30.0


class WrongAnswerError(Exception):
    """A server answered something else than the model; the text has the answer."""


@dataclass(frozen=True)
class Ask:
    """How a server is asked: its path, and `rows` or `v2` bodies (see `Peer.body`)."""

    path: str
    body: str = "rows"

    def encode(self, row: list[float]) -> bytes:
        """The body for one row."""
        if self.body == "rows":
            return json.dumps([row], separators=(",", ":")).encode()
        tensor = {"name": "predict", "shape": [1, len(row)], "datatype": "FP64", "data": [row]}
        return json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()

    def decode(self, content: bytes) -> int:
        """The species in an answer.

        Raises:
            WrongAnswerError: the answer has another shape.
        """
        try:
            answer: Any = json.loads(content)
            (label,) = answer if self.body == "rows" else answer["outputs"][0]["data"]
            return int(label)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise WrongAnswerError(f"an answer without a species: {content[:200]!r}") from error


def ask_once(port: int, ask: Ask, row: list[float], limit_s: float = ANSWER_LIMIT_S) -> int:
    """Send one request on a connection of its own.

    Raises:
        OSError, http.client.HTTPException: no answer.
        WrongAnswerError: not 200, or no species in it.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s)
    try:
        connection.request("POST", ask.path, ask.encode(row), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise WrongAnswerError(f"status {response.status}: {content[:200]!r}")
    return ask.decode(content)


def check_answers(port: int, ask: Ask, at_once: int = 3) -> None:
    """Ask about all species, some at the same time, so that a batch holds different ones.

    Raises:
        OSError, http.client.HTTPException: no answer.
        WrongAnswerError: a wrong one.
    """
    chosen = [FLOWERS[number % len(FLOWERS)] for number in range(at_once)]
    with ThreadPoolExecutor(at_once) as clients:
        labels = list(clients.map(lambda flower: ask_once(port, ask, flower[0]), chosen))
    expected = [label for _, label in chosen]
    if labels != expected:
        raise WrongAnswerError(f"species {labels} instead of {expected}")
