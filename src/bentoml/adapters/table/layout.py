"""How an adapter wants its tables, and how large they may become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A body that is packed may become so many times larger than `bento_server.max_request_size`, and no more.
MAX_GROWTH = 8


@dataclass(frozen=True)
class TableLayout:
    """What holds for each table, whatever format it comes in.

    Attributes:
        orient: the orient of JSON and MessagePack; None to tell it from the structure.
        columns: names that the table must have; it is brought into their order, and others are left out.
        dtype: declared types by column, or by position; None where they follow from the values.
    """

    orient: str | None = None
    columns: tuple[str | int, ...] | None = None
    dtype: Mapping[Any, Any] | Sequence[Any] | None = None


def max_decoded_bytes() -> int:
    """Most bytes that the table of one request may take: `MAX_GROWTH` times `bento_server.max_request_size`."""
    from bentoml.configuration import get_config

    return MAX_GROWTH * get_config().bento_server.max_request_size


def check_decoded_size(size_bytes: int, limit_bytes: int) -> None:
    """Refuse a table before it is made.

    Raises:
        InputError: it would be larger than the limit.
    """
    if size_bytes > limit_bytes:
        raise InputError("the table would become larger than requests may be")
