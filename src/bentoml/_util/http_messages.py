"""HTTP requests and responses as plain values."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from bentoml._util.file_like import FileLike
from bentoml._util.http_headers import HTTPHeaders
from bentoml._util.multipart import FORM_CONTENT_TYPE, FormPart, parse_form
from bentoml._util.optional import require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import BinaryIO

    HeadersLike = HTTPHeaders | Mapping[str, str] | Iterable[tuple[str, str]] | None


def as_headers(headers: HeadersLike) -> HTTPHeaders:
    """The headers as they are, or made of pairs or a mapping."""
    if isinstance(headers, HTTPHeaders):
        return headers
    return HTTPHeaders(headers)


def _as_bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body


@dataclass(init=False, repr=False, slots=True)
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

    headers: HTTPHeaders
    body: bytes
    method: str
    path: str
    query_string: str
    client: str

    def __init__(
        self,
        headers: HeadersLike = None,
        body: bytes = b"",
        method: str = "POST",
        path: str = "",
        query_string: str = "",
        client: str = "",
    ) -> None:
        self.headers = as_headers(headers)
        self.body = body
        self.method = method
        self.path = path
        self.query_string = query_string
        self.client = client

    def __repr__(self) -> str:
        return f"HTTPRequest({self.method} /{self.path.lstrip('/')}, {len(self.body)} bytes)"

    def form_parts(self) -> list[FormPart]:
        """The fields of a `multipart/form-data` body, in order.

        Raises:
            BadInput: the body is not a form.
        """
        return parse_form(self.headers.get("content-type", ""), self.body)

    def parse_form_data(self) -> tuple[BinaryIO, dict[str, str], dict[str, FileLike]]:
        """Read an HTML form; of fields with the same name the first counts.

        Returns:
            The body as a stream where it is no form, else an empty one; the plain values by field; the files by field.

        Raises:
            BadInput: the content type says that the body is a form, and it is not.
        """
        content_type = self.headers.content_type
        form: dict[str, str] = {}
        files: dict[str, FileLike] = {}
        if content_type == FORM_CONTENT_TYPE:
            for part in self.form_parts():
                if part.file_name is None:
                    form.setdefault(part.name, part.content.decode("utf-8", "replace"))
                else:
                    files.setdefault(part.name, FileLike(bytes_=part.content, name=part.file_name))
        elif content_type == "application/x-www-form-urlencoded":
            for name, value in parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True):
                form.setdefault(name, value)
        else:
            return io.BytesIO(self.body), form, files
        return io.BytesIO(), form, files

    @classmethod
    def from_flask_request(cls, request: Any) -> HTTPRequest:
        """Make a request of one of Flask."""
        return cls(
            headers=list(request.headers.items()),
            body=request.get_data(),
            method=request.method,
            path=request.path,
            query_string=request.query_string.decode("latin-1"),
            client=request.remote_addr or "",
        )

    def to_flask_request(self) -> Any:
        """Make a request of Flask.

        Raises:
            MissingDependencyException: Flask is not installed.
        """
        return require("flask").Request.from_values(
            path=self.path or "/",
            query_string=self.query_string,
            method=self.method,
            headers=list(self.headers.to_json()),
            input_stream=io.BytesIO(self.body),
            content_length=len(self.body),
            environ_base={"REMOTE_ADDR": self.client} if self.client else None,
        )


@dataclass(init=False, repr=False, slots=True)
class HTTPResponse:
    """Status, headers and body of an answer.

    A text body is encoded as UTF-8.
    """

    status: int
    headers: HTTPHeaders
    body: bytes

    def __init__(self, status: int = 200, headers: HeadersLike = None, body: bytes | str = b"") -> None:
        self.status = status if type(status) is int else int(status)
        self.headers = headers if type(headers) is HTTPHeaders else as_headers(headers)
        self.body = body if type(body) is bytes else _as_bytes(body)

    @classmethod
    def new(cls, status: int = 200, headers: HeadersLike = None, body: bytes | str = b"") -> HTTPResponse:
        """Make a response; the same as calling the class."""
        return cls(status, headers, body)

    def __repr__(self) -> str:
        return f"HTTPResponse({self.status}, {len(self.body)} bytes)"

    def to_flask_response(self) -> Any:
        """Make a response of Flask.

        Raises:
            MissingDependencyException: Flask is not installed.
        """
        return require("flask").Response(self.body, status=self.status, headers=list(self.headers.to_json()))
