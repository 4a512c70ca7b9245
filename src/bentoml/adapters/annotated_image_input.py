"""One image per request, and what somebody says about it in JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError, file_error
from bentoml.adapters.form_input import BaseFormInput
from bentoml.adapters.image.image_adapter import DecodesImages
from bentoml.adapters.wire.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bentoml.adapters.form_input import Files
    from bentoml.types import FileLike, InferenceTask


class AnnotatedImageInput(DecodesImages, BaseFormInput):
    """Gives the user function an `imageio` array and a JSON value: two lists with `batch=True`, one of each otherwise.

    The image is a file with one of the accepted extensions, decoded as `ImageInput` does it. The JSON, a file or a
    plain value of the form, may be left out: the value is then None.

    Args:
        image_input_name: name of the form field of the image.
        annotation_input_name: name of the form field of the JSON.
        pilmode: see `ImageInput`.
        accept_image_formats: see `ImageInput`.
        **base_config: see `BaseInputAdapter`.

    Raises:
        AssertionError: the fields have the same name.
        InvalidArgument: an extension that is none of images, or an unknown kind of pixels.
    """

    def __init__(
        self,
        image_input_name: str = "image",
        annotation_input_name: str = "annotations",
        pilmode: str | None = "RGB",
        accept_image_formats: Sequence[str] | None = None,
        **base_config: Any,
    ) -> None:
        super().__init__([image_input_name, annotation_input_name], **base_config)
        self.image_input_name = image_input_name
        self.annotation_input_name = annotation_input_name
        self._decode(accept_image_formats, pilmode, _image_of)

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {
            **super().config,
            "image_input_name": self.image_input_name,
            "annotation_input_name": self.annotation_input_name,
        }

    def _is_image(self, field: str) -> bool:
        return field == self.image_input_name

    def optional_fields(self) -> Sequence[str]:
        """The annotations."""
        return [self.annotation_input_name]

    def check_files(self, files: Files) -> None:
        """Refuse a request without an image."""
        image = files[0]
        if image is None or not self.accepts(image.name):
            formats = self.accept_image_formats
            raise file_error(self, f"Input image file must be in supported format list: {formats}")

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any], ...]:
        """Decode images and annotations; tasks with either of them malformed are discarded with status 400."""
        pairs = [pair for pair in map(self._pair, tasks) if pair is not None]
        return [image for image, _ in pairs], [annotation for _, annotation in pairs]

    def _pair(self, task: InferenceTask[Any]) -> tuple[Any, Any] | None:
        """Image and annotation of a task, so that one is never without the other."""
        # In the order in which a batch finds faults: first what the header of the image says.
        if self._images.open(task) is None:
            return None
        assert task.data is not None
        try:
            annotation = self._annotation(task.data[1])
        except InputError as error:
            task.discard(http_status=error.status_code, err_msg=str(error))
            return None
        images = self._images.decode(task)
        return None if images is None else (images[0], annotation)

    def _annotation(self, file: FileLike | None) -> Any:
        if file is None:
            return None
        content = file.bytes_ or b""
        try:
            text = content.decode(json.detect_encoding(content))
        except UnicodeError as error:
            raise InputError("JSON must be in unicode") from error
        try:
            return parse_json(text.removeprefix("\ufeff"))
        except ValueError as error:
            raise file_error(self, "received invalid JSON file") from error


def _image_of(task: InferenceTask[Sequence[FileLike]]) -> Sequence[FileLike]:
    assert task.data is not None
    return task.data[:1]
