"""What a client accepts, as headers such as `Accept` say (RFC 9110, section 12.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A header with more ranges is read up to here.
MAX_RANGES = 64


def qualities(accept: str) -> dict[str, float]:
    """The media ranges or codings that a header names, in order and lower case, each with its weight from 0 to 1."""
    named: dict[str, float] = {}
    for media_range in accept.lower().split(",")[:MAX_RANGES]:
        name, *parameters = (part.strip() for part in media_range.split(";"))
        if name:
            named[name] = max(named.get(name, 0.0), _quality(parameters))
    return named


def _quality(parameters: Iterable[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 0.0
            return quality if 0 <= quality <= 1 else 0.0
    return 1.0


def best_type(accept: str, offered: Sequence[str]) -> str | None:
    """The media type that a client likes best.

    The highest weight wins. Among equals, a type that is named wins over one that only a wildcard stands for, then what
    the client names first, then what is offered first.

    Args:
        accept: value of the header; empty when there is none, which accepts everything.
        offered: media types in lower case, at least one; the first is what a client gets that does not care.

    Returns:
        One of `offered`; None when the client accepts none of them.
    """
    named = qualities(accept)
    if not named:
        return offered[0]
    places = {name: place for place, name in enumerate(named)}
    best: tuple[float, bool, int] | None = None
    chosen = None
    for media_type in offered:
        range_name = next(
            (one for one in (media_type, f"{media_type.partition('/')[0]}/*", "*/*") if one in named), None
        )
        if range_name is None or not named[range_name]:
            continue
        rank = (named[range_name], range_name == media_type, -places[range_name])
        if best is None or rank > best:
            best, chosen = rank, media_type
    return chosen
