"""Which media type each answer of a batch is written in: the clients of one batch may ask for different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.accept import best_type
from bentoml._util.bounded_memo import BoundedMemo
from bentoml.adapters.wire.media_types import canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import InferenceTask

MAX_KEPT = 256
# Longer headers are read each time, for nobody repeats them.
MAX_KEPT_CHARACTERS = 256

_kept: BoundedMemo[tuple[str, tuple[str, ...]], str | None] = BoundedMemo(MAX_KEPT)
# Of every answer whose media type was chosen by what the client accepts.
VARY = ("Vary", "Accept")


def wanted_type(task: InferenceTask[Any], offered: tuple[str, ...]) -> str:
    """The media type to answer one task in.

    Args:
        task: its `Accept` header decides.
        offered: what can be written, in lower case; the first is written when the client does not care, and also when
            it accepts none of them, which RFC 9110 allows.
    """
    return accepted_type(task, offered) or offered[0]


def accepted_type(task: InferenceTask[Any], offered: tuple[str, ...]) -> str | None:
    """The media type that the client of a task likes best; None when it accepts none of those that are offered."""
    accept: str = task.http_headers.get("accept", "")
    if not accept or accept == "*/*":
        return offered[0]
    key = (accept, offered)
    if key in _kept:
        return _kept[key]
    best = best_type(_canonical_ranges(accept), offered)
    if len(accept) <= MAX_KEPT_CHARACTERS:
        _kept.keep(key, best)
    return best


def _canonical_ranges(accept: str) -> str:
    """The header with each media type under the name that is used here."""
    ranges = (media_range.partition(";") for media_range in accept.lower().split(","))
    return ",".join(f"{canonical(name.strip())}{semicolon}{rest}" for name, semicolon, rest in ranges)


def wanted_types(tasks: Sequence[InferenceTask[Any]], offered: tuple[str, ...]) -> list[str]:
    """The media type to answer each task in; see `wanted_type`."""
    types = []
    last = None
    for task in tasks:
        pairs = task.http_headers.to_json()
        if pairs != last:  # the requests of one client have the same headers
            last, known = pairs, wanted_type(task, offered)
        types.append(known)
    return types


def tasks_by_type(tasks: Sequence[InferenceTask[Any]], offered: tuple[str, ...]) -> dict[str, list[int]]:
    """The positions of the tasks to be answered in each media type."""
    positions: dict[str, list[int]] = {}
    for position, media_type in enumerate(wanted_types(tasks, offered)):
        positions.setdefault(media_type, []).append(position)
    return positions
