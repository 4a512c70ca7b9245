"""Values that cross rooms: tags, requests and responses, tasks and results."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Generic, TypeVar
from uuid import uuid4

from bentoml._util.file_like import FileLike
from bentoml._util.http_headers import HTTPHeaders
from bentoml._util.http_messages import HTTPRequest, HTTPResponse, as_headers
from bentoml.exceptions import InvalidArgument

__all__ = [
    "AwsLambdaEvent",
    "DataFrameColumns",
    "DataFrameOrient",
    "FileLike",
    "HTTPHeaders",
    "HTTPRequest",
    "HTTPResponse",
    "InferenceError",
    "InferenceResult",
    "InferenceTask",
    "JsonSerializable",
    "Tag",
]

# A value that `json.dumps` takes.
JsonSerializable = bool | int | float | str | dict[str, Any] | list[Any] | None
# The event that AWS Lambda passes to a handler behind API Gateway: at least `body`, often `headers`, `isBase64Encoded`.
AwsLambdaEvent = dict[str, Any]
DataFrameOrient = str
DataFrameColumns = list[str]

Input = TypeVar("Input")
Output = TypeVar("Output")


@dataclass(frozen=True, order=True)
class Tag:
    """Name and version of a bundle, written `name:version`; or name and alias, written `name@alias`.

    Attributes:
        name: of the service.
        version: of the bundle; `latest` for the one that was registered last, `@` and an alias for the one that has it.
    """

    name: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Tag:
        """Read `name:version` or `name@alias`.

        Raises:
            InvalidArgument: a part is missing.
        """
        name, separator, version = text.partition(":")
        if not separator:
            name, separator, version = text.partition("@")
            version = version and f"@{version}"
        if not (name and separator and version):
            raise InvalidArgument(f'"{text}" is not a tag; write it as name:version, name:latest or name@alias')
        return cls(name, version)

    @staticmethod
    def is_written(text: str) -> bool:
        """Whether a text means one bundle, well-formed or not, rather than a name alone."""
        return ":" in text or "@" in text

    @property
    def alias(self) -> str | None:
        """The alias, where the tag names one in place of a version."""
        return self.version[1:] if self.version.startswith("@") else None

    @property
    def is_exact(self) -> bool:
        """Whether it names a version; otherwise the registry knows which one is meant."""
        return self.alias is None and self.version.lower() != "latest"

    def __str__(self) -> str:
        return f"{self.name}{self.version}" if self.alias is not None else f"{self.name}:{self.version}"


class _Record:
    """Adds `to_json` to the dataclasses below."""

    def to_json(self) -> dict[str, Any]:
        """The fields whose value is not the default, by name."""
        record: dict[str, Any] = {}
        for spec in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, spec.name)
            if spec.default is not MISSING and value == spec.default:
                continue
            if isinstance(value, HTTPHeaders) and not value:
                continue
            record[spec.name] = value.to_json() if hasattr(value, "to_json") else value
        return record


def _new_task_id() -> str:
    return str(uuid4())


@dataclass
class InferenceResult(_Record, Generic[Output]):
    """The answer to one task: a body with its status, for each way in which an API can be called.

    Attributes:
        version: format of this record.
        data: the raw body, text or bytes.
        err_msg: set instead of `data` when the task failed.
        task_id: id of the task that is answered.
        http_status: HTTP status.
        http_headers: further response headers.
        aws_lambda_event: the event answered, if any.
        cli_status: exit code of `bentoml run`.
    """

    version: int = 0
    data: Output | None = None
    err_msg: str = ""
    task_id: str = ""
    http_status: int = 200
    http_headers: HTTPHeaders = field(default_factory=HTTPHeaders)
    aws_lambda_event: dict[str, Any] | None = None
    cli_status: int = 0

    def __post_init__(self) -> None:
        self.http_headers = as_headers(self.http_headers)

    @classmethod
    def of_data(cls, data: Output, http_headers: HTTPHeaders) -> InferenceResult[Output]:
        """Make a successful result, much faster than the class does: all other fields are read from the class.

        Args:
            data: the raw body.
            http_headers: copied.
        """
        result: InferenceResult[Output] = InferenceResult.__new__(InferenceResult)
        result.data = data
        result.http_headers = http_headers.copy()
        return result


@dataclass
class InferenceError(InferenceResult[Output]):
    """A result that says why there is none."""

    http_status: int = 500
    cli_status: int = 1

    def __init__(self, err_msg: str = "", **context: Any) -> None:
        values: dict[str, Any] = {"http_status": 500, "cli_status": 1, "err_msg": err_msg, **context}
        super().__init__(**values)


@dataclass
class InferenceTask(_Record, Generic[Input]):
    """One request on its way to the user function.

    Attributes:
        version: format of this record.
        data: what the input adapter read.
        error: the result, once the task is discarded.
        task_id: the request id.
        is_discarded: True when the user function must not see it.
        batch: rows of this task in a joined frame or tensor; None where a task is one element.
        http_method: upper-case HTTP method, when it came over HTTP.
        http_headers: request headers.
        aws_lambda_event: the event, when it came from AWS Lambda.
        cli_args: the arguments, when it came from `bentoml run`.
        inference_job_args: options of an offline job.
    """

    version: int = 0
    data: Input | None = None
    error: InferenceResult[Any] | None = None
    task_id: str = field(default_factory=_new_task_id)
    is_discarded: bool = False
    batch: int | None = None
    http_method: str | None = None
    http_headers: HTTPHeaders = field(default_factory=HTTPHeaders)
    aws_lambda_event: dict[str, Any] | None = None
    cli_args: Any = None
    inference_job_args: Any = None

    def __post_init__(self) -> None:
        self.http_headers = as_headers(self.http_headers)

    @classmethod
    def of_request(cls, request: HTTPRequest) -> InferenceTask[Input]:
        """Make a task of a request, much faster than the class does: all other fields are read from the class.

        Its id is empty, and given later; its `data` has still to be read.
        """
        task: InferenceTask[Input] = InferenceTask.__new__(InferenceTask)
        task.task_id = ""
        task.http_method = request.method
        task.http_headers = request.headers
        return task

    def discard(self, err_msg: str = "", **context: Any) -> InferenceTask[Input]:
        """Take this task out of its batch and answer it with an error.

        Args:
            err_msg: the body of the answer.
            **context: fields of `InferenceError`, such as `http_status=400` or `cli_status=2`.

        Returns:
            This task.
        """
        self.is_discarded = True
        self.error = InferenceError(err_msg=err_msg, **context)
        return self
