"""Tables of text: Markdown whose columns also line up in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """A table; the first columns are set left, the others right.

    Args:
        header: titles of the columns.
        rows: cells, as many as there are titles.
        left: how many columns are set left.
    """
    lines = [header, *rows]
    widths = [max(3, *(len(line[column]) for line in lines)) for column in range(len(header))]

    def line_of(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = (
        "|"
        + "|".join(
            "-" * (width + 2) if column < left else "-" * (width + 1) + ":" for column, width in enumerate(widths)
        )
        + "|"
    )
    return "\n".join([line_of(header), rule, *map(line_of, rows)]) + "\n"


def number(value: float | None) -> str:
    """A number with about three significant digits; a dash for None."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def times(value: float | None) -> str:
    """A ratio; a dash for None."""
    return "-" if value is None else f"{number(value)}x"
