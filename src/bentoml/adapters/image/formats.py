"""Formats of image files: by the extension of a file name, as Pillow calls them, as media types."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from bentoml._util.optional import require
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
# The modules of Pillow that know them. Asked for a format that it has not met, Pillow would load all it has.
_PLUGINS = {
    "AVIF": "Avif",
    "BMP": "Bmp",
    "GIF": "Gif",
    "ICO": "Ico",
    "JPEG": "Jpeg",
    "JPEG2000": "Jpeg2K",
    "PNG": "Png",
    "PPM": "Ppm",
    "TGA": "Tga",
    "TIFF": "Tiff",
    "WEBP": "WebP",
}
_SUBTYPES = {"jpeg2000": "jp2", "ico": "vnd.microsoft.icon", "ppm": "x-portable-anymap", "tga": "x-tga"}
USUAL = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")


@cache
def load_plugins(names: tuple[str, ...]) -> None:
    """Have Pillow know some formats.

    Raises:
        MissingDependencyException: it is not installed, or too old for one of them.
    """
    require("PIL.Image", "Pillow").preinit()
    for name in names:
        require(f"PIL.{_PLUGINS[name]}ImagePlugin", "Pillow")


def media_types_of(extensions: Iterable[str]) -> str:
    """The media types of files with these extensions, as OpenAPI lists them: `image/png, image/jpeg`."""
    names = (_BY_EXTENSION[extension].lower() for extension in extensions)
    return ", ".join(dict.fromkeys(f"image/{_SUBTYPES.get(name, name)}" for name in names))


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
