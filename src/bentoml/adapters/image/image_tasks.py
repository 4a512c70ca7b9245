"""The images of tasks: decoded together as far as memory goes, each failure its own task's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.image.reader import DECODED_FACTOR, ImageError, ImageReader
from bentoml.configuration import get_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from bentoml.adapters.image.reader import OpenImage
    from bentoml.types import FileLike, InferenceTask

    Task = InferenceTask[Any]

# Under this name opened images ride on their task from `group` to `decode`.
_OPENED = "_bentoml_images"


class ImageTasks:
    """Decodes the images of tasks.

    The images of one request, and those of all requests that share a call, together may take as many bytes as
    `bento_server.max_request_size` says, times `DECODED_FACTOR`.

    Args:
        reader: decodes them.
        files_of: the images among the files of a task.
        error_prefix: written before what is wrong with one.
    """

    def __init__(self, reader: ImageReader, files_of: Callable[[Task], Sequence[FileLike]], error_prefix: str) -> None:
        self._reader = reader
        self._files_of = files_of
        self._error_prefix = error_prefix

    def group(self, tasks: Sequence[Task]) -> list[list[Task]]:
        """Part tasks so that the images of each group fit into memory; those of unreadable images are discarded."""
        groups: list[list[Task]] = []
        max_bytes = _max_bytes()
        left = -1
        for task in tasks:
            images = self.open(task)
            if images is None:
                continue
            size_bytes = sum(image.size_bytes for image in images)
            if size_bytes > left:
                groups.append([])
                left = max_bytes
            groups[-1].append(task)
            left -= size_bytes
        return groups

    def open(self, task: Task) -> list[OpenImage] | None:
        """Read the headers of the images of a task; None when it is discarded, as they cannot be read."""
        images: list[OpenImage] | None = vars(task).get(_OPENED)
        if images is None:
            images = self._open(task, _max_bytes())
            vars(task)[_OPENED] = images
        return images

    def decode(self, task: Task) -> list[NDArray[Any]] | None:
        """The images of a task; None when it is discarded, as they cannot be decoded."""
        images = self.open(task)
        # An opened image is used once: it keeps what it has decoded.
        vars(task).pop(_OPENED)
        try:
            return None if images is None else [self._reader.decode(image) for image in images]
        except ImageError as error:
            self._discard(task, error)
            return None

    def _open(self, task: Task, max_bytes: int) -> list[OpenImage] | None:
        images: list[OpenImage] = []
        try:
            for file in self._files_of(task):
                content = file.bytes_
                assert content is not None  # they came with a request, not by name
                images.append(self._reader.open(content, max_bytes))
                max_bytes -= images[-1].size_bytes
        except ImageError as error:
            self._discard(task, error)
            return None
        return images

    def _discard(self, task: Task, error: ImageError) -> None:
        task.discard(http_status=400, err_msg=f"{self._error_prefix} cannot decode the image: {error}")


def _max_bytes() -> int:
    return get_config().bento_server.max_request_size * DECODED_FACTOR
