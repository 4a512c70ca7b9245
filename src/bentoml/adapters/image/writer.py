"""Pictures and arrays as image files."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.image.formats import JPEG, PILLOW_NAMES, PNG, WEBP

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

# Kinds of pixels that a format has, as Pillow names them; all others are converted to the first.
_MODES = {
    PNG: ("RGBA", "RGB", "L", "LA", "P", "1", "I;16"),
    JPEG: ("RGB", "L"),
    WEBP: ("RGBA", "RGB"),
}
_OPAQUE = frozenset({"L", "CMYK", "YCbCr", "HSV", "LAB", "F", "I", "1", "RGBX"})


def image_file(value: Any, media_type: str, quality: int | None) -> bytes:
    """A picture of Pillow, or an array, as a file.

    Args:
        value: an image of Pillow; or an array or tensor as `as_picture` takes it.
        media_type: one of `formats.PILLOW_NAMES`.
        quality: of JPEG and WebP, from 1 to 100; None for that of Pillow.

    Raises:
        TypeError: it is neither.
        ValueError: the array is none of pixels.
    """
    picture = value if is_picture(value) else as_picture(value)
    if picture.mode == "P" and media_type != PNG:
        # In one step, Pillow warns that transparency is lost.
        picture = picture.convert("RGBA")
    if picture.mode not in _MODES[media_type]:
        picture = picture.convert("RGB" if picture.mode in _OPAQUE else _MODES[media_type][0])
    file = io.BytesIO()
    options = {} if quality is None or media_type == PNG else {"quality": quality}
    picture.save(file, PILLOW_NAMES[media_type], **options)
    return file.getvalue()


def is_picture(value: Any) -> bool:
    """Whether a value is an image of Pillow."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def as_picture(value: Any) -> Image:
    """An array as an image of Pillow.

    Args:
        value: `(height, width)` or `(height, width, 1 | 3 | 4)`; `uint8` from 0 to 255, `bool`, or floats from 0 to 1,
            of which others count as the nearest, and those that are no number as 0. Integers of other types must fit
            into `uint8`.

    Raises:
        TypeError: it is no array.
        ValueError: it has another shape, or other values.
    """
    numpy = require("numpy")
    if isinstance(value, (str, bytes)) or not hasattr(value, "__array__"):
        raise TypeError(f"it must be an image of Pillow or an array, not {type(value).__name__}")
    pixels: NDArray[Any] = numpy.asarray(value)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    is_color = pixels.ndim == 3 and pixels.shape[2] in {3, 4}
    if pixels.size == 0 or not (is_color or pixels.ndim == 2):
        raise ValueError(f"the array must be (height, width) or (height, width, 1, 3 or 4), not {pixels.shape}")
    image: Image = require("PIL.Image", "Pillow").fromarray(numpy.ascontiguousarray(_as_bytes(pixels)))
    return image


def _as_bytes(pixels: NDArray[Any]) -> NDArray[Any]:
    numpy = require("numpy")
    kind = pixels.dtype.kind
    if pixels.dtype == numpy.uint8:
        return pixels
    if kind == "b":
        scaled: NDArray[Any] = pixels.astype(numpy.uint8)
        scaled *= 255
        return scaled
    if kind == "f":
        scaled = pixels.astype(numpy.float32)
        numpy.nan_to_num(scaled, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
        numpy.clip(scaled, 0, 1, out=scaled)
        scaled *= 255
        numpy.rint(scaled, out=scaled)
        return scaled.astype(numpy.uint8)
    if kind in "iu" and pixels.min() >= 0 and pixels.max() <= 255:
        return pixels.astype(numpy.uint8)
    raise ValueError(f"the values of the array must be uint8, bool, or floats from 0 to 1, not {pixels.dtype}")
