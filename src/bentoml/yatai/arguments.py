"""The arguments of the repository's verbs: read, and refused when they make no sense."""

from __future__ import annotations

from bentoml.exceptions import BentoMLException, InvalidArgument
from bentoml.types import Tag
from bentoml.yatai.models import SortBy


def as_tag(bento: str | Tag) -> Tag:
    """A tag, given as such or as `name:version`."""
    return bento if isinstance(bento, Tag) else Tag.parse(bento)


def as_sort_by(order_by: SortBy | str | None) -> SortBy:
    """The column to sort by, given as such or by name; None for the time of registration."""
    if order_by is None:
        return SortBy.CREATED_AT
    if isinstance(order_by, SortBy):
        return order_by
    try:
        return SortBy[order_by.upper()]
    except KeyError:
        raise InvalidArgument(f"Bundles cannot be ordered by {order_by!r}; use created_at or name") from None


def not_negative(name: str, value: int | None, *, default: int) -> int:
    """`value` when it is 0 or more, `default` when it is None."""
    if value is None:
        return default
    if value < 0:
        raise InvalidArgument(f"{name} must be 0 or more, not {value}")
    return value


def single_target(tag: str | Tag | None, labels: str | None, name: str | None, version: str | None) -> Tag | None:
    """The one bundle that the arguments of `delete` name, if they name one."""
    if tag is not None:
        if name is not None or version is not None or labels:
            raise BentoMLException("Too much arguments: give a tag, or a name with or without a version")
        return as_tag(tag)
    if version is None:
        return None
    if not name or not version:
        raise InvalidArgument("A version alone names no bundle; give bento_name and bento_version, both not empty")
    if labels:
        raise InvalidArgument("One version is named already; leave out the label query")
    return Tag(name, version)
