"""One image per request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.file_input import FileInput
from bentoml.adapters.image.image_adapter import DecodesImages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.types import FileLike, InferenceTask


class ImageInput(DecodesImages, FileInput):
    """Gives the user function an `imageio` array for each request: a list of them with `batch=True`, one otherwise.

    Requests are those of `FileInput`. A file with a name needs one of the accepted extensions; only the formats that
    these stand for are decoded. An array is `(height, width, 3)` of `uint8` for `RGB`, has `meta`, and can be written
    to. Orientations in EXIF data are left to the function, except in TIFF files, which newer versions of Pillow turn.

    The images of a request together take at most `image.reader.DECODED_FACTOR` times `bento_server.max_request_size`,
    and so do those of a call: a batch of larger ones is divided.

    Args:
        accept_image_formats: file extensions; when None, `adapters.image_input.default_extensions` as configured.
        pilmode: kind of pixels to convert to, as Pillow names it; None leaves them as they are.
        **base_config: see `BaseInputAdapter`.

    Raises:
        InvalidArgument: an extension that is none of images, or an unknown kind of pixels.
    """

    def __init__(
        self, accept_image_formats: Sequence[str] | None = None, pilmode: str | None = "RGB", **base_config: Any
    ) -> None:
        super().__init__(**base_config)
        self._decode(accept_image_formats, pilmode, _file_of)

    def fill(self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None) -> None:
        """Wrap the content, when its name is acceptable."""
        if file_name and not self.accepts(file_name):
            raise InputError(f"Current service only accepts {self.accept_image_formats} formats")
        super().fill(task, content, charset, file_name)

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any], ...]:
        """Decode the images; those that cannot be decoded are discarded with status 400."""
        decoded = map(self._images.decode, tasks)
        return ([images[0] for images in decoded if images is not None],)


def _file_of(task: InferenceTask[FileLike]) -> list[FileLike]:
    assert task.data is not None
    return [task.data]
