"""The part that the adapters of images share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.base import BaseInputAdapter
from bentoml.adapters.image.formats import media_types_of
from bentoml.adapters.image.image_tasks import ImageTasks
from bentoml.adapters.image.names import accepted_extensions, extension_of
from bentoml.adapters.image.reader import ImageReader
from bentoml.adapters.wire.media_types import FORM_CONTENT_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bentoml.types import FileLike, InferenceTask


class DecodesImages(BaseInputAdapter):
    """Accepts files by their extension, and decodes those of a call together as far as memory goes.

    Attributes:
        accept_image_formats: file extensions, in lower case with their dots.
        pilmode: kind of pixels to convert to, as Pillow names it; None leaves them as they are.
    """

    # What decodes a file.
    READER: ClassVar[type[ImageReader]] = ImageReader

    accept_image_formats: list[str]
    pilmode: str | None
    _images: ImageTasks

    def _decode(
        self,
        accept_image_formats: Sequence[str] | None,
        pilmode: str | None,
        files_of: Callable[[InferenceTask[Any]], Sequence[FileLike]],
    ) -> None:
        """Set what is decoded, and how.

        Args:
            accept_image_formats: file extensions; when None, `adapters.image_input.default_extensions` as configured.
            pilmode: see `ImageReader`.
            files_of: the images among the files of a task.

        Raises:
            InvalidArgument: an extension that is none of images, or an unknown kind of pixels.
        """
        self.accept_image_formats = accepted_extensions(accept_image_formats)
        self.pilmode = pilmode
        reader = self.READER(self.accept_image_formats, pilmode)
        self._images = ImageTasks(reader, files_of, f"BentoML#{type(self).__name__}")

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "accept_image_formats": list(self.accept_image_formats), "pilmode": self.pilmode}

    @property
    def pip_dependencies(self) -> list[str]:
        """Requirements of this adapter."""
        return ["imageio"]

    @property
    def request_schema(self) -> dict[str, Any]:
        """That of files, with the media types of the images in forms."""
        schema = super().request_schema
        form = schema[FORM_CONTENT_TYPE]
        types = media_types_of(self.accept_image_formats)
        encoding = {name: {"contentType": types} for name in form["schema"]["properties"] if self._is_image(name)}
        return {**schema, FORM_CONTENT_TYPE: {**form, "encoding": encoding}}

    def _is_image(self, field: str) -> bool:  # noqa: ARG002 - for subclasses
        """Whether a field of a form is one of the images."""
        return True

    def prepare(self) -> None:
        """Import what decodes."""
        self.READER.prepare()

    def accepts(self, file_name: str | None) -> bool:
        """Whether the extension of a file name is one of those accepted."""
        return extension_of(file_name or "") in self.accept_image_formats

    def group_tasks(self, tasks: Sequence[InferenceTask[Any]]) -> list[list[InferenceTask[Any]]]:
        """Part the tasks so that the images of each group fit into memory."""
        return self._images.group(tasks)
