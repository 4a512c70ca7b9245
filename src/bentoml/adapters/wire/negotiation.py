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

_kept: BoundedMemo[tuple[str, tuple[str, ...]], str] = BoundedMemo(MAX_KEPT)


def wanted_type(task: InferenceTask[Any], offered: tuple[str, ...]) -> str:
    """The media type to answer one task in.

    Args:
        task: its `Accept` header decides.
        offered: what can be written, in lower case; the first is written when the client does not care, and also when
            it accepts none of them, which RFC 9110 allows.
    """
    accept: str = task.http_headers.get("accept", "")
    if not accept or accept == "*/*":
        return offered[0]
    known = _kept.get((accept, offered))
    if known is None:
        known = best_type(_canonical_ranges(accept), offered) or offered[0]
        if len(accept) <= MAX_KEPT_CHARACTERS:
            _kept.keep((accept, offered), known)
    return known


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
