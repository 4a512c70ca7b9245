"""Values that cross rooms: tags, requests and responses, tasks and results."""

from __future__ import annotations

import io
import os
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, BinaryIO, Generic, TypeVar, Union
from urllib.parse import unquote, urlparse
from uuid import uuid4

from bentoml._util.http_headers import HTTPHeaders
from bentoml.exceptions import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Self

    HeadersLike = HTTPHeaders | Mapping[str, str] | Iterable[tuple[str, str]] | None

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
JsonSerializable = Union[bool, int, float, str, None, "dict[str, Any]", "list[Any]"]
# The event that AWS Lambda passes to a handler behind API Gateway: at least `body`, often `headers`, `isBase64Encoded`.
AwsLambdaEvent = "dict[str, Any]"
DataFrameOrient = str
DataFrameColumns = "list[str]"

Input = TypeVar("Input")
Output = TypeVar("Output")


@dataclass(frozen=True, order=True)
class Tag:
    """Name and version of a bundle, written `name:version`."""

    name: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Tag:
        """Read `name:version`.

        Raises:
            InvalidArgument: a part is missing.
        """
        name, separator, version = text.partition(":")
        if not (name and separator and version):
            raise InvalidArgument(f'"{text}" is not a tag; write it as name:version, or name:latest')
        return cls(name, version)

    def __str__(self) -> str:
        return f"{self.name}:{self.version}"


def _as_headers(headers: HeadersLike) -> HTTPHeaders:
    if isinstance(headers, HTTPHeaders):
        return headers
    return HTTPHeaders(headers)


class HTTPRequest:
    """One HTTP request: the headers and body, and where it came in.

    Args:
        headers: pairs, a mapping or `HTTPHeaders`.
        body: the raw bytes, still encoded as `Content-Encoding` says.
        method: upper-case HTTP method.
        path: the path as it came in, without the query string.
        query_string: what follows `?`, not decoded.
        client: address of the peer, or an empty string.
    """

    __slots__ = ("body", "client", "headers", "method", "path", "query_string")

    def __init__(
        self,
        headers: HeadersLike = None,
        body: bytes = b"",
        method: str = "POST",
        path: str = "",
        query_string: str = "",
        client: str = "",
    ) -> None:
        self.headers = _as_headers(headers)
        self.body = body
        self.method = method
        self.path = path
        self.query_string = query_string
        self.client = client

    def __repr__(self) -> str:
        return f"HTTPRequest({self.method} /{self.path.lstrip('/')}, {len(self.body)} bytes)"


class HTTPResponse:
    """Status, headers and body of an answer.

    A text body is encoded as UTF-8.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int = 200, headers: HeadersLike = None, body: bytes | str = b"") -> None:
        self.status = int(status)
        self.headers = _as_headers(headers)
        self.body = body.encode() if isinstance(body, str) else body

    @classmethod
    def new(cls, status: int = 200, headers: HeadersLike = None, body: bytes | str = b"") -> HTTPResponse:
        """Make a response; the same as calling the class."""
        return cls(status, headers, body)

    def __repr__(self) -> str:
        return f"HTTPResponse({self.status}, {len(self.body)} bytes)"


class FileLike:
    """A file that came with a request: bytes in memory, or a `file://` URI opened on first use.

    Args:
        bytes_: the content, when it is in memory.
        uri: a `file://` URI, when it is on disk.
        name: file name; by default that of the stream or the last part of the URI.
        stream: an open binary file.

    Raises:
        InvalidArgument: the URI has another scheme than `file`.
    """

    def __init__(
        self,
        bytes_: bytes | None = None,
        uri: str | None = None,
        name: str | None = None,
        stream: BinaryIO | None = None,
    ) -> None:
        if uri and urlparse(uri).scheme != "file":
            raise InvalidArgument(f"only file:// URIs can be read, not {uri!r}")
        self.bytes_ = bytes_
        self.uri = uri
        self._stream = stream
        self.name = name if name is not None else self._default_name()

    def _default_name(self) -> str | None:
        if self._stream is not None:
            stream_name = getattr(self._stream, "name", None)
            return os.path.basename(stream_name) if isinstance(stream_name, str) else None  # noqa: PTH119 - no I/O
        return os.path.basename(self.path) if self.uri else None  # noqa: PTH119

    @property
    def path(self) -> str:
        """Path of the file on disk; empty when it is in memory."""
        return unquote(urlparse(self.uri).path) if self.uri else ""

    @property
    def stream(self) -> BinaryIO:
        """The open file."""
        if self._stream is None:
            if self.bytes_ is not None:
                self._stream = io.BytesIO(self.bytes_)
            elif self.uri:
                self._stream = open(self.path, "rb")  # noqa: SIM115, PTH123 - closed by close()
            else:
                self._stream = io.BytesIO()
        return self._stream

    def read(self, size: int = -1) -> bytes:
        """Read up to `size` bytes from the current position."""
        return self.stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move the current position; returns the new one."""
        return self.stream.seek(offset, whence)

    def tell(self) -> int:
        """Return the current position."""
        return self.stream.tell()

    def close(self) -> None:
        """Close the file if it was opened."""
        if self._stream is not None:
            self._stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


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
        self.http_headers = _as_headers(self.http_headers)


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
        self.http_headers = _as_headers(self.http_headers)

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
