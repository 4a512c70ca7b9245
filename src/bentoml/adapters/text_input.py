"""Text over HTTP, the command line and AWS Lambda: the part that JSON and table inputs share."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml._util.multipart import FORM_CONTENT_TYPE
from bentoml.adapters.base import BaseInputAdapter
from bentoml.adapters.cli_args import read_input
from bentoml.adapters.content_encoding import decompressed
from bentoml.adapters.errors import InputError
from bentoml.adapters.lambda_event import request_from_event
from bentoml.exceptions import BadInput
from bentoml.types import HTTPHeaders, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from bentoml._util.multipart import FormPart
    from bentoml.types import HTTPRequest


class BaseTextInput(BaseInputAdapter):
    """Makes tasks whose `data` is text: a body, the one file of a form, a command line value or a text file."""

    # Written before what is wrong with a body.
    ERROR_PREFIX: ClassVar[str] = ""

    def from_http_request(self, req: HTTPRequest) -> InferenceTask[str]:
        """Decode the body, or the one file in it, with the charset of its content type; UTF-8 when it names none."""
        task: InferenceTask[str] = InferenceTask(task_id="", http_method=req.method, http_headers=req.headers)
        if req.headers.content_type == FORM_CONTENT_TYPE:
            return self._fill_from_form(task, req)
        return self._fill(task, req.body, req.headers.charset)

    def file_content_type(self, file_name: str, given: str) -> str:  # noqa: ARG002 - for subclasses
        """Content type that a file of a form would have as a body of its own; `given` is what the client says."""
        return given

    def _fill_from_form(self, task: InferenceTask[str], request: HTTPRequest) -> InferenceTask[str]:
        try:
            file = self._only_file(request)
        except BadInput as error:
            return task.discard(http_status=400, err_msg=f"{self.ERROR_PREFIX}{error}")
        task.http_headers = HTTPHeaders(request.headers)
        task.http_headers["Content-Type"] = self.file_content_type(file.file_name or "", file.content_type)
        return self._fill(task, file.content, file.charset or json.detect_encoding(file.content))

    def _only_file(self, request: HTTPRequest) -> FormPart:
        files = [part for part in request.form_parts() if part.file_name is not None]
        if len(files) != 1:
            raise InputError(f"{type(self).__name__} accepts one text file at a time, the form has {len(files)}")
        return files[0]

    def from_aws_lambda_event(self, event: Mapping[str, Any]) -> InferenceTask[str]:
        """Read the event as the HTTP request it stands for."""
        task = self.from_http_request(decompressed(request_from_event(event)))
        task.aws_lambda_event = dict(event)
        return task

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[InferenceTask[str]]:
        """Make one task per value of `--input` or file of `--input-file`."""
        return self._cli_tasks(cli_args, lambda _: HTTPHeaders())

    def _cli_tasks(
        self, cli_args: Sequence[str], headers_of: Callable[[str | None], HTTPHeaders]
    ) -> Iterator[InferenceTask[str]]:
        """Make the tasks, with the headers that the same content would have over HTTP.

        Misuse is an error at once; files are read one by one as the tasks are taken.
        """
        given = read_input(cli_args)
        words = tuple(cli_args)
        values = (InferenceTask(data=value, cli_args=words, http_headers=headers_of(None)) for value in given.values)
        files = (
            self._read_file(name, InferenceTask(cli_args=words, http_headers=headers_of(name))) for name in given.files
        )
        return chain(values, files)

    def _read_file(self, name: str, task: InferenceTask[str]) -> InferenceTask[str]:
        try:
            content = Path(name).read_bytes()
        except OSError as error:
            task.discard(http_status=400, err_msg=f"{name} cannot be read: {error.strerror or error}")
            return task
        return self._fill(task, content, None)

    def _fill(self, task: InferenceTask[str], content: bytes, charset: str | None) -> InferenceTask[str]:
        try:
            task.data = decode_text(content, charset)
        except InputError as error:
            task.discard(http_status=error.status_code, err_msg=f"{self.ERROR_PREFIX}{error}")
        return task


def decode_text(content: bytes, charset: str | None) -> str:
    """Decode bytes; a byte order mark of UTF-8 is left out.

    Raises:
        InputError: the charset is unknown, or the bytes are not text in it.
    """
    try:
        text = content.decode(charset or "utf-8")
    except LookupError as error:
        raise InputError(f"the charset {charset!r} is not known") from error
    except UnicodeError as error:
        raise InputError(f"the body is not {charset or 'utf-8'} text") from error
    return text.removeprefix("\ufeff")
