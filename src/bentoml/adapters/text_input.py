"""Bodies that are text: the part that JSON and table inputs share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.body_input import BaseBodyInput
from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.charsets import codec_of
from bentoml.adapters.wire.media_types import JSON
from bentoml.types import InferenceTask

if TYPE_CHECKING:
    from bentoml.types import HTTPRequest

# Under this name the media type of its body rides on a task, where it has been looked for.
FORMAT = "_bentoml_format"
BYTE_ORDER_MARK = "\ufeff"

_PLAIN_JSON = (JSON, None)


class BaseTextInput(BaseBodyInput):
    """Makes tasks whose `data` is text, decoded with the charset of its content type; UTF-8 when it names none.

    The encoding of a file in a form that names none is told from its bytes.
    """

    ONE_FILE: ClassVar[str] = "accepts one text file at a time"

    def from_http_request(self, req: HTTPRequest) -> InferenceTask[Any]:
        """Read the body; without detours where it is plain JSON, the most common of all."""
        if req.headers.content_type_and_charset == _PLAIN_JSON:
            try:
                text = req.body.decode()
            except UnicodeDecodeError:
                return super().from_http_request(req)
            if text[:1] != BYTE_ORDER_MARK:
                task: InferenceTask[Any] = InferenceTask.of_request(req)
                task.data = text
                vars(task)[FORMAT] = JSON
                return task
        return super().from_http_request(req)

    def fill(self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None) -> None:
        """Decode the content."""
        task.data = decode_text(content, charset or file_charset(task, content, file_name))


def file_charset(task: InferenceTask[Any], content: bytes, file_name: str | None) -> str | None:
    """The encoding of a file in a form that names none, told from its bytes; None for anything else."""
    return json.detect_encoding(content) if file_name is not None and task.cli_args is None else None


def decode_text(content: bytes, charset: str | None) -> str:
    """Decode bytes; a byte order mark of UTF-8 is left out.

    Raises:
        InputError: the charset is unknown, or the bytes are not text in it.
    """
    codec = "utf-8" if charset is None else codec_of(charset)
    if codec is None:
        raise InputError(f"the charset {str(charset)[:50]!r} is not known")
    try:
        text = content.decode(codec)
    except UnicodeError as error:
        raise InputError(f"the body is not {charset or codec} text") from error
    return text.removeprefix(BYTE_ORDER_MARK)
