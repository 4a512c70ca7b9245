"""One body per request, over HTTP, the command line and AWS Lambda: the part that most inputs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml._util.multipart import FORM_CONTENT_TYPE
from bentoml.adapters.base import BaseInputAdapter
from bentoml.adapters.errors import InputError
from bentoml.adapters.wire.cli_args import read_input
from bentoml.adapters.wire.cli_tasks import CliTasks
from bentoml.adapters.wire.content_encoding import decompressed
from bentoml.adapters.wire.lambda_event import request_from_event
from bentoml.exceptions import BadInput
from bentoml.types import HTTPHeaders, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bentoml._util.multipart import FormPart
    from bentoml.types import HTTPRequest


class BaseBodyInput(BaseInputAdapter):
    """Makes tasks of a body, the one file of a form, a command line value or a file; `fill` makes their `data`."""

    # Written before what is wrong with a body.
    ERROR_PREFIX: ClassVar[str] = ""
    # What is wrong with a form of several files, after the name of the class.
    ONE_FILE: ClassVar[str] = "accepts one file at a time"

    def fill(self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None) -> None:
        """Put the content into `task.data`, or discard the task.

        Args:
            task: its `http_headers` name the content type that the content has by itself, in a form or not.
            content: the bytes.
            charset: what the client says about text; None when it says nothing.
            file_name: name of the file that it was; None for a body or a command line value. A client made it up.

        Raises:
            InputError: the content cannot be used.
        """
        raise NotImplementedError

    def from_http_request(self, req: HTTPRequest) -> InferenceTask[Any]:
        """Read the body, or the one file in it when it is a form."""
        task: InferenceTask[Any] = InferenceTask.of_request(req)
        content_type, charset = req.headers.content_type_and_charset
        if content_type == FORM_CONTENT_TYPE:
            self._fill_from_form(task, req)
        else:
            self._try_to_fill(task, req.body, charset, None)
        return task

    def file_content_type(self, file_name: str, given: str) -> str:  # noqa: ARG002 - for subclasses
        """Content type that a file of a form would have as a body of its own; `given` is what the client says."""
        return given

    def _fill_from_form(self, task: InferenceTask[Any], request: HTTPRequest) -> None:
        try:
            file = self.only_file(request)
        except BadInput as error:
            task.discard(http_status=400, err_msg=f"{self.ERROR_PREFIX}{error}")
            return
        task.http_headers = HTTPHeaders(request.headers)
        task.http_headers["Content-Type"] = self.file_content_type(file.file_name or "", file.content_type)
        self._try_to_fill(task, file.content, file.charset, file.file_name)

    def only_file(self, request: HTTPRequest) -> FormPart:
        """The one file of a form.

        Raises:
            BadInput: it has none or more, or is no form.
        """
        files = [part for part in request.form_parts() if part.file_name is not None]
        if len(files) != 1:
            raise InputError(f"{type(self).__name__} {self.ONE_FILE}, the form has {len(files)}")
        return files[0]

    def from_aws_lambda_event(self, event: Mapping[str, Any]) -> InferenceTask[Any]:
        """Read the event as the HTTP request it stands for."""
        task = self.from_http_request(decompressed(request_from_event(event)))
        task.aws_lambda_event = dict(event)
        return task

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[InferenceTask[Any]]:
        """Make one task per value of `--input` or file of `--input-file`."""
        return self._cli_tasks(cli_args, lambda _: HTTPHeaders())

    def _cli_tasks(self, cli_args: Sequence[str], headers_of: Callable[[str | None], HTTPHeaders]) -> CliTasks:
        """Make the tasks, with the headers that the same content would have over HTTP.

        Misuse is an error at once; files are read one by one as the tasks are taken.

        Args:
            cli_args: the words.
            headers_of: makes headers of a file name, or of None for a value.
        """
        given = read_input(cli_args)
        words = tuple(cli_args)

        def task(file_name: str | None) -> InferenceTask[Any]:
            return InferenceTask(cli_args=words, http_headers=headers_of(file_name))

        values = [lambda value=value: self._read_value(value, task(None)) for value in given.values]
        files = [lambda name=name: self._read_file(name, task(name)) for name in given.files]
        return CliTasks([*values, *files])

    def _read_value(self, value: str, task: InferenceTask[Any]) -> InferenceTask[Any]:
        self._try_to_fill(task, value.encode("utf-8", "surrogateescape"), None, None)
        return task

    def _read_file(self, name: str, task: InferenceTask[Any]) -> InferenceTask[Any]:
        path = Path(name)
        try:
            content = path.read_bytes()
        except OSError as error:
            task.discard(http_status=400, err_msg=f"{name} cannot be read: {error.strerror or error}")
            return task
        self._try_to_fill(task, content, None, path.name)
        return task

    def _try_to_fill(
        self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None
    ) -> None:
        try:
            self.fill(task, content, charset, file_name)
        except InputError as error:
            task.discard(http_status=error.status_code, err_msg=f"{self.ERROR_PREFIX}{error}")
