"""Whole files, whatever is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bentoml.adapters.body_input import BaseBodyInput
from bentoml.adapters.errors import InputError, file_error
from bentoml.adapters.wire.lambda_event import headers_of_event
from bentoml.adapters.wire.media_objects import binary_body, one_file_form
from bentoml.adapters.wire.media_types import FORM_CONTENT_TYPE
from bentoml.exceptions import BadInput
from bentoml.types import FileLike

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bentoml._util.multipart import FormPart
    from bentoml.types import HTTPRequest, InferenceTask


class FileInput(BaseBodyInput):
    """Gives the user function a `FileLike` for each request: a list of them with `batch=True`, one file otherwise.

    A request is a form with exactly one file, or a body of any other content type, which is a file without a name. The
    name of a file is what the client says: never use it as a path.
    """

    HTTP_METHODS: ClassVar[Sequence[str]] = ["POST"]
    BATCH_MODE_SUPPORTED: ClassVar[bool] = True
    SINGLE_MODE_SUPPORTED: ClassVar[bool] = True
    ONE_FILE: ClassVar[str] = "requires one and at least one file at a time; MultiFileInput takes more"

    @property
    def request_schema(self) -> dict[str, Any]:
        """A form with one file, or any body."""
        return {FORM_CONTENT_TYPE: one_file_form(), "*/*": binary_body()}

    def fill(self, task: InferenceTask[Any], content: bytes, charset: str | None, file_name: str | None) -> None:  # noqa: ARG002
        """Wrap the content, without a copy."""
        if not content and file_name is None:
            raise file_error(self, "unexpected HTTP request format: the body is empty")
        task.data = FileLike(bytes_=content, name=file_name or "")

    def only_file(self, request: HTTPRequest) -> FormPart:
        """The one file of a form."""
        try:
            return super().only_file(request)
        except InputError as error:
            raise InputError(f"BentoML#{error}") from error
        except BadInput as error:
            raise file_error(self, f"cannot read the form: {error}") from error

    def from_aws_lambda_event(self, event: Mapping[str, Any]) -> InferenceTask[Any]:
        """Read the event as the HTTP request it stands for.

        Lambda sends what is no text as base64: text that the event says nothing about is base64, unless it is a form.
        """
        read = event
        if isinstance(event.get("body"), str) and event.get("isBase64Encoded") is None:
            read = {**event, "isBase64Encoded": headers_of_event(event).content_type != FORM_CONTENT_TYPE}
        task = super().from_aws_lambda_event(read)
        task.aws_lambda_event = dict(event)
        return task

    def extract_user_func_args(self, tasks: Sequence[InferenceTask[Any]]) -> tuple[list[Any], ...]:
        """The files, not opened yet: a function that is called again finds them as they were."""
        files: list[Any] = [task.data for task in tasks]
        return ([file.anew() for file in files],)
