"""What an error looks like to clients, and which status it has.

The JSON interface: `{"error": {"code", "message", "request_id"}}`, where the code is a `StatusCode` in small letters,
such as `not_found`. The classic interface: `{"status": {"status_code", "error_message"}}`. The HTTP status follows the
code in both.
"""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

from bentoml.exceptions import BentoMLException, LockUnavailable, StatusCode

if TYPE_CHECKING:
    from collections.abc import Mapping

HTTP_STATUS = {
    StatusCode.OK: 200,
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 409,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 416,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
    StatusCode.UNAUTHENTICATED: 401,
}
# Of errors that are no results of operations.
_CODE_OF_STATUS = {
    405: StatusCode.UNIMPLEMENTED,
    408: StatusCode.DEADLINE_EXCEEDED,
    413: StatusCode.RESOURCE_EXHAUSTED,
    415: StatusCode.INVALID_ARGUMENT,
    417: StatusCode.INVALID_ARGUMENT,
    421: StatusCode.PERMISSION_DENIED,
    422: StatusCode.DATA_LOSS,
    431: StatusCode.RESOURCE_EXHAUSTED,
}
# A client that waits as long may find things otherwise.
RETRY_AFTER_S = 2
INTERNAL_TEXT = "The registry failed; its log says more under this request id"
FULL_TEXT = "The disk of the registry is full; tell whoever looks after it, and go on when there is room"
UNREACHABLE_TEXT = "The catalog cannot be reached; try again in a moment"


class RequestRefused(BentoMLException):
    """A request that is refused for its form or its time.

    Args:
        http_status: of the answer.
        message: what happened and what to do.
        headers: further headers of the answer.
    """

    def __init__(self, http_status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.headers = dict(headers or {})
        self.proto_status_code = code_of_status(http_status)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error comes from a disk that takes no more."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, OSError) and found.errno in {errno.ENOSPC, errno.EDQUOT}:
            return True
        found = found.__cause__ or found.__context__
    return False


def code_of_status(http_status: int) -> StatusCode:
    """The code of an HTTP status that is an error."""
    if http_status in _CODE_OF_STATUS:
        return _CODE_OF_STATUS[http_status]
    known = {status: code for code, status in reversed(HTTP_STATUS.items())}
    return known.get(http_status, StatusCode.INVALID_ARGUMENT if http_status < 500 else StatusCode.INTERNAL)


def status_of(error: BentoMLException) -> tuple[int, StatusCode]:
    """HTTP status and code of an error."""
    if isinstance(error, RequestRefused):
        return error.http_status, error.proto_status_code
    if isinstance(error, LockUnavailable):
        return 503, StatusCode.UNAVAILABLE
    return HTTP_STATUS[error.proto_status_code], error.proto_status_code


def headers_of(error: BentoMLException) -> dict[str, str]:
    """Headers that an answer with this error has."""
    headers = dict(error.headers) if isinstance(error, RequestRefused) else {}
    if status_of(error)[0] == 503:
        headers.setdefault("retry-after", str(RETRY_AFTER_S))
    return headers


def error_body(http_status: int, message: str, request_id: str, code: StatusCode | None = None) -> bytes:
    """An error of the JSON interface."""
    name = (code or code_of_status(http_status)).name.lower()
    return json.dumps({"error": {"code": name, "message": message, "request_id": request_id}}).encode()


def classic_status(code: StatusCode = StatusCode.OK, message: str = "") -> dict[str, str]:
    """The `status` of an answer of the classic interface."""
    return {"status_code": code.name, "error_message": message}


def classic_error_body(message: str, code: StatusCode) -> bytes:
    """An error of the classic interface."""
    return json.dumps({"status": classic_status(code, message)}).encode()
