"""A plain text table: columns aligned with spaces, no lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMN_GAP = "  "


def plain_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align cells under their headers. Characters that cannot be shown, as they steer a terminal, become `?`.

    Args:
        headers: One title per column.
        rows: Cells as text, as many per row as there are headers.

    Returns:
        Lines joined by newlines, without trailing blanks and without a final newline.
    """
    lines = [[_shown(cell) for cell in line] for line in (headers, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "\n".join(
        COLUMN_GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _shown(cell: str) -> str:
    if cell.isprintable():
        return cell
    return "".join(character if character.isprintable() else "?" for character in cell)
