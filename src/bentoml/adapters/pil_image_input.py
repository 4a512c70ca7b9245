"""One image of Pillow per request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml._util.optional import require
from bentoml.adapters.image.reader import ImageReader
from bentoml.adapters.image_input import ImageInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

    from bentoml.adapters.image.reader import OpenImage


class PillowReader(ImageReader):
    """Decodes image files to images of Pillow, with the checks of its base class."""

    @staticmethod
    def prepare() -> None:
        """Import what decodes.

        Raises:
            MissingDependencyException: Pillow is not installed.
        """
        require("PIL.Image", "Pillow").preinit()

    def _converted(self, image: Image) -> Image:
        return image if self._mode is None else super()._converted(image)

    def decode(self, opened: OpenImage) -> Any:
        """The decoded image, in its own mode unless another is given.

        Raises:
            ImageError: the file is damaged or cut short.
        """
        return self.loaded(opened)


class PilImageInput(ImageInput):
    """Gives the user function a `PIL.Image.Image` for each request: a list with `batch=True`, one otherwise.

    Requests, formats and limits are those of `ImageInput`. The images are decoded.

    Args:
        accept_image_formats: see `ImageInput`.
        pilmode: kind of pixels to convert to, as Pillow names it; None leaves them as they are in the file.
        **base_config: see `BaseInputAdapter`.
    """

    READER = PillowReader

    def __init__(
        self, accept_image_formats: Sequence[str] | None = None, pilmode: str | None = None, **base_config: Any
    ) -> None:
        super().__init__(accept_image_formats, pilmode, **base_config)

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["Pillow"]
