"""What can go wrong between here and a registry, as errors that say what to do.

An answer with an error raises the class that `LocalRegistry` would have raised, with the registry's own words.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bentoml.exceptions import (
    BentoMLException,
    BentoMLRpcError,
    BundleIntegrityException,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    StatusCode,
    Unauthenticated,
    YataiServiceException,
    YataiServiceRpcAborted,
)

if TYPE_CHECKING:
    from bentoml.yatai.remote.address import RegistryAddress

# Statuses of a moment: the registry restarts or is busy, or a proxy before it finds none.
_PASSING = frozenset({429, 502, 503, 504})
_LONGEST_MESSAGE = 2000


class AccessDenied(YataiServiceException):
    """The registry knows who asks, and does not let them do this."""

    proto_status_code = StatusCode.PERMISSION_DENIED


class TransientError(BentoMLRpcError):
    """A failure that may be over when the same is tried again.

    Args:
        message: what happened and what to do.
        may_have_arrived: whether the request may have been carried out all the same.
        retry_after_s: how long the registry asks to wait; None when it does not say.
    """

    proto_status_code = StatusCode.UNAVAILABLE

    def __init__(self, message: str, *, may_have_arrived: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.may_have_arrived = may_have_arrived
        self.retry_after_s = retry_after_s


_CLASS_OF_CODE: dict[StatusCode, type[BentoMLException]] = {
    StatusCode.INVALID_ARGUMENT: InvalidArgument,
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.ABORTED: YataiServiceRpcAborted,
    StatusCode.ALREADY_EXISTS: YataiServiceRpcAborted,
    StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    StatusCode.DATA_LOSS: BundleIntegrityException,
}


def error_of(address: RegistryAddress, status: int, headers: dict[str, str], body: bytes) -> BentoMLException:
    """The error that an answer stands for.

    Args:
        address: of the registry.
        status: of the answer, 300 or more.
        headers: of the answer, with names in small letters.
        body: of the answer, or its beginning.
    """
    code, message, request_id = _read(body)
    what = f"{message} (request id {request_id})" if status >= 500 and request_id else message
    if status in _PASSING:
        # A proxy says these two when it has lost the registry, perhaps after the request had reached it.
        may_have_arrived = status in {502, 504}
        text = what or f"the registry at {address} answered {status}"
        advice = ", so it does not answer the proxy before it" if may_have_arrived else "; try again in a moment"
        wait_s = _seconds(headers.get("retry-after"))
        return TransientError(text + advice, may_have_arrived=may_have_arrived, retry_after_s=wait_s)
    if code is None:
        return _not_ours(address, status, headers)
    if code is StatusCode.UNAUTHENTICATED:
        return Unauthenticated(
            f"The registry at {address} refuses: {message}. Set yatai.remote.access_token to a token"
        )
    if code is StatusCode.PERMISSION_DENIED:
        return AccessDenied(f"The registry at {address} refuses: {message}")
    if code in _CLASS_OF_CODE:
        return _CLASS_OF_CODE[code](message)
    return YataiServiceException(f"The registry at {address} answered {status}: {what}")


def nonsense(address: RegistryAddress, what: str) -> BentoMLRpcError:
    """The error for an answer that no registry gives."""
    told = _printable(what)[:_LONGEST_MESSAGE]
    return BentoMLRpcError(f"The registry at {address} answered {told}; see whether the address is right")


def _not_ours(address: RegistryAddress, status: int, headers: dict[str, str]) -> BentoMLException:
    """The error for an answer that the registry itself has not made: that of a proxy, or of another server."""
    if 300 <= status < 400:
        target = headers.get("location", "")[:200]
        return BentoMLRpcError(
            f"{address} points to {target!r}, which is not followed, as the token is meant for {address} alone; "
            "set yatai.remote.url to the address of the registry itself"
        )
    kind = headers.get("content-type", "no type").partition(";")[0][:60]
    hint = {
        401: "something before the registry wants a login",
        403: "something before the registry refuses",
        404: "see whether the address, with its path, is that of a registry (bentoml yatai-service-start)",
        407: "a proxy wants a login; see HTTPS_PROXY and HTTP_PROXY",
        413: "a proxy before the registry takes no larger bodies; raise its limit",
    }.get(status, "see whether the address is right, and what a proxy on the way does")
    error: type[BentoMLException] = {401: Unauthenticated, 403: AccessDenied}.get(status, BentoMLRpcError)
    return error(f"{address} answered {status} with {kind}, as no registry does: {hint}")


def _read(body: bytes) -> tuple[StatusCode | None, str, str]:
    """Code, message and request id of an error; a code of None when it is not in the form of the interface."""
    try:
        detail = json.loads(body)["error"]
        code, message = StatusCode[str(detail["code"]).upper()], detail["message"]
        request_id = detail.get("request_id", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None, "", ""
    return code, _printable(str(message))[:_LONGEST_MESSAGE], _printable(str(request_id))[:100]


def _printable(text: str) -> str:
    """A text that may be shown on a terminal."""
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


def _seconds(text: str | None) -> float | None:
    """The seconds of a `Retry-After`, 30 at most; None for a date, or none."""
    return min(30.0, float(text)) if text is not None and text.isascii() and text.isdigit() else None
