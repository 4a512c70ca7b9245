"""Files that are small but cost a decoder much: told by their headers, before a decoder sees them."""

from __future__ import annotations

import contextlib
import struct

from bentoml.adapters.image.jpeg_header import read_jpeg_header
from bentoml.adapters.image.tiff_header import check_directories

# A scan goes over all pixels: together they may go over so many, or the usual number of times.
MAX_SCANNED_PIXELS = 500_000_000
USUAL_SCANS = 20
# Run-length encoded BMP files are unpacked in Python, pixel by pixel.
MAX_RUN_LENGTH_PIXELS = 4_000_000


def check_before_opening(content: bytes, max_pixels: int) -> int:
    """Check what a decoder reads when it opens a file.

    Args:
        content: the file.
        max_pixels: how many pixels it may have.

    Returns:
        How many times decoding it goes over all pixels.

    Raises:
        ValueError: opening it would cost too much.
    """
    if content.startswith(b"\xff\xd8"):
        header = read_jpeg_header(content)
        for directory in (header.exif, header.pictures):
            # What is no directory at all is passed over by decoders as well.
            if directory[:2] in {b"II", b"MM"}:
                check_directories(directory, max_pixels)
        return header.scans
    if content[:2] in {b"II", b"MM"}:
        check_directories(content, max_pixels)
    elif content.startswith(b"RIFF"):
        width, height = _webp_canvas(content)
        if width * height > max_pixels:
            raise ValueError("its canvas is too large")
    return 1


def check_before_decoding(content: bytes, scans: int, pixels: int) -> None:
    """Check what decoding costs.

    Args:
        content: the file.
        scans: how many times decoding it goes over all pixels.
        pixels: how many there are.

    Raises:
        ValueError: it would cost too much.
    """
    if scans > USUAL_SCANS and scans * pixels > MAX_SCANNED_PIXELS:
        raise ValueError("it has too many scans")
    if content.startswith(b"BM") and content[30:31] in {b"\1", b"\2"} and pixels > MAX_RUN_LENGTH_PIXELS:
        raise ValueError("it is too large for a run-length encoded file")


def check_exif(content: bytes) -> bool:
    """Whether EXIF data can be read at little cost.

    Args:
        content: with or without the words that JPEG files put before it.
    """
    with contextlib.suppress(ValueError):
        check_directories(content.removeprefix(b"Exif\0\0"), 1 << 62)
        return True
    return False


def _webp_canvas(content: bytes) -> tuple[int, int]:
    """Width and height of an extended WebP file; other WebP files have at most 16383 pixels each way."""
    if content[12:16] != b"VP8X" or len(content) < 30:
        return 0, 0
    (low_width, high_width, low_height, high_height) = struct.unpack_from("<HBHB", content, 24)
    return (high_width << 16 | low_width) + 1, (high_height << 16 | low_height) + 1
