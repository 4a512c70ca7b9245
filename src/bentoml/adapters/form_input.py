"""Several named files per request, over HTTP, the command line and AWS Lambda."""

from __future__ import annotations

from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.base import BaseInputAdapter
from bentoml.adapters.errors import InputError, file_error
from bentoml.adapters.wire.cli_tasks import CliTasks
from bentoml.adapters.wire.content_encoding import decompressed
from bentoml.adapters.wire.field_args import read_fields
from bentoml.adapters.wire.lambda_event import request_from_event
from bentoml.adapters.wire.media_objects import binary_schema
from bentoml.adapters.wire.media_types import FORM_CONTENT_TYPE
from bentoml.exceptions import BadInput
from bentoml.types import FileLike, InferenceTask

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bentoml.adapters.wire.field_args import FieldWord
    from bentoml.types import HTTPRequest

    # What a request has for each field, in the order of the fields; None where it has nothing.
    Files = tuple[FileLike | None, ...]


class BaseFormInput(BaseInputAdapter):
    """Makes tasks whose `data` is a tuple with one file, or None, for each field; `check_files` says which may be None.

    Of fields with the same name the first counts; fields that nobody asked for are ignored. A plain value of a form is
    a file without a name, and a file field that was left empty in a browser counts as missing.

    Args:
        fields: names of the fields, in the order of the arguments.
        **base_config: see `BaseInputAdapter`.

    Raises:
        AssertionError: there are no names, or one of them twice.
    """

    HTTP_METHODS: ClassVar[Sequence[str]] = ["POST"]
    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True

    def __init__(self, fields: Sequence[str], **base_config: Any) -> None:
        super().__init__(**base_config)
        assert not isinstance(fields, str), f"write the names as a list: [{fields!r}]"
        assert fields, f"{type(self).__name__} needs at least one name"
        assert len(set(fields)) == len(fields), f"a name stands twice in {list(fields)}"
        self._fields = tuple(fields)

    def check_files(self, files: Files) -> None:
        """Raise `InputError` when the files cannot be used."""

    def optional_fields(self) -> Sequence[str]:
        """Names of the fields that a request may leave out."""
        return ()

    @property
    def request_schema(self) -> dict[str, Any]:
        """A form with one file for each name."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: binary_schema() for name in self._fields},
        }
        if required := [name for name in self._fields if name not in self.optional_fields()]:
            schema["required"] = required
        return {FORM_CONTENT_TYPE: {"schema": schema}}

    def missing_error(self) -> InputError:
        """What a request is answered that lacks a file."""
        return file_error(self, f"requires inputs fields {list(self._fields)}")

    def from_http_request(self, req: HTTPRequest) -> InferenceTask[Any]:
        """Take the files out of the form."""
        task: InferenceTask[Any] = InferenceTask(task_id="", http_method=req.method, http_headers=req.headers)
        if req.headers.content_type == FORM_CONTENT_TYPE:
            try:
                parts = req.form_parts()
            except BadInput as error:
                return _refuse(task, file_error(self, f"cannot read the form: {error}"))
            files: dict[str, FileLike] = {}
            for part in parts:
                if part.name in self._fields and (part.content or part.file_name):
                    files.setdefault(part.name, FileLike(bytes_=part.content, name=part.file_name or ""))
            self._try_to_fill(task, tuple(map(files.get, self._fields)))
        else:
            _refuse(task, file_error(self, f"only accepts requests with Content-Type: {FORM_CONTENT_TYPE}"))
        return task

    def from_aws_lambda_event(self, event: Mapping[str, Any]) -> InferenceTask[Any]:
        """Read the event as the HTTP request it stands for."""
        task = self.from_http_request(decompressed(request_from_event(event)))
        task.aws_lambda_event = dict(event)
        return task

    def from_cli(self, cli_args: Sequence[str]) -> Iterable[InferenceTask[Any]]:
        """Make one task of the first word of each `--input-NAME` or `--input-file-NAME`, one of the second, and so on.

        Misuse is an error at once; files are read one by one as the tasks are taken.
        """
        columns = read_fields(cli_args, self._fields, self.optional_fields())
        words = tuple(cli_args)
        rows = zip(*(repeat(None) if column is None else column for column in columns), strict=False)
        return CliTasks([partial(self._cli_task, row, words) for row in rows])

    def _cli_task(self, row: Sequence[FieldWord | None], cli_args: Sequence[str]) -> InferenceTask[Any]:
        task: InferenceTask[Any] = InferenceTask(cli_args=cli_args)
        try:
            files = tuple(None if word is None else _file_of(word) for word in row)
        except InputError as error:
            return _refuse(task, error)
        self._try_to_fill(task, files)
        return task

    def _try_to_fill(self, task: InferenceTask[Any], files: Files) -> None:
        try:
            if all(file is None for file in files):
                raise self.missing_error()
            self.check_files(files)
        except InputError as error:
            _refuse(task, error)
        else:
            task.data = files


def _file_of(word: FieldWord) -> FileLike:
    if not word.is_file:
        return FileLike(bytes_=word.text.encode("utf-8", "surrogateescape"), name="")
    path = Path(word.text)
    try:
        return FileLike(bytes_=path.read_bytes(), name=path.name)
    except OSError as error:
        raise InputError(f"{word.text} cannot be read: {error.strerror or error}") from error


def _refuse(task: InferenceTask[Any], error: InputError) -> InferenceTask[Any]:
    return task.discard(http_status=error.status_code, err_msg=str(error))
