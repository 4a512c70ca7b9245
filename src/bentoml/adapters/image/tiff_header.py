"""The directories of TIFF files and of EXIF data, looked through before a decoder is let loose on them.

An entry of a directory names its size and place. A file of a few megabytes can have tens of thousands of entries that
all name the same megabytes, and decoders copy each of them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the entries of honest, and of merely damaged, directories may name beyond the size of the file.
SPARE_BYTES = 16 * 1024 * 1024
MAX_DIRECTORIES = 8
MAX_ENTRIES = 4096
# One entry per strip or tile, of which a decoder makes an object.
MAX_PIECES = 1 << 17

_UNIT_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
# Types of single numbers that stand in an entry.
_NUMBERS = {3: "H", 4: "L"}
_TILE_SIZES = frozenset({322, 323})
_PIECE_OFFSETS = frozenset({273, 324})
# Entries that lead to further directories: EXIF, GPS, interoperability.
_DIRECTORY_TAGS = frozenset({34665, 34853, 40965})


class _Layout(NamedTuple):
    """Where the parts of a directory are, in classic and in big TIFF files."""

    first: struct.Struct  # offset of the first directory, in the header
    first_place: int
    number: struct.Struct  # of entries
    entry: struct.Struct  # tag, type, count
    value: struct.Struct  # offset of the value, or the value itself


class _Entry(NamedTuple):
    """One entry of a directory."""

    tag: int
    length: int
    value: int  # the first value, where it stands in the entry
    read_bytes: int  # what a decoder copies for it


def _layout(order: str, *, is_big: bool) -> _Layout:
    word = "Q" if is_big else "L"
    count = "Q" if is_big else "H"
    place = 8 if is_big else 4
    parts = (struct.Struct(order + letters) for letters in (word, count, f"HH{word}", word))
    first, number, entry, value = parts
    return _Layout(first, place, number, entry, value)


_LAYOUTS = {
    b"II*\0": _layout("<", is_big=False),
    b"MM\0*": _layout(">", is_big=False),
    b"II+\0": _layout("<", is_big=True),
    b"MM\0+": _layout(">", is_big=True),
}


def check_directories(content: bytes, max_tile_pixels: int) -> None:
    """Check that reading the directories of a file costs no more than a few times its size.

    Args:
        content: a TIFF file, or EXIF data, from its first byte.
        max_tile_pixels: the largest tile.

    Raises:
        ValueError: it would cost more, or this is no such file.
    """
    layout = _LAYOUTS.get(content[:4])
    if layout is None:
        raise ValueError("it is no TIFF file")
    try:
        _check(content, layout, max_tile_pixels)
    except struct.error as error:
        raise ValueError("a directory is cut short") from error


def _check(content: bytes, layout: _Layout, max_tile_pixels: int) -> None:
    pending = [layout.first.unpack_from(content, layout.first_place)[0]]
    left = len(content) + SPARE_BYTES
    for _ in range(MAX_DIRECTORIES):
        if not pending:
            return
        tile_pixels = 1
        for entry in _entries(content, layout, pending.pop()):
            left -= entry.read_bytes
            if left < 0 or (entry.tag in _PIECE_OFFSETS and entry.length > MAX_PIECES):
                raise ValueError("its directories are larger than the file")
            if entry.tag in _DIRECTORY_TAGS:
                pending.append(entry.value)
            elif entry.tag in _TILE_SIZES:
                tile_pixels *= max(1, entry.value)
        if tile_pixels > max_tile_pixels:
            raise ValueError("its tiles are too large")
    if pending:
        raise ValueError("it has too many directories")


def _entries(content: bytes, layout: _Layout, start: int) -> Iterator[_Entry]:
    (count,) = layout.number.unpack_from(content, start)
    if count > MAX_ENTRIES:
        raise ValueError("a directory has too many entries")
    size = layout.entry.size + layout.value.size
    start += layout.number.size
    # Entries beyond the end of the file are not there, whatever their number says.
    for place in range(start, min(start + count * size, len(content) - size + 1), size):
        tag, kind, length = layout.entry.unpack_from(content, place)
        place_of_value = place + layout.entry.size
        (value,) = layout.value.unpack_from(content, place_of_value)
        value_size = length * _UNIT_SIZES.get(kind, 0)
        read_bytes = min(value_size, max(0, len(content) - value)) if value_size > layout.value.size else 0
        if kind in _NUMBERS:
            (value,) = struct.unpack_from(layout.value.format[0] + _NUMBERS[kind], content, place_of_value)
        yield _Entry(tag, length, value, read_bytes)
