"""Formats of image files: by the extension of a file name, as Pillow calls them, as media types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

PNG = "image/png"
JPEG = "image/jpeg"
WEBP = "image/webp"

PILLOW_NAMES = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP"}

_BY_EXTENSION = {
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".ico": "ICO",
    ".jp2": "JPEG2000",
    ".jpe": "JPEG",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    ".pbm": "PPM",
    ".pgm": "PPM",
    ".png": "PNG",
    ".pnm": "PPM",
    ".ppm": "PPM",
    ".tga": "TGA",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}


def decoders_of(extensions: Iterable[str]) -> tuple[str, ...]:
    """The decoders for files with these extensions, by their names in Pillow.

    Args:
        extensions: in lower case, each with its dot.

    Raises:
        InvalidArgument: there is none, or no decoder for one of them.
    """
    names = []
    for extension in extensions:
        name = _BY_EXTENSION.get(extension)
        if name is None:
            known = " ".join(sorted(_BY_EXTENSION))
            raise InvalidArgument(f"{extension!r} is no extension of images that can be read; these are: {known}")
        names.append(name)
    if not names:
        raise InvalidArgument("image adapters need at least one file extension to accept")
    return tuple(dict.fromkeys(names))
