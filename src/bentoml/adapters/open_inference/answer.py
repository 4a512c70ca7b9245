"""Answers to requests for inference: a JSON object, and behind it the bytes of the tensors that are wanted as bytes."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.datatypes import BYTES, FLOATS, NUMPY_NAMES
from bentoml.adapters.open_inference.elements import joined_elements
from bentoml.adapters.open_inference.request_body import JSON_LENGTH_HEADER
from bentoml.adapters.open_inference.return_value import Output, outputs_of
from bentoml.adapters.open_inference.tensor import shown
from bentoml.types import HTTPHeaders, HTTPResponse

if TYPE_CHECKING:
    from bentoml.adapters.open_inference.answer_form import AnswerForm
    from bentoml.types import InferenceResult

# Of a tensor without a name, when the client has not given it one.
DEFAULT_NAME = "output-0"
_JSON = "application/json"
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_BINARY = "application/octet-stream"


class TensorAnswer:
    """What one request is answered with, as tensors; it stands in the `data` of a result.

    Args:
        value: what the user function returned for this request.
        form: how the client wants it.

    Raises:
        ValueError: the value cannot be written as tensors; also `TypeError`.
        InputError: the client wants a tensor that there is not.
    """

    def __init__(self, value: Any, form: AnswerForm) -> None:
        self._form = form
        self._outputs = _wanted(outputs_of(value), form)

    def log_record(self, max_values: int) -> Any:
        """The same as plain values, for logs: the values of each tensor by its name; those of an only one alone.

        None when there are more values than that.
        """
        if sum(output.array.size for output in self._outputs.values()) > max_values:
            return None
        values = {name: _json_data(output)[0] for name, output in self._outputs.items()}
        if len(values) == 1 and next(iter(self._outputs.values())).name is None:
            (only,) = values.values()
            return only
        return values

    def response(self, result: InferenceResult[Any]) -> HTTPResponse:
        """The HTTP answer, with the status and the other headers of its result."""
        form = self._form
        outputs: list[dict[str, Any]] = []
        tail: list[bytes] = []
        for name, output in self._outputs.items():
            described: dict[str, Any] = {"name": name, "datatype": output.datatype, "shape": list(output.array.shape)}
            wanted = form.outputs.get(name)
            if form.is_binary if wanted is None else wanted:
                content = _binary_data(output)
                described["parameters"] = {"binary_data_size": len(content)}
                tail.append(content)
            else:
                described["data"], is_base64 = _json_data(output)
                if is_base64:
                    described["parameters"] = {"content_type": "base64"}
            outputs.append(described)
        document: dict[str, Any] = {"model_name": form.model, "model_version": form.version, "outputs": outputs}
        if form.request_id is not None:
            document["id"] = form.request_id
        # ASCII, so that half of a surrogate pair does no harm.
        header = _encode(document).encode("ascii")
        headers = _others(result.http_headers)
        headers.add("Content-Type", _BINARY if tail else _JSON)
        if tail:
            headers.add(JSON_LENGTH_HEADER, str(len(header)))
        return HTTPResponse(result.http_status, headers, b"".join([header, *tail]))


def error_response(result: InferenceResult[Any]) -> HTTPResponse:
    """The HTTP answer for a result that is an error: an object with its text."""
    text = result.err_msg or "The request failed; the log of the server says why"
    if result.http_headers.content_type == _JSON:
        text = _message_in(text)
    headers = _others(result.http_headers)
    headers.add("Content-Type", _JSON)
    return HTTPResponse(result.http_status, headers, error_body(text))


def error_body(text: str) -> bytes:
    """The body of every error."""
    return json.dumps({"error": text}).encode("ascii")


def _message_in(text: str) -> str:
    """What an error says that is JSON already."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return text
    message = document.get("message") if isinstance(document, dict) else None
    return message if isinstance(message, str) else text


def _others(headers: HTTPHeaders) -> HTTPHeaders:
    """The headers that a function has set, without those that say what the body is."""
    own = {"content-type", JSON_LENGTH_HEADER.lower()}
    return HTTPHeaders([(name, value) for name, value in headers.to_json() if name.lower() not in own])


def _wanted(outputs: list[Output], form: AnswerForm) -> dict[str, Output]:
    """The tensors to be sent, by the name that they are sent under."""
    if len(outputs) == 1 and outputs[0].name is None:
        # It takes the name by which its client calls it, as clients of other servers each have one for it.
        name = next(iter(form.outputs)) if len(form.outputs) == 1 else DEFAULT_NAME
        named = {name: outputs[0]}
    else:
        named = {output.name or DEFAULT_NAME: output for output in outputs}
        if len(named) < len(outputs):
            raise ValueError("two columns of the return value have the same name")
    for name in form.outputs:
        if name not in named:
            there = ", ".join(map(shown, list(named)[:20]))
            raise InputError(f"there is no output {shown(name)}; there is {there}")
    return {name: named[name] for name in form.outputs} if form.outputs else named


def _binary_data(output: Output) -> bytes:
    if output.datatype == BYTES:
        return joined_elements(output.array.ravel().tolist())
    return output.array.astype(NUMPY_NAMES[output.datatype], copy=False).tobytes()


def _json_data(output: Output) -> tuple[list[Any], bool]:
    """The elements in one list, and whether they are base64: bytes that are no text, and then all of them are."""
    import numpy as np

    flat = output.array.ravel()
    elements: list[Any] = flat.tolist()
    if output.datatype in FLOATS and not np.isfinite(flat).all():
        # JSON has no other word for what is no number, or none that can be written.
        return [one if finite else None for one, finite in zip(elements, np.isfinite(flat), strict=True)], False
    if output.datatype != BYTES:
        return elements, False
    try:
        return [one if isinstance(one, str) else one.decode("utf-8") for one in elements], False
    except UnicodeDecodeError:
        encoded = [one.encode("utf-8", "replace") if isinstance(one, str) else one for one in elements]
        return [base64.b64encode(one).decode("ascii") for one in encoded], True
