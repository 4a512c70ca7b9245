"""Requests for inference: a JSON object, and behind it the bytes of the tensors that it does not hold itself.

```
{"id": "7", "parameters": {"binary_data_output": true},
 "inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [1, 2, 3, 4]},
            {"name": "y", "shape": [1], "datatype": "INT64", "parameters": {"binary_data_size": 8}}],
 "outputs": [{"name": "label", "parameters": {"binary_data": false}}]}
```

The header `Inference-Header-Content-Length` says where the JSON ends. Parameters that are not known here, such as the
`content_type` of MLServer, are left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bentoml.adapters.errors import InputError
from bentoml.adapters.open_inference.answer_form import AnswerForm
from bentoml.adapters.open_inference.datatypes import NUMPY_NAMES
from bentoml.adapters.open_inference.elements import array_of_bytes, array_of_list, checked_shape
from bentoml.adapters.open_inference.tensor import Tensor, shown
from bentoml.adapters.wire.json_text import parse_json

if TYPE_CHECKING:
    from bentoml.types import HTTPRequest

JSON_LENGTH_HEADER = "Inference-Header-Content-Length"
MAX_TENSORS = 4096
# What a tensor may ask for that would be wrong to leave out.
_REFUSED_PARAMETERS = {
    "shared_memory_region": "shared memory is not supported; send the data in the request",
    "classification": "classification is not supported; ask for the tensor itself",
}


def read_request(request: HTTPRequest, form: AnswerForm) -> tuple[list[Tensor], AnswerForm]:
    """Read a request, whose body is no longer compressed.

    Args:
        request: the request.
        form: how it is answered as far as that is known without its body.

    Returns:
        Its tensors, at least one, and the whole form.

    Raises:
        InputError: it is not as described above, or its parts do not fit together.
    """
    header, tail = _parts(request)
    document = _document(header)
    form = _form(document, form)
    inputs = document.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise InputError('"inputs" must be a list of at least one tensor')
    _check_count(inputs, "inputs")
    tensors: dict[str, Tensor] = {}
    start = 0
    for one in inputs:
        name = _name(one, "input")
        if name in tensors:
            raise InputError(f"the input {shown(name)} occurs twice")
        try:
            tensors[name], start = _tensor(name, one, len(header), tail, start)
        except InputError as error:
            raise InputError(f"input {shown(name)}: {error}") from error
    if start != len(tail):
        raise InputError(f"{len(tail) - start} bytes follow the data of the last input")
    return list(tensors.values()), form


def _parts(request: HTTPRequest) -> tuple[bytes, memoryview]:
    """The JSON and what follows it."""
    body = request.body
    given = request.headers.get(JSON_LENGTH_HEADER)
    if given is None:
        return body, memoryview(b"")
    # No more digits than a length can have, and none of the other characters that `int` takes.
    length = int(given) if given.isascii() and given.isdigit() and len(given) <= 18 else -1
    if not 0 <= length <= len(body):
        raise InputError(f"{JSON_LENGTH_HEADER} must be a number from 0 to the {len(body)} bytes of the body")
    return body[:length], memoryview(body)[length:]


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = parse_json(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"the request is no JSON in UTF-8; where bytes follow it, {JSON_LENGTH_HEADER} must say its length"
        ) from error
    except ValueError as error:
        raise InputError(f"the request is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputError('the request must be a JSON object with "inputs"')
    return document


def _form(document: dict[str, Any], form: AnswerForm) -> AnswerForm:
    request_id = document.get("id")
    if not isinstance(request_id, str | None):
        raise InputError('"id" must be a string')
    parameters = _parameters(document, "the request")
    outputs = document.get("outputs")
    if outputs is None:
        outputs = []
    if not isinstance(outputs, list):
        raise InputError('"outputs" must be a list')
    _check_count(outputs, "outputs")
    wanted: dict[str, bool | None] = {}
    for one in outputs:
        name = _name(one, "output")
        if name in wanted:
            raise InputError(f"the output {shown(name)} occurs twice")
        wanted[name] = _flag(_parameters(one, f"output {shown(name)}"), "binary_data")
    is_binary = bool(_flag(parameters, "binary_data_output"))
    return AnswerForm(form.model, form.version, request_id, wanted, is_binary=is_binary)


def _tensor(name: str, given: dict[str, Any], json_bytes: int, tail: memoryview, start: int) -> tuple[Tensor, int]:
    """The tensor, and where the bytes of the next one begin."""
    datatype = given.get("datatype")
    if not isinstance(datatype, str) or datatype not in NUMPY_NAMES:
        raise InputError(f"the datatype must be one of {', '.join(NUMPY_NAMES)}")
    size = _parameters(given, "it").get("binary_data_size")
    if size is None:
        if "data" not in given:
            raise InputError('it has no "data", and no "binary_data_size" among its parameters')
        shape = checked_shape(given.get("shape"), datatype, json_bytes)
        return Tensor(name, datatype, array_of_list(given["data"], datatype, shape)), start
    if "data" in given:
        raise InputError('it has both "data" and "binary_data_size"')
    if type(size) is not int or not 0 <= size <= len(tail) - start:
        raise InputError(f"binary_data_size must be a number from 0 to the {len(tail) - start} bytes that are left")
    shape = checked_shape(given.get("shape"), datatype, size)
    return Tensor(name, datatype, array_of_bytes(tail[start : start + size], datatype, shape)), start + size


def _name(given: Any, what: str) -> str:
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or not name:
        raise InputError(f'each {what} must be an object with a "name"')
    return name


def _parameters(given: dict[str, Any], what: str) -> dict[str, Any]:
    parameters = given.get("parameters")
    if parameters is None:
        return {}
    if not isinstance(parameters, dict):
        raise InputError(f'the "parameters" of {what} must be an object')
    for name, text in _REFUSED_PARAMETERS.items():
        if name in parameters:
            raise InputError(text)
    return parameters


def _flag(parameters: dict[str, Any], name: str) -> bool | None:
    flag = parameters.get(name)
    if not isinstance(flag, bool | None):
        raise InputError(f"the parameter {name} must be true or false")
    return flag


def _check_count(given: list[Any], what: str) -> None:
    if len(given) > MAX_TENSORS:
        raise InputError(f"there are {len(given)} {what}; {MAX_TENSORS} are the most")
