"""What a JPEG file says about itself, found without decoding it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_APP1, _APP2 = 0xE1, 0xE2
_WITHOUT_LENGTH = frozenset({0x01, 0xD8})
_EXIF, _PICTURES = b"Exif\0\0", b"MPF\0"
MAX_SEGMENTS = 10_000


@dataclass(frozen=True)
class JpegHeader:
    """Attributes of a JPEG file.

    Attributes:
        scans: how many times the decoder goes over the whole picture.
        exif: EXIF data, which decoders join when it comes in several segments; empty when there is none.
        pictures: the list of further pictures in the file, of which decoders take the last; empty when there is none.
    """

    scans: int
    exif: bytes
    pictures: bytes


def read_jpeg_header(content: bytes) -> JpegHeader:
    """Walk over the segments of a JPEG file.

    Raises:
        ValueError: there are more than `MAX_SEGMENTS`.
    """
    scans = 0
    exif: list[bytes] = []
    pictures = b""
    place = 0
    for _ in range(MAX_SEGMENTS):
        found = _MARKER.search(content, place)
        if found is None or found[1][0] == _END_OF_IMAGE:
            return JpegHeader(scans, b"".join(exif), pictures)
        marker, start = found[1][0], found.end()
        if marker in _WITHOUT_LENGTH:
            place = start
            continue
        place = start + int.from_bytes(content[start : start + 2], "big")
        if marker == _START_OF_SCAN:
            scans += 1
        elif marker == _APP1 and content.startswith(_EXIF, start + 2):
            exif.append(content[start + 2 + len(_EXIF) : place])
        elif marker == _APP2 and content.startswith(_PICTURES, start + 2):
            pictures = content[start + 2 + len(_PICTURES) : place]
    raise ValueError("it has too many segments")
