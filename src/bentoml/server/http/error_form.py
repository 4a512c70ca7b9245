"""What an error of the server itself looks like: a sentence as text, or, for clients that speak JSON, an object.

The object is `{"error": {"code", "message", "request_id"}}`. Bodies that clients of the classic server match on, those
of 408, 413, 429 and of a 503 for an API, and all that adapters and functions say, are text for everybody.

Below `/v2` every error is `{"error": "..."}`, as the Open Inference Protocol has it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from bentoml._util.accept import qualities
from bentoml.adapters.open_inference.answer import error_body
from bentoml.adapters.open_inference.model_paths import ROOT as MODEL_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

JSON_HEAD = b"content-type: application/json\r\n"

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    417: "unknown_expectation",
    431: "head_too_large",
    500: "internal_error",
    503: "not_ready",
}


def wants_json(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether a client is told about errors in JSON.

    It is when its `Accept` names JSON, and not with a lower quality than plain text; or when it names no type, and
    the body of the request is JSON. It is not when HTML is among what it names, as browsers do.

    Args:
        headers: of the request, names in lower case.
    """
    accepted: list[bytes] = []
    content_type = b""
    for name, value in headers:
        if name == b"accept":
            accepted.append(value)
        elif name == b"content-type":
            content_type = value
    named = qualities(b",".join(accepted).decode("latin-1"))
    named.pop("*/*", None)
    json_quality = max((quality for media_type, quality in named.items() if _is_json(media_type)), default=0.0)
    if any(named.get(media_type, 0) for media_type in ("text/html", "application/xhtml+xml")):
        return False
    if json_quality:
        return json_quality >= named.get("text/plain", 0)
    return not any(named.values()) and _is_json(content_type.decode("latin-1").partition(";")[0].strip().lower())


def json_error(status: int, message: str, request_id: str, traceback: str | None = None) -> bytes:
    """The object.

    Args:
        status: HTTP status, which decides the code.
        message: what happened and what to do, one sentence.
        request_id: under which the log says more.
        traceback: for those who may see it.
    """
    error = {"code": _CODES.get(status, f"http_{status}"), "message": message.rstrip("\n"), "request_id": request_id}
    if traceback is not None:
        error["traceback"] = traceback
    return json.dumps({"error": error}).encode()


def is_model_path(path: str) -> bool:
    """Whether a decoded path is one of the Open Inference Protocol."""
    return path.startswith(f"{MODEL_ROOT}/") or path == MODEL_ROOT


def model_error(message: str | bytes) -> bytes:
    """The object of the Open Inference Protocol."""
    text = message.decode("utf-8", "replace") if isinstance(message, bytes) else message
    return error_body(text.rstrip("\n"))


def _is_json(media_type: str) -> bool:
    return media_type == "application/json" or (media_type.startswith("application/") and media_type.endswith("+json"))
