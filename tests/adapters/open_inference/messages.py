"""Requests and answers of the protocol, made and read by numpy alone."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

from bentoml.adapters.open_inference.answer_form import AnswerForm
from bentoml.types import HTTPRequest

PATH = "/v2/models/Service/infer"
FORM = AnswerForm("Service", "1")
DTYPES = {
    "BOOL": "?",
    "UINT8": "u1",
    "UINT16": "u2",
    "UINT32": "u4",
    "UINT64": "u8",
    "INT8": "i1",
    "INT16": "i2",
    "INT32": "i4",
    "INT64": "i8",
    "FP16": "f2",
    "FP32": "f4",
    "FP64": "f8",
    "BYTES": "O",
}


def infer_request(document: Any, tail: bytes | None = None, path: str = PATH, **headers: str) -> HTTPRequest:
    """A request with a JSON document, and bytes behind it unless they are None."""
    head = json.dumps(document).encode()
    if tail is not None:
        headers = {"Inference-Header-Content-Length": str(len(head)), **headers}
    return HTTPRequest(headers, head + (tail or b""), "POST", path)


def json_tensor(name: str, datatype: str, array: Any, *, nested: bool = False) -> dict[str, Any]:
    """A tensor with its data in the document."""
    array = np.asarray(array)
    data = array.tolist() if nested else array.ravel().tolist()
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": data}


def binary_of(datatype: str, array: Any) -> bytes:
    """The bytes of a tensor."""
    array = np.asarray(array)
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(one)) + one for one in array.ravel().tolist())
    content: bytes = array.astype(np.dtype(DTYPES[datatype]).newbyteorder("<")).tobytes()
    return content


def binary_tensor(name: str, datatype: str, array: Any) -> tuple[dict[str, Any], bytes]:
    """A tensor, and the bytes that follow the document."""
    content = binary_of(datatype, array)
    described = {"name": name, "datatype": datatype, "shape": list(np.asarray(array).shape)}
    return {**described, "parameters": {"binary_data_size": len(content)}}, content


def arrays_of(body: bytes, headers: Any) -> dict[str, np.ndarray[Any, Any]]:
    """The tensors of an answer by name."""
    length = int(headers.get("Inference-Header-Content-Length", len(body)))
    tail = body[length:]
    arrays = {}
    for output in json.loads(body[:length])["outputs"]:
        datatype = output["datatype"]
        size = output.get("parameters", {}).get("binary_data_size")
        if size is None:
            array = np.array(output["data"], dtype=DTYPES[datatype])
        elif datatype == "BYTES":
            array = np.array(_elements(tail[:size]), dtype=object)
        else:
            array = np.frombuffer(tail[:size], dtype=DTYPES[datatype])
        tail = tail[size or 0 :]
        arrays[output["name"]] = array.reshape(output["shape"])
    assert tail == b""
    return arrays


def _elements(content: bytes) -> list[bytes]:
    elements = []
    while content:
        (length,) = struct.unpack_from("<I", content)
        elements.append(content[4 : 4 + length])
        content = content[4 + length :]
    return elements
