"""Files as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.binary_output import BaseBinaryOutput
from bentoml.adapters.wire.attachment import attachment
from bentoml.adapters.wire.media_objects import binary_body
from bentoml.adapters.wire.result_files import type_of
from bentoml.exceptions import InvalidArgument
from bentoml.types import FileLike, HTTPHeaders, InferenceResult

if TYPE_CHECKING:
    from bentoml.types import InferenceTask


class FileOutput(BaseBinaryOutput):
    """Sends bytes, a `FileLike` or an open binary file for each request.

    Open files are read from where they stand, and closed; a `FileLike` is read from its start. Text is refused, which
    could be meant as a path: a path would be read on behalf of whoever made it.

    Args:
        content_type: of all answers; when None, the name of a file decides, else `application/octet-stream`.
        file_name: under which browsers save the answers; when None, a `FileLike` has its own, and bytes have none.
        **base_config: kept in `config`.

    Raises:
        InvalidArgument: the content type is none.
    """

    def __init__(self, content_type: str | None = None, file_name: str | None = None, **base_config: Any) -> None:
        super().__init__(**base_config)
        if content_type is not None and ("/" not in content_type or not content_type.isprintable()):
            raise InvalidArgument(f"content_type must be a media type such as application/pdf, not {content_type!r}")
        self.content_type = content_type
        self.file_name = file_name

    @property
    def config(self) -> dict[str, Any]:
        """Plain values for the manifest."""
        return {**super().config, "content_type": self.content_type, "file_name": self.file_name}

    @property
    def response_schema(self) -> dict[str, Any]:
        """Bytes of the given content type, or of any."""
        media_type = HTTPHeaders([("Content-Type", self.content_type or "*/*")]).content_type
        return {media_type: binary_body()}

    def result_of(self, value: Any, task: InferenceTask[Any]) -> InferenceResult[Any]:  # noqa: ARG002
        """Send the content of a file."""
        name = self.file_name if self.file_name is not None else _name_of(value)
        # Browsers take the type as it is given: what a client has sent never becomes a page.
        headers = [("Content-Type", self.content_type or type_of(name)), ("X-Content-Type-Options", "nosniff")]
        if name:
            headers.append(("Content-Disposition", attachment(name)))
        return InferenceResult.of_data(_content_of(value), HTTPHeaders(headers))


def _name_of(value: Any) -> str:
    return (value.name or "") if isinstance(value, FileLike) else ""


def _content_of(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, FileLike):
        if value.bytes_ is not None:
            return value.bytes_
        value.seek(0)
    if not hasattr(value, "read"):
        raise TypeError(f"it must be bytes, a FileLike or an open binary file, not {type(value).__name__}")
    content = value.read()
    value.close()
    if not isinstance(content, bytes):
        raise TypeError("the file must be open in binary mode")
    return content
