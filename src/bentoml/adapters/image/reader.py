"""Image files as arrays."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.image.formats import USUAL, decoders_of, load_plugins
from bentoml.adapters.image.guard import check_before_decoding, check_before_opening, check_exif
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

# A decoded image may be larger than `bento_server.max_request_size` by this factor.
DECODED_FACTOR = 12

# Bytes of a pixel in arrays; Pillow itself takes four where it is more than one.
_PIXEL_BYTES = {
    "1": 1,
    "L": 1,
    "P": 1,
    "LA": 2,
    "I;16": 2,
    "RGB": 3,
    "YCbCr": 3,
    "HSV": 3,
    "RGBA": 4,
    "CMYK": 4,
    "I": 4,
    "F": 4,
}
_LARGEST_PIXEL_BYTES = 4

logger = logging.getLogger(__name__)


class ImageError(ValueError):
    """A file cannot be decoded; the text is for the client."""


@dataclass(frozen=True)
class OpenImage:
    """A file whose header has been read.

    Attributes:
        image: what Pillow knows; not decoded yet.
        size_bytes: of the array that it becomes.
    """

    image: Image
    size_bytes: int


class ImageReader:
    """Decodes image files with Pillow; of several pictures in a file, the first.

    Args:
        extensions: of the files that are decoded, in lower case with their dots; content of other formats is refused,
            whatever its name.
        mode: Pillow's name for the kind of pixels to convert to, such as `RGB`; None leaves them as they are, and only
            looks colors up in their palette.

    Raises:
        InvalidArgument: no such mode, or no decoder for an extension.
    """

    def __init__(self, extensions: Sequence[str], mode: str | None) -> None:
        if mode is not None and mode not in _PIXEL_BYTES:
            raise InvalidArgument(f"pilmode must be one of {', '.join(_PIXEL_BYTES)}, or None, not {mode!r}")
        self._decoders = decoders_of(extensions)
        self._mode = mode

    @staticmethod
    def prepare() -> None:
        """Import what decodes.

        Raises:
            MissingDependencyException: imageio is not installed.
        """
        require("imageio.core.util", "imageio")
        load_plugins(USUAL)

    def open(self, content: bytes, max_bytes: int) -> OpenImage:
        """Read the header of a file.

        Args:
            content: the file.
            max_bytes: how large the decoded image may be.

        Raises:
            ImageError: it is no image, or a larger one.
        """
        pillow = require("PIL.Image", "Pillow")
        load_plugins(self._decoders)
        try:
            scans = check_before_opening(content, max_bytes)
            image = pillow.open(io.BytesIO(content), formats=self._decoders)
            width, height = image.size
            pixel_bytes = max(_pixel_bytes(image.mode), _pixel_bytes(self._mode or image.mode))
            size_bytes = width * height * pixel_bytes
            if size_bytes <= max_bytes:
                check_before_decoding(content, scans, width * height)
        except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
            raise ImageError("it has too many pixels") from error
        except Exception as error:  # Decoders raise whatever they stumble over, and say things that are for the log.
            raise self._unreadable(error) from error
        if size_bytes > max_bytes:
            raise ImageError(f"its {width} x {height} pixels are more than {max_bytes} bytes when they are decoded")
        return OpenImage(image, size_bytes)

    def decode(self, opened: OpenImage) -> NDArray[Any]:
        """The pixels of an opened file: an `imageio` array, `(height, width)` or `(height, width, bands)`.

        It can be written to. Its `meta` is what the file says beside the pixels: `mode` and `shape` of the file, and
        EXIF entries under their names.

        Raises:
            ImageError: the file is damaged or cut short.
        """
        numpy = require("numpy")
        array_type = require("imageio.core.util", "imageio").Array
        try:
            pixels = numpy.array(self._converted(opened.image))
            array: NDArray[Any] = array_type(pixels, _metadata(opened.image))
        except Exception as error:  # as above
            raise self._unreadable(error) from error
        return array

    def loaded(self, opened: OpenImage) -> Image:
        """The image of an opened file, decoded and in the mode of this reader.

        Raises:
            ImageError: the file is damaged or cut short.
        """
        try:
            image = self._converted(opened.image)
            image.load()
        except Exception as error:  # as above
            raise self._unreadable(error) from error
        return image

    def _converted(self, image: Image) -> Image:
        mode = self._mode
        if mode is None:
            return image.convert(image.palette.mode) if image.mode == "P" and image.palette is not None else image
        if image.mode == mode:
            return image
        if image.mode == "P" and isinstance(image.info.get("transparency"), bytes):
            # In one step, Pillow warns that transparency is lost.
            image = image.convert("RGBA")
        return image.convert(mode)

    def _unreadable(self, error: Exception) -> ImageError:
        logger.debug("An image could not be decoded", exc_info=error)
        return ImageError(f"it is damaged, cut short, or none of {', '.join(self._decoders)}")


def _pixel_bytes(mode: str) -> int:
    return _PIXEL_BYTES.get(mode, _LARGEST_PIXEL_BYTES)


def _metadata(image: Image) -> dict[str, Any]:
    """What `imageio` puts into `meta`."""
    from PIL import ExifTags

    metadata: dict[str, Any] = {"mode": image.mode, "shape": image.size}
    metadata.update((str(name), value) for name, value in image.info.items() if name not in metadata)
    if isinstance(exif := image.info.get("exif"), bytes) and not check_exif(exif):
        return metadata
    try:
        entries = dict(image.getexif())
    except Exception:
        logger.debug("The EXIF data of an image could not be read", exc_info=True)
        return metadata
    names = ((ExifTags.TAGS.get(tag), value) for tag, value in entries.items())
    metadata.update((name, value) for name, value in names if name is not None)
    return metadata
