"""The images in one request: opened while its values are made, and decoded when it is its turn to be answered.

Several images may stand anywhere in a value. Together they may take what those of `ImageInput` may.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.image.names import accepted_extensions
from bentoml.adapters.image.reader import DECODED_FACTOR, ImageError
from bentoml.adapters.pil_image_input import PillowReader
from bentoml.configuration import get_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bentoml.adapters.image.reader import OpenImage


class OpenedImages:
    """Images whose headers have been read.

    Attributes:
        size_bytes: what they take once they are decoded.
    """

    def __init__(self) -> None:
        self._reader = PillowReader(accepted_extensions(None), None)
        self._images: list[OpenImage] = []
        self.size_bytes = 0

    def open(self, content: bytes) -> Any:
        """The image of a file, whose pixels are not there yet.

        Raises:
            ImageError: it is no image, or those of the request are too large together.
        """
        opened = self._reader.open(content, max_decoded_bytes() - self.size_bytes)
        self._images.append(opened)
        self.size_bytes += opened.size_bytes
        return opened.image

    def load(self) -> None:
        """Decode them all.

        Raises:
            InputError: one is damaged or cut short.
        """
        try:
            for opened in self._images:
                self._reader.loaded(opened)
        except ImageError as error:
            raise InputError(f"$: an image cannot be decoded: {error}") from error


def max_decoded_bytes() -> int:
    """Most bytes of the decoded images of one request, and of those that share a call."""
    return get_config().bento_server.max_request_size * DECODED_FACTOR


_current: ContextVar[OpenedImages] = ContextVar("bentoml_opened_images")


@contextmanager
def opening_images() -> Iterator[OpenedImages]:
    """Collect the images that are opened inside."""
    opened = OpenedImages()
    token = _current.set(opened)
    try:
        yield opened
    finally:
        _current.reset(token)


def open_image(content: bytes) -> Any:
    """Open an image for the request whose values are being made.

    Raises:
        ImageError: it is no image, or those of the request are too large together.
    """
    return _current.get().open(content)
