"""Small files that would cost a decoder much are refused before it sees them."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from bentoml.adapters import ImageInput
from bentoml.adapters.image.guard import check_before_decoding, check_before_opening
from bentoml.adapters.image.jpeg_header import read_jpeg_header
from bentoml.adapters.image.tiff_header import check_directories
from bentoml.types import HTTPRequest
from tests.adapters.contract import api_of
from tests.adapters.pictures import encoded, picture

if TYPE_CHECKING:
    from collections.abc import Sequence

HUGE = 60_000


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_bomb(width: int, height: int) -> bytes:
    """A PNG file of one bit per pixel, all zero."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    pixels = zlib.compress(bytes((width // 8 + 1) * min(height, 4000)), 9)
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def tiff(entries: Sequence[tuple[int, int, int, int]], rest: bytes = b"", *, is_big: bool = False) -> bytes:
    """A TIFF file with one directory of (tag, type, count, value), and then some bytes."""
    if is_big:
        body = b"".join(struct.pack("<HHQQ", *entry) for entry in entries)
        return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, len(entries)) + body + bytes(8) + rest
    body = b"".join(struct.pack("<HHLL", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<LH", 8, len(entries)) + body + bytes(4) + rest


def jpeg_with(segment: bytes, marker: int, image: bytes) -> bytes:
    """A JPEG file with a segment put behind its start."""
    return image[:2] + struct.pack(">BBH", 0xFF, marker, len(segment) + 2) + segment + image[2:]


def with_size(content: bytes, place: int, layout: str, *values: int) -> bytes:
    """A file with other numbers at some place."""
    written = struct.pack(layout, *values)
    return content[:place] + written + content[place + len(written) :]


WEBP = encoded(picture("a"), "WEBP", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0")
JPEG = encoded(picture("a"), "JPEG", progressive=True)
JPEG_SIZE = JPEG.index(b"\xff\xc2") + 5
TIFF_ENTRIES = [(256, 4, 1, HUGE), (257, 4, 1, HUGE), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 1)]
BOMBS = {
    "png": png_bomb(HUGE, HUGE),
    "bmp": with_size(encoded(picture("a"), "BMP"), 18, "<ii", HUGE, HUGE),
    "jpeg": with_size(JPEG, JPEG_SIZE, ">HH", HUGE, HUGE),
    "webp": with_size(WEBP, 24, "<HBHB", HUGE, 0, HUGE, 0),
    "tiff": tiff(
        [(256, 4, 1, HUGE), (257, 4, 1, HUGE), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (279, 4, 1, 1)]
    ),
    "big tiff": tiff(
        [(256, 4, 1, HUGE), (257, 4, 1, HUGE), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8)], is_big=True
    ),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_image_of_huge_dimensions_is_refused_at_once(name: str) -> None:
    api = api_of(ImageInput(), lambda image: 1)
    api.input_adapter.prepare()
    tracemalloc.start()
    try:
        start = time.perf_counter()
        response = api.handle_request(HTTPRequest(body=BOMBS[name]))
        assert time.perf_counter() - start < 5
        assert response.status == 400
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_dimensions_that_just_do_not_fit_are_named() -> None:
    # 251,658,240 bytes are 12 times the 20 MiB that a request may have.
    response = api_of(ImageInput(), lambda image: 1).handle_request(HTTPRequest(body=png_bomb(8400, 10_000)))
    assert response.body.endswith(b"its 8400 x 10000 pixels are more than 251658240 bytes when they are decoded")


def overlapping(count: int, size: int, *, tag: int = 1000) -> bytes:
    """A directory whose entries all name the same bytes."""
    return tiff([(tag + i, 7, size, 16 + 12 * count) for i in range(count)], bytes(size))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(overlapping(1000, 1_000_000), id="overlapping entries"),
        pytest.param(tiff([(34665, 4, 1, 8), (256, 4, 1, 1)]), id="a directory in itself"),
        pytest.param(tiff([(34665, 4, 1, 1 << 31)]), id="a directory beyond the end"),
        pytest.param(tiff([(1000 + i, 4, 1, 0) for i in range(5000)]), id="many entries"),
        pytest.param(tiff([(273, 4, 200_000, 8)]), id="many strips"),
        pytest.param(tiff([(322, 4, 1, 1 << 20), (323, 4, 1, 1 << 20)]), id="large tiles"),
        pytest.param(tiff([(322, 3, 1, 40_000), (323, 3, 1, 40_000)], is_big=True), id="large tiles of a big file"),
        pytest.param(b"II*\0", id="no offset"),
        pytest.param(b"MM*\0" + bytes(20), id="mixed byte order"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_directory_that_costs_more_than_its_size_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"director|tiles|TIFF"):
        check_directories(content, 1_000_000)


@pytest.mark.parametrize("image_format", ["TIFF", "JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_honest_exif_data_is_accepted(image_format: str, order: str) -> None:
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "x" * 5000
    exif.get_ifd(0x8769)[0x9286] = b"comment" * 100
    exif.get_ifd(0x8825)[1] = "N"
    content = encoded(picture("a"), image_format, exif=exif)
    check_before_opening(content, 1_000_000)
    metas: list[Any] = []
    api = api_of(ImageInput(), lambda image: metas.append(image.meta))
    assert api.handle_request(HTTPRequest(body=content)).status == 200
    assert metas[0]["Make"] == "x" * 5000


@pytest.mark.parametrize(("marker", "start"), [(0xE1, b"Exif\0\0"), (0xE2, b"MPF\0")], ids=["exif", "list of pictures"])
def test_jpeg_with_overlapping_entries_is_refused(marker: int, start: bytes) -> None:
    content = jpeg_with(start + overlapping(1000, 50_000), marker, JPEG)
    with pytest.raises(ValueError, match="larger than the file"):
        check_before_opening(content, 1_000_000)
    assert api_of(ImageInput(), lambda image: 1).handle_request(HTTPRequest(body=content)).status == 400


def test_png_with_overlapping_exif_entries_is_decoded_without_them() -> None:
    content = encoded(picture("a"))
    end = content.index(b"IDAT") - 4
    content = content[:end] + chunk(b"eXIf", overlapping(1000, 1_000_000)) + content[end:]
    metas: list[Any] = []
    api = api_of(ImageInput(), lambda image: metas.append(image.meta))
    tracemalloc.start()
    try:
        assert api.handle_request(HTTPRequest(body=content)).status == 200
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert metas[0]["mode"] == "RGB"


def test_jpeg_header_counts_scans_and_finds_exif() -> None:
    header = read_jpeg_header(jpeg_with(b"Exif\0\0II*\0abc", 0xE1, jpeg_with(b"Exif\0\0def", 0xE1, JPEG)))
    assert (header.scans, header.exif) == (JPEG.count(b"\xff\xda"), b"II*\0abcdef")
    assert header.scans > 1
    assert read_jpeg_header(encoded(picture("a"), "JPEG")).scans == 1


def many_scans(count: int) -> bytes:
    """A progressive JPEG file whose last scan is there many times."""
    start, end = JPEG.rindex(b"\xff\xda"), JPEG.rindex(b"\xff\xd9")
    return JPEG[:start] + JPEG[start:end] * count + JPEG[end:]


def test_jpeg_with_many_scans_is_refused_unless_it_is_small() -> None:
    content = many_scans(1000)
    scans = check_before_opening(content, 1_000_000)
    assert scans > 1000
    check_before_decoding(content, scans, 100)
    large = with_size(content, JPEG_SIZE, ">HH", 5000, 5000)
    response = api_of(ImageInput(), lambda image: 1).handle_request(HTTPRequest(body=large))
    assert response.status == 400


def test_jpeg_of_fill_bytes_or_empty_segments_is_walked_in_linear_time() -> None:
    start = time.perf_counter()
    read_jpeg_header(b"\xff\xd8" + b"\xff" * 5_000_000)
    read_jpeg_header(b"\xff\xd8" + b"\xff\0" * 2_500_000)
    with pytest.raises(ValueError, match="too many segments"):
        read_jpeg_header(b"\xff\xd8" + b"\xff\xe5\0\0" * 1_000_000)
    assert time.perf_counter() - start < 5


def test_run_length_encoded_bmp_is_refused_when_it_is_large() -> None:
    def bmp(width: int, height: int) -> bytes:
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, 4, 0, 0, 3, 0)
        colors = b"\0\0\0\0\xff\xff\xff\0\xff\0\0\0"
        return b"BM" + struct.pack("<IHHI", 70, 0, 0, 66) + header + colors + bytes([width, 1, 0, 1])

    api = api_of(ImageInput(), lambda image: list(image.shape))
    assert api.handle_request(HTTPRequest(body=bmp(8, 1))).body == b"[1, 8, 3]"
    large = with_size(bmp(8, 1), 18, "<ii", 3000, 3000)
    assert api.handle_request(HTTPRequest(body=large)).status == 400
    with pytest.raises(ValueError, match="run-length"):
        check_before_decoding(large, 1, 9_000_000)
