"""Where in a list a page is."""

from __future__ import annotations

from dataclasses import dataclass

PAGE_SIZE = 25


@dataclass(frozen=True)
class PagePosition:
    """Where in a list a page is.

    Attributes:
        number: of the page, from 1.
        shown: how many entries it has.
        total: how many entries there are.
    """

    number: int
    shown: int
    total: int

    @property
    def first(self) -> int:
        """Number of its first entry, from 1."""
        return (self.number - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        """Number of its last entry."""
        return self.first + self.shown - 1

    @property
    def previous(self) -> int | None:
        """The page before; None for none."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The page after; None for none."""
        return self.number + 1 if self.last < self.total else None
