"""Images as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.binary_output import BaseBinaryOutput
from bentoml.adapters.image.formats import JPEG, PNG, USUAL, WEBP, load_plugins
from bentoml.adapters.image.writer import image_file
from bentoml.adapters.wire.media_objects import binary_body
from bentoml.adapters.wire.negotiation import VARY, wanted_type
from bentoml.exceptions import InvalidArgument
from bentoml.types import HTTPHeaders, InferenceResult

if TYPE_CHECKING:
    from bentoml.types import InferenceTask

_FORMATS = {"png": PNG, "jpeg": JPEG, "webp": WEBP}


class ImageOutput(BaseBinaryOutput):
    """Sends an image of Pillow, or an array of pixels, for each request: as PNG, JPEG or WebP.

    Arrays are `(height, width)` or `(height, width, 1 | 3 | 4)`, of `uint8`, of `bool`, or of floats from 0 to 1. JPEG
    has no transparency, which is dropped.

    Args:
        image_format: `png`, `jpeg` or `webp`: what clients get that do not ask for another one of them by `Accept`.
        quality: of JPEG and WebP, from 1 to 100; None for that of Pillow.
        **base_config: kept in `config`.

    Raises:
        InvalidArgument: another format or quality.
    """

    def __init__(self, image_format: str = "png", quality: int | None = None, **base_config: Any) -> None:
        super().__init__(**base_config)
        if image_format not in _FORMATS:
            raise InvalidArgument(f"image_format must be one of {', '.join(_FORMATS)}, not {image_format!r}")
        if quality is not None and not 1 <= quality <= 100:
            raise InvalidArgument(f"quality must be from 1 to 100, not {quality!r}")
        self.image_format = image_format
        self.quality = quality
        # The first is for those who do not ask.
        self._offered = tuple(sorted(_FORMATS.values(), key=lambda one: one != _FORMATS[image_format]))
        self._headers = {one: HTTPHeaders([("Content-Type", one), VARY]) for one in self._offered}

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "image_format": self.image_format, "quality": self.quality}

    @property
    def response_schema(self) -> dict[str, Any]:
        """An image in each of the formats."""
        return {one: binary_body() for one in self._offered}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["pillow"]

    def prepare(self) -> None:
        """Import Pillow."""
        load_plugins(USUAL)

    def result_of(self, value: Any, task: InferenceTask[Any]) -> InferenceResult[Any]:
        """Encode an image in the format that the client prefers."""
        media_type = wanted_type(task, self._offered)
        return InferenceResult.of_data(image_file(value, media_type, self.quality), self._headers[media_type])
