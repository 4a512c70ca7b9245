"""Several images per request, each by its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import file_error
from bentoml.adapters.form_input import BaseFormInput
from bentoml.adapters.image.image_adapter import DecodesImages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.adapters.form_input import Files
    from bentoml.types import FileLike, InferenceTask


class MultiImageInput(DecodesImages, BaseFormInput):
    """Gives the user function an `imageio` array for each name: a list per name with `batch=True`, one array otherwise.

    Every name is required. Images are decoded as `ImageInput` does it.

    Args:
        input_names: names of the form fields, in the order of the arguments.
        accept_image_formats: see `ImageInput`.
        pilmode: see `ImageInput`.
        **base_config: see `BaseInputAdapter`.

    Raises:
        AssertionError: there are no names, or one of them twice.
        InvalidArgument: an extension that is none of images, or an unknown kind of pixels.
    """

    def __init__(
        self,
        input_names: Sequence[str] = ("image",),
        accept_image_formats: Sequence[str] | None = None,
        pilmode: str | None = "RGB",
        **base_config: Any,
    ) -> None:
        super().__init__(input_names, **base_config)
        self.input_names = self._fields
        self._decode(accept_image_formats, pilmode, _files_of)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "input_names": list(self.input_names)}

    def check_files(self, files: Files) -> None:
        """Refuse a request that lacks a file, or has one of another kind."""
        if missing := [name for name, file in zip(self._fields, files, strict=True) if file is None]:
            raise file_error(self, f"Empty request: it has no file for {', '.join(missing)}")
        if not all(self.accepts(file.name) for file in files if file is not None and file.name):
            raise file_error(self, f"Current service only accepts {self.accept_image_formats} formats")

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any], ...]:
        """Decode the images: one list for each name. Tasks with one that cannot be decoded are discarded."""
        rows = [images for images in map(self._images.decode, tasks) if images is not None]
        return tuple(list(column) for column in zip(*rows, strict=True))


def _files_of(task: InferenceTask[Sequence[FileLike]]) -> Sequence[FileLike]:
    assert task.data is not None
    return task.data
