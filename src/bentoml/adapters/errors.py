"""How adapters say no."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from bentoml.exceptions import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping


class InputError(BadInput):
    """An adapter refuses one request: the text is the body of its answer.

    Args:
        text: what is wrong, for the client.
        http_status: status of the answer, 400 to 499.
        http_headers: further headers of the answer.
    """

    def __init__(
        self,
        text: str,
        http_status: int = HTTPStatus.BAD_REQUEST,
        http_headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(text)
        self._http_status = int(http_status)
        self.http_headers = dict(http_headers or {})

    @property
    def status_code(self) -> int:
        """HTTP status of the answer."""
        return self._http_status


def file_error(adapter: object, text: str) -> InputError:
    """A refusal with status 400, in the words of all adapters of files."""
    return InputError(f"BentoML#{type(adapter).__name__} {text}")


class ReturnLengthError(ValueError):
    """The user function returned something that cannot be cut into one piece per task."""
