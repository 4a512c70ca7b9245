"""Clients that ask without a pause, while a test changes what answers them."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

CLIENTS = 4
END_S = 60.0


class Load:
    """Clients, each on a connection of its own that is kept.

    Args:
        make_client: makes one, with the address of the server.
        body: posted to `/predict` as JSON.
        expected: the answer.

    Attributes:
        problems: what was not answered so.
        answered: how many requests have got any answer.
    """

    def __init__(self, make_client: Callable[[], httpx.Client], body: Any, expected: str) -> None:
        self.problems: list[str] = []
        self.answered = 0
        self._make_client = make_client
        self._body, self._expected = body, expected
        self._enough = Event()
        self._threads = [Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join(END_S)

    def _ask(self) -> None:
        with self._make_client() as client:
            while not self._enough.is_set():
                try:
                    answer = client.post("/predict", json=self._body)
                    if (answer.status_code, answer.text) != (200, self._expected):
                        self.problems.append(f"{answer.status_code} {answer.text}")
                except httpx.HTTPError as error:
                    self.problems.append(repr(error))
                self.answered += 1
