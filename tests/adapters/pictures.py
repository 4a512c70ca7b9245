"""Image files, made with Pillow."""

from __future__ import annotations

import io
import zlib
from typing import Any

from PIL import Image


def picture(name: str, width: int = 7, height: int = 5) -> Image.Image:
    """A picture of one color that no other name has."""
    color = zlib.crc32(name.encode())
    return Image.new("RGB", (width, height), (color & 255, color >> 8 & 255, color >> 16 & 255))


def encoded(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    """The picture as a file."""
    file = io.BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()


def png(name: str, width: int = 7, height: int = 5) -> bytes:
    """The picture of a name as a PNG file."""
    return encoded(picture(name, width, height))


def color_of(name: str) -> list[int]:
    """The color of the picture of a name."""
    pixel = picture(name).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    return list(pixel)
