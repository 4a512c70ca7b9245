"""The interface of a registry, version 1: what is asked, as often as it needs, and errors as exceptions."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bentoml.yatai.remote.failures import TransientError, error_of
from bentoml.yatai.remote.transport import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from bentoml.exceptions import BentoMLException
    from bentoml.yatai.remote.address import RegistryAddress
    from bentoml.yatai.remote.patience import Patience
    from bentoml.yatai.remote.transport import Answer, Transport

# The largest answer is the list of the files of a bundle.
MAX_DOCUMENT_BYTES = (64 << 20) + 65536
_MAX_ERROR_BYTES = 65536
API_ROOT = "/api/v1"


@dataclass(frozen=True)
class Outcome:
    """What became of one attempt at a request that the registry has answered.

    Attributes:
        status: of HTTP.
        headers: with names in small letters.
        body: of the answer.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    def error(self, address: RegistryAddress) -> BentoMLException:
        """The error that it is; see `error_of`."""
        return error_of(address, self.status, self.headers, self.body)


class Api:
    """What a registry answers.

    Args:
        transport: connections to it.
        patience: makes a new patience for each thing that is asked.
    """

    def __init__(self, transport: Transport, patience: Callable[[], Patience]) -> None:
        self._transport = transport
        self.patience = patience

    @property
    def address(self) -> RegistryAddress:
        """Of the registry."""
        return self._transport.address

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        document: Any = None,
        is_repeatable: bool = True,
        work_bytes: int = 0,
    ) -> bytes:
        """The body of the answer to a request, which is tried again where that does no harm.

        Args:
            method: of HTTP.
            path: below the root of the interface.
            query: behind the `?`; what is None is left out, and booleans are written as JSON.
            document: is sent as JSON; None for nothing.
            is_repeatable: whether doing it twice is the same as doing it once.
            work_bytes: what the registry reads before it answers.

        Raises:
            BentoMLException: the registry refuses, or cannot be asked.
        """
        body = None if document is None else json.dumps(document).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        request = Request(method, API_ROOT + path, written(query or {}), body, headers, work_bytes=work_bytes)
        patience = self.patience()
        while True:
            try:
                with self.answer(request) as answer:
                    return answer.body(MAX_DOCUMENT_BYTES)
            except TransientError as error:  # noqa: PERF203 - what is asked takes longer by far
                if error.may_have_arrived and not is_repeatable:
                    raise TransientError(
                        f"{error}. It may have been done all the same: look before you try again"
                    ) from error
                patience.wait(error)

    @contextmanager
    def answer(self, request: Request) -> Iterator[Answer]:
        """The answer to one attempt at a request, when all is well.

        Raises:
            TransientError: it may be tried again.
            BentoMLException: the registry refuses, or cannot be asked.
        """
        with self._transport.exchange(request) as answer:
            if answer.status < 300:
                yield answer
                return
            raise error_of(self.address, answer.status, answer.headers, answer.body(_MAX_ERROR_BYTES))

    def outcome(self, request: Request) -> Outcome:
        """What one attempt at a request came to, well or not.

        Raises:
            TransientError: it may be tried again.
            BentoMLException: the registry cannot be asked.
        """
        with self._transport.exchange(request) as answer:
            found = Outcome(answer.status, answer.headers, answer.body(_MAX_ERROR_BYTES))
        error = found.error(self.address) if found.status >= 300 else None
        if isinstance(error, TransientError):
            raise error
        return found

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @contextmanager
    def content(self, request: Request) -> Iterator[Answer]:
        """The answer to one attempt at loading a file, from wherever the registry says that it is.

        Raises:
            As `answer`.
        """
        with self._transport.exchange(request) as answer:
            target = answer.headers.get("location")
            if answer.status != 307 or target is None:
                yield self._well(answer)
                return
        headers = {name: value for name, value in request.headers.items() if name.lower() == "range"}
        with self._transport.exchange_elsewhere(target, headers) as answer:
            if answer.status >= 300:
                # Such an address is true for a while only; the next attempt gets another one.
                raise TransientError(f"The store behind the registry at {self.address} answered {answer.status}")
            yield answer

    def _well(self, answer: Answer) -> Answer:
        """The answer, unless it is an error."""
        if answer.status < 300:
            return answer
        raise error_of(self.address, answer.status, answer.headers, answer.body(_MAX_ERROR_BYTES))


def written(query: Mapping[str, Any]) -> dict[str, str]:
    """The texts of parameters; what is None is left out."""
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
    return {name: text for name, text in texts.items() if query[name] is not None}


def is_addressable(*parts: str) -> bool:
    """Whether names can stand in a path; none that cannot belongs to anything in a registry."""
    return all(part not in {"", ".", ".."} and "/" not in part and "\0" not in part for part in parts)


def joined(*parts: str) -> str:
    """A path of names."""
    return "".join(f"/{quote(part, safe='@')}" for part in parts)
