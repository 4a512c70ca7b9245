"""The rows of a piece, as tasks of an API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml.types import InferenceTask


class Rows(Protocol):
    """What a piece holds, in the order of the file."""

    @property
    def positions(self) -> Sequence[int]:
        """The places of the rows that can be asked for, among all rows of the piece."""

    @property
    def unreadable(self) -> Mapping[int, str]:
        """The other rows by their places, each with what is wrong with it."""

    @property
    def rows_per_call(self) -> int | None:
        """How many rows the user function is asked for at once; None for all of them."""

    def tasks(self, start: int, end: int) -> list[InferenceTask[Any]]:
        """New tasks for the rows `positions[start:end]`: one for each, or a single one for all.

        Raises:
            InputError: the rows do not make a table together.
        """
